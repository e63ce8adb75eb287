"""Where somebody stands on the roster when the session was moved, or old answers are to be confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.ports.records import Readiness
from bot.usecases import roster
from bot.usecases.roster_text import entry_of
from flows.library import Library
from flows.values import Level
from tests.bot.desks import START, Room
from tests.bot.test_roster import ALONE, EQUIPMENT, library, opened, room, the_session

__all__ = ["library", "room"]


async def test_a_hold_of_before_the_move_still_shows(room: Room, library: Library) -> None:
    """S-08 A hold that stands is shown whatever the session's version; one that was lifted goes with the version."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
    assert person is not None
    held = Readiness("r", session.id, person.id, "v", Level.HOLD, True, (), START, session_version=1)
    moved = replace(session, version=2)
    assert entry_of(library, person, moved, held, []).standing == "hold"
    lifted = replace(held, lifted="join")
    assert entry_of(library, person, moved, lifted, []).standing == "not_begun"


async def test_whoever_was_asked_to_confirm_is_not_ready(room: Room) -> None:
    """S-32 From the time the confirmation is asked old answers are *to confirm*; *still so* makes them ready again."""
    await opened(room)
    await room.begin()
    await room.play("ST-07:usual_room", *ALONE, *EQUIPMENT, "ST-16:continue")
    session = await the_session(room)

    async def standing() -> str:
        async with room.storage.unit() as unit:
            [entry] = await roster._entries(unit, room.desk, session)
        return entry.standing.value

    assert await standing() == "ready"
    room.clock.advance(timedelta(minutes=76))
    assert await standing() == "to_confirm"
    await room.play("MENU:confirm", "DOOR:yes", "CF-01:still_so")
    assert await standing() == "ready"
