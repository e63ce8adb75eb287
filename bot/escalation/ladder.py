"""Whom a role asks, and whom next. Pure: people are ids, times are given.

`CaseRole.rung` counts the rungs asked so far, so it is also the index of the one to ask next; past
the end it goes on counting the rounds in which everybody was asked again (R-06).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.values import Urgency

ALL = "all"
ROSTER_LEAD = timedelta(minutes=15)
MORNING = time(9, 0)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Rung:
    """The people asked together, and how many seconds they have before the next are asked."""

    people: tuple[str, ...]
    after: int


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to ask now, and whom next and when (R-04). `rung` is the part's new count."""

    people: tuple[str, ...]
    rung: int
    next_target: str
    next_due_at: datetime


def build(
    own_group: Sequence[str],
    programme: Sequence[str],
    managers: Sequence[str],
    administrators: Sequence[str],
    after: int,
) -> tuple[Rung, ...]:
    """The fixed ladder of a role. Managers and administrators stand in only where the role has nobody."""
    rungs = [Rung(tuple(own_group), after), Rung(tuple(programme), after)]
    if not own_group and not programme:
        rungs += [Rung(tuple(managers), after), Rung(tuple(administrators), after)]
    return tuple(rungs)


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[Rung, ...]:
    """A ladder as it is kept in a part."""
    return tuple(Rung(tuple(row["people"]), int(row["after"])) for row in rows)


def rows_of(rungs: Iterable[Rung]) -> tuple[dict[str, Any], ...]:
    """A ladder to be kept in a part."""
    return tuple({"people": list(rung.people), "after": rung.after} for rung in rungs)


def next_of(rungs: Sequence[Rung], rung: int) -> tuple[int, str]:
    """The first rung from `rung` on that has people, and its people as a target; past the end, all."""
    for index in range(rung, len(rungs)):
        if rungs[index].people:
            return index, ",".join(rungs[index].people)
    return max(rung, len(rungs)), ALL


def step(rungs: Sequence[Rung], rung: int, now: datetime, everybody: Sequence[str]) -> Step:
    """From `rung` on, the next rung that has people, at once (R-07); past the last, `everybody`, for ever (R-06, S-31).

    `everybody` is looked up anew by the caller. With nobody at all `people` is empty and they are
    looked up again at the next due time.
    """
    index, target = next_of(rungs, rung)
    people = tuple(everybody) if target == ALL else tuple(target.split(","))
    after = rungs[min(index, len(rungs) - 1)].after
    _, following = next_of(rungs, index + 1)
    return Step(people, index + 1, following, now + timedelta(seconds=after))


def first_due(urgency: Urgency, now: datetime, starts_at: datetime | None, zone: ZoneInfo) -> datetime:
    """When a concern of this urgency is first alerted: `now` and `session` at once, the others later.

    `roster`: 15 minutes before the session; at once when that has passed or there is no session.
    `review`: 09:00 of the next working day in the programme's zone.
    """
    if urgency is Urgency.ROSTER and starts_at is not None:
        return max(now, starts_at - ROSTER_LEAD)
    if urgency is Urgency.REVIEW:
        return next_working_morning(now, zone)
    return now


def next_working_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The next 09:00 of a Monday to Friday in the zone, after `now`."""
    day = now.astimezone(zone).date()
    while True:
        morning = datetime.combine(day, MORNING, zone)
        if morning > now and day.weekday() < SATURDAY:
            return morning.astimezone(now.tzinfo)
        day += timedelta(days=1)
