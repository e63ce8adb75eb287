"""What staff were shown of somebody's words goes with the person: pages that stand, and pages that still wait (S-45)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.ports.records import Person
from bot.simulator.faults import ErrorAnswer
from bot.simulator.phone import Phone
from bot.storage.sealing import Keyring
from bot.usecases.strike_person import SLOT
from tests.acceptance.house import House
from tests.acceptance.rights import TYPED, cells, erased, lived_in, marks_of, settle_cases, traces


async def ready_to_go(house: House) -> tuple[Person, set[str], Phone]:
    """Somebody who typed, whose cases are closed and whose session is over; their marks, and a facilitator's phone."""
    phone, staff = await lived_in(house)
    await settle_cases(house, staff)
    marks = await marks_of(house, phone)
    await house.later(hours=20)
    await house.write(staff["facilitator"], "/written")
    return await house.person(phone), marks, staff["facilitator"]


def slots(house: House) -> set[str]:
    """Every slot that the outbox or the ledger names."""
    found = cells(house.file)
    return {str(value) for table, _, column, value in found if (table, column) in {("outbox", "slot"), ("ledger", "slot")}}  # fmt: skip


async def test_a_page_that_stands_goes_with_the_person(house: House) -> None:
    """S-45: after an erasure no chat of staff shows the person's words, and nothing of them or their id is kept."""
    person, marks, facilitator = await ready_to_go(house)
    await house.press(facilitator, "WRIT:page.1")
    assert facilitator.shows(TYPED)
    await erased(house, person)
    await house.quiet()
    assert not facilitator.shows(TYPED)
    assert (await erased(house, person)).finished
    assert traces(house.file, Keyring(house.settings.keys_text()), marks) == []


async def test_no_slot_says_whose_words_were_read(house: House) -> None:
    """S-45, S-41: where a page stands is named without the person, so that no slot outlasts them with their id."""
    person, _, facilitator = await ready_to_go(house)
    await house.press(facilitator, "WRIT:page.1")
    found = slots(house)
    assert SLOT in found
    assert not [slot for slot in found if person.id in slot or person.id[-12:] in slot]


async def test_a_page_that_waits_is_not_delivered_any_more(house: House) -> None:
    """S-45: a page that Telegram put off when its person was erased is empty from then on, and never sent."""
    person, marks, facilitator = await ready_to_go(house)

    def to_staff(params: Mapping[str, Any]) -> bool:
        return str(params.get("chat_id")) == str(facilitator.id)

    slow = ErrorAnswer(429, "Too Many Requests: retry after 300", {"retry_after": 300})
    for method in ("sendMessage", "editMessageText"):
        house.world.faults.add(method, slow, when=to_staff)
    facilitator.press("WRIT:page.1")
    async with asyncio.timeout(5):
        while not [row for row in await house.waiting(facilitator) if TYPED in row.text]:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # tried once, and put off
    since = len(facilitator.log)
    await erased(house, person)
    assert not [row for row in await house.waiting(facilitator) if TYPED in row.text]
    house.world.faults.clear()
    for _ in range(2):
        await house.later(seconds=301)
    assert not [entry for entry in facilitator.log[since:] if TYPED in entry.message.text]
    await erased_to_the_end(house, person)
    assert traces(house.file, Keyring(house.settings.keys_text()), marks) == []


async def erased_to_the_end(house: House, person: Person) -> None:
    """The bot has taken the second step by itself, or it is taken now."""
    async with house.unit() as unit:
        left = await unit.everything.by_alias(house.programme.id, person.alias)
    if left:
        assert (await erased(house, person)).finished
