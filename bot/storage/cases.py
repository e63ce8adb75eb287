"""Cases and the parts their roles have in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, select, text, update

from bot.ports.records import Case, CaseRole, OpenPart, Raised
from bot.ports.stores import Stale
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, fields_of, insert_into, select_where, update_guarded
from bot.storage.tables import case_roles, cases, counters
from bot.storage.work import BOOK, Work
from flows.values import CaseKind, Role, Urgency

log = structlog.get_logger(__name__)

_number = counters.c.name == "case"
_COUNT_UP = Statement(update(counters).where(_number).values(value=counters.c.value + 1))
_COUNTED = Statement(select(counters).where(_number))
_CASE = select_where(cases, "id")
_CASE_BY_NUMBER = select_where(cases, "number")
# Written out, not bound: SQLite uses an index of open cases only if it sees that they are meant.
_open = select(cases).where(text("cases.state = 'open'")).order_by(cases.c.number)
_OPEN_FOR = Statement(_open.where(cases.c.person_id == bindparam("person_id")))
_OPEN_IN = Statement(_open.where(cases.c.programme_id == bindparam("programme_id")))
_ADD_CASE = insert_into(cases)
_SAVE_CASE = update_guarded(cases)
_SAVE_UNREADABLE = update_guarded(cases, without=["sealed_body"])
_ROLES = Statement(
    select(case_roles).where(case_roles.c.case_id == bindparam("case_id")).order_by(case_roles.c.id)
)
_ADD_ROLE = insert_into(case_roles)
_SAVE_ROLE = update_guarded(case_roles)
_OF_CASE = ("id", "number", "programme_id", "urgency")
_OPEN_PARTS = Statement(
    select(
        *(cases.c[name].label(f"case_{name}" if name != "id" else "of_case") for name in _OF_CASE), case_roles
    )
    .select_from(cases.outerjoin(case_roles, case_roles.c.case_id == cases.c.id))
    .where(text("cases.state = 'open'"))
)
_DUE = Statement(
    select(case_roles)
    .where(text("case_roles.state <> 'done'"), case_roles.c.next_due_at <= bindparam("now"))
    .order_by(case_roles.c.next_due_at, case_roles.c.id)
    .limit(bindparam("limit"))
)


class CaseStore:
    """Implements bot.ports.stores.Cases. What was raised, and what was not asked, is sealed."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    async def next_number(self) -> int:
        """Unique over the whole database, never used again; begins at 101."""
        await self._work.alone(BOOK)
        await self._work.run(_COUNT_UP, {})
        row = await self._work.row(_COUNTED)
        assert row is not None, "the migration writes the counter"
        return int(row["value"])

    async def add(self, case: Case, roles: Sequence[CaseRole]) -> None:
        """A new case with the parts of its route (R-02, R-04)."""
        await self._work.run(_ADD_CASE, self._values(case))
        for role in roles:
            await self.add_role(role)

    async def get(self, case_id: str) -> Case | None:
        """By id."""
        row = await self._work.row(_CASE, id=case_id)
        return self._case(row) if row else None

    async def by_number(self, number: int) -> Case | None:
        """By the number people use."""
        row = await self._work.row(_CASE_BY_NUMBER, number=number)
        return self._case(row) if row else None

    async def open_for(self, person_id: str) -> list[Case]:
        """The person's open cases, by number."""
        return [self._case(row) for row in await self._work.rows(_OPEN_FOR, person_id=person_id)]

    async def open_in(self, programme_id: str) -> list[Case]:
        """The programme's open cases, by number."""
        return [self._case(row) for row in await self._work.rows(_OPEN_IN, programme_id=programme_id)]

    async def save(self, case: Case) -> None:
        """Write version + 1 over the version read. Raises Stale if that has moved on.

        What could not be read stays as it is, for whoever finds the key to it.
        """
        values = self._values(replace(case, version=case.version + 1))
        if not case.readable:
            del values["sealed_body"]
        statement = _SAVE_CASE if case.readable else _SAVE_UNREADABLE
        await self._save(statement, values, case.version, f"case {case.ref}")

    async def roles(self, case_id: str) -> list[CaseRole]:
        """The parts of a case, in the order they came to it."""
        return [_role(row) for row in await self._work.rows(_ROLES, case_id=case_id)]

    async def add_role(self, role: CaseRole) -> None:
        """One more part; a role has one part in a case."""
        await self._work.run(_ADD_ROLE, fields_of(role))

    async def save_role(self, role: CaseRole) -> None:
        """Write version + 1 over the version read. Raises Stale if that has moved on (R-08)."""
        changed = fields_of(replace(role, version=role.version + 1))
        await self._save(_SAVE_ROLE, changed, role.version, f"part {role.role} of case {role.case_id}")

    async def open_parts(self) -> list[OpenPart]:
        """Every part of every open case, by number, and an open case without any; nothing sealed is read (R-17)."""
        # Put in order here: asked for it, SQLite would go along the numbers of all cases there ever were.
        rows = sorted(
            await self._work.rows(_OPEN_PARTS), key=lambda row: (row["case_number"], row["id"] or "")
        )
        return [_open_part(row) for row in rows]

    async def due(self, now: datetime, limit: int = 100) -> list[CaseRole]:
        """Parts asking, or taken (R-09), whose next due time has come, oldest first."""
        return [_role(row) for row in await self._work.rows(_DUE, now=now, limit=limit)]

    async def _save(self, statement: Statement, values: Row, version: int, what: str) -> None:
        guard = {"where_id": values["id"], "where_version": version}
        if not await self._work.run(statement, {**values, **guard}):
            raise Stale(f"{what} is no longer at version {version}")

    def _values(self, case: Case) -> Row:
        values = fields_of(case)
        del values["readable"]
        body = {
            "raised": [_raised_out(each) for each in values.pop("raised")],
            "unasked": values.pop("unasked"),
        }
        values["sealed_body"] = self._keys.seal_json("cases", "body", case.id, body)
        return values

    def _case(self, row: Row) -> Case:
        sealed = row.pop("sealed_body")
        row |= {"urgency": Urgency(row["urgency"]), "kind": CaseKind(row["kind"])}
        try:
            body = self._keys.open_json("cases", "body", row["id"], sealed)
        except CannotOpen as fault:
            log.warning("case.unreadable", case=f"K-{row['number']}", error=str(fault))
            return Case(**row, raised=(), unasked=(), readable=False)
        raised = tuple(_raised_in(each) for each in body["raised"])
        return Case(**row, raised=raised, unasked=tuple(body["unasked"]))


def _raised_out(raised: Raised) -> dict[str, Any]:
    if raised.at.tzinfo is None:
        raise ValueError("a stored time must be an aware datetime in UTC")
    return {**fields_of(raised), "at": raised.at.astimezone(UTC).isoformat()}


def _raised_in(body: dict[str, Any]) -> Raised:
    typed = {
        "urgency": Urgency(body["urgency"]),
        "route": tuple(Role(letter) for letter in body["route"]),
        "choices": tuple(body["choices"]),
        "at": datetime.fromisoformat(body["at"]),
    }
    return Raised(**{**body, **typed})


def _open_part(row: Row) -> OpenPart:
    case_id, number, programme_id, urgency = (
        row.pop(name) for name in ("of_case", "case_number", "case_programme_id", "case_urgency")
    )
    part = _role(row) if row["id"] is not None else None
    return OpenPart(case_id, number, programme_id, Urgency(urgency), part)


def _role(row: Row) -> CaseRole:
    typed = {"role": Role(row["role"]), "ladder": tuple(row["ladder"]), "asked": tuple(row["asked"])}
    return CaseRole(**{**row, **typed})
