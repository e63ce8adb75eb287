"""All of a turn or nothing of it, wherever the storage fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.ports.inbound import Text
from bot.ports.stores import StorageFault
from bot.storage.sealing import Keyring
from bot.usecases import neutral
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import STAFF, Room, Tripwire, open_room, texts

pytestmark = pytest.mark.both_databases

NEARBY = ("ST-07:usual_room", "ST-08:partner", "ST-08:done")


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def test_all_or_none_at_every_storage_call(room: Room) -> None:
    """R-02, S-30: answer, next step, case and alerts are kept together or not at all, at each call of the turn."""
    await room.begin()
    await room.play(*NEARBY)
    update = await room.pressed("ST-09", "maybe")
    storage, before = room.storage, room.tables()
    failed: list[str] = []
    while True:
        wire = Tripwire(storage, at=len(failed) + 1)
        room.storage = wire
        try:
            await room.ask(update)
        except StorageFault:
            failed.append(wire.names[-1])
            if failed[-1] == "after commit":
                break
            assert room.tables() == before, f"something stayed behind at {failed[-1]}, call {len(failed)}"
        else:
            raise AssertionError("the turn ended before its commit failed")
    assert {"answers.add", "visits.save", "cases.add", "outbox.add", "readiness.put", "seen.add"} <= set(
        failed
    )
    room.storage = storage
    once = await room.state()
    assert [case[2] for case in once["cases"]] == [[("partner_nearby", "ST-09")]]
    assert [a[:2] for a in once["answers"] if a[0] == "ST-09"] == [("ST-09", 1)]
    assert all(part[3] for part in once["parts"][0]), "each role has a next time"
    assert sum("Case K-" in text for text in texts(once["outbox"])) == 2
    await room.ask(update)
    assert await room.state() == once, "run again after a commit that nobody heard of, it changes nothing"


async def test_a_fault_of_our_own_at_every_call(room: Room) -> None:
    """R-02, S-23: whatever else is raised at a call, the batch is run again and ends with exactly one of everything."""
    await room.begin()
    storage, numbers = room.storage, range(1, 60, 3)
    for number in numbers:
        wire = Tripwire(storage, at=number, fault=lambda: ZeroDivisionError("a slip"))
        room.storage = wire
        taken = await room.ask(room.update(Text(f"words {number}")))
        room.storage = storage
        assert taken.faults in (0, 1), wire.names[-1]
    state = await room.state()
    written = [a[4] for a in state["answers"]]
    assert len(written) == len(set(written)), "nothing twice"
    assert len(written) == len(numbers), "and nothing left out"


@pytest.mark.parametrize("name", ["answers.add", "visits.save", "cases.add", "people.save", "readiness.put"])
async def test_a_fault_that_stays(room: Room, name: str) -> None:
    """S-23: an update that always fails is recorded as seen with its fault, staff are told, and the next one goes on."""
    await room.begin()
    await room.play(*NEARBY)
    good, bad = room.storage, await room.pressed("ST-09", "maybe")
    room.storage = Tripwire(good, named=name, fault=lambda: ZeroDivisionError("a slip"))
    taken = await room.ask(bad)
    room.storage = good
    assert taken.faults == 1
    faults = [row for row in room.tables()["seen"] if row[-1]]
    assert [row[-1] for row in faults] == ["ZeroDivisionError"]
    state = await room.state()
    assert [a for a in state["answers"] if a[0] == "ST-09"] == [], "half a turn is none"
    said = texts(state["outbox"])
    if name == "cases.add":
        assert any("because of a fault in the software" in text for text in said)
    else:
        assert neutral.TRY_AGAIN.msgid in said
        assert [c[2] for c in state["cases"]] == [[("unreadable_answer", "FAULT")]]
    await room.ask(bad)
    assert await room.state() == state
    await room.play("ST-09:maybe")
    assert "partner_nearby" in [r.concern for case in await room.cases() for r in case.raised]


async def test_one_bad_update_spoils_no_other(room: Room) -> None:
    """S-23: in a batch of many people the one update that fails is set apart and the others are handled."""
    await room.begin()
    await room.play(*NEARBY)
    storage = room.storage
    batch = [
        await room.pressed("ST-09", "maybe"),
        *(room.update(Text("hello"), chat) for chat in STAFF.values()),
    ]
    room.storage = Tripwire(storage, named="answers.add", fault=lambda: KeyError("a slip"))
    taken = await room.take(batch)
    room.storage = storage
    assert taken.faults == 1
    rows = room.tables()["seen"]
    assert {update.update_id for update in batch} <= {row[1] for row in rows}
    said = texts((await room.state())["outbox"])
    assert sum("/case shows the open cases" in text for text in said) == len(STAFF)


async def test_the_half_made_answer_of_stop_is_one_with_it(room: Room) -> None:
    """R-02, S-06: the ticks that /stop raises are kept with the stop or not at all."""
    from bot.ports.inbound import Command

    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:nobody", "ST-08:done", "ST-13:hurt_self")
    update, storage, before = room.update(Command("stop")), room.storage, room.tables()
    for number in range(1, 200):
        wire = Tripwire(storage, at=number)
        room.storage = wire
        try:
            await room.ask(update)
        except StorageFault:
            if wire.names[-1] == "after commit":
                break
            assert room.tables() == before, wire.names[-1]
    room.storage = storage
    await room.ask(update)
    assert [[r.concern for r in case.raised] for case in await room.cases()] == [["self_harm"]]
