"""Reminders with their fate, duty shifts, dated allowances, and the software's own pulse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bot.ports.plan import Allowance, Fate, Reminder, ReminderKind, Shift
from bot.ports.records import StaffRole
from bot.storage.statements import Row, Statement, fields_of, insert_into, select_where
from bot.storage.tables import allowances, pulses, reminders, shifts
from bot.storage.work import Work

_ADD_REMINDER = Statement(
    insert(reminders).on_conflict_do_nothing(index_elements=["key"]), reminders.columns.keys()
)
# Written out, not bound: SQLite uses the index of due ones only if it sees that they are meant.
_is_due = text("reminders.fate = 'due'")
_SAVED = ("fate", "reason", "done_at", "due_at")
_SAVE_REMINDER = Statement(update(reminders).where(reminders.c.id == bindparam("where_id"), _is_due), _SAVED)
_CORRECT = Statement(
    update(reminders).where(
        reminders.c.id == bindparam("where_id"), text("reminders.fate IN ('sent', 'late')")
    ),
    ["fate", "reason"],
)
_in_order = (reminders.c.due_at, reminders.c.id)
_DUE = Statement(
    select(reminders)
    .where(_is_due, reminders.c.due_at <= bindparam("now"))
    .order_by(*_in_order)
    .limit(bindparam("limit"))
)
_AT_ONCE = 100
_KNOWN = Statement(
    select(reminders.c.key).where(reminders.c.key.in_([bindparam(f"key{n}") for n in range(_AT_ONCE)]))
)
_OF_SESSION = Statement(
    select(reminders).where(reminders.c.session_id == bindparam("session_id")).order_by(*_in_order)
)
_OF_PERSON = Statement(
    select(reminders).where(reminders.c.person_id == bindparam("person_id")).order_by(*_in_order)
)
_between = (
    select(reminders)
    .where(
        reminders.c.programme_id == bindparam("programme_id"),
        reminders.c.due_at >= bindparam("start"),
        reminders.c.due_at < bindparam("end"),
    )
    .order_by(*_in_order)
)
_REMINDERS_BETWEEN = Statement(_between)
_of_kind_between = _between.where(reminders.c.kind == bindparam("kind"))
_OF_KIND_BETWEEN = Statement(_of_kind_between)
_FIRST_OF_KIND_BETWEEN = Statement(_of_kind_between.limit(bindparam("limit")))

_HOW_MANY = Statement(
    select(func.count().label("rows")).where(_is_due, reminders.c.due_at <= bindparam("now"))
)
_FAILED = Statement(
    select(func.count().label("rows")).select_from(reminders).where(text("reminders.fate = 'failed'"))
)

_of_role = (shifts.c.programme_id == bindparam("programme_id"), shifts.c.role == bindparam("role"))
_by_start = (shifts.c.starts_at, shifts.c.id)
_ON_DUTY = Statement(
    select(shifts.c.person_id, shifts.c.starts_at, shifts.c.id)
    .where(*_of_role, shifts.c.ends_at > bindparam("at"), shifts.c.starts_at <= bindparam("at"))
    .order_by(*_by_start)
)
_SHIFTS_BETWEEN = Statement(
    select(shifts)
    .where(*_of_role, shifts.c.ends_at > bindparam("start"), shifts.c.starts_at < bindparam("end"))
    .order_by(*_by_start)
)
_ADD_SHIFT = insert_into(shifts)
_DROP_SOURCE = Statement(
    delete(shifts).where(
        shifts.c.programme_id == bindparam("programme_id"), shifts.c.source == bindparam("source")
    )
)

_ADD_ALLOWANCE = insert_into(allowances)
_CURRENT = Statement(
    select(allowances)
    .where(allowances.c.person_id == bindparam("person_id"), allowances.c.until > bindparam("now"))
    .order_by(allowances.c.until, allowances.c.id)
)

_END = Statement(
    update(allowances).where(
        allowances.c.person_id == bindparam("where_person"),
        allowances.c.what == bindparam("where_what"),
        allowances.c.until > bindparam("where_now", type_=allowances.c.until.type),
    ),
    ["until"],
)

_PULSE = select_where(pulses, "name")
_FIRST_PULSE = Statement(
    select(pulses.c.name)
    .where(pulses.c.name >= bindparam("beginning"), pulses.c.name < bindparam("end"))
    .order_by(pulses.c.name)
    .limit(1)
)
_ADD_PULSE = insert_into(pulses)
_SET_PULSE = Statement(update(pulses).where(pulses.c.name == bindparam("where_name")), ["at"])


class ReminderStore:
    """Implements bot.ports.plan.Reminders."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, reminder: Reminder) -> bool:
        """Keep it unless one with its key is there, whatever became of that one; whether it was new."""
        return await self._work.run(_ADD_REMINDER, fields_of(reminder)) == 1

    async def add_all(self, reminders: Sequence[Reminder]) -> None:
        """The same for several, written together at the commit or before they are asked for."""
        for reminder in reminders:
            self._work.stage(_ADD_REMINDER, fields_of(reminder))

    async def known(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that a reminder has, whatever became of it: by index, so many at a time."""
        asked, found = list(dict.fromkeys(keys)), set[str]()
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            some += some[:1] * (_AT_ONCE - len(some))  # always as many, so that one compiled statement does
            named: Row = {f"key{n}": key for n, key in enumerate(some)}
            found |= {row["key"] for row in await self._work.rows(_KNOWN, **named)}
        return found

    async def due(self, now: datetime, limit: int = 100) -> list[Reminder]:
        """Those with fate `due` whose time has come, the longest overdue first."""
        return await self._found(_DUE, now=now, limit=limit)

    async def save(self, reminder: Reminder) -> None:
        """Write fate, reason, done_at and due_at of the row with that id; a final fate stays as it is (R-18)."""
        values: Row = {name: getattr(reminder, name) for name in _SAVED}
        await self._work.run(_SAVE_REMINDER, {**values, "where_id": reminder.id})

    async def correct(self, reminder_id: str, fate: Fate, reason: str) -> None:
        """Write fate and reason of one that counts as sent or late; any other stays as it is (R-18)."""
        await self._work.run(_CORRECT, {"fate": fate.value, "reason": reason, "where_id": reminder_id})

    async def of_session(self, session_id: str) -> list[Reminder]:
        """All whatever their fate, by due time."""
        return await self._found(_OF_SESSION, session_id=session_id)

    async def of_person(self, person_id: str) -> list[Reminder]:
        """All whatever their fate, by due time."""
        return await self._found(_OF_PERSON, person_id=person_id)

    async def between(
        self,
        programme_id: str,
        start: datetime,
        end: datetime,
        kind: ReminderKind | None = None,
        limit: int | None = None,
    ) -> list[Reminder]:
        """The programme's (of that kind) that are due at `start` or later, and before `end`, whatever their fate, by due time.

        `limit`, for those of a kind: the first so many.
        """
        about: Row = {"programme_id": programme_id, "start": start, "end": end}
        if kind is None:
            return await self._found(_REMINDERS_BETWEEN, **about)
        if limit is None:
            return await self._found(_OF_KIND_BETWEEN, **about, kind=kind.value)
        return await self._found(_FIRST_OF_KIND_BETWEEN, **about, kind=kind.value, limit=limit)

    async def _found(self, statement: Statement, **values: Any) -> list[Reminder]:
        return [
            Reminder(**{**row, "kind": ReminderKind(row["kind"]), "fate": Fate(row["fate"])})
            for row in await self._work.rows(statement, **values)
        ]

    async def tally(self, now: datetime) -> dict[Fate, int]:
        """How many are due at `now`, and how many failed: what became of the others is not counted, as it is all the past."""
        due = await self._work.rows(_HOW_MANY, now=now)
        failed = await self._work.rows(_FAILED)
        return {Fate.DUE: due[0]["rows"], Fate.FAILED: failed[0]["rows"]}


class ShiftStore:
    """Implements bot.ports.plan.Shifts. A shift includes its start and not its end."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def on_duty(self, programme_id: str, role: StaffRole, at: datetime) -> list[str]:
        """Ids of those on duty, each once, who began first before others."""
        rows = await self._work.rows(_ON_DUTY, programme_id=programme_id, role=role.value, at=at)
        return list(dict.fromkeys(row["person_id"] for row in rows))

    async def between(
        self, programme_id: str, role: StaffRole, start: datetime, end: datetime
    ) -> list[Shift]:
        """Shifts of which some part lies in the span, by start."""
        span: Row = {"start": start, "end": end}
        rows = await self._work.rows(_SHIFTS_BETWEEN, programme_id=programme_id, role=role.value, **span)
        return [Shift(**{**row, "role": StaffRole(row["role"])}) for row in rows]

    async def replace_source(self, programme_id: str, source: str, shifts: Sequence[Shift]) -> None:
        """The rota `source` now is exactly these. Raises ValueError for a shift of another programme or rota."""
        if any((shift.programme_id, shift.source) != (programme_id, source) for shift in shifts):
            raise ValueError(f"a shift is not of the rota {source} of programme {programme_id}")
        await self._work.run(_DROP_SOURCE, {"programme_id": programme_id, "source": source})
        for shift in shifts:
            await self.add(shift)

    async def add(self, shift: Shift) -> None:
        """One more shift."""
        self._work.stage(_ADD_SHIFT, fields_of(shift))


class AllowanceStore:
    """Implements bot.ports.plan.Allowances."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, allowance: Allowance) -> None:
        """One more; earlier ones stay, for they say who allowed what when."""
        await self._work.run(_ADD_ALLOWANCE, fields_of(allowance))

    async def current(self, person_id: str, now: datetime) -> list[Allowance]:
        """Those that end after `now`, the first to end first."""
        return [Allowance(**row) for row in await self._work.rows(_CURRENT, person_id=person_id, now=now)]

    async def end(self, person_id: str, what: str, now: datetime) -> None:
        """What is allowed of that kind ends at `now`; how long it was meant to last stands in the audit log."""
        about = {"where_person": person_id, "where_what": what, "where_now": now}
        await self._work.run(_END, {"until": now, **about})


class PulseStore:
    """Implements bot.ports.plan.Pulses."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def beat(self, name: str, at: datetime) -> None:
        """That part has completed its work at that time, as the clock says, even if it was set back."""
        if not await self._work.run(_SET_PULSE, {"where_name": name, "at": at}):
            await self._work.run(_ADD_PULSE, {"name": name, "at": at})

    async def last(self, name: str) -> datetime | None:
        """When that part last completed its work; None if it never has."""
        row = await self._work.row(_PULSE, name=name)
        return row["at"] if row else None

    async def first(self, beginning: str) -> str | None:
        """The first name that begins so."""
        end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        row = await self._work.row(_FIRST_PULSE, beginning=beginning, end=end)
        return row["name"] if row else None
