"""The way in: invitations good and bad, the welcome and where it stops, and strangers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.simulator.phone import Phone
from bot.usecases import neutral
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import ALIAS, READY, WELCOME, asked, reads, words


async def test_shared_device_waits_for_staff(house: House) -> None:
    """The welcome stops at a shared phone, staff agree by an outcome, and the participant goes on from there."""
    await house.plan_session()
    staff = await house.staff("facilitator", "duty", "partner_support")
    phone = await house.participant({"WE-01": ("shared",)})
    assert phone.last.text == "Thank you. We stop here for now. Please wait for a message from us."
    assert (await house.person(phone)).state == "waiting"
    assert await house.concerns() == ["shared_device"]
    for command in ("/menu", "/selftest", "/start"):
        await house.write(phone, command)
        assert phone.last.text == reads(neutral.PLEASE_WAIT)
    facilitator = staff["facilitator"]
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(facilitator, "CASE:resolve:K-101")
    await house.press(facilitator, "OUT:device_agreed")
    assert phone.last.text == "Thank you for waiting. You can go on now."
    await house.press(phone, "MENU:open")
    await house.press(phone, "DOOR:yes")
    assert [data.split(":")[1] for data in asked(phone)][:2] == ["mine", "agreed"]
    await house.walk(phone, WELCOME | {"WE-01": ("agreed",)})
    assert (await house.person(phone)).state == "orientation"
    await house.selftest(phone)
    await house.walk(phone, READY)
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert readiness.level == "ready"


async def test_declined_agreement(house: House) -> None:
    """Somebody who does not agree to a point is stopped without a word of blame, and staff can let them go on."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant({"WE-13": ("decline",)})
    assert phone.last.text == "Thank you. We stop here for now. We will contact you."
    assert await house.concerns() == ["agreement_declined"]
    await house.write(phone, "/selftest")
    assert phone.last.text == reads(neutral.PLEASE_WAIT)
    await house.write(facilitator, "/resolve K-101 may_go_on")
    await house.press(phone, "MENU:open")
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, WELCOME)
    assert (await house.person(phone)).state == "orientation"
    async with house.unit() as unit:
        [agreement] = await unit.agreements.of_person((await house.person_in(unit, phone)).id)
    assert agreement.points["WE-13"] == "agree"
    assert agreement.script_version == 1


async def test_a_question_before_agreeing(house: House) -> None:
    """Asking about a point leaves it open, the agreement can be given afterwards, and a facilitator is asked.

    In the evening, with no session soon, that is the next working morning (S-32).
    """
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant({"WE-11": ("ask", "agree")})
    assert (await house.person(phone)).state == "orientation"
    assert await house.concerns() == ["needs_help"]
    assert not facilitator.shows("K-101")
    await house.later(hours=16)
    assert facilitator.shows("K-101")


async def test_used_invitation(house: House) -> None:
    """A link opened a second time from another chat opens nothing, and the administrator is told."""
    administrator = (await house.staff("administrator"))["administrator"]
    token = await house.invite("participant", ALIAS)
    first, second = Phone(house.world, "first"), Phone(house.world, "second")
    await first.start(token)
    await house.quiet()
    await second.start(token)
    await house.quiet()
    assert words(second) == [reads(neutral.STRANGER)]
    assert administrator.shows("has been opened again from another chat")
    assert ALIAS not in administrator.screen()
    await first.start(token)
    await house.quiet()
    assert first.shows(reads(neutral.DOOR)), "one's own link again is one's own way in"


async def test_expired_and_garbled_invitations(house: House) -> None:
    """An expired or garbled link gets the strangers' line, and nobody is alarmed for it."""
    administrator = (await house.staff("administrator"))["administrator"]
    expired = await house.invite("participant", ALIAS, expires=timedelta(minutes=5))
    house.clock.advance(timedelta(minutes=5))
    for token in (expired, "AAAAAAAAAAAAAAAAAAAAAA", "-_-", "a" * 64):
        phone = Phone(house.world, "somebody")
        await phone.start(token)
        await house.quiet()
        await phone.expect(reads(neutral.STRANGER))
        assert words(phone) == [reads(neutral.STRANGER)]
    for text in ("/start " + "x" * 3000, "/start \x00", "/start <b>", "/start ' OR 1=1"):
        phone = Phone(house.world, "somebody")
        await house.write(phone, text)
        await phone.expect(reads(neutral.STRANGER))
    assert words(administrator) == []


async def test_another_link_changes_nothing(house: House) -> None:
    """Somebody enrolled who opens another person's link stays who they are, and the link stays unused."""
    phone = await house.member()
    token = await house.invite("facilitator", "somebody else")
    await phone.start(token)
    await house.quiet()
    assert phone.last.text in (reads(neutral.UNKNOWN), reads(neutral.NOTHING_PLANNED))
    assert (await house.person(phone)).kind == "participant"
    async with house.unit() as unit:
        invitation = await unit.invitations.by_token(token)
    assert invitation is not None
    assert invitation.used_at is None


async def test_strangers_leave_nothing_behind(house: House) -> None:
    """S-44: whatever a stranger sends gets one neutral line, and no table holds a trace of them."""
    before = house.tables()
    stranger = Phone(house.world, "Nobody Invited")
    await house.write(stranger, "a sentence that nobody should keep")
    await stranger.expect(reads(neutral.STRANGER))
    stranger.send_voice()
    stranger.send_photo("a caption")
    stranger.command("/menu")
    stranger.command("/stop")
    await stranger.start("A" * 22)
    house.world.press(stranger.last, stranger.id, "ST-13:hurt_self:0123456789ab.1")
    await house.quiet()
    assert words(stranger) == [reads(neutral.STRANGER)]
    after = house.tables()
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed - {"pulses", "reminders"} == {"seen"}  # what goes round and is planned whoever writes
    assert all(str(stranger.id) not in str(row) for name in changed for row in after[name])
    disk = house.on_disk()
    for trace in (str(stranger.id), "Nobody Invited", "nobody should keep", "a caption"):
        assert trace.encode() not in disk


async def test_what_staff_agreed_to_is_not_lost(house: House) -> None:
    """After staff agreed, not now, /stop and /privacy in between change nothing: the welcome can still go on."""
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant({"WE-01": ("shared",)})
    await house.write(facilitator, "/resolve K-101 device_agreed")
    await house.press(phone, "MENU:open")
    await house.press(phone, "DOOR:later")
    await house.write(phone, "/stop")
    await house.write(phone, "/privacy")
    await house.press(phone, "DOOR:yes")
    await house.later(minutes=11)
    await house.write(phone, "/privacy")
    await house.write(phone, "/stop")
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, WELCOME | {"WE-01": ("agreed",)})
    assert (await house.person(phone)).state == "orientation"


async def test_first_the_language(database: Path) -> None:
    """Whatever is sent before the language is chosen, it is asked again, and the way in stays open."""
    async with open_house(database, languages=("en", "de")) as house:
        phone = Phone(house.world, "participant")
        token = await house.invite("participant", ALIAS)
        await phone.start(token)
        await house.quiet()
        if not phone.shows("LANG:de"):
            pytest.skip("there is no second catalogue yet")
        for text in ("hello", "/menu", "/selftest", "/privacy", f"/start {token}"):
            await house.write(phone, text)
            assert phone.shows("LANG:en"), text
        phone.send_sticker()
        await house.quiet()
        house.world.press(phone.last, phone.id, "MENU:open")
        await house.quiet()
        assert not phone.shows("DOOR:yes")
        await house.press(phone, "LANG:en")
        await house.press(phone, "DOOR:yes")
        await house.walk(phone, WELCOME)
        assert (await house.person(phone)).state == "orientation"
