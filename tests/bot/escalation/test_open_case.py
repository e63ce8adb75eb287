from datetime import timedelta

import pytest

from flows.values import CaseKind, Role, Urgency
from tests.bot.escalation.conftest import START, concern


async def test_concerns_raised_together_are_one_case_with_a_ladder_for_each_role(town):
    """S-30, R-02, R-04: the case, its parts with next target and due time, and the first alerts are one transaction."""
    case = await town.raises(concern("partner_nearby"), concern("device_unsuitable", route="FT"))
    assert (case.ref, case.urgency, case.kind) == ("K-101", Urgency.SESSION, CaseKind.SPACE)
    assert await town.alerted() == {"facilitator", "partner support", "tech"}
    for role in (Role.FACILITATOR, Role.PARTNER_SUPPORT, Role.TECH):
        part = await town.part(case, role)
        assert part.state == "asking"
        assert part.next_target
        assert part.next_due_at == START + timedelta(minutes=15)


async def test_a_rolled_back_answer_leaves_no_case_and_no_alert(town):
    """R-02: without the commit of the answer there is neither case nor alert."""
    from bot.usecases.open_case import raise_concerns

    async with town.storage.unit() as unit:
        person = await unit.people.get(town.ids["participant"])
        await raise_concerns(
            unit, town.desk, person=person, visit_id=None, session=None, script="self_test",
            raised=[concern("self_harm", "now", "FDMP")], unasked=(), at=START,
        )  # fmt: skip
    assert await town.alerted() == set()
    async with town.storage.unit() as unit:
        assert await unit.cases.open_for(person.id) == []


async def test_nothing_raised_is_no_case(town):
    """Only what was not asked, without a concern and without a case, opens none."""
    assert await town.raises(unasked=["ST-05"]) is None


async def test_an_alert_says_little(town):
    """S-20: reference, urgency, kind, session time in the reader's zone and language; no alias, concern or answer."""
    await town.raises(concern("self_harm", "now", "FDMP", "ST-12", ["yes"]))
    [row] = await town.waiting("facilitator")
    lines = row.text.split("\n")
    assert lines[0] == "A person is needed now."
    assert lines[1] == "Case K-101 · safety"
    assert lines[2].startswith("Session: ")
    assert "18:45" in lines[2]
    assert lines[3:] == ["Duty: asked. Managers: asked."]
    assert (row.lane, row.slot, row.sensitive) == ("alert", "case-K-101", False)
    for word in ("alias", "self_harm", "hurt", "ST-12", "yes"):
        assert word not in row.text


async def test_partner_support_has_seen_and_details_only(town):
    """S-22: partner support gets no other button, facilitators get theirs."""
    await town.raises(concern("partner_nearby"))
    [row] = await town.waiting("partner support")
    assert [b[1] for line in row.rows for b in line] == ["CASE:seen:K-101", "CASE:details:K-101"]
    [row] = await town.waiting("facilitator")
    assert [b[1] for line in row.rows for b in line] == [
        "CASE:take:K-101",
        "CASE:details:K-101",
        "CASE:resolve:K-101",
    ]


async def test_a_role_reads_the_kind_of_what_comes_to_it(town):
    """S-20: the tech helper of a case that also concerns safety reads equipment."""
    await town.raises(concern("self_harm", "now", "FDMP"), concern("equipment_fault", "session", "T"))
    assert "equipment" in await town.texts("tech")
    assert "now" not in await town.texts("tech")


async def test_a_second_concern_is_alerted_again(town):
    """S-33: a second concern joins the case and is alerted again, whether the alert was sent or not."""
    first = await town.raises(concern("partner_nearby"))
    await town.delivered()
    second = await town.raises(concern("recording", route="FM"))
    assert second.ref == first.ref
    assert await town.alerted() == {"facilitator", "manager"}
    assert "Something new" in await town.texts("facilitator")
    assert [r.concern for r in second.raised] == ["partner_nearby", "recording"]


async def test_the_same_again_is_recorded_only(town):
    """S-33: the same concern at the same step, while everybody is still being asked, is not alerted again."""
    await town.raises(concern("partner_nearby"))
    await town.delivered()
    case = await town.raises(concern("partner_nearby"), unasked=["ST-09"])
    assert await town.alerted() == set()
    assert len(case.raised) == 2
    assert case.unasked == ("ST-09",)


async def test_the_same_concern_at_another_step_is_alerted(town):
    """S-33: help asked for once more, at a later step, is no repetition, though partner support still asks."""
    case = await town.raises(concern("needs_help", step="ST-07"))
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    await town.delivered()
    await town.raises(concern("needs_help", step="ST-12"))
    assert await town.alerted() == {"facilitator", "partner support"}
    assert (await town.part(case, Role.FACILITATOR)).state == "asking"


async def test_the_same_again_after_a_role_was_done_asks_it_again(town):
    """S-30, S-33: three days later the same at the same step; those who had closed their part are asked again."""
    case = await town.raises(concern("not_the_person", route="FDP"))
    for name in ("facilitator", "duty"):
        await town.presses(name, "OUT:talked_to_them:K-101")
    await town.passes(days=3)
    await town.delivered()
    await town.raises(concern("not_the_person", route="FDP"))
    assert {"facilitator", "duty"} <= await town.alerted()
    for role in (Role.FACILITATOR, Role.DUTY):
        assert (await town.part(case, role)).state == "asking"


@pytest.mark.parametrize("step", ["ST-08", "ST-13"])
async def test_an_unreadable_answer_after_the_first_was_taken_on_is_told_at_once(town, step):
    """S-23: who took on the first unreadable answer has not read the second, at whatever step it stands."""
    case = await town.raises(concern("unreadable_answer", route="F", step="ST-08"))
    await town.presses("facilitator", "CASE:take:K-101")
    await town.delivered()
    await town.raises(concern("unreadable_answer", route="F", step=step))
    assert await town.alerted() == {"facilitator"}
    part = await town.part(case, Role.FACILITATOR)
    assert (part.state, part.taken_by) == ("asking", None)


async def test_a_new_concern_does_not_wait_for_somebody_who_blocked_the_bot(town):
    """R-07, S-31: nobody who was asked can be reached any more, so that the next are asked about it at once."""
    await town.raises(concern("partner_nearby", route="F"))
    await town.delivered()
    await town.block("facilitator")
    await town.raises(concern("recording", route="F", step="ST-07"))
    assert await town.alerted() == {"other facilitator"}
    text = await town.texts("other facilitator")
    assert "Something new" in text
    assert "Nobody could be reached before you." in text


async def test_the_same_concern_on_the_way_to_another_role_is_alerted(town):
    """S-33: help asked from a facilitator after help asked from the tech helper reaches the facilitator."""
    await town.raises(concern("needs_help", route="T"))
    await town.delivered()
    await town.raises(concern("needs_help", route="F"))
    assert await town.alerted() == {"facilitator"}


async def test_a_raised_urgency_is_sent_again_and_new_roles_start_their_ladder(town):
    """S-33: the same concern, now urgent, goes out again at the new pace, and to the roles added."""
    await town.raises(concern("very_upset", route="F"))
    await town.delivered()
    case = await town.raises(concern("very_upset", "now", "FDP"))
    assert case.urgency is Urgency.NOW
    assert await town.alerted() == {"facilitator", "duty", "partner support"}
    assert (await town.part(case, Role.FACILITATOR)).next_due_at == START + timedelta(minutes=5)


async def test_a_new_concern_does_not_put_off_the_climb(town):
    """S-33, R-05: a concern that joins a case under way leaves the due time where it was."""
    case = await town.raises(concern("partner_nearby"))
    town.clock.advance(timedelta(minutes=10))
    await town.raises(concern("in_public", route="F"))
    assert (await town.part(case, Role.FACILITATOR)).next_due_at == START + timedelta(minutes=15)


@pytest.mark.parametrize("last", ["CASE:take:K-101", "OUT:talked_to_them:K-101"])
async def test_a_role_that_took_or_closed_its_part_is_asked_again(town, last):
    """S-33: whoever took the case on, or closed it for their role, did not know of the new concern."""
    case = await town.raises(concern("partner_nearby"))
    await town.presses("facilitator", last)
    await town.delivered()
    await town.raises(concern("no_plan", "review", "F"))
    assert await town.alerted() == {"facilitator"}
    part = await town.part(case, Role.FACILITATOR)
    assert (part.state, part.taken_by, part.outcome) == ("asking", None, None)


async def test_another_visit_is_another_case(town):
    """Concerns of another visit do not join; neither do those of after the case was closed."""
    first = await town.raises(concern("no_private_space", route="F"))
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    second = await town.raises(concern("no_private_space", route="F"))
    assert (first.ref, second.ref) == ("K-101", "K-102")


async def test_review_waits_for_the_morning_and_roster_for_the_session(town):
    """Review and roster open the case at once and are told when they are due, review in a digest."""
    await town.raises(concern("partner_at_home", "review"), concern("no_headphones", "roster", "T"))
    assert await town.alerted() == set()
    assert await town.passes(minutes=30) == {"tech"}
    await town.passes(hours=14, minutes=35)
    assert {name for name in ("facilitator", "partner support", "manager") if await town.texts(name)} == {
        "facilitator", "partner support", "manager",
    }  # fmt: skip


async def test_roster_without_a_session_is_alerted_in_working_hours(town):
    """What has no session to be solved before does not wake anybody: it is 18:00, so the next working morning."""
    await town.raises(concern("no_headphones", "roster", "T"), session=False)
    assert await town.alerted() == set()
    assert await town.passes(hours=15, minutes=5) == {"tech"}


async def test_a_more_urgent_concern_brings_a_waiting_part_forward(town):
    """S-33: a role waiting for the morning is alerted at once by something that cannot wait."""
    await town.raises(concern("partner_at_home", "review"))
    await town.raises(concern("partner_nearby"))
    assert await town.alerted() == {"facilitator", "partner support"}
