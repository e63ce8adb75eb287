"""Notices to administrators: none takes another's place, and none is lost in silence."""

from datetime import timedelta

import pytest

from bot.ports.records import Invitation, Lane, OutboxRow, StaffRole
from bot.usecases.enrol import USED_AGAIN, used_again
from bot.usecases.staff_notice import UNTOLD, tell_administrators
from bot.usecases.undelivered import on_fault
from flows.effects import Line

FAULT = Line("staff", "A fault.")


@pytest.fixture
async def office(empty_town):
    """A programme with a manager and an administrator."""
    await empty_town.settle(["manager"])
    empty_town.ids["administrator"] = empty_town.desk.ids.new()
    async with empty_town.unit() as unit:
        await empty_town._add(unit, "administrator", "staff", None, (StaffRole.ADMINISTRATOR,))
    return empty_town


async def tell(town, line):
    async with town.unit() as unit:
        return await tell_administrators(unit, town.desk, town.ids["programme"], line)


async def invitation(town, used=True):
    found = Invitation(
        town.desk.ids.new(), town.ids["programme"], None, "participant", "alias", "en", "Europe/London",
        town.clock.now() + timedelta(days=9), town.clock.now() if used else None,
    )  # fmt: skip
    async with town.unit() as unit:
        await unit.invitations.add(found, found.id)
    return found


async def test_no_notice_takes_anothers_place(office):
    """S-23: a fault, a link used again and the answer to /help all reach the administrator."""
    for line in (FAULT, USED_AGAIN):
        assert await tell(office, line) == 1
    await office.writes("administrator", "/help")
    rows = await office.waiting("administrator")
    assert {row.text for row in rows} >= {FAULT.msgid, USED_AGAIN.msgid}
    assert any(row.text.startswith("/case: open cases.") for row in rows)
    await office.delivered()
    await tell(office, FAULT)
    assert len({row.slot for row in [*rows, *await office.waiting("administrator")]}) == 4


async def test_the_same_notice_still_on_its_way_is_not_doubled(office):
    """R-12: a fault that comes again and again puts one notice before the alerts, not a thousand."""
    for _ in range(3):
        assert await tell(office, FAULT) == 1
    assert len(await office.waiting("administrator")) == 1


async def test_a_notice_that_cannot_be_delivered_goes_to_the_managers(office):
    """R-07, S-31: the administrator has blocked the bot; the managers read what was to be said, and only once."""
    await tell(office, FAULT)
    [row] = await office.waiting("administrator")
    await office.delivered()
    await office.block("administrator")
    async with office.unit() as unit:
        await on_fault(unit, office.desk, row, "unreachable")
    told = UNTOLD.msgid.replace("{notice}", FAULT.msgid)
    [row] = await office.waiting("manager")
    assert (row.text, row.lane) == (told, Lane.ALERT)
    async with office.unit() as unit:
        await on_fault(unit, office.desk, row, "refused")
    assert len(await office.waiting("manager")) == 1


async def test_without_administrators_managers_are_told(office):
    """S-31: a blocked administrator is passed at once."""
    await office.block("administrator")
    assert await tell(office, FAULT) == 1
    assert await office.texts("manager") == FAULT.msgid
    await office.block("manager")
    assert await tell(office, FAULT) == 0


async def test_a_participants_lost_message_is_told(office):
    """S-31: a message to a participant that will never arrive is told to the administrator, without its text."""
    row = OutboxRow(
        office.ids["chat of participant"], Lane.REPLY, "question", "say", office.clock.now(), "text"
    )
    async with office.unit() as unit:
        await on_fault(unit, office.desk, row, "refused")
    [row] = await office.waiting("administrator")
    assert "could not be delivered" in row.text


async def test_a_used_link_is_told_once_a_day(office):
    """S-44: opening one used link over and over tells staff, and writes to the log, once a day for each link."""
    first, second = await invitation(office), await invitation(office)
    for found in (first, first, second):
        async with office.unit() as unit:
            await used_again(unit, office.desk, found)
    await office.delivered()
    async with office.unit() as unit:
        await used_again(unit, office.desk, first, by=office.ids["participant"])
        assert len(await unit.audit.of_subject(first.id)) == len(await unit.audit.of_subject(second.id)) == 1
    assert await office.waiting("administrator") == []
    office.clock.advance(timedelta(days=1))
    async with office.unit() as unit:
        await used_again(unit, office.desk, first, by=office.ids["participant"])
        assert [entry.actor for entry in await unit.audit.of_subject(first.id)] == [
            "stranger",
            office.ids["participant"],
        ]
    assert await office.texts("administrator") == USED_AGAIN.msgid


async def test_an_unused_link_is_nobodys_news(office):
    """A link that nobody has used yet can be opened by the wrong person without a notice."""
    found = await invitation(office, used=False)
    async with office.unit() as unit:
        await used_again(unit, office.desk, found)
    assert await office.waiting("administrator") == []
