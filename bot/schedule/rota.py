"""Who is on duty when: local times into UTC, handovers that overlap, and gaps. Pure.

Where clocks change, a start that comes twice is the first and an end the last; of times that do not exist the
start is the earlier reading, the end the later. So two shifts that meet in local time never leave a gap (R-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[str, ...] = get_args(Day)
OVERLAP = timedelta(minutes=15)
"""So long whoever is relieved stays on duty too: an alert sent at the handover reaches both."""


@dataclass(frozen=True, slots=True)
class Line:
    """Every week on that day (0 is Monday) from `starts` to `ends`, as HH:MM, local in `zone`."""

    day: int
    starts: str
    ends: str
    who: str
    zone: str


@dataclass(frozen=True, slots=True)
class Override:
    """What holds on a date in place of the week's lines that begin on it; nobody where `who` is empty."""

    day: date
    starts: str
    ends: str
    who: str
    zone: str


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody, from and until when; UTC."""

    who: str
    starts_at: datetime
    ends_at: datetime


Span = tuple[datetime, datetime]


def earliest(local: datetime, zone: str | tzinfo) -> datetime:
    """A naive local time in UTC: the earlier reading where clocks change."""
    return min(_readings(local, zone))


def latest(local: datetime, zone: str | tzinfo) -> datetime:
    """A naive local time in UTC: the later reading where clocks change."""
    return max(_readings(local, zone))


def _readings(local: datetime, zone: str | tzinfo) -> tuple[datetime, datetime]:
    known = ZoneInfo(zone) if isinstance(zone, str) else zone
    first, second = (local.replace(tzinfo=known, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def span_of(day: date, starts: str, ends: str, zone: str) -> Span:
    """From when to when a line holds that begins on the date; up to a time not later than its start, the next day."""
    begin, end = _at(day, starts), _at(day, ends)
    return earliest(begin, zone), latest(end if end > begin else end + timedelta(days=1), zone)


def _at(day: date, clock: str) -> datetime:
    hour, _, minute = clock.partition(":")
    days, hour_of_day = divmod(int(hour), 24)
    return datetime.combine(day + timedelta(days=days), time(hour_of_day, int(minute)))


def duties(lines: Sequence[Line], overrides: Sequence[Override], first: date, last: date) -> list[Duty]:
    """All that begin from the first to the last local date, by start; handovers not yet overlapped."""
    found: list[Duty] = []
    differs = {override.day for override in overrides}
    for day in _days(first, last):
        if day in differs:
            mine: Iterable[Line | Override] = (o for o in overrides if o.day == day and o.who)
        else:
            mine = (line for line in lines if line.day == day.weekday())
        found += [Duty(one.who, *span_of(day, one.starts, one.ends, one.zone)) for one in mine]
    return sorted(found, key=lambda duty: (duty.starts_at, duty.who))


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def handed_over(found: Iterable[Duty]) -> list[Duty]:
    """The same, each going on for 15 minutes where another begins at its end or soon after."""
    known = list(found)

    def goes_on(duty: Duty) -> bool:
        until = duty.ends_at + OVERLAP
        return any(o.starts_at <= until and o.ends_at > duty.ends_at for o in known if o is not duty)

    return [replace(duty, ends_at=duty.ends_at + OVERLAP) if goes_on(duty) else duty for duty in known]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as possible, by start."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def gaps(covered: Iterable[Span], expected: Iterable[Span]) -> list[Span]:
    """The expected time that is not covered, by start."""
    taken, found = merged(covered), []
    for start, end in merged(expected):
        for begins, ends in taken:
            if ends <= start or begins >= end:
                continue
            if begins > start:
                found.append((start, begins))
            start = max(start, ends)
        if start < end:
            found.append((start, end))
    return found


def clipped(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """What of the spans lies between start and end."""
    return [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]
