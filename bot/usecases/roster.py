"""The roster: for each session one message to each facilitator of the group, edited as participants go on.

Staff only, by alias, sensitive: sent protected and taken away an hour after the session's end (S-43).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.ports.inbound import Press
from bot.ports.records import Chat, Lane, OutboxRow, Person, Session, StaffRole
from bot.ports.stores import Unit, Unreadable
from bot.schedule.times import DEFAULT, Times
from bot.usecases import fresh
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import audit, say
from bot.usecases.choose_person import own_groups
from bot.usecases.choose_person import show as show_for_a_while
from bot.usecases.desk import Desk, Message, post, retract
from bot.usecases.facts import time_of
from bot.usecases.plan import participants, times_for, unreadable
from bot.usecases.reach import reader_of
from bot.usecases.roster_text import Entry, Standing, entry_of, text_of
from bot.usecases.staff_texts import nameless
from flows.effects import Line

log = structlog.get_logger(__name__)

BETWEEN_EDITS = timedelta(seconds=5)
STAYS = timedelta(hours=1)
"""How long after the end of the session the roster stands."""
SOON = timedelta(hours=12)
"""A roster asked for earlier than this before the session goes away again like details."""
AHEAD = timedelta(days=60)
LONGEST_SESSION = timedelta(hours=8)
CHOOSE = "rosters"
WHICH = Line("staff", "Which session?")
NONE_PLANNED = Line("staff", "No session of your groups is planned.")
LABEL = Line("staff", "{group} · {time}")


def slot_of(session: Session) -> str:
    """Where a session's roster stands in a chat."""
    return f"roster-{session.id[-12:]}"


async def open_roster(unit: Unit, desk: Desk, session: Session) -> int:
    """Send it when the test window opens; gives how many facilitators it goes to."""
    return await _send_all(unit, desk, session, final=False)


async def final_roster(unit: Unit, desk: Desk, session: Session) -> int:
    """Send it once more, at the bottom of the chat, shortly before the start; gives to how many."""
    return await _send_all(unit, desk, session, final=True)


async def refresh_rosters(unit: Unit, desk: Desk, person: Person, session: Session) -> None:
    """Something about the person's readiness or visit has changed: edit the rosters that stand, and no others.

    At most one edit each in five seconds: what comes meanwhile goes into the edit that waits. A cancelled
    session's roster goes away.
    """
    if person.group_id is not None and person.group_id == await _group_of(unit, session):
        await _refresh(unit, desk, session)


async def refresh_at_the_end(unit: Unit, desk: Desk, person: Person, session: Session) -> None:
    """As `refresh_rosters`, but once for all that changes in the unit, just before it is committed.

    Whoever looks whether a roster stands has all that is staged written first; so it is done once a batch (R-05).
    """
    if person.group_id is not None and person.group_id == await _group_of(unit, session):
        unit.at_the_end(partial(_refresh_all, unit, desk), of="rosters", about=session.id)


async def _refresh_all(unit: Unit, desk: Desk, session_ids: Sequence[str]) -> None:
    """Refresh those of the sessions that have a roster anywhere: most have none, and two questions tell for all."""
    found = [session for one in session_ids if (session := await unit.sessions.get(one))]
    groups = {session.id: await _group_of(unit, session) for session in found}
    asked = {group for group in groups.values() if group is not None}
    readers = await unit.people.ids_in_role(StaffRole.FACILITATOR, asked)
    places = [
        (one, slot_of(session)) for session in found for one in readers.get(groups[session.id] or "", ())
    ]
    in_use = await unit.chats.slots_in_use(places)
    for session in found:
        if slot_of(session) in in_use:
            await _refresh(unit, desk, session)


async def membership_changed(unit: Unit, desk: Desk, person: Person) -> None:
    """A participant has come to their group, or left it: the rosters that stand for it say so."""
    now = desk.now()
    for session in await unit.sessions.of_programme(person.programme_id, now - LONGEST_SESSION, now + AHEAD):
        await refresh_rosters(unit, desk, person, session)


async def session_changed(unit: Unit, desk: Desk, session: Session, before: Session) -> None:
    """The rosters that stand show the session as it is now, and stay until its new end.

    They go away where it was cancelled, belongs to another group, or begins so much later that its own roster
    will come when the test opens.
    """
    far = session.starts_at > desk.now() + SOON
    elsewhere = await _group_of(unit, session) != await _group_of(unit, before)
    if session.state == "cancelled" or far or elsewhere:
        await _refresh(unit, desk, replace(before, state="cancelled"))
    else:
        await _refresh(unit, desk, session, moved=True)


async def _refresh(unit: Unit, desk: Desk, session: Session, *, moved: bool = False) -> None:
    """Edit what stands, or take it away if the session is cancelled. `moved`: it is to stay until another time."""
    entries: list[Entry] | None = None
    for reader, chat in await _readers(unit, session):
        slot = slot_of(session)
        says = [row for row in await unit.outbox.waiting(chat.id) if (row.slot, row.op) == (slot, "say")]
        if not says and not await unit.ledger.standing(chat.id, slot):
            continue
        if session.state == "cancelled":
            await retract(unit, desk, chat, slot)
            continue
        entries = await _entries(unit, desk, session) if entries is None else entries
        if moved:
            await unit.outbox.cancel(chat.id, [slot])
            await retract(unit, desk, chat, slot, after=_gone_at(session) - desk.now(), lane=Lane.TIDY)
        await _edit(unit, desk, reader, chat, session, entries, says)


async def ask_which(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """`/roster`: the next session of the facilitator's groups, or a list where there are several."""
    if StaffRole.FACILITATOR not in person.roles:
        await _refuse(unit, desk, person, chat)
        return
    sessions = await _next_sessions(unit, desk, person)
    if not sessions:
        await say(unit, desk, person, chat, NONE_PLANNED)
        return
    if len(sessions) == 1:
        await _show(unit, desk, person, chat, sessions[0])
        return
    rows = []
    for session in sessions:
        about = {"group": await _name_of(unit, session), "time": time_of(person, session.starts_at)}
        label = desk.texts.line(person.language, LABEL, about)
        rows.append(((label, f"ROST:show:{session.id[-12:]}"),))
    await show_for_a_while(unit, desk, chat, CHOOSE, desk.texts.line(person.language, WHICH), tuple(rows))


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    """`ROST:show:<session>` shows that session's roster."""
    own = await _next_sessions(unit, desk, person) if StaffRole.FACILITATOR in person.roles else []
    session = next((s for s in own if len(press.tail) == 12 and s.id.endswith(press.tail)), None)
    if session is None:
        await _refuse(unit, desk, person, chat)
        return
    await retract(unit, desk, chat, CHOOSE)
    await _show(unit, desk, person, chat, session)


async def _refuse(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    await audit(unit, desk, person, "roster.refused", person.id)
    await say(unit, desk, person, chat, texts.NOT_OPEN_TO_YOU)


async def _show(unit: Unit, desk: Desk, person: Person, chat: Chat, session: Session) -> None:
    await audit(unit, desk, person, "roster.opened", session.id)
    entries = await _entries(unit, desk, session)
    soon = desk.now() >= session.starts_at - SOON
    gone = _gone_at(session) if soon else desk.now() + timedelta(minutes=desk.numbers.details)
    await _send(unit, desk, person, chat, session, entries, gone, lane=Lane.REPLY)


async def _send_all(unit: Unit, desk: Desk, session: Session, *, final: bool) -> int:
    readers = await _readers(unit, session) if session.state == "planned" else []
    entries = await _entries(unit, desk, session) if readers else []
    for reader, chat in readers:
        await _send(unit, desk, reader, chat, session, entries, _gone_at(session), final=final)
    return len(readers)


async def _send(
    unit: Unit,
    desk: Desk,
    reader: Person,
    chat: Chat,
    session: Session,
    entries: Sequence[Entry],
    gone: datetime,
    *,
    final: bool = False,
    lane: Lane = Lane.REMINDER,
) -> None:
    """At the bottom of the chat, to be taken away at `gone` instead of whenever was planned before."""
    text = text_of(desk, reader, session, await _name_of(unit, session), entries, final=final)
    message = Message(slot_of(session), text, sensitive=True, not_after=gone, fresh=True)
    await unit.outbox.cancel(chat.id, [message.slot])
    await post(unit, desk, chat, message, lane=lane)
    await retract(unit, desk, chat, message.slot, after=gone - desk.now(), lane=Lane.TIDY)


async def _edit(
    unit: Unit,
    desk: Desk,
    reader: Person,
    chat: Chat,
    session: Session,
    entries: Sequence[Entry],
    waiting: Sequence[OutboxRow],
) -> None:
    """An unsent text gives way; one that is due already may be on its way, so that the next comes after it."""
    now = desk.now()
    due = max((row.due_at for row in waiting), default=now)
    text = text_of(desk, reader, session, await _name_of(unit, session), entries)
    fresh = any(row.fresh for row in waiting)
    message = Message(slot_of(session), text, sensitive=True, not_after=_gone_at(session), fresh=fresh)
    due = due if due > now else now + BETWEEN_EDITS
    await post(unit, desk, chat, message, lane=Lane.REMINDER, due_at=due)


def _gone_at(session: Session) -> datetime:
    return session.starts_at + timedelta(minutes=session.minutes) + STAYS


async def _group_of(unit: Unit, session: Session) -> str | None:
    """The session's group, or that of the one person it is for."""
    if session.group_id is not None or session.person_id is None:
        return session.group_id
    person = await unit.people.get(session.person_id)
    return person.group_id if person else None


async def _readers(unit: Unit, session: Session) -> list[tuple[Person, Chat]]:
    """The facilitators of the group who can be reached in Telegram."""
    group = await _group_of(unit, session)
    if group is None:
        return []
    people = await unit.people.in_role(session.programme_id, StaffRole.FACILITATOR, group)
    found = [await reader_of(unit, person.id) for person in people]
    return [one for one in found if one is not None]


async def _name_of(unit: Unit, session: Session) -> str:
    group_id = await _group_of(unit, session)
    group = await unit.programmes.group(group_id) if group_id else None
    return group.name if group else session.key


async def _entries(unit: Unit, desk: Desk, session: Session) -> list[Entry]:
    """Where each of them stands. One whose rows do not open is said to be so, and spoils no other's."""
    programme = await unit.programmes.get(session.programme_id)
    times = times_for(desk, programme) if programme else DEFAULT
    found = []
    for person in await participants(unit, session):
        try:
            found.append(await _entry(unit, desk, person, session, times))
        except Unreadable as fault:
            log.warning("roster.unreadable", error=str(fault))
            found.append(Entry(person.alias, Standing.UNKNOWN))
    # Whose own row does not open has no alias any more.
    return found + [Entry(nameless(one), Standing.UNKNOWN) for one in await unreadable(unit, session)]


async def _entry(unit: Unit, desk: Desk, person: Person, session: Session, times: Times) -> Entry:
    readiness = await unit.readiness.get(session.id, person.id)
    visits = await unit.visits.of_person(person.id)
    asked = desk.now() >= session.starts_at - timedelta(minutes=times.confirm)
    to_confirm = asked and await fresh.is_wanted(unit, person.id, session, readiness, times)
    return entry_of(desk.library, person, session, readiness, visits, to_confirm=to_confirm)


async def _next_sessions(unit: Unit, desk: Desk, person: Person) -> list[Session]:
    """The next session of each of the person's groups, and of each of their participants alone, by start."""
    now, groups = desk.now(), set(await own_groups(unit, person, (StaffRole.FACILITATOR,)))
    found: dict[tuple[str | None, str | None], Session] = {}
    planned = await unit.sessions.of_programme(person.programme_id, now - LONGEST_SESSION, now + AHEAD)
    for session in planned:
        over = session.starts_at + timedelta(minutes=session.minutes) <= now
        if session.state == "planned" and not over and await _group_of(unit, session) in groups:
            found.setdefault((session.group_id, session.person_id), session)
    return list(found.values())
