"""Plan, move, cancel and change sessions, one by one or a series by its key; what was timed by the old plan goes.

A series `tuesday` is kept as sessions `tuesday/2030-01-08`, `tuesday/2030-01-15` and so on; the day is the one
its rule gives, whatever it is moved to. Every change makes a new version of the session (R-14, S-32).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from bot.ports.plan import EVER, Fate
from bot.ports.records import AuditEntry, Person, Programme, Session
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.facts import time_of
from bot.usecases.hasten import hasten
from bot.usecases.hold import counts
from bot.usecases.roster import session_changed
from bot.usecases.staff_notice import tell_group
from flows.effects import Line

SOON = timedelta(hours=48)
"""Staff are told of a session that is moved or cancelled so shortly before."""
MOVED = Line(
    "staff", "A session has been moved from {before} to {after}. Tests already done do not count for it."
)
CANCELLED = Line("staff", "The session on {before} has been cancelled.")
TAKES_PLACE = Line(
    "staff", "The session on {after} takes place after all. Tests already done do not count for it."
)
_INSTANCE = re.compile(r"(.+)/\d{4}-\d\d-\d\d\Z", re.DOTALL)

What = Literal["made", "moved", "cancelled", "takes place", "changed", "as it was", "over"]


class CannotPlan(Exception):
    """What is asked for cannot be done with these sessions; the message says what can."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A session as it should be. `group_id` or `person_id`, never both."""

    key: str
    group_id: str | None
    person_id: str | None
    starts_at: datetime
    minutes: int
    platform: Literal["zoom", "teams"]
    link: str
    state: Literal["planned", "cancelled"] = "planned"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one session. `before` is None for a new one."""

    what: What
    session: Session
    before: Session | None = None


def instance_key(series: str, day: date) -> str:
    """The key of a series' session on the day its rule gives."""
    return f"{series}/{day.isoformat()}"


def series_of(key: str) -> str | None:
    """The key of the series that a session is of."""
    found = _INSTANCE.match(key)
    return found[1] if found else None


def ends_at(session: Session) -> datetime:
    """When it ends, UTC."""
    return session.starts_at + timedelta(minutes=session.minutes)


async def plan(
    unit: Unit, desk: Desk, programme: Programme, key: str, wanted: Sequence[Wanted], by: str
) -> list[Change]:
    """Bring the session or series `key` to what is wanted, and cancel what is still to come and not wanted any more.

    What is over stays as it was. The caller commits.
    """
    done = [await _put(unit, desk, programme, one, by) for one in wanted]
    keys = {one.key for one in wanted}
    for session in await _coming(unit, desk, programme.id, key):
        if session.key not in keys:
            done.append(await _write(unit, desk, replace(session, state="cancelled"), session, by))
    return done


async def find(unit: Unit, desk: Desk, programme: Programme, key: str) -> list[Session]:
    """The session of that key, or what is still to come of the series. Raises CannotPlan."""
    one = await unit.sessions.by_key(programme.id, key)
    if one is not None and one.state == "planned" and ends_at(one) > desk.now():
        return [one]
    if found := await _coming(unit, desk, programme.id, key):
        return found
    if one is None:
        raise CannotPlan(f"there is no session {key} to come; see them with: vestibule sessions list")
    raise CannotPlan(f"session {key} is {'cancelled' if one.state == 'cancelled' else 'over'} already")


async def move(unit: Unit, desk: Desk, session: Session, starts_at: datetime, by: str) -> Change:
    """Another start. Raises CannotPlan for one that has passed."""
    if starts_at <= desk.now():
        raise CannotPlan(f"that time has passed; session {session.key} was not moved")
    return await _write(unit, desk, replace(session, starts_at=starts_at), session, by)


async def cancel(unit: Unit, desk: Desk, session: Session, by: str) -> Change:
    """It does not take place. Its row stays, for what was answered before it."""
    return await _write(unit, desk, replace(session, state="cancelled"), session, by)


async def change(
    unit: Unit,
    desk: Desk,
    session: Session,
    by: str,
    *,
    minutes: int | None = None,
    platform: Literal["zoom", "teams"] | None = None,
    link: str | None = None,
) -> Change:
    """Another length (minutes), platform or link; None leaves it."""
    changed = replace(
        session,
        minutes=minutes or session.minutes,
        platform=platform or session.platform,
        link=link or session.link,
    )
    return await _write(unit, desk, changed, session, by)


async def _coming(unit: Unit, desk: Desk, programme_id: str, key: str) -> list[Session]:
    now = desk.now()
    found = await unit.sessions.of_programme(programme_id, now - timedelta(days=1), EVER)
    return [
        s for s in found if key in (s.key, series_of(s.key)) and s.state == "planned" and ends_at(s) > now
    ]


async def _put(unit: Unit, desk: Desk, programme: Programme, wanted: Wanted, by: str) -> Change:
    before = await unit.sessions.by_key(programme.id, wanted.key)
    after = Session(
        id=before.id if before else desk.ids.new(),
        programme_id=programme.id,
        key=wanted.key,
        group_id=wanted.group_id,
        person_id=wanted.person_id,
        starts_at=wanted.starts_at,
        minutes=wanted.minutes,
        platform=wanted.platform,
        link=wanted.link,
        state=wanted.state,
        version=before.version if before else 1,
    )
    now = desk.now()
    if ends_at(after) <= now and (before is None or ends_at(before) <= now):
        return Change("over", before or after, before)
    return await _write(unit, desk, after, before, by)


async def _write(unit: Unit, desk: Desk, after: Session, before: Session | None, by: str) -> Change:
    if before is None:
        await unit.sessions.save(after)
        return Change("made", after)
    what = _what(after, before)
    if what == "as it was":
        return Change(what, before, before)
    after = replace(after, version=before.version + 1)
    await unit.sessions.save(after)
    if not _withdraws(after, before):
        await _carry_over(unit, after, before)
    await _cancel_reminders(unit, desk, after, f"session {what}")
    if after.state == "planned" and after.starts_at != before.starts_at:
        await hasten(unit, desk, after, by)
    await session_changed(unit, desk, after, before)
    detail = {"version": str(after.version)}
    action = f"session.{what.replace(' ', '_')}"
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, action, after.id, detail))
    await _tell_staff(unit, desk, what, after, before)
    return Change(what, after, before)


def _what(after: Session, before: Session) -> What:
    if after == before:
        return "as it was"
    if after.state != before.state:
        return "cancelled" if after.state == "cancelled" else "takes place"
    return "moved" if after.starts_at != before.starts_at else "changed"


def _withdraws(after: Session, before: Session) -> bool:
    """Whether tests done do not count any more: all but for another link, or a shorter session."""
    only = replace(after, link=before.link, minutes=before.minutes, version=before.version)
    return only != before or after.minutes > before.minutes


async def _carry_over(unit: Unit, after: Session, before: Session) -> None:
    for readiness in await unit.readiness.of_session(after.id):
        if counts(readiness, before):
            await unit.readiness.put(replace(readiness, session_version=after.version))


async def _cancel_reminders(unit: Unit, desk: Desk, session: Session, reason: str) -> None:
    """Those still due were for the old version; for the new one they are planned anew (R-14, R-18)."""
    for reminder in await unit.reminders.of_session(session.id):
        if reminder.fate is Fate.DUE:
            ended = replace(reminder, fate=Fate.CANCELLED, reason=reason, done_at=desk.now())
            await unit.reminders.save(ended)


async def _tell_staff(unit: Unit, desk: Desk, what: What, after: Session, before: Session) -> None:
    """One line, with times only (S-20), when it is soon; of a cancelled session that stays so nobody is told."""
    lines = {"moved": MOVED, "cancelled": CANCELLED, "takes place": TAKES_PLACE}
    now = desk.now()
    soon = any(session.starts_at <= now + SOON and ends_at(session) > now for session in (before, after))
    if what not in lines or not soon or before.state == after.state == "cancelled":
        return

    def params(reader: Person) -> dict[str, str]:
        return {"before": time_of(reader, before.starts_at), "after": time_of(reader, after.starts_at)}

    groups = {await _group_of(unit, session) for session in (before, after)}
    for group_id in sorted(groups, key=str):
        await tell_group(unit, desk, after.programme_id, group_id, lines[what], params)


async def _group_of(unit: Unit, session: Session) -> str | None:
    if session.person_id is None:
        return session.group_id
    person = await unit.people.get(session.person_id)
    return person.group_id if person else None
