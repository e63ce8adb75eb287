"""Does what is due. Every reminder ends with a fate and, where nothing was sent, a reason (R-18)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import Session
from bot.ports.stores import Unit, Unreadable
from bot.schedule import due
from bot.usecases.data_requests import remind_of_requests
from bot.usecases.deadline import look_at_session
from bot.usecases.desk import Desk
from bot.usecases.digest import send_digest, send_weekly
from bot.usecases.duty import tell_gaps
from bot.usecases.plan import why_void
from bot.usecases.remind_person import Ended, remind_person
from bot.usecases.roster import final_roster, open_roster
from bot.usecases.signposts import tell_unchecked
from bot.usecases.staff_notice import Told, tell_administrators
from bot.usecases.tidy import tell_left_behind
from flows.effects import Line

log = structlog.get_logger(__name__)
AT_ONCE = 25
"""How many in one unit of work: an alert or a tap waits that long at most (R-12)."""
UNCHECKED = Line(
    "staff",
    "Before a session it could not be looked up who is not ready. Please look at /roster, and ask everybody yourself.",
)

Fire = Callable[[Unit, Desk, Reminder, Session | None], Awaitable[Ended | None]]
"""Does it; None when it was done, otherwise what became of it instead."""


async def show_roster(unit: Unit, desk: Desk, row: Reminder, session: Session | None) -> Ended | None:
    """The session's roster: as the test opens, and for the last time once the deadline has passed."""
    if session is None:
        return Ended(Fate.CANCELLED, "session_gone")
    final = row.latest_at >= session.starts_at
    shown = await (final_roster if final else open_roster)(unit, desk, session)
    return None if shown else Ended(Fate.FAILED, "nobody_to_tell")


async def report_gaps(unit: Unit, desk: Desk, row: Reminder, session: Session | None) -> Ended | None:
    """Managers and administrators read when nobody will be on duty, what could not be cleared away (S-43), and
    which help contacts wait to be checked."""
    told = (
        await tell_left_behind(unit, desk, row.programme_id),
        await tell_gaps(unit, desk, row.programme_id),
        await tell_unchecked(unit, desk, row.programme_id),
    )
    return _ended(_together(*told), "no_gaps")


async def digest(unit: Unit, desk: Desk, row: Reminder, session: Session | None) -> Ended | None:
    """What is for review, in one message each; and what participants have asked about their data (S-45)."""
    review = await send_digest(unit, desk, row.programme_id)
    asked = await remind_of_requests(unit, desk, row.programme_id)
    return _ended(_together(asked, review), "nothing_for_review")


async def weekly(unit: Unit, desk: Desk, row: Reminder, session: Session | None) -> Ended | None:
    """The open cases, for case management."""
    return _ended(await send_weekly(unit, desk, row.programme_id), "nothing_to_list")


def _together(*told: Told) -> Told:
    """All of it; told to nobody where some of it was."""
    alone = any(one.found and not one.people for one in told)
    return Told(sum(one.found for one in told), 0 if alone else sum(one.people for one in told))


def _ended(told: Told, without: str) -> Ended | None:
    """There was nothing to say (`without`), or nobody whom it could be said to: the one is well, the other is not."""
    if not told.found:
        return Ended(Fate.SKIPPED, without)
    return None if told.people else Ended(Fate.FAILED, "nobody_to_tell")


# What is done for whom. A new kind is a use case and a line here.
FIRES: Mapping[ReminderKind, Fire] = {
    **dict.fromkeys(
        (
            ReminderKind.DAY_BEFORE,
            ReminderKind.TEST_OPENS,
            ReminderKind.TEST_AGAIN,
            ReminderKind.CONFIRM,
            ReminderKind.HOLD_STANDS,
            ReminderKind.AFTER_SESSION,
            ReminderKind.NEXT_DAY,
            ReminderKind.CHECK_IN,
            ReminderKind.REFLECTION,
        ),
        remind_person,
    ),
    ReminderKind.DEADLINE: look_at_session,
    ReminderKind.ROSTER: show_roster,
    ReminderKind.GAPS: report_gaps,
    ReminderKind.DIGEST: digest,
    ReminderKind.WEEKLY: weekly,
}


async def remind(unit: Unit, desk: Desk, now: datetime, fires: Mapping[ReminderKind, Fire] = FIRES) -> int:
    """Do what is due, at most `AT_ONCE`, the longest overdue first; gives how many. The caller commits."""
    rows = await unit.reminders.due(now, AT_ONCE)
    for row in rows:
        try:
            ended = await _fire(unit, desk, row, now, fires)
        except Unreadable as fault:
            # One row that does not open stops no other; it is in the ledger as failed, and in the log by name.
            log.warning("remind.unreadable", row=row.id, error=str(fault))
            ended = Ended(Fate.FAILED, "unreadable")
            if row.kind is ReminderKind.DEADLINE:
                await tell_administrators(unit, desk, row.programme_id, UNCHECKED)
        await unit.reminders.save(replace(row, fate=ended.fate, reason=ended.reason, done_at=now))
    return len(rows)


async def _fire(
    unit: Unit, desk: Desk, row: Reminder, now: datetime, fires: Mapping[ReminderKind, Fire]
) -> Ended:
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    if row.session_id and (reason := why_void(row, session)):
        return Ended(Fate.CANCELLED, reason)
    fate = due.verdict(row, now, due.ends_at(session) if session else None)
    if fate is Fate.SKIPPED:
        return Ended(fate, "too_late")
    fire = fires.get(row.kind)
    if fire is None:
        return Ended(Fate.SKIPPED, "nothing_does_this")
    instead = await fire(unit, desk, row, session)
    return instead or Ended(fate, "after_its_time" if fate is Fate.LATE else "")
