"""Whom a role asks, and whom next. Pure: people are ids, times are given.

`CaseRole.rung` counts the rungs asked so far, so it is also the index of the one to ask next; past
the end it goes on counting the rounds in which everybody was asked again (R-06).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.escalation.office import Hours
from flows.values import Role, Urgency

Who = Literal["group", "duty", "programme", "manager"]
Kind = Literal["group", "duty", "programme", "manager", "all"]

ALL = "all"
DUTY = "duty"
A_DAY = 24 * 60
"""Minutes of a rung that sets no pace of its own: what is for review goes by the digest's mornings."""
SOON = timedelta(hours=24)
"""A session further away than this leaves time for a working day."""
OFFICE_MINUTES = 120
"""Minutes to the next rung where there is a working day's time: four rungs within it."""
BACKSTOP = timedelta(minutes=5)
"""So long after the digest's hour the ladder itself looks whether it was sent."""
SHORTEST = 15
"""Seconds that even a compressed rung has, while there is time for that: one look of the cycle, and a glance."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A line of a policy: whom, how many minutes they have, and how often. No minutes: the urgency's own."""

    who: Who
    minutes: int | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Staff:
    """The ids a ladder can be made of, as the programme is staffed now. `rota`: whether a duty rung has one to ask."""

    group: tuple[str, ...] = ()
    programme: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    rota: bool = False
    own_rota: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """The people asked together, and how many seconds they have before the next are asked.

    `duty`: whoever is on shift when the rung is reached; `all`: everybody of the role, then. `hours`: the next
    are asked within these only. `quiet`: they read it in the digest of a working morning.
    """

    people: tuple[str, ...]
    after: int
    kind: Kind = "programme"
    hours: Hours | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to ask now, and whom next and when (R-04). `rung` is the part's new count."""

    people: tuple[str, ...]
    rung: int
    next_target: str
    next_due_at: datetime


def default_policy(role: Role, staff: Staff) -> tuple[Ask, ...]:
    """Where the programme says nothing else; docs/decisions/0008 has the reasons."""
    if role is Role.FACILITATOR and not staff.own_rota:
        return Ask("group"), Ask("duty"), Ask("programme"), Ask("manager")
    rota = (Ask("duty"),) if staff.own_rota else ()
    return *rota, Ask("group"), Ask("programme"), Ask("manager")


def build(policy: Iterable[Ask], role: Role, staff: Staff, minutes: int) -> tuple[Rung, ...]:
    """The fixed ladder of a role: the policy's rungs, then everybody for ever (R-06).

    `minutes`: what a rung has that says none itself. Rungs that nobody can be expected on (no rota, no managers, a
    manager's own) are left out. Where the role has nobody at all, managers and administrators stand in.
    """
    people: dict[Who, tuple[str, ...]] = {
        "group": staff.group,
        "duty": (),
        "programme": staff.programme,
        "manager": staff.managers,
    }
    lines = list(policy)
    if not staff.group and not staff.programme and all(line.who != "manager" for line in lines):
        lines.append(Ask("manager"))
    rungs: list[Rung] = []
    for line in lines:
        pointless = line.who == "manager" and (role is Role.MANAGER or not staff.managers)
        if pointless or (line.who == "duty" and not staff.rota):
            continue
        after = (line.minutes or minutes) * 60
        rungs += [Rung(people[line.who], after, line.who)] * line.times
    if not staff.group and not staff.programme and staff.administrators:
        rungs.append(Rung(staff.administrators, minutes * 60, "manager"))
    return (*rungs, Rung((), minutes * 60, "all"))


def compressed(rungs: Sequence[Rung], left: timedelta) -> tuple[Rung, ...]:
    """The same rungs, hastened so that each has had its time when `left` is over.

    So the last one is asked before the session starts. Everybody again, after that, keeps its own pace.
    """
    own = [rung for rung in rungs if rung.kind != "all"]
    total, seconds = sum(rung.after for rung in own), int(left.total_seconds())
    if seconds <= 0 or total <= seconds:
        return tuple(rungs)
    floor = SHORTEST if seconds >= SHORTEST * len(own) else max(1, seconds // len(own))
    spare = max(0, seconds - floor * len(own))
    above = sum(max(0, rung.after - floor) for rung in own)

    def hastened(rung: Rung) -> Rung:
        share = spare * max(0, rung.after - floor) // above if above else 0
        return replace(rung, after=min(rung.after, floor + share))

    return tuple(rung if rung.kind == "all" else hastened(rung) for rung in rungs)


def paced(
    rungs: Sequence[Rung], urgency: Urgency, now: datetime, starts_at: datetime | None, hours: Hours
) -> tuple[Rung, ...]:
    """The rungs at the pace of the urgency; `now` is when the first of them is asked.

    `session` without a session within 24 hours takes a working day; `review` goes into the digest;
    everything else is compressed so that the last rung is reached before the session starts.
    """
    if urgency is Urgency.REVIEW:
        return tuple(replace(rung, hours=hours, quiet=True) for rung in rungs)
    if urgency is not Urgency.NOW and not is_soon(now, starts_at):
        office = tuple(replace(rung, after=OFFICE_MINUTES * 60, hours=hours) for rung in rungs)
        if starts_at is None or _ends(office, now) <= starts_at:
            return office
    return compressed(rungs, starts_at - now) if starts_at is not None else tuple(rungs)


def hastened(
    rungs: Sequence[Rung], rung: int, now: datetime, due: datetime, starts_at: datetime, minutes: int
) -> tuple[tuple[Rung, ...], datetime]:
    """A running ladder, and its due time, for a session that now starts at `starts_at`: sooner, never later.

    `rung`: how many rungs were asked. Before the first is, `due` stands. `minutes`: a rung's time where the pace
    of the working day has become too slow.
    """
    fits = not is_soon(now, starts_at) and _ends(rungs[rung:], max(due, now)) <= starts_at
    if is_quiet(rungs) or fits:
        return tuple(rungs), due
    quick = [_off_hours(one, minutes * 60) for one in rungs]
    if rung == 0:
        return compressed(quick, starts_at - max(due, now)), due
    current, left = quick[min(rung, len(quick)) - 1], max(0, int((due - now).total_seconds()))
    rest = (replace(current, after=min(left, current.after)), *quick[rung:])
    current, *to_come = compressed(rest, starts_at - now)
    sooner = due if current.after >= left else now + timedelta(seconds=current.after)
    return (*quick[:rung], *to_come), sooner


def in_time(
    rungs: Sequence[Rung], rung: int, now: datetime, starts_at: datetime, minutes: int
) -> tuple[Rung, ...]:
    """The ladder for rungs that come late: hastened only where the last would not have its time before the start."""
    if is_quiet(rungs) or _ends(rungs[rung:], now) <= starts_at:
        return tuple(rungs)
    return hastened(rungs, rung, now, now, starts_at, minutes)[0]


def _off_hours(rung: Rung, seconds: int) -> Rung:
    """The rung at any hour and at the urgency's pace, if it was waiting for working hours."""
    return replace(rung, hours=None, after=min(rung.after, seconds)) if rung.hours else rung


def _ends(rungs: Sequence[Rung], now: datetime) -> datetime:
    """When each rung has had its time."""
    for rung in rungs:
        now = now if rung.kind == "all" else _due(rung, now)
    return now


def is_soon(now: datetime, starts_at: datetime | None) -> bool:
    """Whether there is a session that starts within 24 hours, or has begun."""
    return starts_at is not None and starts_at <= now + SOON


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[Rung, ...]:
    """A ladder as it is kept in a part; those kept before policies say people and seconds only."""
    found: list[Rung] = []
    for index, row in enumerate(rows):
        kind = row.get("kind", "programme" if index else "group")
        hours = Hours(*row["hours"]) if row.get("hours") else None
        found.append(Rung(tuple(row["people"]), int(row["after"]), kind, hours, bool(row.get("quiet"))))
    return tuple(found)


def rows_of(rungs: Iterable[Rung]) -> tuple[dict[str, Any], ...]:
    """A ladder to be kept in a part."""
    rows: list[dict[str, Any]] = []
    for rung in rungs:
        row: dict[str, Any] = {"people": list(rung.people), "after": rung.after, "kind": rung.kind}
        row |= {"hours": [rung.hours.zone, rung.hours.start, rung.hours.end]} if rung.hours else {}
        rows.append(row | ({"quiet": True} if rung.quiet else {}))
    return tuple(rows)


def is_quiet(rungs: Sequence[Rung]) -> bool:
    """Whether people read of it in the digest only."""
    return any(rung.quiet for rung in rungs)


def hastier(rungs: Sequence[Rung], before: Sequence[Rung]) -> bool:
    """Whether the ladder goes faster by itself, whatever a session's start has made of either."""
    return (is_quiet(before) and not is_quiet(rungs)) or rungs[-1].after < before[-1].after


def next_of(rungs: Sequence[Rung], rung: int) -> tuple[int, str]:
    """The first rung from `rung` on that has people, and its people as a target; past the end, all.

    A duty rung's target is `duty`: who that is shows when it is reached.
    """
    for index in range(rung, len(rungs)):
        if rungs[index].kind == "all":
            return index, ALL
        if rungs[index].kind == "duty":
            return index, DUTY
        if rungs[index].people:
            return index, ",".join(rungs[index].people)
    return max(rung, len(rungs)), ALL


def step(
    rungs: Sequence[Rung], rung: int, now: datetime, everybody: Sequence[str], on_duty: Sequence[str] = ()
) -> Step:
    """From `rung` on, the next rung that has people, at once (R-07); past the last, `everybody`, for ever (R-06, S-31).

    `everybody` and `on_duty` are looked up anew by the caller. Where they are nobody `people` is empty:
    on a duty rung the caller goes on to the next at once, at the end they are looked up again at the due time.
    """
    index, target = next_of(rungs, rung)
    looked_up = {ALL: tuple(everybody), DUTY: tuple(on_duty)}
    people = looked_up[target] if target in looked_up else tuple(target.split(","))
    _, following = next_of(rungs, index + 1)
    return Step(people, index + 1, following, _due(rungs[min(index, len(rungs) - 1)], now))


def _due(rung: Rung, now: datetime) -> datetime:
    if rung.quiet and rung.hours:
        return digest_due(now, rung.hours)
    due = now + timedelta(seconds=rung.after)
    return rung.hours.within(due) if rung.hours else due


def asked_all(rungs: Sequence[Rung], rung: int) -> bool:
    """Whether everybody of the role was asked last."""
    return rung > sum(one.kind != "all" for one in rungs)


def first_due(
    urgency: Urgency, now: datetime, starts_at: datetime | None, hours: Hours, lead: timedelta
) -> datetime:
    """When a concern of this urgency is first alerted: `now` at once, and `session` too if that is soon.

    `session` without a session within 24 hours: in working hours at once, else the next working morning, and 24
    hours before the session at the latest. `roster`: at the deadline, `lead` before the session; without one, in
    working hours. `review`: with the digest of the next working morning.
    """
    if urgency is Urgency.REVIEW:
        return digest_due(now, hours)
    if urgency is Urgency.ROSTER and starts_at is not None:
        return max(now, starts_at - lead)
    if urgency is Urgency.NOW or is_soon(now, starts_at) or hours.open(now):
        return now
    morning = hours.next_morning(now)
    return min(morning, starts_at - SOON) if starts_at else morning


def digest_due(now: datetime, hours: Hours) -> datetime:
    """When a part that waits for the digest is due: a little after its hour, should it not have been sent.

    In the minutes between, it still belongs to this morning's.
    """
    return hours.next_morning(now) + BACKSTOP
