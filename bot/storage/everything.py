"""All that is one person's, over every table: found, counted and erased (S-45).

Which table holds what of a person is said here and nowhere else; a test goes over every column of every
table and finds no trace of somebody who was erased but what is named as kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import structlog
from sqlalchemy import ColumnElement, Delete, bindparam, delete, func, or_, select, update

from bot.ports.everything import FAREWELL, CaseStillOpen
from bot.ports.plan import Allowance
from bot.ports.records import Case, Person
from bot.storage.cases import CaseStore
from bot.storage.people import PersonStore
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement
from bot.storage.tables import (
    agreements,
    allowances,
    answers,
    case_roles,
    cases,
    chats,
    invitations,
    ledger,
    metadata,
    outbox,
    people,
    person_roles,
    readiness,
    reminders,
    requests,
    sessions,
    shifts,
    visits,
)
from bot.storage.work import Work

_who: ColumnElement[str] = bindparam("person_id")
_own_chats = select(chats.c.id).where(chats.c.person_lookup == bindparam("person_lookup"))
_own_cases = select(cases.c.id).where(cases.c.person_id == _who)
_closed_cases = _own_cases.where(cases.c.state == "closed")
_own_sessions = select(sessions.c.id).where(sessions.c.person_id == _who)

# In the order in which rows have to go: what points at others first.
_CONTENT: dict[str, ColumnElement[bool]] = {
    "answers": answers.c.person_id == _who,
    "readiness": or_(readiness.c.person_id == _who, readiness.c.session_id.in_(_own_sessions)),
    "agreements": agreements.c.person_id == _who,
    "allowances": allowances.c.person_id == _who,
    "reminders": or_(reminders.c.person_id == _who, reminders.c.session_id.in_(_own_sessions)),
    "shifts": shifts.c.person_id == _who,
    "person_roles": person_roles.c.person_id == _who,
}
_SENT = outbox.c.state != "waiting"
_OF_CASES = outbox.c.case_id.in_(_closed_cases)
_LINK: dict[str, ColumnElement[bool]] = {
    "outbox": outbox.c.chat_id.in_(_own_chats),
    "ledger": ledger.c.chat_id.in_(_own_chats),
    "chats": chats.c.person_lookup == bindparam("person_lookup"),
}
_TABLES = metadata.tables


def _gone(table: str, where: ColumnElement[bool]) -> Statement:
    sql: Delete = delete(_TABLES[table]).where(where)
    return Statement(sql)


def _counted(table: str, where: ColumnElement[bool]) -> Statement:
    return Statement(select(func.count().label("rows")).select_from(_TABLES[table]).where(where))


_ERASE_CONTENT = {table: _gone(table, where) for table, where in _CONTENT.items()}
_ERASE_LINK = {table: _gone(table, where) for table, where in _LINK.items()}
_ERASE_SENT = _gone("outbox", or_(_OF_CASES, _SENT & outbox.c.chat_id.in_(_own_chats)))
_ERASE_ROLES = _gone("case_roles", case_roles.c.case_id.in_(_closed_cases))
_ERASE_CASES = _gone("cases", (cases.c.person_id == _who) & (cases.c.state == "closed"))
_OPEN = _counted("cases", (cases.c.person_id == _who) & (cases.c.state != "closed"))
_ERASE_VISITS = _gone("visits", visits.c.person_id == _who)
_ERASE_SESSIONS = _gone("sessions", sessions.c.person_id == _who)
_ERASE_ROW = _gone("outbox", outbox.c.id == bindparam("id"))
_ERASE_INVITATION = _gone("invitations", invitations.c.id == bindparam("id"))
_ERASE_PERSON = _gone("people", people.c.id == _who)
_COUNT = {
    **{table: _counted(table, where) for table, where in _CONTENT.items()},
    **{table: _counted(table, where) for table, where in _LINK.items()},
    "visits": _counted("visits", visits.c.person_id == _who),
    "sessions": _counted("sessions", sessions.c.person_id == _who),
    "cases": _counted("cases", cases.c.person_id == _who),
    "requests": _counted("requests", requests.c.person_id == _who),
}
_BARE_CASE = Statement(
    update(cases).where(cases.c.id == bindparam("where_id")), ["visit_id", "session_id", "sealed_body"]
)
_CASES_OF = Statement(_own_cases.order_by(cases.c.number))
_CASES_IN = Statement(
    select(cases.c.id).where(cases.c.programme_id == bindparam("programme_id")).order_by(cases.c.number)
)
_HAND_ON = Statement(update(cases).where(cases.c.id == bindparam("where_id")), ["person_id"])
_READINESS_OF = Statement(
    select(readiness.c.session_id).where(readiness.c.person_id == _who).order_by(readiness.c.at)
)
_ALLOWANCES_OF = Statement(select(allowances).where(allowances.c.person_id == _who).order_by(allowances.c.at))
_ALIASES_IN = Statement(
    select(people.c.id, people.c.sealed_body)
    .where(people.c.programme_id == bindparam("programme_id"), people.c.id > bindparam("after"))
    .order_by(people.c.id)
    .limit(bindparam("limit"))
)
_INVITATIONS_IN = Statement(
    select(invitations).where(invitations.c.programme_id == bindparam("programme_id"))
)
_SENT_ROWS = Statement(
    select(outbox.c.id, outbox.c.chat_id, outbox.c.seal_id, outbox.c.sealed_payload)
    .where(_SENT, outbox.c.id > bindparam("after"))
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_WAITING = Statement(
    select(func.count().label("rows")).where(outbox.c.state == "waiting", outbox.c.chat_id.in_(_own_chats))
)
_KEPT_MESSAGES = Statement(
    select(func.count().label("rows")).where(
        ledger.c.chat_id.in_(_own_chats),
        ledger.c.slot != FAREWELL,
        or_(ledger.c.kept != "", ledger.c.gone_at.is_(None)),
    )
)
_BARE_PERSON = Statement(
    update(people).where(people.c.id == bindparam("where_id")),
    ["group_id", "sealed_body", "language", "timezone", "open_until", "visit_id", "created_at"],
)
log = structlog.get_logger(__name__)

_AT_ONCE = 500
_POINTS_AT_PEOPLE = [
    _counted(table.name, column == _who)
    for table in metadata.tables.values()
    for column in table.c
    if any(key.column.table is people for key in column.foreign_keys)
]


class EverythingStore:
    """Implements bot.ports.stores.Everything."""

    def __init__(self, work: Work, keys: Keyring, persons: PersonStore, case_store: CaseStore) -> None:
        self._work = work
        self._keys = keys
        self._persons = persons
        self._cases = case_store

    async def by_alias(self, programme_id: str, alias: str, *, folded: bool = False) -> list[Person]:
        """Participants and staff of that alias, those who left among them; if `folded`, however its letters are written.

        Nothing of anybody else is read but what holds the alias, and that is let go of again.
        """
        found: list[Person] = []
        after = ""
        while True:
            about: Row = {"programme_id": programme_id, "after": after, "limit": _AT_ONCE}
            rows = await self._work.rows(_ALIASES_IN, **about)
            for row in rows:
                if not self._bears(row, alias, folded=folded):
                    continue
                try:
                    person = await self._persons.get(row["id"])
                except CannotOpen as fault:
                    # The visit in front of them: it must not hide others of that alias.
                    log.warning("find.unreadable", error=str(fault))
                    continue
                found += [person] if person is not None else []
            if len(rows) < _AT_ONCE:
                return found
            after = rows[-1]["id"]

    def _bears(self, row: Row, alias: str, *, folded: bool) -> bool:
        """Whether it is theirs. One row that does not open must not hide the others."""
        try:
            held = str(self._keys.open_json("people", "body", row["id"], row["sealed_body"])["alias"])
        except CannotOpen:
            return False
        return held == alias or (folded and held.strip().casefold() == alias.strip().casefold())

    async def cases_of(self, person_id: str) -> list[Case]:
        """Open and closed, by number."""
        ids = [row["id"] for row in await self._work.rows(_CASES_OF, person_id=person_id)]
        return [case for case in [await self._cases.get(one) for one in ids] if case is not None]

    async def cases_naming(self, person: Person) -> list[Case]:
        """The same, and the cases of a session that name them among others; by number."""
        rows = await self._work.rows(_CASES_IN, programme_id=person.programme_id)
        found = [case for row in rows if (case := await self._cases.get(row["id"])) is not None]
        return [case for case in found if case.person_id == person.id or _names(case, person)]

    async def tested_sessions(self, person_id: str) -> list[str]:
        """Ids of the sessions for which something stands in readiness, oldest first."""
        rows = await self._work.rows(_READINESS_OF, person_id=person_id)
        return [row["session_id"] for row in rows]

    async def allowances_of(self, person_id: str) -> list[Allowance]:
        """Past ones too."""
        return [Allowance(**row) for row in await self._work.rows(_ALLOWANCES_OF, person_id=person_id)]

    async def counts(self, person: Person) -> dict[str, int]:
        """Table -> rows that are the person's; tables without any are left out. `open_until` and the like go with people."""
        found = {}
        for table, statement in _COUNT.items():
            found[table] = await self._count(statement, person)
        found["invitations"] = len(await self._invitations(person))
        found["people"] = 1
        return {table: rows for table, rows in found.items() if rows}

    async def erase_content(self, person: Person, *, keep_cases: bool) -> dict[str, int]:
        """Everything but the chat, what waits for it, and the person's own row; table -> rows.

        `keep_cases`: closed cases stay as a bare record (number, urgency, kind, times, who of staff took part).
        Raises CaseStillOpen, and then nothing goes.
        """
        if await self._count(_OPEN, person):
            raise CaseStillOpen(f"a case of {person.alias} is open")
        found: dict[str, int] = {"outbox": await self._run(_ERASE_SENT, person)}
        found["cases"] = await self._named_in_sessions(person)
        if keep_cases:
            await self._lay_bare(person)
        else:
            found["case_roles"] = await self._run(_ERASE_ROLES, person)
            found["cases"] += await self._run(_ERASE_CASES, person)
        for table, statement in _ERASE_CONTENT.items():
            found[table] = await self._run(statement, person)
        found["visits"] = await self._run(_ERASE_VISITS, person)
        found["sessions"] = await self._run(_ERASE_SESSIONS, person)
        for one in await self._invitations(person):
            await self._work.run(_ERASE_INVITATION, {"id": one})
            found["invitations"] = found.get("invitations", 0) + 1
        found["outbox"] += await self._erase_mentions(person)
        return {table: rows for table, rows in found.items() if rows}

    async def waits_for_chat(self, person_id: str) -> bool:
        """Whether anything still waits to go to the person's chats, the sweep among it."""
        row = await self._work.row(_WAITING, person_lookup=self._lookup(person_id))
        return bool(row and row["rows"])

    async def left_standing(self, person_id: str) -> int:
        """How many messages of the person's chats could not be taken away (S-43)."""
        row = await self._work.row(_KEPT_MESSAGES, person_lookup=self._lookup(person_id))
        return int(row["rows"]) if row else 0

    async def erase_link(self, person: Person) -> dict[str, int]:
        """The chat, what was sent there, and the person's row; table -> rows.

        Where something kept still points at the row it stays, empty: an id, a kind and a state.
        """
        found = {"outbox": await self._erase_mentions(person)}
        for table, statement in _ERASE_LINK.items():
            found[table] = found.get(table, 0) + await self._run(statement, person)
        pointing = [await self._count(statement, person) for statement in _POINTS_AT_PEOPLE]
        if any(pointing):
            await self._work.run(_BARE_PERSON, self._bare(person))
        else:
            found["people"] = await self._run(_ERASE_PERSON, person)
        return {table: rows for table, rows in found.items() if rows}

    def _lookup(self, person_id: str) -> bytes:
        return self._keys.lookup("person", person_id)

    def _named(self, statement: Statement, person: Person) -> Row:
        known = {"person_id": person.id, "person_lookup": self._lookup(person.id)}
        return {name: value for name, value in known.items() if statement.takes(name)}

    async def _count(self, statement: Statement, person: Person) -> int:
        row = await self._work.row(statement, **self._named(statement, person))
        return int(row["rows"]) if row else 0

    async def _run(self, statement: Statement, person: Person) -> int:
        return await self._work.run(statement, self._named(statement, person))

    async def _invitations(self, person: Person) -> list[str]:
        """Ids of the invitations that brought or would move the person, and dead ones that bear their alias alone.

        A link under that alias which is still good is their successor's: nobody is invited under a name in use.
        """
        alone = len(await self.by_alias(person.programme_id, person.alias)) <= 1
        found = []
        for row in await self._work.rows(_INVITATIONS_IN, programme_id=person.programme_id):
            opened = self._keys.open("invitations", "alias", row["id"], row["sealed_alias"]).decode()
            theirs = row["used_by"] == person.id or person.id in opened.split("\0")[1:]
            over = person.left_at is not None and row["expires_at"] <= person.left_at
            dead = row["used_by"] is None and (row["revoked_at"] is not None or over)
            if theirs or (alone and dead and opened.split("\0")[0] == person.alias):
                found.append(row["id"])
        return found

    async def _named_in_sessions(self, person: Person) -> int:
        """A session's case names several people: the one leaves it; it stays for the others. How many were changed."""
        changed = 0
        for case in await self.cases_naming(person):
            if case.state != "closed" or not _names(case, person):
                continue
            raised = tuple(one for one in case.raised if person.id not in one.choices)
            await self._cases.save(replace(case, raised=raised))
            others = [one.choices[0] for one in raised if one.choices]
            if case.person_id == person.id and others:
                await self._work.run(_HAND_ON, {"where_id": case.id, "person_id": others[0]})
            changed += 1
        return changed

    async def _lay_bare(self, person: Person) -> None:
        for case in await self.cases_of(person.id):
            body = self._keys.seal_json("cases", "body", case.id, {"raised": [], "unasked": []})
            bare = {"where_id": case.id, "visit_id": None, "session_id": None, "sealed_body": body}
            await self._work.run(_BARE_CASE, bare)

    def _bare(self, person: Person) -> Row:
        body = self._keys.seal_json("people", "body", person.id, {"alias": ""})
        nothing = dict.fromkeys(("group_id", "open_until", "visit_id", "created_at"))
        return {"where_id": person.id, "sealed_body": body, "language": "", "timezone": "", **nothing}

    async def _erase_mentions(self, person: Person) -> int:
        """What was sent to others and names the person, or has buttons about them: rosters, details, lists."""
        alias = json.dumps(person.alias, ensure_ascii=False)[1:-1]
        # N-07 is neither N-07-B nor AN-07; a full stop or a comma behind it is no part of the name.
        shown = rf"(?<![\w-]){re.escape(alias)}(?![\w-])"
        names = re.compile(rf"{shown}|{person.id}") if alias else None
        # Nearly none hold either, which is seen at once.
        anywhere = (alias.encode("utf-8", "surrogatepass"), person.id.encode())
        after, gone = 0, 0
        while names is not None:
            rows = await self._work.rows(_SENT_ROWS, after=after, limit=_AT_ONCE)
            for row in rows:
                place = f"{row['chat_id']}.{row['seal_id']}"
                try:
                    payload = self._keys.open("outbox", "payload", place, row["sealed_payload"])
                except CannotOpen:
                    continue
                if any(one in payload for one in anywhere) and names.search(
                    payload.decode("utf-8", "replace")
                ):
                    gone += await self._work.run(_ERASE_ROW, {"id": row["id"]})
            if len(rows) < _AT_ONCE:
                break
            after = rows[-1]["id"]
        return gone


def _names(case: Case, person: Person) -> bool:
    return any(person.id in raised.choices for raised in case.raised)
