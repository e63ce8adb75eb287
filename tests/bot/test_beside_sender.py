"""The sender of one process beside the intake of another (docs/decisions/0013-units-alone-or-beside.md)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.records import CaseRole, Lane, OutboxRow, StaffRole
from bot.ports.services import SendLimits, Unreachable
from bot.ports.stores import Storage, Unit
from bot.storage import chats as chats_store
from bot.storage.many import Many
from bot.usecases import participant_desk
from bot.usecases.deliver import Sender
from bot.usecases.open_case import raise_concerns
from bot.usecases.tidy import COPY, take_copy_away
from bot.usecases.undelivered import on_fault
from flows.effects import RaiseConcern
from flows.values import Role, Urgency
from tests.bot.beside import (
    Held,
    alerts,
    backend,
    begin,
    library,
    of_chat,
    opened,
    other,
    pressed,
    room,
    settled,
    the_roster,
    waits,
)
from tests.bot.damage import damage
from tests.bot.deliveries import FakeMessenger, once
from tests.bot.desks import PARTICIPANT, Room

__all__ = ["backend", "library", "other", "room"]


async def worry(room: Room, unit: Unit, urgency: Urgency, role: Role, step: str) -> None:
    """Something about the first participant, for one role."""
    person = await unit.people.get(room.participant)
    assert person is not None
    session = await unit.sessions.next_for(person, room.clock.now())
    concern = RaiseConcern("unreadable_answer", urgency, (role,), step)
    await raise_concerns(
        unit, room.desk, person=person, visit_id=None, session=session, script="self_test", raised=[concern],
        unasked=[], at=room.clock.now(),
    )  # fmt: skip
    await unit.commit()


async def more_urgent(room: Room) -> None:
    """The intake of the first process: it cannot wait any more, and the managers are to know of it, too."""
    async with room.storage.unit(beside=True) as unit:
        await unit.people.hold([room.participant])
        await worry(room, unit, Urgency.NOW, Role.MANAGER, "ST-02")


async def to_fail(room: Room) -> OutboxRow:
    """An alert to whoever is on duty; the managers come after them."""
    async with room.storage.unit() as unit:
        await worry(room, unit, Urgency.SESSION, Role.DUTY, "ST-01")
    (row,) = await alerts(room, StaffRole.DUTY)
    return row


async def test_an_alert_fails_while_its_case_gets_urgent(room: Room, other: Storage) -> None:
    """R-07, S-33 While the sender asks the next of a case the intake makes it more urgent: what waits says so, none is lost."""
    row = await to_fail(room)
    read, go = asyncio.Event(), asyncio.Event()

    async def settle_it() -> None:
        async with other.unit(beside=True) as unit:
            roles = unit.cases.roles

            async def held(case_id: str) -> list[CaseRole]:
                found = await roles(case_id)
                read.set()
                await go.wait()
                return found

            unit.cases.roles = held  # type: ignore[method-assign]  # held between reading and writing
            await on_fault(unit, room.desk, replace(row, state="failed"), "unreachable")
            await unit.commit()

    async with asyncio.timeout(8), asyncio.TaskGroup() as both:
        both.create_task(settle_it())
        await read.wait()
        assert await waits(room, both.create_task(more_urgent(room)))
        go.set()
    (alert,) = await alerts(room, StaffRole.MANAGER)
    assert "A person is needed now." in alert.text
    assert "You are asked for: Duty and Managers." in alert.text
    (case,) = await room.cases()
    async with room.storage.unit() as unit:
        parts = {part.role: part for part in await unit.cases.roles(case.id)}
    assert case.urgency is Urgency.NOW
    assert [room.people[StaffRole.MANAGER] in parts[role].asked for role in (Role.DUTY, Role.MANAGER)] == [
        True
    ] * 2


async def test_the_sender_and_the_intake_do_not_collide(room: Room, other: Storage) -> None:
    """R-05 What did not arrive and what is new about the same case wait for one another, and neither is done again."""
    row = await to_fail(room)
    written, go, messenger = asyncio.Event(), asyncio.Event(), FakeMessenger()
    messenger.before = once("send", Unreachable())
    turned: list[bool] = []

    async def held(unit: Unit, failed: OutboxRow, why: str) -> None:
        written.set()
        await go.wait()
        await on_fault(unit, room.desk, failed, why)

    sender = Sender(other, messenger, room.clock, room.desk.ids, SendLimits(), held, turned=turned.append)
    async with asyncio.timeout(8), asyncio.TaskGroup() as both:
        both.create_task(sender.step())
        await written.wait()
        assert await waits(room, both.create_task(more_urgent(room)))
        go.set()
    assert all(turned)
    assert row.id not in [one.id for one in await alerts(room, StaffRole.DUTY)]


async def test_what_needs_no_call_and_the_intake_do_not_collide(room: Room, other: Storage) -> None:
    """R-05, R-07 An alert that cannot be read, and what is new about its case: neither waits for the other and is done again."""
    row = await to_fail(room)
    damage(room.url, "outbox", "sealed_payload", "id = ?", row.id)
    written, go = asyncio.Event(), asyncio.Event()
    turned: list[bool] = []

    async def held(unit: Unit, failed: OutboxRow, why: str) -> None:
        written.set()
        await go.wait()
        await on_fault(unit, room.desk, failed, why)

    async def duty_again() -> None:
        async with room.storage.unit(beside=True) as unit:
            await unit.people.hold([room.participant])
            await worry(room, unit, Urgency.NOW, Role.DUTY, "ST-02")

    sender = Sender(
        other, FakeMessenger(), room.clock, room.desk.ids, SendLimits(), held, turned=turned.append
    )
    async with asyncio.timeout(8), asyncio.TaskGroup() as both:
        both.create_task(sender.step())
        await written.wait()
        assert await waits(room, both.create_task(duty_again()))
        go.set()
    assert all(turned)
    async with room.storage.unit() as unit:
        assert (await unit.outbox.counts())["failed"] == 1


def question(room: Room, chat_id: str, text: str, minutes: int) -> OutboxRow:
    """One that may be shown for so long, and after that a neutral line in its place."""
    now = room.clock.now()
    until = now + timedelta(minutes=minutes)
    return OutboxRow(
        chat_id, Lane.REPLY, "question", "say", now, text, sensitive=True, not_after=until, instead="neutral"
    )


async def test_a_question_asked_anew_while_the_door_closes_on_it(room: Room, other: Storage) -> None:
    """S-01 What the intake says anew stands alone: no neutral line for the question before it takes it away again."""
    async with room.storage.unit() as unit:
        person, chat = await of_chat(unit, PARTICIPANT)
        await unit.outbox.add(question(room, chat.id, "before", 10))
        await unit.commit()
    room.clock.advance(timedelta(minutes=11))

    async def anew() -> None:
        async with room.storage.unit(beside=True) as unit:
            await unit.people.hold([person.id])
            await unit.outbox.add(question(room, chat.id, "anew", 10))
            await unit.commit()

    late = Held(other)
    sender = Sender(late, FakeMessenger(), room.clock, room.desk.ids, SendLimits(), on_fault)  # type: ignore[arg-type]  # nothing fails
    async with asyncio.timeout(8), asyncio.TaskGroup() as both:
        settling = both.create_task(sender._round())
        await asyncio.wait({settling, both.create_task(late.there.wait())}, return_when="FIRST_COMPLETED")
        if settling.done():  # it left what it met to a round alone
            settling = both.create_task(sender._round())
            await late.there.wait()
        assert await waits(room, both.create_task(anew()))
        late.go.set()
    async with room.storage.unit() as unit:
        assert [row.text for row in await unit.outbox.waiting(chat.id)] == ["anew"]


async def test_a_roster_settled_while_somebody_presses(
    room: Room, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-24 A press in the moment in which the roster's first delivery is settled still brings it up to date."""
    await begin(room)
    row = await opened(room)
    asked = 0

    def between(many: Many) -> None:
        rows = many.rows

        async def look(*args: Any, **more: Any) -> list[Any]:
            nonlocal asked
            asked += 1
            if asked == 2:  # between the two looks, in whatever order they come
                await settled(room, other, row, 900)
            return await rows(*args, **more)

        monkeypatch.setattr(many, "rows", look)

    between(chats_store._TO_BE_SAID)
    between(chats_store._STANDING)
    await room.ask(await pressed(room, "shared_room"))
    assert asked == 2
    (edit,) = await the_roster(room)
    assert "Hold (1)" in edit.text


async def test_what_was_just_delivered_is_no_copy(
    room: Room, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-43 A message whose delivery is settled after the batch was read stays when it is pressed."""
    await begin(room)
    async with room.storage.unit() as unit:
        _, chat = await of_chat(unit, PARTICIPANT)
        rows = [row for row in await unit.outbox.waiting(chat.id) if row.op == "say"]

    async def between(*args: Any, **more: Any) -> bool:
        for number, row in enumerate(rows, 77):
            await settled(room, other, row, number)
        return await take_copy_away(*args, **more)

    monkeypatch.setattr(participant_desk, "take_copy_away", between)
    (question,) = [number for number, row in enumerate(rows, 77) if row.slot == "question"]
    await room.ask(await pressed(room, "usual_room", message_id=question))
    async with room.storage.unit() as unit:
        assert not [row for row in await unit.outbox.waiting(chat.id) if row.slot == COPY]
        standing = [e.slot for e in await unit.ledger.standing(chat.id) if e.message_id == question]
    assert standing == ["question"]
