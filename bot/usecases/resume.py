"""Going on with the conversation in front of somebody: whether it still may, and what the closed door held back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from bot.ports.records import Chat, Lane, Person, VisitRow
from bot.ports.stores import Unit
from bot.usecases import door, menu, neutral
from bot.usecases.carry_out import playable_of, turn
from bot.usecases.desk import Desk, post, retract
from bot.usecases.facts import facts_for, params_for
from bot.usecases.render import messages, notice, open_menu
from bot.usecases.signposts import show_signposts
from flows.effects import Line, Say, Slot
from flows.inputs import Paused, Resumed, TimedOut

Why = Literal["over", "not_now"]


async def front(unit: Unit, person: Person) -> VisitRow | None:
    """The unfinished visit in front of the person."""
    row = await unit.visits.get(person.visit_id) if person.visit_id else None
    return row if row is not None and row.status != "done" else None


async def resume(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """Behind the door: the question that stands, asked again. The menu when there is none."""
    row = await front(unit, person)
    if row is None:
        return await menu.show(unit, desk, person, chat)
    if why := await closed(unit, desk, person, row):
        return await halt(unit, desk, person, chat, row, why)
    place = await menu.place_of(unit, desk, person)
    facts = await facts_for(unit, desk, person, place.programme, place.session)
    return await turn(unit, desk, door.kept_open(desk, person), chat, row, Resumed(facts))


async def show_held_back(unit: Unit, desk: Desk, person: Person, chat: Chat, then: Mapping[str, Any]) -> None:
    """The help texts that came while the door was closed, first thing behind it."""
    lines = tuple(Line(context, msgid) for context, msgid in then.get("help", ()))
    if lines:
        place = await menu.place_of(unit, desk, person)
        params = params_for(person, place.programme, place.session)
        for message in messages(desk, person, "", Say(Slot.HELP, lines), params, person.open_until):
            await post(unit, desk, chat, message)
        await retract(
            unit, desk, chat, Slot.HELP.value, after=timedelta(minutes=desk.numbers.door), lane=Lane.TIDY
        )
        await show_signposts(unit, desk, person, chat, lines)


async def closed(unit: Unit, desk: Desk, person: Person, row: VisitRow) -> Why | None:
    """Why the visit may not go on: its session has ended (it lapses with it), or it is no time for it (S-12)."""
    if row.session_id is not None:
        session = await unit.sessions.get(row.session_id)
        ended = session is None or session.starts_at + timedelta(minutes=session.minutes) <= desk.now()
        if ended or (session is not None and session.state == "cancelled"):
            return "over"
        if session is not None and not await menu.in_time(unit, desk, person, session, row):
            return "over"
    if playable_of(desk, row).script.paced:
        place = await menu.place_of(unit, desk, person)
        if place.quiet:
            return "not_now"
    return None


async def halt(unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, why: Why) -> Person:
    """Close or put aside what may not go on, with a neutral line."""
    if why == "over":
        return await turn(unit, desk, person, chat, row, TimedOut())
    person = await turn(unit, desk, person, chat, row, Paused(silent=True))
    await post(unit, desk, chat, notice(desk, person, neutral.LATER, open_menu(desk, person)))
    return person
