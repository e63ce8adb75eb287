"""Updates that come again, come at once, or come out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from bot.ports.inbound import Command, Inbound, Press, Sent, Text
from bot.storage.sealing import Keyring
from bot.usecases.desk import Desk
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import PARTICIPANT, STAFF, Room, open_room

DAY = (
    "ST-07:other_home", "ST-08:partner", "ST-08:done", "ST-09:no", "ST-13:tense", "ST-13:hurt_self", "ST-13:done",
    "ST-12:some", "ST-11:no", "ST-02:mine", "ST-01:phone", "ST-03:no", "ST-03:no", "ST-04:steady",
)  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def a_day(room: Room) -> list[Inbound]:
    """A self-test with worries, and staff who act on them; every update of it."""
    made = [room.update(Command("selftest"))]
    await room.take(made)
    made += await room.play("DOOR:yes", *DAY)
    facilitator = next(iter(STAFF.values()))
    for what in (Press("CASE", "take", "K-101", "c"), Press("CASE", "details", "K-101", "c"), Text("hello")):
        made.append(room.update(what, facilitator))
        await room.take(made[-1:])
    made.append(room.update(Sent("voice")))
    made.append(room.update(Text("words")))
    await room.take(made[-2:])
    return made


async def test_each_update_again(room: Room) -> None:
    """R-03: each update a second time, one by one, all at once, backwards and shuffled, changes nothing."""
    made = await a_day(room)
    before = room.tables()
    shuffled = random.Random(7).sample(made, len(made))
    for again in (*([one] for one in made), made, made[::-1], shuffled, made + made):
        await room.take(again)
    assert room.tables() == before


async def test_twice_in_one_batch(room: Room) -> None:
    """R-03: an update twice in the same batch counts once."""
    await room.begin()
    press = await room.pressed("ST-07", "car")
    await room.take([press, press, press])
    state = await room.state()
    assert state["answers"] == [("ST-07", 1, "chosen", ("car",), "")]
    assert len(state["cases"]) == 1


async def test_at_once_from_many_sides(room: Room) -> None:
    """R-03: the same updates delivered by many tasks at once count once each."""
    await room.begin()
    presses = [await room.pressed("ST-07", "car"), room.update(Text("words")), room.update(Sent("sticker"))]
    await asyncio.gather(*(room.take(random.Random(n).sample(presses, 3)) for n in range(12)))
    state = await room.state()
    kinds = sorted((a[0], a[2]) for a in state["answers"])
    assert [kind for kind in kinds if kind[1] == "chosen"] == [("ST-07", "chosen")]
    assert len([kind for kind in kinds if kind[1] == "unclear"]) == 2


async def test_ten_taps_in_order(room: Room) -> None:
    """R-03: ten taps gathered in one batch are answered in the order they came, each step once."""
    await room.begin()
    taps = [
        await room.pressed("ST-07", choice)
        for choice in ("usual_room", "car", "work", "usual_room", "public")
    ]
    await room.take([*taps, *taps])
    answers = [(a[0], a[3]) for a in (await room.state())["answers"]]
    assert answers[0] == ("ST-07", ("usual_room",))
    assert {step for step, _ in answers} == {"ST-07"}


async def test_a_taken_case_stays_taken(room: Room) -> None:
    """R-03: an acknowledgement that comes again is no second one, and undoes nothing that followed it."""
    made = await a_day(room)
    facilitator = next(iter(STAFF.values()))
    await room.take([room.update(Command("resolve", "K-101 talked_to_them"), facilitator)])
    before = room.tables()
    await room.take(made)
    assert room.tables() == before


async def test_an_update_id_of_another_bot(room: Room, library: Library) -> None:
    """R-03: ids are remembered per bot: another bot's update of the same number is no repeat."""
    from dataclasses import replace

    first = room.update(Text("words"), PARTICIPANT)
    await room.take([first])
    await room.take([replace(first, bot_id=8, telegram_chat=PARTICIPANT)])
    assert {(row[0], row[1]) for row in room.tables()["seen"]} >= {(7, first.update_id), (8, first.update_id)}
    assert isinstance(room.desk, Desk)
