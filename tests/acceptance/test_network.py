"""Calls and updates that go astray between the bot and Telegram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bot.simulator.faults import ErrorAnswer, Fault, Malformed, ResetAfter, ResetBefore
from bot.simulator.webhook import Hook
from tests.acceptance.house import House
from tests.acceptance.stories import READY, asked, sent, words

TROUBLE: dict[str, Fault] = {
    "502": ErrorAnswer(502, "Bad Gateway"),
    "500": ErrorAnswer(500, "Internal Server Error"),
    "429": ErrorAnswer(429, "Too Many Requests: retry after 1", {"retry_after": 1}),
    "reset before": ResetBefore(),
    "reset after": ResetAfter(),
    "malformed": Malformed(),
}


async def test_an_alert_whose_answer_was_lost(house: House) -> None:
    """R-10: accepted but not answered, an alert comes at most once more, with the same reference, and not silently."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)

    def to_staff(params: Mapping[str, Any]) -> bool:
        return str(params.get("chat_id")) == str(facilitator.id)

    house.world.faults.add("sendMessage", ResetAfter(), when=to_staff)
    await house.press(phone, "ST-07:car")
    await house.later(seconds=2)
    await house.later(seconds=2)
    alerts = words(facilitator)
    assert 1 <= len(alerts) <= 2
    assert set(alerts) == {alerts[0]}
    assert "K-101" in alerts[0]
    await house.press(facilitator, "CASE:take:K-101")
    assert facilitator.shows("You have taken this on.")
    rows = [row for row in house.tables()["outbox"] if "alert" in row]
    assert len(rows) == 1
    assert rows[0][-2] == 1, "the possible copy left behind is counted (S-43)"


@pytest.mark.parametrize("kind", list(TROUBLE))
async def test_trouble_on_the_way(house: House, kind: str) -> None:
    """R-10: whatever goes wrong with a call, each question arrives, at most one copy more per fault, none is lost."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    for step in ("ST-07:usual_room", "ST-08:nobody", "ST-08:done"):
        for method in ("sendMessage", "editMessageText", "answerCallbackQuery", "deleteMessage"):
            house.world.faults.add(method, TROUBLE[kind])
        await house.press(phone, step)
        for _ in range(4):
            await house.later(seconds=2)
    house.world.faults.clear()
    copies = Counter(m.text for m in sent(phone) if m.edited is None)
    assert max(copies.values()) <= 2
    assert asked(phone)[0].startswith("ST-13")
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")


@pytest.mark.parametrize("kind", ["502", "reset before", "reset after", "malformed"])
async def test_trouble_with_the_updates(house: House, kind: str) -> None:
    """R-01, R-03: updates whose delivery failed or was answered into the void come again and count once."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    house.world.faults.add("getUpdates", TROUBLE[kind])
    await house.press(phone, "ST-07:car")
    await house.press(phone, "ST-08:nobody")
    assert [(a.step, a.version) for a in await house.answers(phone)] == [("ST-07", 1)]
    assert len(await house.cases()) == 1


async def test_the_update_comes_again(house: House) -> None:
    """R-01: an update is confirmed only after it is kept: stopped before that, it comes again and is answered once."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.stop()
    phone.press("ST-07:car")
    assert len(house.world.updates) == 1
    await house.start()
    await house.quiet()
    assert [(a.step, a.choices) for a in await house.answers(phone)] == [("ST-07", ("car",))]
    assert len(house.world.updates) == 0


async def test_an_outage_of_many_hours(house: House) -> None:
    """R-01: what was written while the bot was down is handled once it is back; the door stands before all of it."""
    await house.plan_session(timedelta(hours=8))
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.stop()
    phone.write("I might hurt somebody")
    house.clock.advance(timedelta(hours=5))
    since = len(phone.log)
    await house.start()
    await house.quiet()
    assert await house.concerns() == ["unreadable_answer"]
    assert facilitator.shows("K-101")
    assert all(not message.protected for message in sent(phone, since))


async def test_a_webhook_left_by_others(house: House) -> None:
    """R-01: long polling ends a webhook that somebody has set, since getUpdates would be refused for ever; nothing is lost."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.stop()
    house.world.hook(Hook("http://127.0.0.1:9/"))
    await house.start()
    await house.press(phone, "ST-07:car")
    assert house.world.webhook is None
    assert [(a.step, a.version) for a in await house.answers(phone)] == [("ST-07", 1)]
