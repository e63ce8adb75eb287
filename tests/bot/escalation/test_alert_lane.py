"""An alert that is still on its way stays one, whatever becomes of the case meanwhile."""

from bot.ports.records import Lane, StaffRole
from tests.bot.escalation.conftest import concern


async def test_a_card_in_the_place_of_an_unsent_alert_is_an_alert(town):
    """R-07, R-12: who asks for the case before its alert went out gets it no slower, and still as an alert."""
    await town.raises(concern("partner_nearby"))
    await town.writes("facilitator", "/case K-101")
    [row] = await town.waiting("facilitator", "case-K-101")
    assert row.lane is Lane.ALERT
    await town.presses("facilitator", "CASE:resolve:K-101")
    [row] = await town.waiting("facilitator", "case-K-101")
    assert (row.lane, row.fresh) == (Lane.ALERT, True)


async def test_anothers_taking_on_leaves_an_unsent_alert_one(town):
    """R-10, R-12: while one of the reader's parts is asking, the news of another part goes as an alert, and new."""
    async with town.unit() as unit:
        await unit.people.add_role(town.ids["facilitator"], StaffRole.DUTY, None)
    await town.raises(concern("self_harm", "now", "FD"))
    await town.presses("duty", "CASE:take:K-101")
    [row] = await town.waiting("facilitator")
    assert (row.lane, row.fresh) == (Lane.ALERT, True)


async def test_without_anything_to_ask_the_card_is_a_reply(town):
    """R-12: a part that was taken on no longer overtakes what else the chat waits for."""
    await town.raises(concern("in_public", route="F"))
    await town.presses("facilitator", "CASE:take:K-101")
    [row] = await town.waiting("facilitator")
    assert row.lane is Lane.REPLY
