"""Moving to another account, at the use case alone: what the person brings along."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.ports.inbound import Command
from bot.ports.records import Invitation
from bot.storage.sealing import Keyring
from bot.usecases.move_account import move_account
from flows.read import load_library
from tests.bot.desks import START, open_room


async def test_the_door_is_shut_behind_whoever_moves(database_url: str, keyring: Keyring) -> None:
    """S-01: that the door was passed on the old phone a minute ago opens nothing on the new one."""
    async with open_room(database_url, keyring, load_library()) as room:
        async with room.storage.unit() as unit:
            person = await unit.people.get(room.participant)
            assert person is not None
            await unit.people.save(replace(person, open_until=START + timedelta(minutes=9)))
            link = Invitation(
                room.desk.ids.new(), room.programme, person.group_id, "participant", person.alias, "en",
                "Europe/London", START + timedelta(days=2), replaces=person.id,
            )  # fmt: skip
            await unit.invitations.add(link, "token")
            moved = await move_account(unit, room.desk, room.update(Command("start"), 9999), link)
            await unit.commit()
        assert moved is not None
        assert moved[0].open_until is None
        async with room.storage.unit() as unit:
            kept = await unit.people.get(room.participant)
        assert kept is not None
        assert kept.open_until is None
