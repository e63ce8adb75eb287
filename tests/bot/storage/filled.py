"""Some thousand rows of other people's past in every table that grows, so that a plan shows what it would do with many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from bot.ports.plan import EVER
from bot.ports.stores import Storage
from bot.storage.audit import link
from bot.storage.sealing import Keyring
from bot.storage.statements import Statement, insert_into
from bot.storage.tables import (
    agreements,
    answers,
    audit,
    case_roles,
    cases,
    chats,
    groups,
    invitations,
    ledger,
    outbox,
    people,
    person_roles,
    readiness,
    reminders,
    requests,
    seen,
    sessions,
    visits,
)
from bot.storage.unit_of_work import StoredUnit

PEOPLE = 1500
OWN = 1500
"""Messages of the one chat in which the story is played: a question about those that wait must not look at them."""
OVER = 20
"""How many of them retention takes away."""
GROWING = frozenset(
    {
        "agreements", "answers", "audit", "case_roles", "cases", "chats", "invitations", "ledger", "outbox", "people",
        "person_roles", "readiness", "reminders", "requests", "seen", "sessions", "visits",
    }
)  # fmt: skip
"""The tables that a service fills as the years go by."""
_EACH_GROUP = 10
_BOT = 7
Row = dict[str, Any]


class Past:
    """Everybody of it is still there; what they did is over, some days before `now`."""

    def __init__(self, programme_id: str, chat_id: str, keys: Keyring, now: datetime) -> None:
        """`chat_id`: the chat in which the story is played."""
        self._programme = programme_id
        self._chat_id = chat_id
        self._keys = keys
        self._lately = now - timedelta(hours=1)
        self._ahead = now + timedelta(days=40)

    async def fill(self, storage: Storage) -> None:
        """In one unit of work."""
        async with storage.unit() as unit:
            work = cast(StoredUnit, unit)._work
            # One after the other, as a row may refer to one of the table before it.
            for statement, rows in self._tables():
                for row in rows:
                    work.stage(statement, row)
                await work.flush()
            await unit.commit()

    def _tables(self) -> Iterator[tuple[Statement, Iterator[Row]]]:
        numbers = range(PEOPLE)
        yield insert_into(groups), (self._group(n) for n in range(PEOPLE // _EACH_GROUP))
        yield insert_into(people), (self._person(n) for n in numbers)
        yield insert_into(person_roles, without=["id"]), (self._role(n) for n in numbers if _is_staff(n))
        yield insert_into(chats), (self._chat(n) for n in numbers)
        yield insert_into(invitations), (self._invitation(n) for n in numbers)
        yield insert_into(sessions), (self._session(n) for n in numbers)
        yield insert_into(visits), (self._visit(n) for n in numbers)
        yield insert_into(answers), (self._answer(n, m) for n in numbers for m in range(3))
        yield insert_into(readiness), (self._readiness(n) for n in numbers)
        yield insert_into(agreements), (self._agreement(n) for n in numbers)
        yield insert_into(cases), (self._case(n) for n in numbers)
        yield insert_into(case_roles), (self._part(n) for n in numbers)
        yield insert_into(outbox, without=["id"]), (self._outgoing(n, m) for n in numbers for m in range(3))
        yield insert_into(ledger), (self._entry(n, m) for n in numbers for m in range(3))
        yield (
            insert_into(outbox, without=["id"]),
            (self._in_own_chat(self._outgoing(n, 9)) for n in range(OWN)),
        )
        yield insert_into(ledger), (self._in_own_chat(self._entry(n, 9)) for n in range(OWN))
        yield (
            insert_into(seen),
            ({"bot_id": _BOT, "update_id": 10**6 + n, "at": self._then(n), "fault": ""} for n in numbers),
        )
        yield insert_into(reminders), (self._reminder(n, m) for n in numbers for m in range(3))
        yield insert_into(requests), (self._request(n) for n in numbers)
        yield insert_into(audit), self._chain()

    def _then(self, n: int) -> datetime:
        """The first few are long over, so that retention finds something to take away."""
        return self._lately - timedelta(days=2000 if n < OVER else 0)

    def _group(self, n: int) -> Row:
        return {
            "id": _id("group", n), "programme_id": self._programme, "key": f"past{n}", "name": "Past",
            "timezone": "Europe/London",
        }  # fmt: skip

    def _person(self, n: int) -> Row:
        own = _id("person", n)
        body = {"alias": f"Past-{n}", "pending": None}
        return {
            "id": own, "programme_id": self._programme, "group_id": None if _is_staff(n) else _id("group", n // _EACH_GROUP),
            "kind": "staff" if _is_staff(n) else "participant", "sealed_body": self._keys.seal_json("people", "body", own, body),
            "language": "en", "timezone": "Europe/London", "state": "left" if _has_left(n) else "active", "open_until": None,
            "visit_id": None, "created_at": self._then(n), "left_at": self._then(n) if _has_left(n) else None, "planned_until": EVER,
        }  # fmt: skip

    def _role(self, n: int) -> Row:
        return {
            "person_id": _id("person", n),
            "role": "facilitator",
            "group_id": _id("group", n // _EACH_GROUP),
        }

    def _chat(self, n: int) -> Row:
        own, telegram_id = _id("chat", n), 10**9 + n
        return {
            "id": own, "bot_id": _BOT, "state": "open", "lookup": self._keys.lookup("chat", f"{_BOT}/{telegram_id}"),
            "person_lookup": self._keys.lookup("person", _id("person", n)),
            "sealed_body": self._keys.seal_json("chats", "body", own, [telegram_id, _id("person", n)]),
        }  # fmt: skip

    def _invitation(self, n: int) -> Row:
        own = _id("invited", n)
        return {
            "id": own, "programme_id": self._programme, "group_id": None, "role": "participant",
            "sealed_alias": self._keys.seal("invitations", "alias", own, b"Past"),
            "token_lookup": self._keys.lookup("invitation", own), "language": "en", "timezone": "Europe/London",
            "expires_at": self._then(n), "used_at": self._then(n), "used_by": _id("person", n), "revoked_at": None,
        }  # fmt: skip

    def _session(self, n: int) -> Row:
        own = _id("session", n)
        return {
            "id": own, "programme_id": self._programme, "key": f"past{n}", "group_id": _id("group", n // _EACH_GROUP),
            "person_id": None, "starts_at": self._then(n) - timedelta(hours=n), "ends_at": self._then(n), "minutes": 60,
            "platform": "zoom", "sealed_link": self._keys.seal("sessions", "link", own, b"https://m.example"),
            "state": "planned", "version": 1, "planned_until": EVER,
        }  # fmt: skip

    def _visit(self, n: int) -> Row:
        return {
            "id": _id("visit", n), "person_id": _id("person", n), "script": "self_test", "script_version": 1,
            "session_id": _id("session", n), "status": "done", "sealed_body": b"", "opened_at": self._then(n),
            "touched_at": self._then(n), "due_at": None, "version": 9,
        }  # fmt: skip

    def _answer(self, n: int, m: int) -> Row:
        return {
            "id": _id(f"answer{m}x", n), "visit_id": _id("visit", n), "person_id": _id("person", n),
            "session_id": _id("session", n), "script": "self_test", "step": f"ST-0{m}", "version": 1, "sealed_body": b"",
            "at": self._then(n),
        }  # fmt: skip

    def _readiness(self, n: int) -> Row:
        return {
            "id": _id("ready", n), "session_id": _id("session", n), "person_id": _id("person", n),
            "visit_id": _id("visit", n), "final": True, "sealed_body": b"", "at": self._then(n), "lifted_by": None,
            "lifted_at": None, "session_version": 1,
        }  # fmt: skip

    def _agreement(self, n: int) -> Row:
        return {
            "id": _id("agreed", n), "person_id": _id("person", n), "script_version": 1, "language": "en",
            "sealed_points": b"", "at": self._then(n),
        }  # fmt: skip

    def _case(self, n: int) -> Row:
        own = _id("case", n)
        body = self._keys.seal_json("cases", "body", own, {"raised": [], "unasked": []})
        return {
            "id": own, "number": 10**6 + n, "programme_id": self._programme, "group_id": None,
            "person_id": _id("person", n), "session_id": _id("session", n), "visit_id": _id("visit", n), "urgency": "now",
            "kind": "visit", "state": "closed", "sealed_body": body, "opened_at": self._then(n), "closed_at": self._then(n),
            "version": 3,
        }  # fmt: skip

    def _part(self, n: int) -> Row:
        return {
            "id": _id("part", n), "case_id": _id("case", n), "role": "F", "state": "done", "rung": 1, "ladder": [],
            "next_target": None, "next_due_at": None, "asked": [], "taken_by": None, "taken_at": None,
            "outcome": "talked_to_them", "version": 3, "reminded": False,
        }  # fmt: skip

    def _outgoing(self, n: int, m: int) -> Row:
        return {
            "seal_id": _id(f"seal{m}x", n), "chat_id": _id("chat", n), "lane": "reply", "slot": "question", "op": "say",
            "due_at": self._then(n), "sealed_payload": b"", "sensitive": True, "not_after": None, "fresh": False,
            "case_id": _id("case", n) if m == 0 else None, "ref": "", "state": "sent", "attempts": 1,
            "next_try_at": self._then(n), "ambiguous": False, "way": "telegram",
        }  # fmt: skip

    def _entry(self, n: int, m: int) -> Row:
        return {
            "id": _id(f"entry{m}x", n), "chat_id": _id("chat", n), "message_id": m + 1, "side": "bot", "slot": "notice",
            "sensitive": m > 0, "at": self._then(n), "gone_at": self._then(n) if m else None, "kept": "",
        }  # fmt: skip

    def _in_own_chat(self, row: Row) -> Row:
        return row | {"chat_id": self._chat_id}

    def _reminder(self, n: int, m: int) -> Row:
        return {
            "id": _id(f"line{m}x", n), "key": f"past:{n}:{m}", "programme_id": self._programme, "kind": "check_in",
            "due_at": self._ahead if m == 0 else self._then(n), "latest_at": self._ahead, "session_id": _id("session", n),
            "person_id": _id("person", n), "guard": 1, "fate": "due" if m == 0 else "sent", "reason": "",
            "done_at": None if m == 0 else self._then(n),
        }  # fmt: skip

    def _request(self, n: int) -> Row:
        return {
            "id": _id("request", n), "programme_id": self._programme, "person_id": _id("person", n), "kind": "copy",
            "asked_at": self._then(n), "done_at": self._then(n), "outcome": "given", "by": _id("person", 0),
        }  # fmt: skip

    def _chain(self) -> Iterator[Row]:
        add, last = insert_into(audit), ""
        for n in range(PEOPLE):
            row: Row = {
                "id": _id("noted", n), "seq": n + 1, "at": self._then(n), "actor": "clock", "action": "case.climbed",
                "subject": _id("case", n), "detail": {}, "prev": last, "hash": "",
            }  # fmt: skip
            last = row["hash"] = link(last, add.bind(row))
            yield row


def _has_left(n: int) -> bool:
    return n < OVER or _is_staff(n)


def _is_staff(n: int) -> bool:
    return n % 50 == 0


def _id(what: str, n: int) -> str:
    return f"{what}{n:0{32 - len(what)}d}"
