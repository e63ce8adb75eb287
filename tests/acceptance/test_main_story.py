"""From an invitation to a case taken on."""

from __future__ import annotations

from tests.acceptance.house import House
from tests.acceptance.stories import ALIAS, ALONE, READY


async def test_enrolment_to_ready(house: House) -> None:
    """An invited participant goes through welcome and self-test and ends ready, over real HTTP."""
    await house.plan_session()
    phone = await house.participant()
    assert (await house.person(phone)).state == "orientation"
    await house.selftest(phone)
    assert await house.walk(phone, READY, until="ST-16") == ALONE[:-1]
    assert phone.shows("everything is in place")
    await house.press(phone, "ST-16:continue")
    assert phone.shows("that is all")
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert (readiness.level, readiness.final) == ("ready", True)
    assert await house.cases() == []


async def test_partner_nearby(house: House) -> None:
    """S-04: somebody near closes the test with one neutral line, and the facilitator takes the case on."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-08": ("partner", "done"), "ST-09": ("maybe",)})
    assert phone.last.text.endswith("Please wait for a message from us before you join.")
    alert = facilitator.shows("K-101")
    assert alert is not None
    assert ALIAS not in alert.text
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(facilitator, "CASE:resolve:K-101")
    await house.press(facilitator, "OUT:talked_to_them")
    assert facilitator.shows("Done for your role: Talked to the participant.")
    [case] = await house.cases()
    parts = await house.roles(case)
    assert {role: part.state for role, part in parts.items()} == {"F": "done", "P": "asking"}
    assert case.unasked == tuple(s for s in READY if s not in ("ST-07", "ST-08", "ST-09", "ST-10", "ST-16"))
