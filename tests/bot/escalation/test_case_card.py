"""What a card says of the case's progress: urgency by now, the other roles, and what is new."""

from datetime import timedelta

import pytest

from bot.usecases import staff_texts
from flows.values import Role
from tests.bot.escalation.conftest import concern


async def test_a_role_reads_how_the_others_stand(town):
    """S-20, S-22: roles and states only, brought up to date; partner support reads none and stands in none."""
    await town.raises(concern("self_harm", "now", "FDMP"))
    assert "Duty: asked. Managers: asked." in await town.texts("facilitator")
    await town.delivered()
    await town.presses("duty", "CASE:take:K-101")
    [row] = await town.waiting("facilitator")
    assert "Duty: taken on. Managers: asked." in row.text
    assert not row.fresh, "an edit, no second alert"
    await town.presses("duty", "OUT:passed_to_services:K-101")
    assert "Duty: done." in await town.texts("facilitator")
    assert staff_texts.OUTCOMES["passed_to_services"].msgid not in await town.texts("facilitator")
    assert await town.waiting("partner support") == []
    await town.delivered()
    await town.presses("partner support", "CASE:seen:K-101")
    for name in ("facilitator", "duty", "manager"):
        assert await town.waiting(name) == [], "nothing shows what partner support did"
    await town.writes("partner support", "/case K-101")
    assert "Duty" not in await town.texts("partner support", "case-K-101")


async def test_partner_support_is_named_on_no_other_card(town):
    """S-22: with partner support as the only other role there is no line at all."""
    await town.raises(concern("partner_nearby"))
    await town.writes("facilitator", "/case K-101")
    assert "artner" not in await town.texts("facilitator")


async def test_a_role_that_is_asked_again_is_shown_so(town):
    """S-33: whoever read that duty has it reads that duty is asked again, also when nothing came to them."""
    await town.raises(concern("self_harm", "now", "FD"))
    await town.presses("duty", "CASE:take:K-101")
    await town.delivered()
    await town.raises(concern("harm_done", "now", "D", "ST-13"))
    assert "Duty: asked." in await town.texts("facilitator")
    assert "Something new" not in await town.texts("facilitator")
    assert "Something new" in await town.texts("duty")


async def test_a_role_whose_time_has_not_come_is_not_asked_yet(town):
    """S-32: what waits until shortly before the session says so, until it is asked."""
    await town.raises(concern("other_nearby"), concern("equipment_fault", "roster", "T"))
    assert "Technical help: not asked yet." in await town.texts("facilitator")
    assert "tech" in await town.passes(minutes=31)
    assert "Technical help: asked." in await town.texts("facilitator")


async def test_new_things_are_counted_until_the_reader_acts(town):
    """S-33: each alert about something new differs: how many since the reader last acted, and when the last came."""
    await town.raises(concern("other_nearby"))
    for count, step in enumerate(("ST-02", "ST-03", "ST-04"), start=1):
        await town.delivered()
        town.clock.advance(timedelta(minutes=1))
        await town.raises(concern("recording", step=step, route="FT"))
        text = await town.texts("facilitator")
        assert f"Something new has come to this case ({count})" in text
        assert f"18:0{count}" in text
    assert "(2)" in await town.texts("tech"), "the first was no news to a role that had not been asked"
    await town.presses("facilitator", "CASE:take:K-101")
    assert "Something new" not in await town.texts("facilitator")
    await town.raises(concern("recording", step="ST-05", route="F"))
    assert "(1)" in await town.texts("facilitator")
    assert "recording" not in await town.texts("facilitator")


async def test_what_is_new_to_partner_support_only_shows_to_nobody_else(town):
    """S-22: what goes to partner support alone changes no other card."""
    await town.raises(concern("partner_nearby"))
    await town.delivered()
    await town.raises(concern("surveillance", route="P", step="ST-05"))
    assert await town.waiting("facilitator") == []
    assert "(1)" in await town.texts("partner support")


@pytest.mark.parametrize(
    ("urgency", "ahead", "begun"),
    [
        ("now", "A person is needed now.", "A person is needed now."),
        ("session", "A person is needed before the session.", "A person is needed today."),
        ("roster", "To be solved before the session.", "To be solved before the next session."),
        ("review", "For review, not urgent.", "For review, not urgent."),
    ],
)
async def test_urgency_is_said_as_it_is_by_now(town, urgency, ahead, begun):
    """S-20: nothing is wanted before a session that has begun; the line stays once somebody has taken it on."""
    await town.raises(concern("other_nearby", urgency, "F"))
    await town.presses("facilitator", "CASE:take:K-101")
    assert (await town.texts("facilitator")).startswith(ahead)
    town.clock.advance(timedelta(minutes=45))
    await town.writes("facilitator", "/case K-101")
    assert (await town.texts("facilitator")).startswith(begun)
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    assert (await town.texts("facilitator")).startswith("Case K-101")


async def test_without_a_session_a_person_is_needed_today(town):
    """S-20: a case without a session speaks of none."""
    await town.raises(concern("other_nearby", "session", "F"), session=False)
    await town.passes(hours=15)  # the next working morning
    assert (await town.texts("facilitator")).startswith("A person is needed today.")


async def test_the_ladder_still_sees_the_case_of_a_role_that_stands_apart(town):
    """S-30, S-22: what others do takes neither time nor alert from partner support."""
    case = await town.raises(concern("partner_nearby"))
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "asking"
    assert await town.alerted() >= {"partner support"}
