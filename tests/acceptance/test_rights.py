"""Leaving, and another Telegram account: what becomes of the chat and of the people around."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.ports.records import Lane, Person
from bot.simulator.phone import Phone
from bot.usecases import neutral, staff_texts
from bot.usecases.desk import Message, post
from bot.usecases.invite import OPERATOR, CannotInvite, invite_again
from bot.usecases.leave import CannotLeave, leave
from bot.usecases.move_account import MOVED
from tests.acceptance.house import House
from tests.acceptance.rights import do, settle_cases
from tests.acceptance.stories import ALIAS, READY, reads, words


async def test_whoever_left_is_a_stranger(house: House) -> None:
    """S-44, S-06: leaving clears the chat, says one neutral line, plans nothing more; later it is a stranger's chat."""
    await house.plan_session(timedelta(hours=30))
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant()
    await house.write(phone, "/menu")
    await house.later(minutes=1)
    person = await house.person(phone)
    since = len(phone.log)
    done = await do(house, leave, person, "completed", OPERATOR)
    await house.quiet()
    assert done.reminders > 0
    assert done.person.left_at == house.clock.now()
    assert words(phone, since) == [reads(neutral.LEFT)]
    assert [m.text for m in phone.messages] == [reads(neutral.LEFT)]
    await house.write(phone, "/menu")
    await phone.expect(reads(neutral.STRANGER))
    await house.write(phone, "hello?")
    await house.later(hours=40)
    assert words(phone, since) == [reads(neutral.LEFT), reads(neutral.STRANGER)]
    assert ALIAS not in facilitator.screen()
    with pytest.raises(CannotLeave, match="has left already"):
        await do(house, leave, await left_person(house), "ended", OPERATOR)


async def left_person(house: House) -> Person:
    """The one who left, by alias."""
    async with house.unit() as unit:
        return (await unit.everything.by_alias(house.programme.id, ALIAS))[0]


async def test_open_cases_outlast_leaving(house: House) -> None:
    """S-30, S-31: a case stays open and is still asked about when the person it is about has left."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    done = await do(house, leave, await house.person(phone), "withdrawn", OPERATOR)
    assert done.cases == ("K-101",)
    await house.quiet()
    await house.write(facilitator, "/ack K-101")
    await house.write(facilitator, "/resolve K-101 handled")
    assert facilitator.shows("K-101")


async def test_half_made_answers_count_when_somebody_leaves(house: House) -> None:
    """S-06: ticks without Done that would raise a concern raise it when the person leaves the programme."""
    await house.plan_session()
    await house.staff("facilitator", "duty")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.press(phone, "ST-13:hurt_self")
    await do(house, leave, await house.person(phone), "withdrawn", OPERATOR)
    assert "self_harm" in await house.concerns()


async def test_back_under_a_new_invitation(house: House) -> None:
    """S-44: whoever left can be invited anew in the same Telegram account, as somebody else from the start."""
    phone = await house.member()
    former = await house.person(phone)
    await do(house, leave, former, "completed", OPERATOR)
    await house.quiet()
    await phone.start(await house.invite("participant", "another alias"))
    await house.quiet()
    assert phone.shows(reads(neutral.DOOR))
    assert (await house.person(phone)).id != former.id


async def test_staff_who_leave_have_no_part_any_more(house: House) -> None:
    """S-21, R-07: a member of staff who left has no role and reads nothing; their alert goes to the next at once."""
    await house.plan_session()
    staff = await house.staff("facilitator", "manager")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    facilitator = await house.person(staff["facilitator"])
    await house.write(staff["facilitator"], "/ack K-101")
    with pytest.raises(CannotLeave, match="has taken on K-101"):
        await do(house, leave, facilitator, "ended", OPERATOR)
    await house.write(staff["facilitator"], "/resolve K-101 handled")
    await settle_cases(house, {})
    await do(house, leave, facilitator, "ended", OPERATOR)
    await house.quiet()
    since = len(staff["facilitator"].log)
    await house.write(staff["facilitator"], "/case")
    await staff["facilitator"].expect(reads(neutral.STRANGER))
    assert words(staff["facilitator"], since) == [reads(neutral.STRANGER)]
    async with house.unit() as unit:
        gone = await unit.people.get(facilitator.id)
    assert gone is not None
    assert gone.roles == ()


async def moving(house: House, phone: Phone) -> str:
    """The token of a link that staff issue for somebody's move."""
    person = await house.person(phone)
    async with house.bot.storage.unit() as unit:
        issued = await invite_again(unit, house.clock, house.ids, house.programme, person, 2)
        await unit.commit()
    return issued.token


async def test_another_account_only_by_a_link_from_staff(house: House) -> None:
    """S-01, S-44: a link moves the chat: the old one is cleared and a stranger's, the new one begins at the door."""
    await house.plan_session(timedelta(hours=30))
    staff = await house.staff("administrator", "facilitator")
    old, new, third = await house.participant(), Phone(house.world, "new"), Phone(house.world, "third")
    person = await house.person(old)
    await house.write(old, "/menu")
    token = await moving(house, old)
    since = len(old.log)
    await new.start(token)
    await house.quiet()
    assert (await house.person(new)).id == person.id
    assert new.last.text == reads(neutral.DOOR)
    assert words(new) == [reads(neutral.DOOR)]
    assert words(old, since) == [reads(neutral.LEFT)]
    assert [m.text for m in old.messages] == [reads(neutral.LEFT)]
    for who in staff.values():
        assert who.shows(reads(MOVED))
        assert ALIAS not in who.screen()
    await house.write(old, "/menu")
    await old.expect(reads(neutral.STRANGER))
    await house.press(new, "DOOR:yes")
    await third.start(token)
    await house.quiet()
    assert words(third) == [reads(neutral.STRANGER)]
    assert staff["administrator"].shows("has been opened again from another chat")
    await house.later(hours=12)
    assert words(old, since) == [reads(neutral.LEFT), reads(neutral.STRANGER)]
    assert (await house.person(new)).id == person.id


async def test_alerts_go_along_to_another_account(house: House) -> None:
    """R-07, S-30: what waits for a member of staff goes to the account they moved to; nothing of it is lost."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    token, new = await moving(house, facilitator), Phone(house.world, "facilitator anew")
    person = await house.person(facilitator)
    async with house.bot.storage.unit() as unit:
        chat = await unit.chats.of_person(person.id)
        assert chat is not None
        late = house.clock.now() + timedelta(minutes=5)
        await post(
            unit,
            house.bot.desk,
            chat,
            Message("notice-x", "Something for later."),
            lane=Lane.ALERT,
            due_at=late,
        )
        await unit.commit()
    await new.start(token)
    await house.quiet()
    await house.later(minutes=6)
    assert new.shows("Something for later.")
    assert not facilitator.shows("Something for later.")
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    assert new.shows("K-101")
    await house.press(new, "CASE:take:K-101")
    assert new.shows(reads(staff_texts.ROLE_TOOK)) or new.shows("K-101")


async def test_a_link_to_move_ends_with_leaving(house: House) -> None:
    """S-44: a link to move opens nothing once the person has left, and none is issued for somebody who left."""
    phone, other = await house.member(), Phone(house.world, "other")
    person, token = await house.person(phone), await moving(house, phone)
    await do(house, leave, person, "ended", OPERATOR)
    await other.start(token)
    await house.quiet()
    await other.expect(reads(neutral.STRANGER))
    async with house.unit() as unit:
        gone = (await unit.everything.by_alias(house.programme.id, ALIAS))[0]
        with pytest.raises(CannotInvite, match="has left"):
            await invite_again(unit, house.clock, house.ids, house.programme, gone, 2)


async def test_an_account_that_was_left_stays_a_strangers(house: House) -> None:
    """S-44, S-01: the phone that was moved from blocks and unblocks the bot, and is a stranger's all the same."""
    old, new = await house.member(), Phone(house.world, "new")
    token = await moving(house, old)
    old.block()  # so that clearing it fails, which marks other chats as blocked
    await house.quiet()
    await new.start(token)
    await house.quiet()
    person = await house.person(new)
    await house.later(minutes=1)
    old.unblock()
    await house.quiet()
    async with house.unit() as unit:
        chat = await unit.chats.of_person(person.id)
        former = await unit.chats.by_telegram(house.world.bot["id"], old.id)
    assert chat is not None
    assert chat.telegram_id == new.id
    assert former is not None
    assert former.state == "left"
    since = len(old.log)
    await house.write(old, "/menu")
    await old.expect(reads(neutral.STRANGER))
    assert words(old, since) == [reads(neutral.STRANGER)]


async def test_a_new_account_begins_at_the_door(house: House) -> None:
    """S-01: the door that was passed on the old phone is shut on the new one, however short ago that was."""
    await house.plan_session(timedelta(hours=30))
    old, new = await house.participant(), Phone(house.world, "new")
    token = await moving(house, old)
    await house.write(old, "/menu")
    passed = (await house.person(old)).open_until
    assert passed is not None
    assert passed > house.clock.now()
    await new.start(token)
    await house.quiet()
    assert (await house.person(new)).open_until is None
    await house.write(new, "/privacy")
    assert new.last.text == reads(neutral.DOOR)
    assert set(words(new)) == {reads(neutral.DOOR)}


async def test_what_is_sensitive_does_not_go_along(house: House) -> None:
    """S-01, S-43: of what waits for the old account only what is neutral goes to the new one."""
    old, new = await house.member(), Phone(house.world, "new")
    token, person = await moving(house, old), await house.person(old)
    late = house.clock.now() + timedelta(minutes=5)
    async with house.bot.storage.unit() as unit:
        chat = await unit.chats.of_person(person.id)
        assert chat is not None
        for slot, sensitive in (("details-x", True), ("notice-x", False)):
            message = Message(
                slot, f"Words of {slot}.", sensitive=sensitive, not_after=late + timedelta(hours=1)
            )
            await post(unit, house.bot.desk, chat, message, due_at=late)
        await unit.commit()
    await new.start(token)
    await house.quiet()
    await house.later(minutes=6)
    assert new.shows("Words of notice-x.")
    for phone in (old, new):
        assert not any("Words of details-x." in text for text in words(phone))
