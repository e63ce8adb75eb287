from __future__ import annotations
from collections import Counter
from datetime import timedelta
from bot.simulator.phone import Phone
from tests.acceptance.house import House
from tests.acceptance.stories import READY
from tests.acceptance.test_other_scripts import SAFE, open_item


async def test_x(house: House) -> None:
    """x."""
    facilitator = (await house.staff("facilitator"))["facilitator"]
    at = 0
    def report(what):
        nonlocal at
        me = Counter(m for _, m, c in house.world.calls[at:] if c.get("chat_id") == phone.id)
        st = Counter(m for _, m, c in house.world.calls[at:] if c.get("chat_id") == facilitator.id)
        presses = sum(m == "answerCallbackQuery" for _, m, c in house.world.calls[at:])
        print("COUNT", what, house.clock.now(), dict(me), dict(st), "presses", presses, flush=True)
        at = len(house.world.calls)
    phone = await house.member(state="active")
    await house.plan_session(timedelta(minutes=50))
    await house.later(minutes=5, seconds=1)
    report("opens")
    await house.later(minutes=4)
    report("opens")
    await house.press(phone, "MENU:selftest")
    await house.press(phone, "DOOR:yes")
    await house.later(seconds=6)
    report("door")
    await house.walk(phone, READY)
    report("selftest")
    await house.later(seconds=6)
    report("selftest roster")
    await house.later(minutes=11)
    report("tidy")
    for i in range(4):
        await house.later(minutes=5)
        report("to 30 before")
    for i in range(3):
        await house.later(minutes=5)
        report("to start")
    await house.later(minutes=80)
    report("session")
    await house.later(minutes=16)
    report("after line")
    await house.press(phone, "MENU:after")
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, {})
    report("after")
    await house.later(minutes=15)
    report("after tidy")
    await house.later(hours=3)
    await open_item(house, phone, "checkin")
    await house.walk(phone, {})
    report("checkin")
    await house.later(minutes=30)
    report("tidy")
