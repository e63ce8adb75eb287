"""From an invitation to a case taken on."""

from __future__ import annotations

from tests.acceptance.conftest import READY, House, walk


async def test_enrolment_to_ready(house: House) -> None:
    """An invited participant goes through welcome and self-test and ends ready, over real HTTP."""
    await house.plan_session()
    phone = await house.participant()
    phone.command("/selftest")
    await phone.tap("DOOR:yes")
    steps = await walk(phone, READY)
    assert [s.split(":")[0] for s in dict.fromkeys(steps)][0] == "ST-07"


async def test_partner_nearby(house: House) -> None:
    """S-04: somebody near closes the test with one neutral line, and the facilitator gets a case to take on."""
    await house.plan_session()
    facilitator = await house.staff("facilitator")
    phone = await house.participant()
    phone.command("/selftest")
    await phone.tap("DOOR:yes")
    await phone.tap("ST-07:usual_room")
    await phone.tap("ST-08:partner")
    await phone.tap("ST-08:done")
    await phone.tap("ST-09:maybe")
    await phone.expect("Please wait for a message from us before you join")
    alert = await facilitator.expect("K-101")
    assert "P-07" not in alert.text
    await facilitator.tap("CASE:take:K-101")
    await facilitator.tap("CASE:resolve:K-101")
