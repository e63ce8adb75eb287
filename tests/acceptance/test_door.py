"""The door: what may be shown when."""

from __future__ import annotations

import pytest

from bot.simulator.faults import ErrorAnswer, Fault, ResetBefore
from bot.simulator.phone import Phone
from bot.usecases import neutral, staff_texts
from flows import lines
from tests.acceptance.house import House
from tests.acceptance.stories import ALIAS, READY, WELCOME, asked, reads, sent, words

UNASKED = {reads(line) for line in (*neutral.ALL, *staff_texts.NEUTRAL, *lines.CLOSINGS.values())} | {
    reads(line) for line in (lines.OLD_BUTTON, lines.PAUSED, lines.ENOUGH, lines.LAPSED, lines.FINISHED)
}


def only_neutral(phone: Phone, since: int = 0) -> bool:
    """Whether all that was said since is neutral."""
    return all(text in UNASKED for text in words(phone, since))


async def test_nothing_before_the_door(house: House) -> None:
    """S-01: until the door is passed all that reaches a phone is neutral; after it what is sensitive is protected."""
    await house.plan_session()
    phone = Phone(house.world, "participant")
    await phone.start(await house.invite("participant", ALIAS))
    await house.quiet()
    assert only_neutral(phone)
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, WELCOME)
    assert all(message.protected != (message.text in UNASKED) for message in sent(phone))
    await house.write(phone, "/stop")
    since = len(phone.log)
    await house.write(phone, "/selftest")
    assert only_neutral(phone, since)


async def test_ten_minutes_without_an_answer(house: House) -> None:
    """S-01: the first press after the time counts, nothing sensitive follows it, and the door is asked."""
    await house.plan_session()
    await house.staff("facilitator")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-12")
    await house.later(minutes=11)
    since = len(phone.log)
    await house.press(phone, "ST-12:some")
    assert [a.choices for a in await house.answers(phone) if a.step == "ST-12"] == [("some",)]
    assert await house.concerns() == ["intoxicated"]
    assert words(phone, since) == [reads(neutral.DOOR)]
    assert asked(phone) == []
    await house.press(phone, "DOOR:yes")
    assert asked(phone)[0].startswith("ST-02")


async def test_a_tick_after_ten_minutes(house: House) -> None:
    """S-01: a tick of several counts too when it comes late, and shows again behind the door."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.later(minutes=11)
    since = len(phone.log)
    await house.press(phone, "ST-13:tense")
    assert words(phone, since) == [reads(neutral.DOOR)]
    await house.press(phone, "DOOR:yes")
    assert phone.shows("✓ Tense or nervous")


async def test_text_after_ten_minutes(house: House) -> None:
    """S-01: words written after the time are kept, and only the door follows."""
    await house.plan_session()
    await house.staff("facilitator")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.later(minutes=11)
    since = len(phone.log)
    await house.write(phone, "I am not well")
    assert words(phone, since) == [reads(neutral.DOOR)]
    assert await house.concerns() == ["unreadable_answer"]


@pytest.mark.parametrize(
    "fault", [ErrorAnswer(429, "Too Many Requests: retry after 700", {"retry_after": 700}), ResetBefore()],
    ids=["429", "reset"],
)  # fmt: skip
async def test_decided_in_time_delivered_late(house: House, fault: Fault) -> None:
    """S-01: a sensitive message that could not go out in time is withheld; a neutral line takes its place."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-12")
    for method in ("sendMessage", "editMessageText"):
        house.world.faults.add(method, fault, times=None)
    phone.press("ST-12:none")
    await house.quiet()
    house.world.faults.clear()
    since = len(phone.log)
    await house.later(minutes=12)
    assert words(phone, since) == [reads(neutral.WAITING)]
    assert not sent(phone, since)[0].protected
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    assert [a.choices for a in await house.answers(phone) if a.step == "ST-12"] == [("none",)]


async def test_every_command_goes_through_the_door(house: House) -> None:
    """S-01: each command but /stop, /help and /language asks the door first; those say neutral lines only."""
    await house.plan_session()
    phone = await house.member()
    for command in ("/start", "/menu", "/selftest", "/privacy"):
        since = len(phone.log)
        await house.write(phone, command)
        assert words(phone, since)[-1] == reads(neutral.DOOR), command
        assert only_neutral(phone, since), command
        await house.write(phone, "/stop")
    for command in ("/stop", "/help", "/language", "/nonsense", "/ack K-101", "/release", "/case"):
        since = len(phone.log)
        await house.write(phone, command)
        assert words(phone, since), command
        assert only_neutral(phone, since), command


async def test_the_menu_behind_the_door(house: House) -> None:
    """S-01: an old menu's button after the time opens nothing before the door is passed again."""
    await house.plan_session()
    phone = await house.member()
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    await house.later(minutes=11)
    for item in ("selftest", "orientation", "privacy"):
        since = len(phone.log)
        phone.press_message(phone.log[-1].message.message_id, f"MENU:{item}")
        await house.quiet()
        assert words(phone, since)[-1] == reads(neutral.DOOR), item
        assert only_neutral(phone, since), item


async def test_the_self_test_always_asks(house: House) -> None:
    """S-01: before a self-test the door is asked even by somebody who passed it a moment ago."""
    await house.plan_session()
    phone = await house.member()
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    await house.press(phone, "MENU:selftest")
    assert phone.last.text == reads(neutral.DOOR)


async def test_help_waits_behind_the_door(house: House) -> None:
    """S-01: a help text that came too late for the door is the first thing behind it, not lost."""
    await house.plan_session()
    await house.staff("facilitator", "duty", "manager", "partner_support")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.press(phone, "ST-13:hurt_self")
    await house.later(minutes=11)
    since = len(phone.log)
    await house.press(phone, "ST-13:done")
    assert words(phone, since) == [reads(neutral.DOOR)]
    assert await house.concerns() == ["self_harm"]
    await house.write(phone, "/menu")
    since = len(phone.log)
    await house.press(phone, "DOOR:yes")
    assert "You do not have to be alone with this" in words(phone, since)[0]
    assert "call 999 now" in words(phone, since)[0]
