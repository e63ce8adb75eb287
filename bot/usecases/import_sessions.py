"""Take in sessions from a file of whatever kind; again, it brings them up to date by their keys.

Readers make `Meeting`s of a file. Here they are held against what is kept; only if all fit is anything staged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from bot.ports.records import AuditEntry, Programme, Session
from bot.ports.stores import Unit
from bot.schedule.due import leaves_quiet_hours_aside
from bot.schedule.series import BadRule, Series, occurrences, utc_of
from bot.usecases.desk import Desk
from bot.usecases.invite import OPERATOR
from bot.usecases.plan import times_for
from bot.usecases.plan_sessions import Change, Wanted, ends_at, instance_key, plan
from bot.usecases.programme_file import WrongTime, is_relative, start_of

FIRST_MINUTES, LAST_MINUTES = 15, 480
"""A session's length: at least, at most."""
NOT_MADE = "NOT made, it is in the past"


@dataclass(frozen=True, slots=True)
class Instance:
    """One session of a series that is otherwise than the rule says. `starts` as in `Meeting`."""

    starts: datetime
    minutes: int
    link: str
    state: Literal["planned", "cancelled"]


@dataclass(frozen=True, slots=True)
class Meeting:
    """A session or, with `rrule`, a series, as a file says it: of a group (its key) or a participant (their alias).

    `starts`: a text for `start_of`; or a naive time in `zone` (None: the group's), for which clock changes are no
    fault. `changed`: by the local day the rule gives.
    """

    key: str
    starts: str | datetime
    minutes: int
    link: str
    group: str | None = None
    participant: str | None = None
    platform: Literal["zoom", "teams"] | None = None
    state: Literal["planned", "cancelled"] = "planned"
    zone: tzinfo | None = None
    rrule: str = ""
    excluded: frozenset[date] = frozenset()
    changed: Mapping[date, Instance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with one meeting: its place among them, the field, and what would be right."""

    index: int
    field: str
    says: str


class BadSessions(Exception):
    """Some meetings do not fit; nothing is to be kept."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("; ".join(one.says for one in misfits))
        self.misfits = tuple(misfits)


class _Wrong(Exception):
    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field = field


@dataclass(frozen=True, slots=True)
class _Who:
    group_id: str | None
    person_id: str | None
    zone: str


async def import_sessions(
    unit: Unit,
    desk: Desk,
    programme: Programme,
    meetings: Sequence[Meeting],
    step: Callable[[], None],
    *,
    regroup: bool = False,
) -> list[str]:
    """Stage all of them; gives lines for people. The caller commits. Raises BadSessions.

    `regroup`: a known key may turn up under another group; otherwise that is a fault.
    """
    wanted = await _Fit(unit, desk, programme, regroup).all(meetings)
    lines: list[str] = []
    coming: list[Session] = []
    for meeting, sessions in zip(meetings, wanted, strict=True):
        changes = await plan(unit, desk, programme, meeting.key, sessions, OPERATOR)
        lines += await _lines(unit, programme, meeting, changes)
        coming += [change.session for change in changes if change.session.state == "planned"]
        step()
    lines += [f"note: {says}" for says in [await early(unit, desk, programme, coming)] if says]
    now = desk.now()
    await unit.audit.add(AuditEntry(desk.ids.new(), now, OPERATOR, "sessions.imported", programme.id))
    return lines


class _Fit:
    """Holds meetings against what is kept."""

    def __init__(self, unit: Unit, desk: Desk, programme: Programme, regroup: bool) -> None:
        self._unit, self._desk, self._programme, self._regroup = unit, desk, programme, regroup

    async def all(self, meetings: Sequence[Meeting]) -> list[list[Wanted]]:
        """What each wants. Raises BadSessions."""
        whose = await self._whose()
        seen: set[str] = set()
        misfits: list[Misfit] = []
        found: list[list[Wanted]] = []
        for index, meeting in enumerate(meetings):
            try:
                wanted = await self._one(meeting, whose)
                if twice := seen & {meeting.key, *(one.key for one in wanted)}:
                    raise _Wrong("key", f"{min(twice)} stands twice; each key should stand once")
                seen |= {meeting.key, *(one.key for one in wanted)}
                found.append(wanted)
            except _Wrong as wrong:
                misfits.append(Misfit(index, wrong.field, str(wrong)))
        if misfits:
            raise BadSessions(misfits)
        return found

    async def _whose(self) -> dict[tuple[str, str], _Who]:
        whose: dict[tuple[str, str], _Who] = {}
        for group in await self._unit.programmes.groups(self._programme.id):
            whose["group", group.key] = _Who(group.id, None, group.timezone)
            for person in await self._unit.people.in_group(group.id):
                whose["participant", person.alias] = _Who(None, person.id, group.timezone)
        return whose

    async def _one(self, meeting: Meeting, whose: Mapping[tuple[str, str], _Who]) -> list[Wanted]:
        who = _find(meeting, whose)
        if not FIRST_MINUTES <= meeting.minutes <= LAST_MINUTES:
            raise _Wrong("minutes", f"a session has {FIRST_MINUTES} to {LAST_MINUTES} minutes")
        wanted = self._series(meeting, who) if meeting.rrule else [await self._single(meeting, who)]
        for one in wanted:
            await self._against_kept(one)
        return wanted

    async def _single(self, meeting: Meeting, who: _Who) -> Wanted:
        before = await self._unit.sessions.by_key(self._programme.id, meeting.key)
        if isinstance(meeting.starts, str) and is_relative(meeting.starts) and before:
            return self._wanted(meeting, who, meeting.key, before.starts_at)
        return self._wanted(meeting, who, meeting.key, utc_of(*self._local(meeting, who)))

    def _series(self, meeting: Meeting, who: _Who) -> list[Wanted]:
        local, zone = self._local(meeting, who)
        if isinstance(meeting.starts, str):
            local = local.astimezone(zone).replace(tzinfo=None)
        moved = {day: instance.starts for day, instance in meeting.changed.items()}
        found: list[Wanted] = []
        try:
            times = occurrences(Series(local, zone, meeting.rrule, meeting.excluded, moved))
        except BadRule as bad:
            raise _Wrong("rrule", str(bad)) from None
        for time in times:
            wanted = self._wanted(meeting, who, instance_key(meeting.key, time.day), time.starts_at)
            if instance := meeting.changed.get(time.day):
                wanted = replace(wanted, minutes=instance.minutes, link=instance.link)
                if instance.state == "cancelled":
                    wanted = replace(wanted, state="cancelled")
            found.append(wanted)
        return found

    def _local(self, meeting: Meeting, who: _Who) -> tuple[datetime, tzinfo]:
        zone = meeting.zone or ZoneInfo(who.zone)
        if isinstance(meeting.starts, datetime):
            return meeting.starts, zone
        try:
            return start_of(meeting.starts, who.zone, self._desk.now()), zone
        except WrongTime as wrong:
            raise _Wrong("starts", str(wrong)) from None
        except OverflowError:
            raise _Wrong("starts", "this is too far away") from None

    def _wanted(self, meeting: Meeting, who: _Who, key: str, starts_at: datetime) -> Wanted:
        platform = meeting.platform or self._programme.platform
        return Wanted(
            key, who.group_id, who.person_id, starts_at, meeting.minutes, platform, meeting.link, meeting.state
        )  # fmt: skip

    async def _against_kept(self, wanted: Wanted) -> None:
        before = await self._unit.sessions.by_key(self._programme.id, wanted.key)
        if before is None:
            return
        if not self._regroup and (before.group_id, before.person_id) != (wanted.group_id, wanted.person_id):
            raise _Wrong("key", f"session {wanted.key} is somebody else's already; give this one another key")
        now = self._desk.now()
        coming = before.state == wanted.state == "planned" and ends_at(before) > now
        if coming and wanted.starts_at <= now and wanted.starts_at != before.starts_at:
            raise _Wrong("starts", f"session {wanted.key} cannot be moved to a time that has passed")


def _find(meeting: Meeting, whose: Mapping[tuple[str, str], _Who]) -> _Who:
    if (meeting.group is None) == (meeting.participant is None):
        raise _Wrong("group", "a session is of a group or of one participant; say which of them")
    if meeting.group is not None:
        if ("group", meeting.group) in whose:
            return whose["group", meeting.group]
        keys = ", ".join(key for kind, key in whose if kind == "group")
        raise _Wrong("group", f"there is no group {meeting.group}; there are: {keys or 'none'}")
    assert meeting.participant is not None, "one of the two"
    if ("participant", meeting.participant) not in whose:
        raise _Wrong("participant", "nobody is enrolled under this alias; plan it once they have come")
    return whose["participant", meeting.participant]


async def _lines(unit: Unit, programme: Programme, meeting: Meeting, changes: Sequence[Change]) -> list[str]:
    counted = Counter(NOT_MADE if (one.what, one.before) == ("over", None) else one.what for one in changes)
    heading = f"series {meeting.key}: " + ", ".join(f"{number} {what}" for what, number in counted.items())
    told = ("moved", "cancelled", "takes place", "changed")
    said = [change for change in changes if not meeting.rrule or change.what in told]
    lines = [line_of(one, await zone_of(unit, programme, one.session), meeting) for one in said]
    return [heading, *lines] if meeting.rrule else lines


async def early(unit: Unit, desk: Desk, programme: Programme, sessions: Sequence[Session]) -> str:
    """What people who plan should know of sessions so early (or late) that lines come in quiet hours; mostly empty."""
    times, found = times_for(desk, programme), list[str]()
    for session in sessions:
        zone = await zone_of(unit, programme, session)
        if ends_at(session) > desk.now() and leaves_quiet_hours_aside(session, times, ZoneInfo(zone)):
            found.append(f"{session.key}, {local_time(session.starts_at, zone)} {zone}")
    if not found:
        return ""
    which = found[0] if len(found) == 1 else f"{found[0]} and {len(found) - 1} more"
    return f"the lines before session {which} come in the quiet hours; a later start would spare people that"


async def zone_of(unit: Unit, programme: Programme, session: Session) -> str:
    """The time zone people know the session's time in: its group's, or the programme's."""
    person = await unit.people.get(session.person_id) if session.person_id else None
    group_id = person.group_id if person else session.group_id
    group = await unit.programmes.group(group_id) if group_id else None
    return group.timezone if group else programme.timezone


def local_time(at: datetime, zone: str) -> str:
    """A session's time for people at the command line, such as `2030-01-31 18:30`; its zone is said beside it."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def line_of(change: Change, zone: str, meeting: Meeting | None = None) -> str:
    """One session and what became of it, in local time."""
    session, before = change.session, change.before
    starts = f"{local_time(session.starts_at, zone)} {zone}"
    over = "over, left as it was" if before else f"{NOT_MADE}; is the year right?"
    what = {"moved": "changed", "over": over}.get(change.what, change.what)
    if before is not None and before.starts_at != session.starts_at:
        return f"session {session.key}, moved from {local_time(before.starts_at, zone)} to {starts}: {what}"
    kept = ""
    if before and meeting and isinstance(meeting.starts, str) and is_relative(meeting.starts):
        kept = f" (not moved: {meeting.starts} counts for a new session only)"
    return f"session {session.key}, {starts}{kept}: {what}"
