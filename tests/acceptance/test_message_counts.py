"""How many messages Telegram is asked for: the figures docs/scale.md reckons with."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.simulator.phone import Phone
from tests.acceptance.house import House
from tests.acceptance.stories import READY
from tests.acceptance.test_other_scripts import SAFE, open_item

COUNTED = ("sendMessage", "editMessageText")
PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def counter(house: House, phone: Phone) -> Callable[[], int]:
    """Gives how many messages went to that phone since it was asked last."""
    seen = 0

    def count() -> int:
        nonlocal seen
        calls, seen = house.world.calls[seen:], len(house.world.calls)
        return sum(method in COUNTED and call["chat_id"] == phone.id for _, method, call in calls)

    return count


def told() -> dict[str, int]:
    """What the table of the page says."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {what: int(count) for what, count in rows}


async def through(house: House, phone: Phone, item: str, choices: dict[str, tuple[str, ...]]) -> None:
    """By the button of the line that has come, door included, to the end."""
    await house.press(phone, f"MENU:{item}")
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, choices)


async def test_what_a_session_costs(house: House) -> None:
    """docs/scale.md: one participant's session, from the line of the day before to that of the day after."""
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone, found = await house.member(state="active"), dict[str, int]()
    theirs, rosters = counter(house, phone), counter(house, facilitator)
    await house.plan_session(timedelta(hours=25))
    await house.later(hours=1, minutes=1)
    found["the line of the day before"] = theirs()
    await house.later(hours=23, minutes=15)
    found["the line as the test opens"] = theirs()
    rosters()
    await house.press(phone, "MENU:selftest")
    await house.press(phone, "DOOR:yes")
    await house.later(seconds=10)  # nobody answers all of it within the five seconds between a roster's edits
    await house.walk(phone, READY)
    await house.later(seconds=10)
    found["the self-test, its door included"] = theirs()
    found["edits of one facilitator's roster for it"] = rosters()
    await house.later(minutes=29)
    found["the line to confirm"] = theirs()
    rosters()
    await through(house, phone, "confirm", {"CF-01": ("still_so",)})
    found["confirming"] = theirs()
    await house.later(minutes=110)
    found["the line after the session"] = theirs()
    await through(house, phone, "after", {})
    found["the check after it"] = theirs()
    await house.later(hours=15)
    found["the line of the next day"] = theirs()
    assert found == {what: count for what, count in told().items() if what in found}


async def test_what_a_week_costs(house: House) -> None:
    """docs/scale.md: the weekly check-in and a sitting of reflection questions, without the lines that call to them."""
    phone, found = await house.member(state="active"), dict[str, int]()
    theirs = counter(house, phone)
    await open_item(house, phone, "checkin")
    await house.walk(phone, {})
    found["the weekly check-in"] = theirs()
    await house.later(hours=16)
    theirs()
    await open_item(house, phone, "start")
    await house.walk(phone, SAFE)
    found["a sitting of three reflection questions"] = theirs()
    assert found == {what: count for what, count in told().items() if what in found}


async def test_what_enrolment_costs(house: House) -> None:
    """docs/scale.md: from the invitation to the end of the tech orientation, once for each participant."""
    phone = await house.participant()
    await open_item(house, phone, "orientation")
    await house.walk(phone, {})
    found = counter(house, phone)()
    assert found == told().get("enrolment and orientation, once")
