"""Strangers at the door: however many come, and whatever they try, who is enrolled notices nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.clock import MovableClock
from bot.ports.inbound import Command, Malformed, Text
from bot.ports.records import Invitation
from bot.ports.stores import Storage
from bot.storage.address import database_file
from bot.storage.sealing import Keyring
from bot.usecases.gate import A_CHAT, OVERALL, REMEMBERED, WITHIN, Gate
from flows.read import load_library
from tests.bot.desks import BOT, PARTICIPANT, START, Room, open_room

GUESS = "A" * 21


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with a participant."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


class Counting:
    """A storage that counts the calls of its stores."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        """A unit whose stores count."""
        async with self._inner.unit() as unit:
            yield _Unit(unit, self.calls)


class _Unit:
    def __init__(self, unit: Any, calls: Counter[str]) -> None:
        self._unit, self._calls = unit, calls

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._unit, name)
        return (
            part if name in ("commit", "beside", "alone", "at_the_end") else _Store(part, name, self._calls)
        )


class _Store:
    def __init__(self, store: Any, name: str, calls: Counter[str]) -> None:
        self._store, self._name, self._calls = store, name, calls

    def __getattr__(self, name: str) -> Any:
        self._calls[f"{self._name}.{name}"] += 1
        return getattr(self._store, name)


def token(number: int) -> str:
    """A guess of the right shape."""
    return f"{number:022d}"


async def test_ten_thousand_strangers_hold_up_nobody(room: Room) -> None:
    """S-44: amid 10,000 strangers' updates every answer of an enrolled person is taken, first in its batch."""
    storage = Counting(room.storage)
    room.storage = storage  # type: ignore[assignment]  # a double
    take, calls = room.take, storage.calls
    await take([room.update(Command("selftest"))])
    await room.play("DOOR:yes")
    calls.clear()
    for batch in range(100):
        crowd = [
            room.update(
                Command("start", token(batch * 100 + n)) if n % 2 else Text("hello"), 10_000 + batch * 100 + n
            )
            for n in range(100)
        ]
        own = room.update(Text(f"words {batch}"))
        taken = await take([*crowd, own])
        assert len(taken.strangers) == 100
        assert taken.faults == 0
    assert calls["chats.members"] == 300, (
        "who is whose, who opens a link, and the rest: three queries, however many"
    )
    assert calls["chats.by_telegram"] == 100, "only the enrolled person's chat is looked up"
    assert calls["invitations.by_token"] == OVERALL, "the clock stands still: no more tries than these"
    async with room.storage.unit() as unit:
        written = [a.text for a in await unit.answers.of_person(room.participant)]
        assert len(await unit.seen.known(BOT, range(501, 501 + 10_200))) == 10_102
    assert sum(text.startswith("words") for text in written) == 100


async def test_the_enrolled_go_first(room: Room) -> None:
    """S-44: in a batch whoever is enrolled comes before strangers, and in their own order."""
    seen: list[int] = []

    class Noting(Counting):
        @asynccontextmanager
        async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
            async with self._inner.unit() as unit:
                add = unit.seen.add

                async def noted(bot_id: int, update_id: int, *more: Any, **named: Any) -> None:
                    seen.append(update_id)
                    await add(bot_id, update_id, *more, **named)

                unit.seen.add = noted  # type: ignore[method-assign]  # watched
                yield unit

    room.storage = Noting(room.storage)  # type: ignore[assignment]  # a double
    crowd = [room.update(Text("hello"), 10_000 + n) for n in range(50)]
    own = [room.update(Command("menu")), room.update(Command("help"))]
    await room.take([*crowd[:25], own[0], *crowd[25:], own[1]])
    assert seen[:2] == [update.update_id for update in own]
    assert seen[2:] == [update.update_id for update in crowd]


async def test_a_newcomer_goes_on_in_the_same_batch(room: Room) -> None:
    """S-44: what follows `/start TOKEN` in the same batch is the new person's already."""
    good = room.desk.ids.token()
    async with room.storage.unit() as unit:
        group = (await unit.programmes.groups(room.programme))[0]
        invitation = Invitation(
            room.desk.ids.new(), room.programme, group.id, "participant", "new one", "en", "Europe/London",
            START + timedelta(days=1),
        )  # fmt: skip
        await unit.invitations.add(invitation, good)
        await unit.commit()
    batch = [
        room.update(Text("before"), 77),
        room.update(Command("start", good), 77),
        room.update(Command("help"), 77),
    ]
    taken = await room.take(batch)
    assert [update.update_id for update in taken.strangers] == [batch[0].update_id]
    async with room.storage.unit() as unit:
        chat = await unit.chats.by_telegram(BOT, 77)
        assert chat is not None
        assert any("/menu" in row.text for row in await unit.outbox.waiting(chat.id))


async def test_what_cannot_be_read_of_a_stranger_is_looked_up_nowhere(room: Room) -> None:
    """S-23, S-44: a malformed update is an unclear answer where its chat is somebody's, and nothing otherwise."""
    storage = Counting(room.storage)
    room.storage = storage  # type: ignore[assignment]  # a double
    await room.take([Malformed(BOT, 900, "shape", 12_345), Malformed(BOT, 901, "shape", None)])
    assert storage.calls["chats.by_telegram"] == 0
    await room.take([Malformed(BOT, 902, "shape", PARTICIPANT)])
    assert storage.calls["chats.by_telegram"] == 1


def test_one_chat_has_few_tries() -> None:
    """S-44: a chat that guesses is refused after a few tries, and may try again later."""
    clock = MovableClock(START)
    gate = Gate(clock)
    assert [gate.may_try(1, token(n)) for n in range(A_CHAT + 2)] == [True] * A_CHAT + [False] * 2
    assert gate.may_try(2, token(0)), "another chat is none the worse"
    clock.advance(WITHIN)
    assert gate.may_try(1, token(0))
    clock.advance(-timedelta(days=1))
    assert gate.may_try(1, token(1)), "a clock set back locks nobody out"


def test_all_together_have_a_limit() -> None:
    """S-44: from however many chats they come, tries are limited overall, and what is remembered is bounded."""
    clock = MovableClock(START)
    gate = Gate(clock)
    assert sum(gate.may_try(chat, token(chat)) for chat in range(5_000)) == OVERALL
    clock.advance(timedelta(seconds=10))
    assert sum(gate.may_try(chat, token(chat)) for chat in range(5_000, 6_000)) == 10
    for chat in range(REMEMBERED + 100):
        clock.advance(timedelta(seconds=1))
        assert gate.may_try(100_000 + chat, token(chat))
    assert len(gate._tries) == REMEMBERED


@pytest.mark.parametrize(
    "wrong", ["", "x", GUESS, GUESS + "AA", "ä" * 22, "A" * 21 + " ", "A" * 21 + "\n", "' OR 1=1 --" * 2]
)
def test_what_is_no_token_costs_nothing(wrong: str) -> None:
    """S-44: only what could be a token is looked up at all, and the rest uses up no tries."""
    gate = Gate(MovableClock(START))
    assert not any(gate.may_try(1, wrong) for _ in range(A_CHAT * 3))
    assert gate.may_try(1, token(1))


async def test_tokens_are_kept_as_hashes_only(room: Room) -> None:
    """S-41, S-40: a token has 128 random bits, and of it only a keyed hash lies in the database."""
    good = room.desk.ids.token()
    assert len(good) == 22
    assert len({room.desk.ids.token() for _ in range(1_000)}) == 1_000
    async with room.storage.unit() as unit:
        invitation = Invitation(
            room.desk.ids.new(), room.programme, None, "duty", "new one", "en", "Europe/London",
            START + timedelta(days=1),
        )  # fmt: skip
        await unit.invitations.add(invitation, good)
        await unit.commit()
    file = database_file(room.url)
    files = file.parent.glob(f"{file.name}*")
    assert good.encode() not in b"".join(file.read_bytes() for file in files)
