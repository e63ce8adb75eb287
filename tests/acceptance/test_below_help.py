"""The next question stands below a help text, where its buttons are seen, and not in the place above it."""

from __future__ import annotations

import pytest

from bot.simulator.phone import Phone
from tests.acceptance.house import House
from tests.acceptance.stories import READY, asked


async def place_of(house: House, phone: Phone, slot: str) -> int:
    """The message id of the one that stands in that slot, by the ledger; the newest is the highest."""
    async with house.unit() as unit:
        chat = await unit.chats.by_telegram(house.world.bot["id"], phone.id)
        assert chat is not None
        [entry] = await unit.ledger.standing(chat.id, slot)
    return entry.message_id


@pytest.mark.parametrize(
    ("before", "press", "says", "following"),
    [
        ({}, "ST-13:very_upset", "Staff will call you before the session starts.", "ST-12"),
        ({}, "ST-13:hurt_self", "You do not have to be alone with this.", "ST-12"),
        ({"ST-08": ("children", "done")}, "ST-11:no", "You do not need to say anything to anybody now.", "ST-02"),
    ],
    ids=["upset", "harm to self", "children at home"],
)  # fmt: skip
async def test_the_next_question_stands_below_a_tip(
    house: House, before: dict[str, tuple[str, ...]], press: str, says: str, following: str
) -> None:
    """S-08, S-11: a tip that judges nothing and sends nobody away comes first, and the question that goes on is the last thing seen."""
    await house.plan_session()
    await house.staff()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | before, until=press.partition(":")[0])
    await house.press(phone, press)
    if phone.shows("ST-13:done"):
        await house.press(phone, "ST-13:done")
    assert asked(phone)[0].startswith(following)
    shown = [message for message in phone.messages if message.from_bot]
    assert says in shown[-2].text
    assert shown[-1].message_id == await place_of(house, phone, "question")
    assert shown[-2].message_id == await place_of(house, phone, "help")
    assert [m for m in shown if m.buttons] == shown[-1:], "the question before is gone"


async def test_without_a_tip_the_question_stays_in_its_place(house: House) -> None:
    """S-43: otherwise the next question takes the place of the one before, so that nothing of it is left."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    before = await place_of(house, phone, "question")
    await house.press(phone, "ST-13:calm")
    await house.press(phone, "ST-13:done")
    assert await place_of(house, phone, "question") == before
