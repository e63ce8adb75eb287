"""Programmes with their groups, and the sessions planned for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, or_, select, update

from bot.ports.plan import EVER
from bot.ports.records import Group, Person, Programme, Session
from bot.storage.columns import NOT_PLANNED
from bot.storage.many import Many
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, fields_of, insert_into, select_where, update_by_id
from bot.storage.tables import groups, people, programmes, sessions
from bot.storage.work import Work

log = structlog.get_logger(__name__)

_PROGRAMME = select_where(programmes, "id")
_PROGRAMME_BY_KEY = select_where(programmes, "key")
_PROGRAMMES = Statement(select(programmes).order_by(programmes.c.key))
_SET_PROGRAMME = update_by_id(programmes)
_ADD_PROGRAMME = insert_into(programmes)
_GROUP = select_where(groups, "id")
_GROUP_BY_KEY = select_where(groups, "programme_id", "key")
_GROUPS = Statement(
    select(groups).where(groups.c.programme_id == bindparam("programme_id")).order_by(groups.c.key)
)
_SET_GROUP = update_by_id(groups)
_ADD_GROUP = insert_into(groups)
_SESSIONS = Many(select(sessions), sessions.c.id)
_SESSION_BY_KEY = select_where(sessions, "programme_id", "key")
_SET_SESSION = update_by_id(sessions)
_ADD_SESSION = insert_into(sessions)
_NEXT_SESSION = Statement(
    select(sessions)
    .where(
        sessions.c.state == "planned",
        sessions.c.ends_at > bindparam("now"),
        or_(sessions.c.person_id == bindparam("person_id"), sessions.c.group_id == bindparam("group_id")),
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
    .limit(1)
)
_SESSIONS_BETWEEN = Statement(
    select(sessions)
    .where(
        sessions.c.state == "planned",
        sessions.c.starts_at >= bindparam("start"),
        sessions.c.starts_at < bindparam("end"),
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
)
_SESSIONS_OF_PROGRAMME = Statement(
    select(sessions)
    .where(
        sessions.c.programme_id == bindparam("programme_id"),
        sessions.c.starts_at >= bindparam("start"),
        sessions.c.starts_at < bindparam("end"),
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
)
_AT_ONCE = 25
_OF_PEOPLE = Statement(
    select(sessions)
    .where(
        sessions.c.state == "planned",
        sessions.c.ends_at > bindparam("start"),
        sessions.c.starts_at < bindparam("end"),
        or_(
            sessions.c.group_id.in_([bindparam(f"group{n}") for n in range(_AT_ONCE)]),
            sessions.c.person_id.in_([bindparam(f"person{n}") for n in range(_AT_ONCE)]),
        ),
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
)
# Locked where units run beside each other, so that no change of theirs comes between looking and `planned`.
_TO_PLAN = Statement(
    select(sessions)
    .where(sessions.c.planned_until <= bindparam("now"))
    .order_by(sessions.c.planned_until, sessions.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_PLANNED = update_by_id(sessions, ["planned_until"])
_END_OF_SLICE = Statement(
    select(sessions.c.starts_at)
    .where(sessions.c.starts_at > bindparam("after"))
    .order_by(sessions.c.starts_at)
    .limit(1)
    .offset(bindparam("but_one"))
)
_PLAN_SLICE_ANEW = Statement(
    update(sessions).where(
        sessions.c.starts_at > bindparam("where_after", type_=sessions.c.starts_at.type),
        sessions.c.starts_at <= bindparam("where_last", type_=sessions.c.starts_at.type),
        sessions.c.ends_at > bindparam("where_now", type_=sessions.c.ends_at.type),
    ),
    ["planned_until"],
)
_PLAN_ALL_ANEW = Statement(
    update(people).where(
        people.c.programme_id == bindparam("where_programme"),
        people.c.planned_until < EVER,
    ),
    ["planned_until"],
)


async def put(work: Work, change: Statement, add: Statement, values: Row) -> None:
    """Change the row with that id, or add it. The writer lock keeps others out between the two."""
    if not await work.run(change, {**values, "where_id": values["id"]}):
        await work.run(add, values)


def _ends_at(session: Session) -> datetime:
    return session.starts_at + timedelta(minutes=session.minutes)


def _programme(row: Row) -> Programme:
    return Programme(**{**row, "languages": tuple(row["languages"])})


def _planned_by(programme: Programme) -> tuple[str, Row]:
    """What may bear on the plan; rotas do not, and change whenever somebody of staff enrols."""
    return programme.timezone, {**programme.settings, "rotas": None}


class ProgrammeStore:
    """Implements bot.ports.stores.Programmes. Remembers what it read by id in this unit."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._known: dict[str, Programme] = {}
        self._known_groups: dict[str, Group] = {}

    async def get(self, programme_id: str) -> Programme | None:
        """By id."""
        if programme_id not in self._known:
            row = await self._work.row(_PROGRAMME, id=programme_id)
            if row is None:
                return None
            self._known[programme_id] = _programme(row)
        return self._known[programme_id]

    async def by_key(self, key: str) -> Programme | None:
        """By the organisation's own key."""
        row = await self._work.row(_PROGRAMME_BY_KEY, key=key)
        return _programme(row) if row else None

    async def all(self) -> list[Programme]:
        """All, by key."""
        return [_programme(row) for row in await self._work.rows(_PROGRAMMES)]

    async def save(self, programme: Programme) -> None:
        """Add it, or change the one with its id. With other times its people are to be planned for again."""
        before = await self.get(programme.id)
        self._known.pop(programme.id, None)
        await put(self._work, _SET_PROGRAMME, _ADD_PROGRAMME, fields_of(programme))
        if before is not None and _planned_by(before) != _planned_by(programme):
            anew: Row = {"planned_until": NOT_PLANNED, "where_programme": programme.id}
            await self._work.run(_PLAN_ALL_ANEW, anew)

    async def group(self, group_id: str) -> Group | None:
        """A group by id."""
        if group_id not in self._known_groups:
            row = await self._work.row(_GROUP, id=group_id)
            if row is None:
                return None
            self._known_groups[group_id] = Group(**row)
        return self._known_groups[group_id]

    async def group_by_key(self, programme_id: str, key: str) -> Group | None:
        """A group by its key in the programme."""
        row = await self._work.row(_GROUP_BY_KEY, programme_id=programme_id, key=key)
        return Group(**row) if row else None

    async def groups(self, programme_id: str) -> list[Group]:
        """The programme's groups, by key."""
        return [Group(**row) for row in await self._work.rows(_GROUPS, programme_id=programme_id)]

    async def save_group(self, group: Group) -> None:
        """Add it, or change the one with its id."""
        self._known_groups.pop(group.id, None)
        await put(self._work, _SET_GROUP, _ADD_GROUP, fields_of(group))


_OWN = ("sealed_link", "ends_at", "planned_until")
"""Columns of a session that its record does not have."""


def _bare(row: Row, link: str = "") -> Session:
    """The session, but for its link if that is not given."""
    return Session(**{name: value for name, value in row.items() if name not in _OWN}, link=link)


class SessionStore:
    """Implements bot.ports.stores.Sessions. The link is sealed.

    Remembers in this unit what it read by id, each person's next one, and those of a programme's span.
    """

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys
        self._known: dict[str, Session] = {}
        self._next: dict[tuple[str, str | None], tuple[datetime, Session | None]] = {}
        self._spans: dict[tuple[str, datetime, datetime], list[Session]] = {}

    async def get(self, session_id: str) -> Session | None:
        """By id."""
        if session_id not in self._known:
            for row in await _SESSIONS.rows(self._work, [(session_id,)]):
                self._known[session_id] = self._session(row)
        return self._known.get(session_id)

    async def prepare(self, session_ids: Iterable[str]) -> None:
        """Read them in one go, so that `get` need not ask. What cannot be read is left to `get`."""
        for row in await _SESSIONS.rows(self._work, ((one,) for one in session_ids)):
            with suppress(CannotOpen):  # `get` says so to whoever asks for that one
                self._known[row["id"]] = self._session(row)

    async def by_key(self, programme_id: str, key: str) -> Session | None:
        """By the key it has in its programme."""
        return await self._one(_SESSION_BY_KEY, programme_id=programme_id, key=key)

    async def save(self, session: Session) -> None:
        """Add it, or change the one with its id; the version is kept as given (S-32, R-14 compare it)."""
        for known in (self._known, self._next, self._spans):
            known.clear()
        values = {**fields_of(session), "planned_until": NOT_PLANNED}
        values["sealed_link"] = self._keys.seal("sessions", "link", session.id, values.pop("link").encode())
        values["ends_at"] = _ends_at(session)
        await put(self._work, _SET_SESSION, _ADD_SESSION, values)

    async def next_for(self, person: Person, now: datetime) -> Session | None:
        """The earliest planned session of the person or their group that has not ended at `now`."""
        whose = (person.id, person.group_id)
        since, found = self._next.get(whose, (None, None))
        # The earliest that had not ended then is the earliest still, as long as it has not ended since.
        if since is None or now < since or (found is not None and _ends_at(found) <= now):
            found = await self._one(_NEXT_SESSION, person_id=person.id, group_id=person.group_id, now=now)
            self._next[whose] = (now, found)
        return found

    async def between(self, start: datetime, end: datetime) -> list[Session]:
        """Planned sessions (never cancelled ones) that start at `start` or later, and before `end`."""
        return [self._session(row) for row in await self._work.rows(_SESSIONS_BETWEEN, start=start, end=end)]

    async def of_programme(self, programme_id: str, start: datetime, end: datetime) -> list[Session]:
        """The programme's that start at `start` or later, and before `end`; cancelled ones too.

        What does not open is left out and logged by its id, so that it stops no other's plan.
        """
        span = (programme_id, start, end)
        if span not in self._spans:
            self._spans[span] = self._readable(await self._between(*span))
        return list(self._spans[span])

    def _readable(self, rows: Sequence[Row]) -> list[Session]:
        found = []
        for row in rows:
            try:
                found.append(self._session(row))
            except CannotOpen as fault:
                log.warning("session.unreadable", error=str(fault))
        return found

    async def unreadable(self, programme_id: str, start: datetime, end: datetime) -> list[str]:
        """Ids of the planned ones of that span that do not open, by start."""
        rows = await self._between(programme_id, start, end)
        return [row["id"] for row in rows if row["state"] == "planned" and not self._opens(row)]

    async def of_people(self, people: Sequence[Person], start: datetime, end: datetime) -> list[Session]:
        """The planned ones of the span that are theirs or their groups', by start; what cannot be read is left out."""
        found: dict[str, Session] = {}
        for first in range(0, len(people), _AT_ONCE):
            some = people[first : first + _AT_ONCE]
            some = [*some, *[some[0]] * (_AT_ONCE - len(some))]  # always as many: one compiled statement does
            named: Row = {"start": start, "end": end}
            named |= {f"group{n}": one.group_id for n, one in enumerate(some)}
            named |= {f"person{n}": one.id for n, one in enumerate(some)}
            found |= {one.id: one for one in self._readable(await self._work.rows(_OF_PEOPLE, **named))}
        return sorted(found.values(), key=lambda one: (one.starts_at, one.id))

    async def to_plan(self, now: datetime, limit: int) -> list[tuple[Session, bool]]:
        """Those that are to be looked at at `now`, the longest waiting first, and whether they can be read."""
        rows = await self._work.rows(_TO_PLAN, now=now, limit=limit)
        return [(_bare(row), self._opens(row)) for row in rows]

    async def planned(self, session_id: str, until: datetime) -> None:
        """It need not be looked at until then."""
        self._work.stage(_PLANNED, {"planned_until": until, "where_id": session_id})

    async def plan_all_anew(self, now: datetime, after: datetime, limit: int) -> datetime | None:
        """So many that start after then, by start, are to be looked at again if not over at `now`; up to where, None at the end."""
        last = await self._work.row(_END_OF_SLICE, after=after, but_one=limit - 1)
        span: Row = {
            "where_after": after,
            "where_last": last["starts_at"] if last else EVER,
            "where_now": now,
        }
        await self._work.run(_PLAN_SLICE_ANEW, {"planned_until": NOT_PLANNED, **span})
        return last["starts_at"] if last else None

    async def _between(self, programme_id: str, start: datetime, end: datetime) -> list[Row]:
        span: Row = {"start": start, "end": end}
        return await self._work.rows(_SESSIONS_OF_PROGRAMME, programme_id=programme_id, **span)

    def _opens(self, row: Row) -> bool:
        try:
            self._session(row)
        except CannotOpen:
            return False
        return True

    async def _one(self, statement: Statement, **values: Any) -> Session | None:
        row = await self._work.row(statement, **values)
        return self._session(row) if row else None

    def _session(self, row: Row) -> Session:
        return _bare(row, self._keys.open("sessions", "link", row["id"], row["sealed_link"]).decode())
