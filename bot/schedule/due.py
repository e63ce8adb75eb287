"""What the clock alone brings about: around a session, and in a person's week. Pure: times and rows are given.

Times of day are the person's. Quiet hours, safe times and what lies near a session move a reminder to the
nearest allowed time within its own span; where there is none it is planned as skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import Person, Session
from bot.schedule.times import LEAD, MINUTE, Rules, Span, Times, instant, opens_at

BEFORE_CONFIRM_ENDS = timedelta(minutes=5)


# --- lateness ------------------------------------------------------------------------------------------

Late = Literal["send_late", "skip", "tell_staff"]


@dataclass(frozen=True, slots=True)
class Lateness:
    """What becomes of a reminder that could not be sent in time.

    `send_late`: until the session has ended. `skip`: nothing is sent. `tell_staff`: it concerns staff and is
    done however late.
    """

    then: Late
    why: str


LATENESS: Mapping[ReminderKind, Lateness] = {
    ReminderKind.DAY_BEFORE: Lateness("skip", "the line at the opening of the test says the same"),
    ReminderKind.TEST_OPENS: Lateness("skip", "the second line comes soon, with less time left to say twice"),
    ReminderKind.TEST_AGAIN: Lateness("skip", "past the deadline people are asked, not the participant"),
    ReminderKind.CONFIRM: Lateness(
        "skip", "too late to answer before the start; who did not is told to staff"
    ),
    ReminderKind.HOLD_STANDS: Lateness("send_late", "somebody may be about to join all through the session"),
    ReminderKind.AFTER_SESSION: Lateness(
        "skip", "it is about the time right after; the next day's line follows"
    ),
    ReminderKind.NEXT_DAY: Lateness("skip", "on another day it would not be about this session"),
    ReminderKind.CHECK_IN: Lateness("skip", "the next week's comes; the menu offers it at any time"),
    ReminderKind.REFLECTION: Lateness("skip", "another one comes in the same week"),
    ReminderKind.DEADLINE: Lateness("tell_staff", "nobody may go unchecked because software was away (S-32)"),
    ReminderKind.ROSTER: Lateness("send_late", "useful as long as the session runs"),
    ReminderKind.DIGEST: Lateness("tell_staff", "what it lists is still open"),
    ReminderKind.WEEKLY: Lateness("tell_staff", "what it lists is still to be talked over"),
    ReminderKind.GAPS: Lateness("tell_staff", "a gap in duty matters until it is filled"),
}


def verdict(reminder: Reminder, now: datetime, ends_at: datetime | None) -> Fate:
    """SENT in time, LATE where the table lets it be done late, otherwise SKIPPED."""
    if now <= reminder.latest_at:
        return Fate.SENT
    then = LATENESS[reminder.kind].then
    if then == "tell_staff" or (then == "send_late" and (ends_at is None or now <= ends_at)):
        return Fate.LATE
    return Fate.SKIPPED


def until(reminder: Reminder, ends_at: datetime | None) -> datetime:
    """Until when its line may still arrive: as long as it would be sent late, to the end of the minute otherwise."""
    late = LATENESS[reminder.kind].then == "send_late" and ends_at is not None
    return (ends_at if late and ends_at else reminder.latest_at) + MINUTE


# --- a session -----------------------------------------------------------------------------------------

_K = ReminderKind
AHEAD_OF_SESSION = (_K.TEST_OPENS, _K.TEST_AGAIN, _K.CONFIRM)


def ends_at(session: Session) -> datetime:
    """When the session is over."""
    return session.starts_at + timedelta(minutes=session.minutes)


def rules_for(kind: ReminderKind, person: Person, times: Times, sessions: Sequence[Session]) -> Rules:
    """What is kept for a reminder of that kind. `sessions`: its own, or for a week's reminder those near it.

    The lines before a session leave quiet hours aside only if the session itself lies in them, or starts so soon
    after them that the line's own span has no other time; the one right after it always, as the session has only
    just ended. That a hold stands is said whenever the session starts: joining would be worse.
    """
    zone = ZoneInfo(person.timezone)
    if kind is _K.HOLD_STANDS:
        return Rules(times, zone, quiet=False)
    safe = safe_times_of(person)
    if kind in AHEAD_OF_SESSION:
        return Rules(times, zone, safe, quiet=not any(_is_all_quiet(kind, s, times, zone) for s in sessions))
    if kind in (_K.CHECK_IN, _K.REFLECTION):
        closed = tuple(clear_of(session, times) for session in sessions)
        return Rules(times, zone, safe, closed=closed, staffed=kind is _K.REFLECTION)
    return Rules(times, zone, safe, quiet=kind is not _K.AFTER_SESSION)


def safe_times_of(person: Person) -> frozenset[str]:
    """The parts of the day that are safe for messages; none where any is."""
    return frozenset(person.safe_times) - {"any"}


def leaves_quiet_hours_aside(session: Session, times: Times, zone: ZoneInfo) -> bool:
    """Whether people in that zone get a line in their quiet hours because the session is so early or late."""
    return any(_is_all_quiet(kind, session, times, zone) for kind in AHEAD_OF_SESSION)


def _is_all_quiet(kind: ReminderKind, session: Session, times: Times, zone: ZoneInfo) -> bool:
    """Whether the session lies in quiet hours, or the whole span does in which a line of that kind makes sense."""
    kept = Rules(times, zone)
    return bool(kept.against(session.starts_at)) or kept.nearest(*_spans(session, times, zone)[kind]) is None


def clear_of(session: Session, times: Times) -> Span:
    """The time around a session in which nothing else is brought up (S-12)."""
    before, after = timedelta(minutes=times.clear_before), timedelta(minutes=times.clear_after)
    return session.starts_at - before, ends_at(session) + after


def for_session(session: Session, times: Times) -> list[Reminder]:
    """What is done once for the session: the roster as the test opens and at last, the deadline, two more looks.

    The first of them comes as the time to confirm ends, so that staff know before the start and before the last
    roster (S-32); the one at the start is for what changed since.
    """
    start = session.starts_at
    deadline = start - timedelta(minutes=times.deadline)
    roster = start - timedelta(minutes=times.roster)
    return [
        _of(session, _K.DEADLINE, deadline, start),
        _of(session, _K.DEADLINE, confirmed_by(session, times), start, key="before_start"),
        _of(session, _K.DEADLINE, start, start + timedelta(minutes=5), key="at_start"),
        _of(session, _K.ROSTER, opens_at(session, times), deadline, key="roster_opens"),
        _of(session, _K.ROSTER, roster, start),
    ]


def confirmed_by(session: Session, times: Times) -> datetime:
    """When whoever has not confirmed is told to staff: 5 minutes before the start, not before they were asked."""
    least = min(times.deadline, times.confirm, BEFORE_CONFIRM_ENDS // MINUTE)
    return session.starts_at - timedelta(minutes=least)


def for_person(session: Session, person: Person, times: Times) -> list[Reminder]:
    """What one participant is sent because of the session, in order of the time planned."""
    planned = [
        _placed(session, person, times, kind, *span)
        for kind, span in _spans(session, times, ZoneInfo(person.timezone)).items()
    ]
    opens = next(r for r in planned if r.kind is _K.TEST_OPENS)
    return sorted((_not_twice(r, opens) for r in planned), key=lambda r: r.due_at)


def _spans(
    session: Session, times: Times, zone: ZoneInfo
) -> dict[ReminderKind, tuple[datetime, datetime, datetime]]:
    """Kind -> when it is wanted, from when and until when it makes sense."""
    start, end = session.starts_at, ends_at(session)
    opens, deadline = opens_at(session, times), start - timedelta(minutes=times.deadline)
    again, confirm = (start - timedelta(minutes=m) for m in (times.test_again, times.confirm))
    eve = start.astimezone(zone).date() - timedelta(days=1)
    after, morrow = (
        end + timedelta(minutes=times.after_session),
        end.astimezone(zone).date() + timedelta(days=1),
    )
    day_before, next_day = instant(eve, times.day_before_at, zone), instant(morrow, times.next_day_at, zone)
    return {
        _K.DAY_BEFORE: (day_before, instant(eve, 0, zone), max(day_before, min(opens, instant(eve, 24, zone) - MINUTE))),
        _K.TEST_OPENS: (opens, opens, max(opens, again - MINUTE)),
        _K.TEST_AGAIN: (again, min(opens, again), max(again, deadline)),
        _K.CONFIRM: (confirm, start - timedelta(minutes=times.fresh), max(confirm, start - BEFORE_CONFIRM_ENDS)),
        _K.HOLD_STANDS: (start, start, start + timedelta(minutes=5)),
        _K.AFTER_SESSION: (after, after, end + timedelta(hours=2)),
        _K.NEXT_DAY: (next_day, instant(morrow, 0, zone), instant(morrow, 24, zone) - MINUTE),
    }  # fmt: skip


def _placed(
    session: Session, person: Person, times: Times, kind: ReminderKind,
    wanted: datetime, first: datetime, last: datetime,
) -> Reminder:  # fmt: skip
    rules = rules_for(kind, person, times, [session])
    due = rules.nearest(wanted, first, last)
    if due is None:
        return _skipped(_of(session, kind, wanted, wanted, person), rules.against(wanted))
    return _of(session, kind, due, last, person)


def _not_twice(reminder: Reminder, opens: Reminder) -> Reminder:
    """Two lines about the test at one time would be one too many."""
    again = reminder.kind is _K.TEST_AGAIN and reminder.fate is Fate.DUE and opens.fate is Fate.DUE
    return _skipped(reminder, "just_said") if again and reminder.due_at < opens.due_at + LEAD else reminder


def _of(
    session: Session,
    kind: ReminderKind,
    due: datetime,
    latest: datetime,
    person: Person | None = None,
    key: str = "",
) -> Reminder:
    whose = person.id if person else ""
    return Reminder(
        id="", key=f"{key or kind}:{session.id}:{whose}:{session.version}", programme_id=session.programme_id, kind=kind,
        due_at=due, latest_at=latest, session_id=session.id, person_id=person.id if person else None,
        guard=session.version,
    )  # fmt: skip


def _skipped(reminder: Reminder, reason: str) -> Reminder:
    return replace(reminder, fate=Fate.SKIPPED, reason=reason)


# --- a week --------------------------------------------------------------------------------------------


def reflection_days(check_in_day: int) -> tuple[int, int]:
    """Two working days a week, apart from one another and from the check-in."""
    return (0, 3) if check_in_day in (1, 4) else (1, 4)


def for_day(day: date, person: Person, sessions: Iterable[Session], times: Times) -> list[Reminder]:
    """What one participant is sent on a day of their own week, kept clear of their `sessions`."""
    near = list(sessions)
    chosen = times.check_in_day if person.check_in_day is None else person.check_in_day
    found = []
    if day.weekday() == chosen:
        found.append(_of_day(day, person, near, times, _K.CHECK_IN, times.check_in_at))
    if day.weekday() in reflection_days(chosen):
        found.append(_of_day(day, person, near, times, _K.REFLECTION, times.reflection_at))
    return found


def _of_day(
    day: date, person: Person, sessions: Sequence[Session], times: Times, kind: ReminderKind, hour: int
) -> Reminder:
    zone = ZoneInfo(person.timezone)
    wanted, last = instant(day, hour, zone), instant(day, 24, zone) - MINUTE
    rules = rules_for(kind, person, times, sessions)
    due = rules.nearest(wanted, instant(day, 0, zone), last)
    more: dict[str, Any] = {} if due else {"fate": Fate.SKIPPED, "reason": rules.against(wanted)}
    latest = min(last, due + timedelta(hours=3)) if due else wanted
    return Reminder(
        id="", key=f"{kind}:{day.isoformat()}:{person.id}", programme_id=person.programme_id, kind=kind,
        due_at=due or wanted, latest_at=latest, person_id=person.id, **more,
    )  # fmt: skip


NINE, MONDAY, SATURDAY = 9, 0, 5


def for_programme(day: date, programme_id: str, times: Times) -> list[Reminder]:
    """What staff are told on a day of the programme's own time.

    As their hours begin, gaps in duty; at nine, on working days the digest and on Mondays the weekly list.
    """
    zone = ZoneInfo(times.zone)
    hours = {_K.GAPS: times.staffed_from}
    hours |= {_K.DIGEST: NINE} if day.weekday() < SATURDAY else {}
    hours |= {_K.WEEKLY: NINE} if day.weekday() == MONDAY else {}
    return [
        Reminder(
            "", f"{kind}:{day.isoformat()}:{programme_id}", programme_id, kind, due, due + timedelta(hours=3)
        )
        for kind, due in ((kind, instant(day, hour, zone)) for kind, hour in hours.items())
    ]
