"""Orientation, reflection in sittings, and the check after a session."""

from __future__ import annotations

from datetime import timedelta

from bot.simulator.phone import Phone
from bot.usecases import neutral
from tests.acceptance.house import House
from tests.acceptance.stories import asked, reads, words

ENOUGH = "That is all for today. When it suits you on another day, send /menu."
SAFE: dict[str, tuple[str, ...]] = {
    "RS-L1": ("no",), "RS-L3": ("nobody",), "RS-L4": ("yes",), "RS-L5": ("no",), "RS-D1": ("none", "done"),
}  # fmt: skip


async def open_item(house: House, phone: Phone, item: str) -> None:
    """Choose an item of the menu, door included."""
    await house.write(phone, "/menu")
    if phone.shows("DOOR:yes"):
        await house.press(phone, "DOOR:yes")
    await house.press(phone, f"MENU:{item}")


async def test_orientation(house: House) -> None:
    """The orientation of the programme's platform goes to its end, a wrong answer explained and asked again."""
    tech = (await house.staff("tech"))["tech"]
    phone = await house.member()
    await open_item(house, phone, "orientation")
    since = len(phone.log)
    steps = await house.walk(phone, {"OR-03": ("bed", "hand", "table")})
    assert len(steps) > 15
    said = "\n".join(words(phone, since))
    assert "Sessions are done on a chair at a table" in said
    assert "A table at eye height is better." in said
    assert "Zoom" in said
    assert "Teams" not in said
    assert (await house.person(phone)).state == "active"
    assert [a.choices for a in await house.answers(phone) if a.step == "OR-03"] == [
        ("bed",),
        ("hand",),
        ("table",),
    ]
    assert words(tech) == []


async def test_orientation_with_help(house: House) -> None:
    """Asking for help in the orientation brings the tech helper, and the orientation goes on."""
    await house.plan_session(timedelta(hours=20))
    tech = (await house.staff("tech", "facilitator"))["tech"]
    phone = await house.member()
    await open_item(house, phone, "orientation")
    await house.walk(phone, {"OR-03": ("help",)})
    assert (await house.person(phone)).state == "active"
    assert tech.shows("K-101")


async def test_three_questions_a_sitting(house: House) -> None:
    """S-12: after three questions the sitting ends with a neutral line, and the next waits for its time."""
    phone = await house.member()
    await open_item(house, phone, "start")
    assert await house.walk(phone, SAFE) == ["RS-L1", "RS-L2", "RS-L3"]
    assert phone.last.text == ENOUGH
    await open_item(house, phone, "start")
    assert phone.last.text == reads(neutral.LATER)
    await house.later(hours=2)
    await open_item(house, phone, "start")
    assert await house.walk(phone, SAFE) == ["RS-L4", "RS-L5", "RS-D1"]


async def test_no_questions_around_a_session(house: House) -> None:
    """S-12: from two hours before a session to one hour after it no reflection question is offered or answered to."""
    phone = await house.member()
    await house.plan_session(timedelta(minutes=130))
    await open_item(house, phone, "start")
    assert asked(phone)
    await house.write(phone, "/stop")
    await house.later(minutes=20)
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    assert not phone.shows("MENU:start")
    assert phone.shows("MENU:selftest")


async def test_no_questions_right_after_a_session(house: House) -> None:
    """S-12: for an hour after a session, though it is no longer the next one, no reflection question is offered
    or gone on with; then they come back."""
    phone = await house.member()
    await house.plan_session(timedelta(minutes=130))
    await open_item(house, phone, "start")
    await house.later(minutes=130 + 90 + 5)
    await house.press(phone, "RS-L1:no")
    assert asked(phone) == []
    assert phone.last.text == reads(neutral.LATER)
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    assert phone.shows("MENU:after")
    assert not phone.shows("MENU:start")
    await house.later(hours=1)
    await open_item(house, phone, "start")
    assert asked(phone)[0].startswith("RS-L2")


async def test_released_questions(house: House) -> None:
    """S-12: the closed questions come only after a facilitator has opened them, in staffed hours, and end with a
    calming card."""
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    passed = await all_sittings(house, phone)
    closed = {"RS-D4", "RS-H1", "RS-H2", "RS-H3", "RS-H4"}
    assert "RS-M3" in passed
    assert not closed & set(passed)
    await house.write(facilitator, "/release")
    await house.press(facilitator, "REL:who")
    await house.press(facilitator, "REL:rs_h1")
    await house.press(facilitator, "REL:yes.rs_h1")
    assert facilitator.shows("Opened.")
    await until_ten_in_the_morning(house)
    await open_item(house, phone, "start")
    since = len(phone.log)
    assert await house.walk(phone, {"RS-H1": ("earlier",)}) == ["RS-H1", "RS-H1-MORE", "RS-H1-CALM", "RS-END"]
    before = "\n".join(words(phone, since - 1))
    assert "legal consequences" in before
    assert "surveillance" in await house.concerns()


async def until_ten_in_the_morning(house: House) -> None:
    """Of the next Tuesday: the closed questions come within staffed hours only."""
    now = house.clock.now()
    days = (1 - now.weekday()) % 7 or 7
    tuesday = (now + timedelta(days=days)).replace(hour=10, minute=0)
    await house.later(seconds=(tuesday - now).total_seconds())


async def all_sittings(house: House, phone: Phone) -> list[str]:
    """Go through the script in as many sittings as it takes."""
    passed: list[str] = []
    for _ in range(12):
        await open_item(house, phone, "start")
        passed += await house.walk(phone, SAFE)
        if phone.last.text != ENOUGH:
            return passed
        await house.later(hours=2)
    raise AssertionError(f"no end in sight: {passed}")


async def test_after_session(house: House) -> None:
    """After a session somebody who says that somebody was hurt is not lost, and nobody at home is offered as help."""
    staff = await house.staff("facilitator", "duty", "partner_support", "manager")
    phone = await house.member()
    await open_item(house, phone, "after")
    await house.walk(phone, {"AS-02": ("yes",), "AS-04": ("rest", "done"), "AS-06": ("yes",)})
    assert await house.concerns() == ["harm_done", "needs_help"]
    for role in staff:
        assert staff[role].shows("A person is needed now."), role


async def test_check_in_to_its_end(house: House) -> None:
    """The weekly check-in goes to its end and comes up anew the next time."""
    phone = await house.member()
    await open_item(house, phone, "checkin")
    first = await house.walk(phone, {})
    assert phone.shows("that is all")
    await house.later(days=7)
    await open_item(house, phone, "checkin")
    assert await house.walk(phone, {}) == first
    assert len([v for v in await house.visits(phone) if v.script == "check_in"]) == 2


async def test_quiet_time_begins_in_a_sitting(house: House) -> None:
    """S-12: a question answered after the quiet time before a session has begun counts, and no other follows."""
    await house.plan_session(timedelta(minutes=125))
    phone = await house.member()
    await open_item(house, phone, "start")
    await house.later(minutes=6)
    await house.press(phone, "RS-L1:no")
    assert [a.choices for a in await house.answers(phone)] == [("no",)]
    assert asked(phone) == []
    assert phone.last.text == reads(neutral.LATER)
    await house.later(hours=6)
    await open_item(house, phone, "start")
    assert asked(phone)[0].startswith("RS-L2")
