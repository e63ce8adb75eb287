"""Chats are cleared of everything sensitive, of both sides, through restarts, outages and refusals (S-43)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.simulator.faults import ErrorAnswer
from bot.simulator.phone import Phone
from bot.simulator.records import Message
from bot.usecases import neutral, staff_texts
from flows import lines
from tests.acceptance.house import House
from tests.acceptance.stories import READY, WELCOME, asked, reads
from tests.acceptance.test_other_scripts import open_item

NEUTRAL = {reads(line) for line in (*neutral.ALL, *staff_texts.NEUTRAL, *lines.CLOSINGS.values())} | {
    line.msgid for line in (lines.OLD_BUTTON, lines.PAUSED, lines.ENOUGH, lines.LAPSED, lines.FINISHED)
}
WRITTEN = "Words that nobody else should read"


def sensitive(phone: Phone) -> list[Message]:
    """What stands in a participant's chat and is no neutral line and no bare command."""
    return [
        m for m in phone.messages if (m.text not in NEUTRAL if m.from_bot else not m.text.startswith("/"))
    ]


async def slots(house: House, phone: Phone) -> list[str]:
    """The slots of the bot's sensitive messages that stand in the chat."""
    async with house.unit() as unit:
        chat = await unit.chats.by_telegram(house.world.bot["id"], phone.id)
        assert chat is not None
        standing = await unit.ledger.standing(chat.id, sensitive_only=True)
    return [entry.slot for entry in standing if entry.side == "bot"]


async def checked_walk(house: House, phone: Phone, choices: dict[str, tuple[str, ...]]) -> None:
    """Walk step by step, and look at the chat after each."""
    for _ in range(150):
        before = len(phone.log)
        more = await _one(house, phone, choices)
        stands = await slots(house, phone)
        assert len(stands) == len(set(stands)), f"a trail: {stands}"
        for entry in phone.log[before:]:
            message = entry.message
            if entry.what in ("sent", "edited") and message.from_bot and message.text not in NEUTRAL:
                assert message.protected, message.text
        if not more:
            return
    raise AssertionError(phone.screen())


async def _one(house: House, phone: Phone, choices: dict[str, tuple[str, ...]]) -> bool:
    """Answer the one question that stands; False when none does."""
    data = asked(phone)
    if not data:
        return False
    step = data[0].split(":")[0]
    for choice in choices.get(step) or house._plain(step, data):
        await (
            house.write(phone, choice[1:])
            if choice.startswith("=")
            else house.press(phone, f"{step}:{choice}")
        )
    return True


@pytest.mark.parametrize("script", ["welcome", "selftest", "orientation", "checkin", "after", "start"])
async def test_a_whole_script_leaves_no_trail_and_is_cleared(house: House, script: str) -> None:
    """S-43: all that is not neutral is sent protected, one message stands in each slot, and ten minutes after
    the end nothing sensitive of either side is left."""
    if script == "selftest":
        await house.plan_session()
    await house.staff()
    phone = await house.member(state="welcome" if script == "welcome" else "active")
    await (house.write(phone, "/menu") if script == "welcome" else open_item(house, phone, script))
    if phone.shows("DOOR:yes"):
        await house.press(phone, "DOOR:yes")
    await checked_walk(house, phone, READY | WELCOME)
    await house.write(phone, WRITTEN)
    await house.later(minutes=9)
    await house.later(minutes=3)
    assert [m.text for m in sensitive(phone)] == []


async def test_stop_clears_both_sides_at_once(house: House) -> None:
    """S-06, S-43: /stop deletes what can be deleted, what the person wrote included."""
    await house.plan_session()
    await house.staff()
    phone = await house.member()
    await house.selftest(phone)
    await house.write(phone, WRITTEN)
    assert sensitive(phone)
    await house.write(phone, "/stop")
    assert [m.text for m in phone.messages] == [reads(lines.CLOSINGS[lines.Closing.STOPPED, False])]


async def test_an_open_question_stands_a_day_at_most(house: House) -> None:
    """S-43: what nobody answers is gone within 24 hours, though the bot was down when it was due and 429 came."""
    await house.staff()
    phone = await house.member(state="active")
    await open_item(house, phone, "checkin")
    await house.write(phone, WRITTEN)
    await house.later(hours=20)
    assert sensitive(phone), "the visit is open, and the question still stands"
    await house.stop()
    house.clock.advance(timedelta(hours=3, minutes=20))
    house.world.faults.add(
        "deleteMessage", ErrorAnswer(429, "Too Many Requests: retry after 2", {"retry_after": 2}), times=2
    )
    await house.start()
    await house.later(seconds=1)
    for _ in range(8):
        await house.later(seconds=10)
    assert [m.text for m in sensitive(phone)] == []


async def test_a_clock_set_back_keeps_nothing_longer(house: House) -> None:
    """S-43, R-05: what was noted by a clock that ran ahead counts from the clock set right."""
    await house.staff()
    phone = await house.member(state="active")
    house.clock.advance(timedelta(hours=30))
    await open_item(house, phone, "checkin")
    house.clock.advance(-timedelta(hours=30))
    await house.later(minutes=1)
    await house.later(hours=23, minutes=30)
    assert [m.text for m in sensitive(phone)] == []


async def test_what_is_too_old_is_edited_away_and_told_once_a_day(house: House) -> None:
    """S-43, S-20: after 48 hours Telegram deletes nothing; the text is edited away, administrators read counts only."""
    staff = await house.staff()
    phone = await house.member(state="active")
    await open_item(house, phone, "checkin")
    await house.write(phone, WRITTEN)
    await house.stop()
    house.clock.advance(timedelta(hours=50))
    await house.start()
    for _ in range(4):
        await house.later(minutes=1)
    left = [m.text for m in sensitive(phone)]
    assert left, "Telegram refused"
    assert {text for text in left if text != WRITTEN} <= {"·"}
    for _ in range(3):
        await house.later(hours=24)
    told = [m.text for m in staff["administrator"].messages if "Clearing the chats" in m.text]
    assert len(told) == 1
    commands = [m for m in phone.messages if not m.from_bot and m.text.startswith("/") and m.text != "/start"]
    assert f"{len(left) + len(commands)} messages could not be deleted." in told[0]
    assert WRITTEN not in told[0]
