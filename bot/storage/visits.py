"""Visits and what comes of them: answers, agreements, readiness."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, or_, select, text

from bot.ports.plan import Unfinished
from bot.ports.records import Agreement, AnswerRow, Readiness, VisitRow
from bot.ports.stores import Stale
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import (
    Row,
    Statement,
    fields_of,
    insert_into,
    select_where,
    update_by_id,
    update_guarded,
)
from bot.storage.tables import agreements, answers, readiness, visits
from bot.storage.work import Work
from flows.values import Level

log = structlog.get_logger(__name__)

_VISIT = select_where(visits, "id")
_ADD_VISIT = insert_into(visits)
_SAVE_VISIT = update_guarded(visits)
_VISITS_OF_PERSON = Statement(
    select(visits)
    .where(visits.c.person_id == bindparam("person_id"))
    .order_by(visits.c.opened_at.desc(), visits.c.id.desc())
)
# Written out, not bound: a plan made once for all values uses no index of a part of the rows.
_not_done = text("visits.status <> 'done'")
_OPEN_VERSIONS = Statement(select(visits.c.script, visits.c.script_version).where(_not_done).distinct())
_UNFINISHED_AFTER = Statement(
    select(visits.c.id, visits.c.person_id, visits.c.touched_at, visits.c.due_at)
    .where(
        _not_done,
        visits.c.due_at >= bindparam("due_at"),
        or_(visits.c.due_at > bindparam("due_at"), visits.c.id > bindparam("after")),
    )
    .order_by(visits.c.due_at, visits.c.id)
    .limit(bindparam("limit"))
)
_ADD_ANSWER = insert_into(answers)
_STRIKE = update_by_id(answers, ["sealed_body"])
_in_order = (answers.c.at, answers.c.id)
_ANSWERS_OF_VISIT = Statement(
    select(answers).where(answers.c.visit_id == bindparam("visit_id")).order_by(*_in_order)
)
_ANSWERS_OF_PERSON = Statement(
    select(answers).where(answers.c.person_id == bindparam("person_id")).order_by(*_in_order)
)
_PUT_OFF = update_by_id(visits, ["due_at"])
_DUE_VISITS = Statement(
    select(visits.c.id)
    .where(_not_done, visits.c.due_at <= bindparam("now"))
    .order_by(visits.c.due_at)
    .limit(bindparam("limit"))
)
_ADD_AGREEMENT = insert_into(agreements)
_AGREEMENTS_OF_PERSON = Statement(
    select(agreements)
    .where(agreements.c.person_id == bindparam("person_id"))
    .order_by(agreements.c.at, agreements.c.id)
)
_READINESS = select_where(readiness, "session_id", "person_id")
_READINESS_OF_SESSION = Statement(
    select(readiness).where(readiness.c.session_id == bindparam("session_id")).order_by(readiness.c.id)
)
_ADD_READINESS = insert_into(readiness)
_SET_READINESS = update_by_id(readiness)


class VisitStore:
    """Implements bot.ports.stores.Visits. The body is sealed.

    Remembers what it read or wrote in this unit: nobody else can write meanwhile, so a save of a
    remembered visit is checked at once and written with the others.
    """

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys
        self._known: dict[str, VisitRow] = {}

    def remember(self, row: Row) -> None:
        """Take note of a row read along with its person; what is known already is newer."""
        if row["id"] not in self._known:
            self._known[row["id"]] = self._visit(row)

    async def get(self, visit_id: str) -> VisitRow | None:
        """By id."""
        if visit_id not in self._known:
            row = await self._work.row(_VISIT, as_written=True, id=visit_id)
            if row is None:
                return None
            self.remember(row)
        return self._known[visit_id]

    async def add(self, visit: VisitRow) -> None:
        """A new visit."""
        await self._work.run(_ADD_VISIT, self._values(visit))
        self._known[visit.id] = visit

    async def save(self, visit: VisitRow) -> None:
        """Write version + 1 over the version read. Raises Stale if that has moved on, or the visit is gone."""
        stored = await self.get(visit.id)
        if stored is None or stored.version != visit.version:
            raise Stale(f"visit {visit.id} is no longer at version {visit.version}")
        changed = replace(visit, version=visit.version + 1)
        guard = {"where_id": visit.id, "where_version": visit.version}
        self._work.stage(_SAVE_VISIT, {**self._values(changed), **guard}, changes_one=True)
        self._known[visit.id] = changed

    async def of_person(self, person_id: str) -> list[VisitRow]:
        """All of them, newest first."""
        return [self._visit(row) for row in await self._work.rows(_VISITS_OF_PERSON, person_id=person_id)]

    async def due(self, now: datetime, limit: int = 100) -> list[str]:
        """Ids of visits not done whose `due_at` has come, the longest overdue first."""
        return [row["id"] for row in await self._work.rows(_DUE_VISITS, now=now, limit=limit)]

    async def put_off(self, visit_id: str, due_at: datetime) -> None:
        """Look at it later, whatever its version: nothing else of it is touched."""
        await self._work.run(_PUT_OFF, {"where_id": visit_id, "due_at": due_at})
        self._known.pop(visit_id, None)

    async def unfinished_after(self, place: tuple[datetime, str], limit: int) -> list[Unfinished]:
        """So many that are not done, in order, from the one after that place."""
        due_at, after = place
        rows = await self._work.rows(_UNFINISHED_AFTER, due_at=due_at, after=after, limit=limit)
        return [Unfinished(row["person_id"], row["touched_at"], (row["due_at"], row["id"])) for row in rows]

    async def open_versions(self) -> set[tuple[str, int]]:
        """(script, version) of every visit that is not done (S-34)."""
        return {(row["script"], row["script_version"]) for row in await self._work.rows(_OPEN_VERSIONS)}

    def _values(self, visit: VisitRow) -> Row:
        values = fields_of(visit)
        values["sealed_body"] = self._keys.seal_json("visits", "body", visit.id, values.pop("body"))
        return values

    def _visit(self, row: Row) -> VisitRow:
        sealed = row.pop("sealed_body")
        return VisitRow(**row, body=self._keys.open_json("visits", "body", row["id"], sealed))


class AnswerStore:
    """Implements bot.ports.stores.Answers. Kind, choices and text are sealed together."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    async def add(self, answer: AnswerRow) -> None:
        """Keep an answer; a change of mind is a new version."""
        values = fields_of(answer)
        for name in ("kind", "choices", "text", "struck_by", "struck_at"):
            del values[name]
        self._work.stage(_ADD_ANSWER, {**values, "sealed_body": self._sealed(answer)})

    async def strike(self, answer: AnswerRow) -> None:
        """Keep it without its text; the sealed body is written anew, so that the text is nowhere in it (S-40)."""
        sealed = self._sealed(replace(answer, text=""))
        await self._work.run(_STRIKE, {"where_id": answer.id, "sealed_body": sealed})

    async def of_visit(self, visit_id: str) -> list[AnswerRow]:
        """Every version, oldest first."""
        return [self._answer(row) for row in await self._work.rows(_ANSWERS_OF_VISIT, visit_id=visit_id)]

    async def of_person(self, person_id: str) -> list[AnswerRow]:
        """Every version, oldest first."""
        return [self._answer(row) for row in await self._work.rows(_ANSWERS_OF_PERSON, person_id=person_id)]

    async def readable_of(self, person_id: str) -> tuple[list[AnswerRow], int]:
        """The same but for those that do not open, and how many these are: one hides no other."""
        found, damaged = [], 0
        for row in await self._work.rows(_ANSWERS_OF_PERSON, person_id=person_id):
            try:
                found.append(self._answer(row))
            except CannotOpen as fault:
                log.warning("answers.unreadable", error=str(fault))
                damaged += 1
        return found, damaged

    def _answer(self, row: Row) -> AnswerRow:
        body = self._keys.open_json("answers", "body", row["id"], row.pop("sealed_body"))
        kind, choices, text, *struck = body
        by, at = (struck[0], datetime.fromisoformat(struck[1])) if struck else (None, None)
        return AnswerRow(**row, kind=kind, choices=tuple(choices), text=text, struck_by=by, struck_at=at)

    def _sealed(self, answer: AnswerRow) -> bytes:
        body: list[Any] = [answer.kind, answer.choices, answer.text]
        if answer.struck_at is not None:
            body += [answer.struck_by, answer.struck_at.isoformat()]
        return self._keys.seal_json("answers", "body", answer.id, body)


class AgreementStore:
    """Implements bot.ports.stores.Agreements. The points are sealed."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    async def add(self, agreement: Agreement) -> None:
        """Keep an agreement as agreed to (S-34)."""
        values = fields_of(agreement)
        values["sealed_points"] = self._keys.seal_json(
            "agreements", "points", agreement.id, values.pop("points")
        )
        await self._work.run(_ADD_AGREEMENT, values)

    async def of_person(self, person_id: str) -> list[Agreement]:
        """Oldest first."""
        return [
            self._agreement(row) for row in await self._work.rows(_AGREEMENTS_OF_PERSON, person_id=person_id)
        ]

    def _agreement(self, row: Row) -> Agreement:
        sealed = row.pop("sealed_points")
        return Agreement(**row, points=self._keys.open_json("agreements", "points", row["id"], sealed))


class ReadinessRows:
    """Implements bot.ports.stores.ReadinessStore. Level, fixes, holds and the template chosen are sealed together."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    async def get(self, session_id: str, person_id: str) -> Readiness | None:
        """What stands for that person and session."""
        return await self._one(session_id=session_id, person_id=person_id)

    async def put(self, readiness: Readiness) -> None:
        """Write the one row of that person and session; a row that stands keeps its id."""
        stored = await self._work.row(
            _READINESS, session_id=readiness.session_id, person_id=readiness.person_id
        )
        row_id = stored["id"] if stored else readiness.id
        values = fields_of(replace(readiness, id=row_id))
        body = [values.pop(name) for name in ("level", "fixes", "lifted", "holds")]
        values["sealed_body"] = self._keys.seal_json("readiness", "body", row_id, body)
        if stored:
            await self._work.run(_SET_READINESS, {**values, "where_id": row_id})
        else:
            await self._work.run(_ADD_READINESS, values)

    async def of_session(self, session_id: str) -> list[Readiness]:
        """Everybody's for that session."""
        return [
            self._readiness(row)
            for row in await self._work.rows(_READINESS_OF_SESSION, session_id=session_id)
        ]

    async def _one(self, **values: Any) -> Readiness | None:
        row = await self._work.row(_READINESS, **values)
        return self._readiness(row) if row else None

    def _readiness(self, row: Row) -> Readiness:
        body = self._keys.open_json("readiness", "body", row["id"], row.pop("sealed_body"))
        level, fixes, lifted, holds = body
        return Readiness(**row, level=Level(level), fixes=tuple(fixes), lifted=lifted, holds=tuple(holds))
