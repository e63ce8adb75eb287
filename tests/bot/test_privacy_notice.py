"""/privacy: the person's own dates, and what can be asked for; on a real database with the movable clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press
from bot.ports.records import OutboxRow, Request, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases import privacy
from bot.usecases.data_requests import NoSuchRequest, finish, ref_of, remind_of_requests
from bot.usecases.expire import Expirer
from bot.usecases.privacy import answer_by
from bot.usecases.render import LONGEST
from tests.bot.desks import STAFF, START, Room, open_room
from tests.bot.schedule.watching import Watch, published

KINDS = ("copy", "erasure", "correction")


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, published()) as room:
        yield room


async def waiting(room: Room, whose: str = "") -> list[OutboxRow]:
    """What waits to be sent to the participant, or to somebody else."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(whose or room.participant)
        assert chat is not None
        return [row for row in await unit.outbox.waiting(chat.id) if row.op == "say"]


async def notice(room: Room) -> list[OutboxRow]:
    """The privacy notice as it stands now, the door passed."""
    await room.ask(room.update(Command("privacy")))
    await room.play("DOOR:yes")
    return [row for row in await waiting(room) if row.slot.startswith(privacy.SLOT)]


async def requests(room: Room) -> list[Request]:
    """The open ones."""
    async with room.storage.unit() as unit:
        return await unit.requests.open_in(room.programme)


async def told(room: Room, role: StaffRole) -> list[str]:
    """Notices that wait for one of staff."""
    return [row.text for row in await waiting(room, room.people[role]) if row.slot.startswith("notice-")]


async def test_the_notice_says_until_when(room: Room) -> None:
    """S-42 S-01 Behind the door, each kind with the person's own dates; nothing is too long (S-09)."""
    await room.ask(room.update(Command("privacy")))
    assert [row for row in await waiting(room) if row.sensitive] == []
    rows = await notice(room)
    text = "\n".join(row.text for row in rows)
    assert "Answers: none are kept now. Each goes 12 months after you gave it." in text
    assert "up to 24 months" in text
    assert "What you ask for here: 36 months after it was answered." in text
    assert "The record of who opened what, under a number: 36 months." in text
    assert all(row.sensitive and len(row.text) <= LONGEST for row in rows)
    assert [data for row in rows[-1].rows for _, data in row] == [
        *(f"PRIV:{kind}" for kind in KINDS),
        "MENU:open",
    ]
    assert [row.rows for row in rows[:-1]] == [()] * (len(rows) - 1)


async def test_dates_are_in_the_persons_language_and_zone(room: Room) -> None:
    """S-42 The oldest and the newest answer of this person, a day after their time, where the person is."""
    await room.begin()
    await room.play("ST-07:usual_room")
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, language="de", timezone="Pacific/Auckland"))
        await unit.commit()
    text = "\n".join(row.text for row in await notice(room))
    assert text.count("3. März 2028") == 2  # given on 1 March 2027 at 17:00 UTC, there already the 2nd
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, language="en", state="active", left_at=START))
        await unit.commit()
    text = "\n".join(row.text for row in await notice(room))
    assert "Your agreement: by 3 March 2028." in text


async def test_the_notice_tells_nothing_of_cases(room: Room) -> None:
    """S-03 With a case or without, the notice is the same word for word."""
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:partner", "ST-08:done", "ST-09:yes")
    with_case = [row.text for row in await notice(room)]
    assert await room.cases() != []
    async with room.storage.unit() as unit:
        for case in await unit.cases.open_in(room.programme):
            await unit.cases.save(replace(case, state="closed", closed_at=START))
        await unit.commit()
    assert [row.text for row in await notice(room)] == with_case


async def test_what_a_case_keeps_longer_is_not_seen(room: Room) -> None:
    """S-03 S-42 Answers that only an open case still holds do not show: the same notice as if they had gone."""
    texts = []
    for case_open in (True, False):
        if case_open:
            await room.begin()
            await room.play("ST-07:usual_room", "ST-08:partner", "ST-08:done", "ST-09:yes")
            assert await room.cases() != []
            room.clock.advance(timedelta(days=400))
        else:
            async with room.storage.unit() as unit:
                for case in await unit.cases.open_in(room.programme):
                    await unit.cases.save(replace(case, state="closed", closed_at=START))
                await unit.commit()
            await Watch(room).at(room.clock.now() + timedelta(minutes=1))
            await Expirer(room.storage, room.desk).run()
        async with room.storage.unit() as unit:
            assert bool(await unit.answers.of_person(room.participant)) == case_open
        texts.append([row.text for row in await notice(room)])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_is_asked_once_and_noted(room: Room, kind: str) -> None:
    """S-45 Confirmed once, then kept, recorded, told to administrators and managers, and answered with a date."""
    await notice(room)
    await room.play(f"PRIV:{kind}")
    assert await requests(room) == []
    [sure] = [row for row in await waiting(room) if row.slot == "request"]
    assert sure.sensitive
    assert [data for row in sure.rows for _, data in row] == [f"PRIV:yes.{kind}", "PRIV:no"]
    await room.play(f"PRIV:yes.{kind}")
    [request] = await requests(room)
    assert (request.kind, request.person_id, request.asked_at) == (kind, room.participant, START)
    [said] = [row for row in await waiting(room) if row.slot == "request"]
    assert "within one month, by 1 April 2027, outside this chat" in said.text
    for role in (StaffRole.ADMINISTRATOR, StaffRole.MANAGER):
        [text] = await told(room, role)
        assert ref_of(request) in text
        assert "alias" not in text
        assert kind not in text
    assert await told(room, StaffRole.FACILITATOR) == []
    async with room.storage.unit() as unit:
        [entry] = await unit.audit.of_subject(request.id)
    assert (entry.actor, entry.action, entry.detail) == (room.participant, "request.asked", {"kind": kind})


async def test_a_second_press_says_that_it_is_noted(room: Room) -> None:
    """S-45 While one of the kind is open there is no second; another kind may be asked for."""
    await notice(room)
    await room.play("PRIV:copy", "PRIV:yes.copy", "PRIV:copy", "PRIV:yes.copy")
    assert len(await requests(room)) == 1
    [said] = [row for row in await waiting(room) if row.slot == "request"]
    assert said.text == "You have asked already (Ask for a copy). Staff answer by 1 April 2027."
    assert len(await told(room, StaffRole.MANAGER)) == 1
    assert said.text in (await notice(room))[-1].text
    await room.play("PRIV:erasure", "PRIV:yes.erasure")
    assert len(await requests(room)) == 2


async def test_no_is_no(room: Room) -> None:
    """S-45 *No*, and anything that no button says, asks for nothing."""
    await notice(room)
    await room.play("PRIV:erasure", "PRIV:no", "PRIV:yes.everything", "PRIV:yes.", "PRIV:")
    assert await requests(room) == []


async def test_a_closed_door_shows_the_notice_first(room: Room) -> None:
    """S-01 A button pressed after the door has closed asks for nothing: the door, and the notice anew."""
    await notice(room)
    room.clock.advance(timedelta(minutes=11))
    await room.play("PRIV:yes.erasure")
    assert await requests(room) == []
    assert [row for row in await waiting(room) if row.slot == "door"] != []
    await room.play("DOOR:yes", "PRIV:erasure", "PRIV:yes.erasure")
    assert len(await requests(room)) == 1


async def test_the_digest_repeats_it_until_it_is_done(room: Room) -> None:
    """S-45 Each working morning, to administrators and managers, and late ones are called so; then no more."""
    await notice(room)
    await room.play("PRIV:copy", "PRIV:yes.copy")
    [request] = await requests(room)

    async def digests(role: StaffRole) -> list[str]:
        return [
            row.text for row in await waiting(room, room.people[role])
            if row.slot.startswith("digest-") and ref_of(request) in row.text
        ]  # fmt: skip

    watch = Watch(room)
    await watch.until(START + timedelta(days=2), timedelta(minutes=10))
    assert len(await digests(StaffRole.MANAGER)) == len(await digests(StaffRole.ADMINISTRATOR)) == 2
    assert await digests(StaffRole.FACILITATOR) == []
    assert "due on 1 April 2027" in (await digests(StaffRole.MANAGER))[-1]
    room.clock.advance(timedelta(days=40))
    async with room.storage.unit() as unit:
        assert (await remind_of_requests(unit, room.desk, room.programme)).people == 2
        await unit.commit()
    assert "Not answered in time" in (await digests(StaffRole.MANAGER))[-1]
    async with room.storage.unit() as unit:
        with pytest.raises(NoSuchRequest, match=ref_of(request)):
            await finish(unit, room.desk, room.programme, "R-000000", "granted", "operator")
        done = await finish(unit, room.desk, room.programme, ref_of(request).lower(), "refused", "operator")
        assert (await remind_of_requests(unit, room.desk, room.programme)).people == 0
        await unit.commit()
    assert (done.outcome, done.by, done.done_at) == ("refused", "operator", room.clock.now())
    await notice(room)
    await room.play("PRIV:copy", "PRIV:yes.copy")
    assert len(await requests(room)) == 1


@pytest.mark.parametrize(
    ("month", "day", "due"), [(1, 31, (2, 28)), (1, 28, (2, 28)), (3, 31, (4, 30)), (12, 15, (1, 15))]
)
def test_a_month_ends_with_its_last_day(month: int, day: int, due: tuple[int, int]) -> None:
    """S-45 Within one month, at the latest on the last day of a shorter one."""
    asked = START.replace(month=month, day=day)
    by = answer_by(Request("1" * 32, "2" * 32, "3" * 32, "copy", asked))
    assert (by.month, by.day) == due


async def test_staff_read_their_own_notice(room: Room) -> None:
    """S-42 Staff learn what is kept about them and where requests are; the participant's buttons are not theirs."""
    staff = STAFF[StaffRole.TECH]
    await room.ask(room.update(Command("privacy"), staff))
    rows = [row for row in await waiting(room, room.people[StaffRole.TECH]) if row.slot.startswith("privacy")]
    assert "audit log is kept for 36 months" in rows[-1].text
    assert all(len(row.text) <= LONGEST for row in rows)
    await room.ask(room.update(Press("PRIV", "yes.copy", "", "cb"), staff))
    assert await requests(room) == []
