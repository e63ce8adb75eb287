"""A database as the software of revision 0001 left it: a row in every table, sealed as it sealed them."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import create_engine

from bot.ports import records as r
from bot.storage.chats import chat_lookup
from bot.storage.revisions import _config
from bot.storage.sealing import Keyring
from flows.values import Role
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, at, named

PARTS = {
    "asking": make.case_role(1, role=Role.FACILITATOR),
    "taken": make.case_role(
        2, role=Role.DUTY, state="taken", taken_by=named("staff"), taken_at=at(7), next_target=None
    ),
    "done": make.case_role(3, role=Role.MANAGER, state="done", outcome="solved", next_target=None),
}
PENDING = {"do": "open", "script": "self_test"}
STAFF = make.staff(roles=(r.StaffRole.DUTY,))
PERSON = make.person(pending=PENDING, released=("RS-D4",), visit_id=named("visit"))
AGREEMENT = r.Agreement(named("agreement"), named("person"), 1, "en", {"WE-01": "agreed"}, NOW)
AUDIT = r.AuditEntry(named("audit"), NOW, named("staff"), "case.take", named("case", 101), {"role": "D"})
MESSAGES = [make.message(), make.message("case", lane=r.Lane.ALERT, case_id=named("case", 101), ref="K-101")]


def upgrade_to(file: Path, revision: str) -> None:
    """Bring the tables to that revision, and no further."""
    engine = create_engine(f"sqlite:///{file}")
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return json.dumps(value) if isinstance(value, tuple | dict) else value


def _plain(record: Any, without: str = "", **changes: Any) -> dict[str, Any]:
    """The record's readable columns, and those given."""
    names = [name for name in record.__dataclass_fields__ if name not in without.split()]
    return {name: _stored(getattr(record, name)) for name in names} | changes


def _people(keys: Keyring) -> list[tuple[str, dict[str, Any]]]:
    lately = " email reach safe_times check_in_day left_at"
    rows = []
    for person in (PERSON, STAFF):
        body = {"alias": person.alias, "pending": person.pending, "released": person.released}
        sealed = keys.seal_json("people", "body", person.id, body)
        rows.append(("people", _plain(person, "alias pending released roles" + lately, sealed_body=sealed)))
    invitation = make.invitation()
    alias = keys.seal("invitations", "alias", invitation.id, invitation.alias.encode())
    held = {"sealed_alias": alias, "token_lookup": keys.lookup("invitation", "the-token")}
    chat = make.chat()
    body = keys.seal_json("chats", "body", chat.id, [chat.telegram_id, chat.person_id])
    found = {
        "lookup": chat_lookup(keys, chat.bot_id, chat.telegram_id),
        "person_lookup": keys.lookup("person", chat.person_id),
    }
    return [
        *rows,
        ("person_roles", {"person_id": STAFF.id, "role": "duty", "group_id": None}),
        ("invitations", _plain(invitation, "alias email reach replaces", **held)),
        ("chats", _plain(chat, "telegram_id person_id", sealed_body=body, **found)),
    ]


def _visits(keys: Keyring) -> list[tuple[str, dict[str, Any]]]:
    session, visit, answer, readiness = make.session(), make.visit(), make.answer(), make.readiness()
    link = keys.seal("sessions", "link", session.id, session.link.encode())
    ends_at = _stored(session.starts_at + timedelta(minutes=session.minutes))
    said = [answer.kind, answer.choices, answer.text]
    body = [readiness.level, readiness.fixes, readiness.lifted, readiness.holds]
    points = keys.seal_json("agreements", "points", AGREEMENT.id, AGREEMENT.points)
    return [
        ("sessions", _plain(session, "link", sealed_link=link, ends_at=ends_at)),
        (
            "visits",
            _plain(visit, "body", sealed_body=keys.seal_json("visits", "body", visit.id, visit.body)),
        ),
        (
            "answers",
            _plain(
                answer,
                "kind choices text struck_by struck_at",
                sealed_body=keys.seal_json("answers", "body", answer.id, said),
            ),
        ),
        ("agreements", _plain(AGREEMENT, "points", sealed_points=points)),
        (
            "readiness",
            _plain(
                readiness,
                "level fixes lifted holds",
                sealed_body=keys.seal_json("readiness", "body", readiness.id, body),
            ),
        ),
    ]


def _cases(keys: Keyring) -> list[tuple[str, dict[str, Any]]]:
    case = make.case()
    raised = [_plain(each) | {"route": each.route, "choices": each.choices} for each in case.raised]
    raised = [{**each, "at": NOW.isoformat()} for each in raised]
    body = keys.seal_json("cases", "body", case.id, {"raised": raised, "unasked": case.unasked})
    rows = [("cases", _plain(case, "raised unasked readable", sealed_body=body))]
    for state, part in PARTS.items():
        gone = {} if state == "asking" else {"next_due_at": None}
        rows.append(("case_roles", _plain(part, "reminded", **gone)))
    for number, row in enumerate(MESSAGES, start=1):
        payload = {"text": row.text, "rows": row.rows, "instead": row.instead}
        sealed = keys.seal_json("outbox", "payload", f"{row.chat_id}.{named('seal', number)}", payload)
        held = {"id": number, "seal_id": named("seal", number), "sealed_payload": sealed}
        rows.append(("outbox", _plain(row, "text rows instead way readable", **held)))
    return rows


def fill(file: Path, keys: Keyring) -> None:
    """A row or more in every table of revision 0001."""
    rows = [("programmes", _plain(make.programme())), ("groups", _plain(make.group()))]
    rows += [*_people(keys), *_visits(keys), *_cases(keys)]
    rows.append(("ledger", _plain(make.entry())))
    rows.append(("seen", {"bot_id": make.BOT, "update_id": 1, "at": _stored(NOW), "fault": ""}))
    rows.append(("audit", _plain(AUDIT)))
    database = sqlite3.connect(file)
    with database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("UPDATE counters SET value = 101")
        for table, row in rows:
            places = ", ".join(f":{name}" for name in row)
            database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)
    database.close()
