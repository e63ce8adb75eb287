"""The order of what one person sent, within a batch that is parted (docs/decisions/0013-units-alone-or-beside.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.ports.inbound import Command, Inbound, Membership
from bot.ports.stores import Storage
from bot.storage.sealing import Keyring
from flows.library import Library
from tests.bot.beside import (
    backend,
    begin,
    library,
    of_chat,
    one_by_one,
    pressed,
    room,
    settle,
    stands,
    taking,
)
from tests.bot.desks import PARTICIPANT, Room, open_room

__all__ = ["backend", "library", "one_by_one", "room"]


class Watched:
    """A storage that notes after each unit what sensitive waits to be said to the first participant."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.saw: list[list[str]] = []

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        async with self._inner.unit(beside=beside) as unit:
            yield unit
        async with self._inner.unit() as unit:
            _, chat = await of_chat(unit, PARTICIPANT)
            rows = await unit.outbox.waiting(chat.id)
        self.saw.append([row.text for row in rows if row.op == "say" and row.sensitive])

    async def empty_journal(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """The one beneath is closed by whoever opened it."""


async def mixed(room: Room, kind: str) -> list[Inbound]:
    """Commands and presses of the first participant, whose order counts; their question has been delivered."""
    await begin(room)
    async with room.storage.unit() as unit:
        _, chat = await of_chat(unit, PARTICIPANT)
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()
    press = await pressed(room, "usual_room")
    stop, language = room.update(Command("stop")), room.update(Command("language", "en"))
    again = await pressed(room, "shared_room")
    gone, link = room.update(Membership("blocked")), room.update(Command("start", "a" * 32))
    return {
        "stop": [stop, press],
        "between": [press, stop, again],
        "language": [language, press],
        "gone": [gone, press],
        "gone between": [press, gone, stop, again],
        "link": [link, press, stop],
    }[kind]


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ["stop", "between", "language", "gone", "gone between", "link"])
async def test_order_within_a_batch(
    kind: str, room: Room, keyring: Keyring, library: Library, one_by_one: str
) -> None:
    """S-06, R-05 A batch comes to the same as its updates one by one, and after /stop nothing sensitive waits at any moment."""
    watched = Watched(room.storage)
    await taking(room, watched)(await mixed(room, kind))
    if kind in ("stop", "between", "gone between"):
        assert [text for texts in watched.saw for text in texts] == []
    async with open_room(one_by_one, keyring, library) as alone:
        await settle(alone)
        for update in await mixed(alone, kind):
            await alone.ask(update)
        assert await stands(room) == await stands(alone)
