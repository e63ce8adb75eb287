"""Whoever is asked in another role's place: what they read, and what their answer ends."""

from __future__ import annotations

from flows.values import Role
from tests.bot.escalation.conftest import concern


async def asked_in_place(town):
    """Partner support has not answered, so that the manager is asked too."""
    case = await town.raises(concern("partner_nearby", "now", "P"), session=False)
    for _ in range(3):
        if "manager" in await town.passes(minutes=6):
            return case
    raise AssertionError("the manager was never asked")


async def test_a_stand_in_ends_nothing_of_partner_support(town):
    """S-30 R-08: a manager's Seen leaves partner support asked, and their card as it was; their own Seen ends it."""
    case = await asked_in_place(town)
    await town.delivered()
    await town.presses("manager", "CASE:seen:K-101")
    assert "Partner support itself is still asked." in await town.texts("manager")
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "asking"
    assert await town.waiting("partner support") == []
    await town.presses("partner support", "CASE:seen:K-101")
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "done"


async def test_a_stand_in_where_nobody_of_the_role_is_left(town):
    """S-31: with partner support's chat closed the manager's Seen is what there is."""
    case = await asked_in_place(town)
    await town.block("partner support")
    await town.presses("manager", "CASE:seen:K-101")
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "done"


async def test_a_stand_in_reads_for_whom_and_what_they_did(town):
    """S-31: whoever has taken their own part and is asked for another reads both, by role."""
    await town.raises(concern("in_public", "now", "FM"), session=False)
    await town.presses("manager", "CASE:take:K-101")
    for _ in range(6):
        if "manager" in await town.passes(minutes=6):
            break
    text = await town.texts("manager", "case-K-101")
    assert "Taken on by you for: Managers." in text
    assert "You are asked for: Facilitators." in text


async def test_what_is_done_with_leaves_the_list(town):
    """S-22: a case that waits for partner support alone is in nobody else's list, so that it tells nothing of them."""
    await town.raises(concern("partner_nearby", "now", "FP"), session=False)
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    await town.delivered()
    await town.writes("facilitator", "/case")
    assert all("K-101" not in str(row.rows) for row in await town.waiting("facilitator"))
    await town.writes("partner support", "/case")
    assert any("K-101" in str(row.rows) for row in await town.waiting("partner support"))
