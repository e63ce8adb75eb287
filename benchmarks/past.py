"""Fills a settled database with years of other people: bulk inserts, sealed as the service seals.

Everything of them is over: visits done, messages sent, sessions none. Times lie within the last weeks, so that
no retention takes anything away while it is measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks import town
from bot.ids import SystemIds
from bot.ports.records import Group, Person
from bot.storage.chats import chat_lookup
from bot.storage.people import PersonStore
from bot.storage.sealing import Keyring
from bot.storage.statements import Statement, insert_into
from bot.storage.tables import answers, chats, groups, outbox, people, visits
from flows.engine import begin
from flows.read import load_library
from flows.visit import to_json

PAST_CHAT: Final = 20_000_000_001
AT_ONCE: Final = 20_000
VISITS_EACH: Final = 3
STEPS: Final = (
    "ST-07",
    "ST-08",
    "ST-13",
    "ST-12",
    "ST-02",
    "ST-01",
    "ST-03",
    "ST-04",
    "ST-05",
    "ST-06",
    "ST-14",
    "ST-15",
)
TEXT: Final = "Is the device charged or plugged in, and does the meeting link open?"
_MICROSECOND = timedelta(microseconds=1)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the past there is. `here`: the part of the participants who have not left the programme."""

    participants: int
    answers: int
    outbox: int
    here: float = 1.0

    @classmethod
    def scaled(cls, scale: float, here: float = 1.0) -> Size:
        """1 is what a national service has after some years."""
        return cls(int(100_000 * scale), int(5_000_000 * scale), int(1_000_000 * scale), here)


class Past:
    """Makes the rows, person by person, so that every index grows at its end."""

    def __init__(self, size: Size, programme_id: str, now: datetime) -> None:
        self._size = size
        self._programme = programme_id
        self._ids = SystemIds()
        self._keys = Keyring(town.KEYS)
        self._start = _micro(now - timedelta(days=28))
        self._step = int(timedelta(days=27) / _MICROSECOND) // max(1, size.participants)
        self._body = to_json(begin(load_library().newest("self_test")))
        self._people = [(self._ids.new(), self._ids.new()) for _ in range(size.participants)]
        self._groups = [self._ids.new() for _ in range(size.participants // town.GROUP_OF + 1)]
        self._visits = [[self._ids.new() for _ in range(VISITS_EACH)] for _ in range(size.participants)]

    def fill(self, database: Path, tell: Callable[[str], None]) -> None:
        """Insert everything; safe against nothing but a full disk, since the database is made anew after a crash."""
        connection = sqlite3.connect(database, isolation_level=None)
        try:
            for pragma in (
                "synchronous = OFF",
                "foreign_keys = OFF",
                "cache_size = -200000",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")
            for statement, rows in self._everything():
                count = _insert(connection, statement, rows)
                tell(f"  {count} rows: {statement.text.split()[2]}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def _everything(self) -> Iterator[tuple[Statement, Iterator[Row]]]:
        yield insert_into(groups), self._of_groups()
        yield insert_into(people, without=["planned_until"]), self._of_people()
        yield insert_into(chats), self._of_chats()
        yield insert_into(visits), self._of_visits()
        yield insert_into(answers), self._of_answers()
        yield insert_into(outbox, without=["id"]), self._of_outbox()

    def _at(self, number: int) -> int:
        return self._start + number * self._step

    def _of_groups(self) -> Iterator[Row]:
        for number, group in enumerate(self._groups):
            made = Group(group, self._programme, f"past{number}", f"Past {number}", "Europe/London")
            yield {name: getattr(made, name) for name in made.__dataclass_fields__}

    def _of_people(self) -> Iterator[Row]:
        statement, store = insert_into(people, without=["planned_until"]), PersonStore(None, self._keys, None)  # type: ignore[arg-type]  # it only seals here
        person = Person(
            "", self._programme, None, "participant", "alias", "en", "Europe/London", "orientation"
        )
        now = datetime.now(UTC)
        created = now - timedelta(days=28)
        for number, (own, _) in enumerate(self._people):
            group = self._groups[number // town.GROUP_OF]
            one = replace(
                person, id=own, group_id=group, visit_id=self._visits[number][-1], created_at=created
            )
            if number >= self._size.here * self._size.participants:
                one = replace(one, state="left", left_at=now - timedelta(days=1))
            yield statement.bind(store._values(one))

    def _of_chats(self) -> Iterator[Row]:
        for number, (person, chat) in enumerate(self._people):
            telegram_id = PAST_CHAT + number
            yield {
                "id": chat, "bot_id": town.BOT, "state": "open",
                "lookup": chat_lookup(self._keys, town.BOT, telegram_id),
                "person_lookup": self._keys.lookup("person", person),
                "sealed_body": self._keys.seal_json("chats", "body", chat, [telegram_id, person]),
            }  # fmt: skip

    def _of_visits(self) -> Iterator[Row]:
        for number, (person, _) in enumerate(self._people):
            for place, visit in enumerate(self._visits[number]):
                yield {
                    "id": visit, "person_id": person, "script": "self_test", "script_version": 1, "session_id": None,
                    "status": "done", "sealed_body": self._keys.seal_json("visits", "body", visit, self._body),
                    "opened_at": self._at(number) + place, "touched_at": self._at(number) + place, "due_at": None,
                    "version": 20,
                }  # fmt: skip

    def _of_answers(self) -> Iterator[Row]:
        each = self._size.answers // max(1, self._size.participants)
        for number, (person, _) in enumerate(self._people):
            at = self._at(number)
            for count in range(each):
                own = self._ids.new()
                version, place = divmod(count // VISITS_EACH, len(STEPS))
                body = ["choose", ["yes"], ""]
                yield {
                    "id": own, "visit_id": self._visits[number][count % VISITS_EACH], "person_id": person,
                    "session_id": None, "script": "self_test", "step": STEPS[place], "version": version + 1,
                    "sealed_body": self._keys.seal_json("answers", "body", own, body), "at": at + count,
                }  # fmt: skip

    def _of_outbox(self) -> Iterator[Row]:
        each = self._size.outbox // max(1, self._size.participants)
        for number, (_, chat) in enumerate(self._people):
            for count in range(each):
                seal_id = self._ids.new()
                payload = {
                    "text": TEXT,
                    "rows": [[["Yes, both", "ST-06:both:0123456789ab.a"]]],
                    "instead": "",
                }
                yield {
                    "seal_id": seal_id, "chat_id": chat, "lane": "reply", "slot": "question", "op": "say",
                    "due_at": self._at(number) + count, "sensitive": 1, "not_after": None, "fresh": 0,
                    "sealed_payload": self._keys.seal_json("outbox", "payload", f"{chat}.{seal_id}", payload),
                    "case_id": None, "ref": "", "state": "sent", "attempts": 1, "next_try_at": None,
                    "ambiguous": 0, "way": "telegram",
                }  # fmt: skip


def _insert(connection: sqlite3.Connection, statement: Statement, rows: Iterator[Row]) -> int:
    count = 0
    while batch := list(islice(rows, AT_ONCE)):
        connection.execute("BEGIN")
        connection.executemany(statement.text, batch)
        connection.execute("COMMIT")
        count += len(batch)
    return count


def _micro(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
