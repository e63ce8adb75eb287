"""Somebody enrols as staff after a case was opened."""

from datetime import timedelta

from bot.ports.inbound import Command, Inbound
from bot.ports.records import Invitation
from bot.usecases.enrol import enrol
from flows.values import Role
from tests.bot.escalation.conftest import START, concern


async def _enrols(town, role: str, group: str | None = None) -> str:
    """Somebody opens an invitation for the role; gives their chat, known to the town as `newcomer`."""
    telegram = 5001
    async with town.unit() as unit:
        invitation = Invitation(
            town.desk.ids.new(), town.ids["programme"], town.ids[group] if group else None, role, "new", "en",
            "Europe/London", START + timedelta(days=7),
        )  # fmt: skip
        await unit.invitations.add(invitation, "t0ken")
    async with town.unit() as unit:
        update = Inbound(0, 1, telegram, True, "en", Command("start", "t0ken"), None, town.clock.now())
        assert await enrol(unit, town.desk, update, "t0ken")
        chat = await unit.chats.by_telegram(0, telegram)
    town.ids["chat of newcomer"] = chat.id
    return chat.id


async def _told(town) -> list[str]:
    return [row.slot for row in await town.waiting("newcomer") if row.lane == "alert"]


async def test_who_enrols_is_asked_what_nobody_was_asked(empty_town):
    """S-31: a part that nobody could be asked for is asked of a newcomer of its role at once."""
    await empty_town.settle([])
    case = await empty_town.raises(concern("self_harm", "now", "FD"))
    await empty_town.passes(minutes=5)
    await _enrols(empty_town, "duty")
    assert await _told(empty_town) == ["case-K-101"]
    part = await empty_town.part(case, Role.DUTY)
    assert len(part.asked) == 1
    assert part.next_due_at == empty_town.clock.now() + timedelta(minutes=5)
    assert (await empty_town.part(case, Role.FACILITATOR)).asked == ()


async def test_a_newcomer_stands_in_where_the_role_has_nobody(empty_town):
    """S-31: a manager who enrols is asked for a role that nobody has."""
    await empty_town.settle([])
    await empty_town.raises(concern("self_harm", "now", "D"))
    await _enrols(empty_town, "manager")
    assert await _told(empty_town) == ["case-K-101"]


async def test_who_enrols_takes_the_place_of_somebody_unreachable(town):
    """S-31: those asked have blocked the bot since; the newcomer of the role is asked at once."""
    await town.raises(concern("self_harm", "now", "D"))
    await town.delivered()
    for name in ("duty", "manager"):
        await town.block(name)
    await _enrols(town, "duty")
    assert await _told(town) == ["case-K-101"]


async def test_a_newcomer_is_not_asked_what_others_are_asked(town):
    """R-06: while somebody who can be reached is asked, the ladder goes on as it stands."""
    await town.raises(concern("self_harm", "now", "D"))
    await _enrols(town, "duty")
    assert await _told(town) == []


async def test_a_newcomer_is_not_asked_before_the_time(empty_town):
    """R-04: what is first due later waits for a newcomer too, and is asked of them then."""
    await empty_town.settle([])
    await empty_town.raises(concern("equipment_fault", "roster", "T"))
    await _enrols(empty_town, "tech")
    assert await _told(empty_town) == []
    await empty_town.passes(minutes=31)
    assert await _told(empty_town) == ["case-K-101"]
