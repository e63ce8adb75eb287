"""A programme's times, and when a message may arrive: quiet hours, safe times, sessions near. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.ports.records import Programme, Session

SATURDAY = 5
MIDNIGHT, NOON, EVENING = 0, 12, 17
MINUTE = timedelta(minutes=1)
LEAD = timedelta(minutes=15)
"""What has to come earlier comes this long before the time it may not lie in."""


@dataclass(frozen=True, slots=True)
class Times:
    """What a programme may set otherwise: minutes, or, where the name ends in `at`, `from`, `until`, an hour.

    `fresh`: how old the answers about place and state may be at the start. `check_in_day`: for whoever chose
    none, 0 is Monday. `zone`, `staffed_from`, `staffed_until`: when staff are there (S-12). `clear_before`,
    `clear_after`: no reflection around a session (S-12). `test_any_time`: a test counts whenever it is done.
    """

    day_before_at: int = 18
    test_opens: int = 90
    test_again: int = 30
    deadline: int = 15
    confirm: int = 15
    fresh: int = 30
    roster: int = 5
    after_session: int = 5
    next_day_at: int = 10
    check_in_at: int = 18
    check_in_day: int = 2
    reflection_at: int = 12
    quiet_from: int = 21
    quiet_until: int = 8
    clear_before: int = 120
    clear_after: int = 60
    test_any_time: bool = False
    staffed_from: int = 9
    staffed_until: int = 17
    zone: str = "UTC"


DEFAULT = Times()
_NAMES = frozenset(field.name for field in fields(Times))


def times_of(programme: Programme, **more: int) -> Times:
    """The programme's times; `more`: what the installation sets for all."""
    settings = programme.settings
    flat = {
        name: settings[name]
        for name in ("test_any_time", "staffed_from", "staffed_until")
        if name in settings
    }
    own = {name: value for name, value in settings.get("reminders", {}).items() if name in _NAMES}
    return Times(**{**more, **flat, **own, "zone": programme.timezone})


Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Rules:
    """When a message may arrive. `closed`: spans in which it may not. `staffed`: only while staff are there."""

    times: Times
    zone: ZoneInfo
    safe: frozenset[str] = frozenset()
    quiet: bool = True
    closed: tuple[Span, ...] = ()
    staffed: bool = False

    def against(self, at: datetime) -> str:
        """Why nothing may arrive at that time; empty when it may."""
        local = at.astimezone(self.zone)
        if self.quiet and in_quiet_hours(self.times, local):
            return "quiet_hours"
        if self.safe and part_of_day(local) not in self.safe:
            return "no_safe_time"
        if any(start <= at <= end for start, end in self.closed):
            return "near_a_session"
        return "nobody_there" if self.staffed and not self._is_staffed(at) else ""

    def nearest(self, wanted: datetime, first: datetime, last: datetime) -> datetime | None:
        """The allowed time nearest to `wanted` from `first` to `last`; the earlier of two."""
        if first <= wanted <= last and not self.against(wanted):
            return wanted
        found = {wanted, first, last, *self._edges(wanted)}
        allowed = [at for at in found if first <= at <= last and not self.against(at)]
        return min(allowed, key=lambda at: (abs(at - wanted), at), default=None)

    def until(self, at: datetime, last: datetime) -> datetime:
        """From `at` on, when the next time begins in which nothing may arrive; `last` if that is sooner."""
        edges = {*self._edges(at), *self._edges(last), *(start for start, _ in self.closed)}
        return min((edge for edge in edges if at < edge < last and self.against(edge)), default=last)

    def _is_staffed(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.times.zone))
        return local.weekday() < SATURDAY and self.times.staffed_from <= local.hour < self.times.staffed_until

    def _edges(self, around: datetime) -> Iterator[datetime]:
        """Where what is allowed may begin, and a while before where it may end."""
        own = (MIDNIGHT, self.times.quiet_until, NOON, EVENING, self.times.quiet_from)
        for zone, hours in ((self.zone, own), (ZoneInfo(self.times.zone), self._staffed_hours())):
            day = around.astimezone(zone).date()
            for days in (-1, 0, 1):
                for hour in hours:
                    edge = instant(day + timedelta(days=days), hour, zone)
                    yield from (edge - LEAD, edge)
        for start, end in self.closed:
            yield from (start - LEAD, end + MINUTE)

    def _staffed_hours(self) -> tuple[int, ...]:
        return (self.times.staffed_from, self.times.staffed_until) if self.staffed else ()


def instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """That hour of that local day in UTC; the first where it comes twice, and 24 is the next midnight."""
    days, hour = divmod(hour, 24)
    return datetime.combine(day + timedelta(days=days), time(hour), zone).astimezone(UTC)


def in_quiet_hours(times: Times, local: datetime) -> bool:
    """Whether nothing should arrive at this local time."""
    if times.quiet_from <= times.quiet_until:
        return times.quiet_from <= local.hour < times.quiet_until
    return local.hour >= times.quiet_from or local.hour < times.quiet_until


def part_of_day(local: datetime) -> str:
    """The part of the day as WE-SAFE names them."""
    return "morning" if local.hour < NOON else "afternoon" if local.hour < EVENING else "evening"


def opens_at(session: Session, times: Times) -> datetime:
    """From when on a self-test counts for the session."""
    return session.starts_at - timedelta(minutes=times.test_opens)


def test_is_open(session: Session, times: Times, now: datetime) -> bool:
    """Whether a self-test done now counts."""
    return times.test_any_time or now >= opens_at(session, times)
