"""The door after a closing that says somebody may see: shut at once, not after its minutes."""

from __future__ import annotations

import pytest

from bot.simulator.phone import Phone
from bot.usecases import neutral
from tests.acceptance.house import House
from tests.acceptance.stories import ALIAS, READY, WELCOME, reads, words
from tests.acceptance.test_door import only_neutral


@pytest.mark.parametrize("answer", ["yes", "maybe"])
async def test_somebody_near_shuts_the_door(house: House, answer: str) -> None:
    """S-01, S-04: after *somebody could see or hear me* the very next thing asked for comes behind the door."""
    await house.plan_session()
    phone = await house.member(state="active")
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-08": ("partner", "done"), "ST-09": (answer,)})
    assert (await house.person(phone)).open_until is None
    for command in ("/privacy", "/menu"):
        since = len(phone.log)
        await house.write(phone, command)
        assert words(phone, since) == [reads(neutral.DOOR)], command


@pytest.mark.parametrize("answer", ["shared", "not_me"])
async def test_a_phone_of_others_shuts_the_door(house: House, answer: str) -> None:
    """S-01, S-05: after *others use this phone* or *I am not that person* nothing is shown without the door."""
    await house.staff("facilitator")
    phone = Phone(house.world, "participant")
    await phone.start(await house.invite("participant", ALIAS))
    await house.quiet()
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, WELCOME | {"WE-01": (answer,)})
    assert (await house.person(phone)).open_until is None
    since = len(phone.log)
    for command in ("/privacy", "/menu"):
        await house.write(phone, command)
    assert only_neutral(phone, since)


async def test_the_agreement_keeps_its_points_only(house: House) -> None:
    """S-42: of the welcome the agreement's row has the points and the choice about recording; answers go by themselves."""
    phone = await house.participant()
    async with house.unit() as unit:
        [agreement] = await unit.agreements.of_person((await house.person_in(unit, phone)).id)
    agreed = {f"WE-{number}": "agree" for number in range(10, 16)}
    assert agreement.points == agreed | {"WE-20": "no"}
