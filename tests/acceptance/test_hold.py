"""Holds: what a self-test leaves until a person lifts it."""

from __future__ import annotations

import pytest

from bot.usecases import staff_texts
from tests.acceptance.house import House
from tests.acceptance.stories import READY, reads


@pytest.mark.parametrize("template", list(staff_texts.LIFTS))
async def test_a_hold_is_lifted_by_staff(house: House, template: str) -> None:
    """S-08: staff lift a hold by each template; the participant reads the fixed line, and no reason."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)}, until="ST-16")
    held = phone.last.text
    assert "Please do not join yet" in held
    assert "device" not in held
    await house.press(phone, "ST-16:continue")
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(facilitator, "CASE:lift:K-101")
    await house.press(facilitator, f"LIFT:{template}:K-101")
    assert phone.last.text == reads(staff_texts.LIFT_NOTICES[template])
    assert not phone.last.protected
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert (readiness.level, readiness.lifted) == ("hold", template)
    assert facilitator.shows("Sent to the participant")
    lets_in = template in ("join", "waiting_room")
    assert (facilitator.shows("Answer the hold") is None) == lets_in, (
        "the other templates leave the hold standing"
    )


async def test_a_second_test_never_lifts(house: House) -> None:
    """S-08: after a hold a test without worries stays a hold, and the changed answers are a contradiction."""
    await house.plan_session()
    await house.staff("facilitator")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-12": ("some",)})
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-16")
    assert "Please do not join yet" in phone.last.text
    assert await house.concerns() == ["intoxicated", "contradiction"]
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert (readiness.level, readiness.lifted) == ("hold", None)


async def test_a_new_hold_after_one_was_lifted(house: House) -> None:
    """S-08: what staff lifted was the hold they knew; a new test with a new worry holds again."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    await house.write(facilitator, "/ack K-101")
    await house.write(facilitator, "/lift K-101 join")
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-12": ("some",)})
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert (readiness.level, readiness.lifted) == ("hold", None)


async def test_what_staff_decide_stays_to_be_read(house: House) -> None:
    """S-08: the line by which a hold was lifted is not taken away by the next short notice."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    await house.write(facilitator, "/ack K-101")
    await house.write(facilitator, "/lift K-101 not_today")
    await house.write(phone, "/help")
    await house.write(phone, "hello")
    assert phone.shows("Please do not join today. We will call you.")
