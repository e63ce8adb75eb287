"""Two processes on one PostgreSQL, in units of work beside each other (docs/decisions/0013-units-alone-or-beside.md)."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.ports.inbound import Command, Inbound, Membership, Press, Text, What
from bot.ports.records import AuditEntry, StaffRole
from bot.ports.stores import Storage, Unit
from bot.storage.sealing import Keyring
from flows.library import Library
from tests.bot.beside import (
    SECOND,
    Held,
    alerts,
    backend,
    begin,
    library,
    one_by_one,
    opened,
    other,
    pressed,
    room,
    settled,
    stands,
    taking,
    the_roster,
    waits,
)
from tests.bot.desks import PARTICIPANT, Room, open_room

__all__ = ["backend", "library", "one_by_one", "other", "room"]


async def at_once(room: Room, other: Storage, first: list[Inbound], second: list[Inbound]) -> bool:
    """The second process takes its batch while the first is about to commit; whether it had to wait, and no more than that."""
    held = Held(other)
    with capture_logs() as logs:
        async with asyncio.timeout(8), asyncio.TaskGroup() as both:
            both.create_task(taking(room, held)(first))
            await held.there.wait()
            later = both.create_task(taking(room, room.storage)(second))
            waited = await waits(room, later)
            held.go.set()
    assert [entry["event"] for entry in logs if entry["event"].startswith(("batch.", "update."))] == []
    return waited


async def two_of(room: Room, kind: str) -> tuple[Inbound, Inbound]:
    """Two updates of the first participant, of which the second means something else once the first is done."""
    if kind == "door":
        await room.ask(room.update(Command("selftest")))
        return room.update(Press("DOOR", "yes", "", "cb")), room.update(Press("DOOR", "yes", "", "cb"))
    await begin(room)
    if kind == "question":
        return await pressed(room, "usual_room"), await pressed(room, "shared_room")
    return room.update(Text("the first words")), await pressed(room, "usual_room")


@pytest.mark.parametrize("kind", ["door", "question", "words"])
async def test_one_person_in_two_processes(
    kind: str, room: Room, other: Storage, keyring: Keyring, library: Library, one_by_one: str
) -> None:
    """S-23, R-15 What one person sent is taken one after the other, in the order of commits, as by one process."""
    first, second = await two_of(room, kind)
    assert await at_once(room, other, [first], [second])
    async with open_room(one_by_one, keyring, library) as alone:
        for update in await two_of(alone, kind):
            await alone.ask(update)
        assert await stands(room) == await stands(alone)


async def test_one_update_in_two_processes(room: Room, other: Storage) -> None:
    """R-03 An update that two processes are given at once counts once."""
    await begin(room)
    press = await pressed(room, "shared_room")
    assert await at_once(room, other, [press], [press])
    once = await stands(room)
    assert [answer[0] for answer in once["answers"]] == ["ST-07"]
    await room.ask(press)
    assert await stands(room) == once


async def test_two_people_worry_at_once(room: Room, other: Storage) -> None:
    """S-30, R-02 Concerns of two people, raised at once: two numbers, both alerted, one chain of the audit log."""
    for chat in (PARTICIPANT, SECOND):
        await begin(room, chat)
        await room.ask(await pressed(room, "usual_room", chat))
    words = [room.update(Text("words"), chat) for chat in (PARTICIPANT, SECOND)]
    assert await at_once(room, other, words[:1], words[1:])
    cases = await room.cases()
    assert [case.number for case in cases] == [101, 102]
    assert len({case.person_id for case in cases}) == 2
    async with room.storage.unit() as unit:
        verdict = await unit.audit.verify()
    assert (verdict.whole, verdict.faults) == (True, ())
    assert {row.case_id for row in await alerts(room, StaffRole.FACILITATOR)} == {case.id for case in cases}


async def test_presses_of_two_people_do_not_wait(room: Room, other: Storage) -> None:
    """R-05 What two people press is taken at the same time."""
    for chat in (PARTICIPANT, SECOND):
        await begin(room, chat)
    first, second = await pressed(room, "usual_room"), await pressed(room, "usual_room", SECOND)
    assert not await at_once(room, other, [first], [second])


async def test_a_roster_shows_what_both_changed(room: Room, other: Storage) -> None:
    """S-24 While two of a group go on at once, the roster that is sent last shows both."""
    await settled(room, other, await opened(room), 900)
    await room.ask(*(room.update(Command("selftest"), chat) for chat in (PARTICIPANT, SECOND)))
    first, second = (room.update(Press("DOOR", "yes", "", "cb"), chat) for chat in (PARTICIPANT, SECOND))
    assert await at_once(room, other, [first], [second])
    (row,) = await the_roster(room)
    assert "Under way (2)" in row.text


async def note(room: Room, unit: Unit) -> None:
    """An entry of the audit log, as a press can make one without a case."""
    await unit.audit.add(
        AuditEntry(room.desk.ids.new(), room.clock.now(), room.participant, "roster.opened", room.programme)
    )


async def test_the_audit_log_is_one_chain(room: Room, other: Storage) -> None:
    """R-02 What two processes enter into the audit log at once is one chain, in the order of commits."""

    async def later() -> None:
        async with room.storage.unit(beside=True) as unit:
            await note(room, unit)
            await unit.commit()

    async with other.unit(beside=True) as unit:
        await note(room, unit)
        second = asyncio.create_task(later())
        assert await waits(room, second)
        await unit.commit()
    await second
    async with room.storage.unit() as unit:
        verdict = await unit.audit.verify()
    assert (verdict.checked, verdict.whole, verdict.faults) == (2, True, ())


async def enter(storage: Storage, *, beside: bool) -> None:
    """A unit of work, begun and ended."""
    async with storage.unit(beside=beside):
        pass


async def test_units_beside_each_other_and_alone(room: Room, other: Storage) -> None:
    """R-15 Units beside each other are under way at once, one alone waits for them, and they wait for one alone."""
    async with room.storage.unit(beside=True), other.unit(beside=True) as unit:
        assert unit.beside
        alone = asyncio.create_task(enter(other, beside=False))
        assert await waits(room, alone)
    await alone
    async with room.storage.unit() as unit:
        assert not unit.beside
        beside = asyncio.create_task(enter(other, beside=True))
        assert await waits(room, beside)
    await beside


@pytest.mark.parametrize("what", [Command("start", "a" * 32), Membership("blocked")])
async def test_what_may_be_about_others_is_taken_alone(what: What, room: Room, other: Storage) -> None:
    """R-15 A link that is opened, and whoever goes, wait for all that is under way, and all from their chat with them."""
    await begin(room)
    press, alone = await pressed(room, "usual_room"), room.update(what)
    async with other.unit(beside=True) as unit:
        batch = asyncio.create_task(room.ask(press, alone))
        assert await waits(room, batch)
        assert await unit.answers.of_person(room.participant) == []
    await batch
