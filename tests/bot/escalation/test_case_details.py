"""What a case is about, opened on purpose."""

from datetime import timedelta

import pytest

from bot.ports.records import AnswerRow
from bot.texts_found import keys
from bot.usecases import staff_texts
from bot.usecases.wording import LONGEST
from tests.bot.escalation.conftest import START, concern, hold


async def test_details_are_opened_on_purpose_recorded_and_taken_away(town):
    """S-21: sensitive, in a slot of its own, audited, withheld when late, withdrawn after ten minutes."""
    case = await town.raises(concern("other_nearby", step="ST-01", choices=["maybe"]), unasked=["ST-12"])
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    shown, gone = await town.waiting("facilitator")
    assert (shown.slot, shown.sensitive, shown.not_after) == (
        "details-K-101",
        True,
        START + timedelta(minutes=10),
    )
    assert (gone.op, gone.slot, gone.lane, gone.due_at) == ("retract", shown.slot, "tidy", shown.not_after)
    entry = town.desk.library.catalogue["other_nearby"]
    for text in ("alias of participant", entry.staff, entry.next_step, "ST-01", "ST-12"):
        assert text in shown.text
    assert "alias" not in shown.instead
    assert entry.staff not in shown.instead
    assert "case.details" in await town.audited(case)


@pytest.mark.parametrize("both", [False, True])
async def test_unasked_are_only_questions_that_matter(town, both):
    """S-04: of what was not asked staff read what could have raised something, not what nobody can act on."""
    raised = concern("shared_phone", route="F", step="WE-01", choices=["shared"])
    await town.raises(raised, script="welcome", session=False, unasked=["WE-01-WAIT", "WE-TZ", "WE-DAY"])
    if both:
        await town.raises(concern("other_nearby"), session=False, unasked=["ST-12", "ST-16"])
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    text = await town.texts("facilitator", "details-K-101")
    assert ("Not asked:\nST-12: " in text) == both
    assert not [step for step in ("WE-01-WAIT", "WE-TZ", "WE-DAY", "ST-16") if step in text]


async def test_a_wrong_time_zone_is_said_with_how_to_set_it(town):
    """Staff will set it, the participant was told: the details say how, with whose it is."""
    raised = concern("needs_help", route="F", step="WE-TZ", choices=["wrong"])
    await town.raises(raised, script="welcome", session=False)
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    assert "/zone alias of participant Europe/London" in await town.texts("facilitator", "details-K-101")


async def test_points_left_unticked_are_not_said_to_be_a_request_for_help(town):
    """S-20, S-26: *Done* with points unticked asks for nothing; the next question's wish for headphones does."""
    unticked = concern("needs_help", route="F", step="OR-23", choices=["missing", "where"])
    wished = concern("needs_help", route="F", step="OR-24", choices=["headphones"])
    await town.raises(unticked, script="orientation_zoom", session=False)
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    text = await town.texts("facilitator", "details-K-101")
    asked = town.desk.library.catalogue["needs_help"].staff
    said = "The participant left points of the plan for their place unticked."
    assert said in text
    assert asked not in text
    assert ("concern/needs_help", (said,)) in keys()
    assert "Not all settled and Where I sit" in text
    await town.raises(wished, script="orientation_zoom", session=False)
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    text = await town.texts("facilitator", "details-K-101")
    assert text.index(said) < text.index("Not all settled") < text.index(asked)
    assert text.index(asked) < text.index("Headphones")


async def test_opened_again_they_stay_ten_minutes_from_then(town):
    """S-21: the removal of an earlier opening does not take the later one away."""
    await town.raises(concern("other_nearby"))
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    town.clock.advance(timedelta(minutes=6))
    await town.presses("facilitator", "CASE:details:K-101")
    assert [row.due_at for row in await town.waiting("facilitator") if row.op == "retract"] == [
        START + timedelta(minutes=16)
    ]


async def test_details_hold_free_text_in_messages_that_fit(town):
    """S-24: staff read all that was written at the step, in as many messages as it takes."""
    visit = await hold(town)
    async with town.unit() as unit:
        await unit.answers.add(
            AnswerRow(
                town.desk.ids.new(), visit, town.ids["participant"], None, "self_test", "ST-01", 1,
                "unclear", (), "words " * 1200, START,
            )
        )  # fmt: skip
    await town.raises(concern("unreadable_answer", route="F", choices=[]), visit=visit)
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    shown = [row for row in await town.waiting("facilitator") if row.op == "say"]
    assert len(shown) > 1
    assert all(len(row.text) <= LONGEST for row in shown)
    assert "".join(row.text for row in shown).count("words") == 1200
    assert {row.slot for row in await town.waiting("facilitator") if row.op == "retract"} == {
        row.slot for row in shown
    }


async def _around(town, visit: str, **chosen: str) -> None:
    """The visit's answers, by step."""
    async with town.unit() as unit:
        for step, choice in chosen.items():
            await unit.answers.add(
                AnswerRow(
                    town.desk.ids.new(), visit, town.ids["participant"], None, "self_test",
                    step.replace("_", "-"), 1, "chosen", (choice,), "", START,
                )
            )  # fmt: skip


async def test_details_say_where_somebody_is_and_who_is_near(town):
    """S-26: with what was raised stands where they are, who is at home and who can hear, if it was answered."""
    visit = await hold(town)
    await _around(town, visit, ST_07="usual_room", ST_08="partner", ST_10="no")
    await town.raises(concern("self_harm", "now", "FDMP", "ST-13", ["hurt_self"]), visit=visit)
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    text = await town.texts("facilitator", "details-K-101")
    for said in ("ST-07", "My usual room, with a door", "ST-08", "Partner or ex-partner"):
        assert said in text
    for unsaid in ("ST-09", "ST-10"):
        assert unsaid not in text


async def test_surroundings_are_for_harm_and_space_and_said_once(town):
    """S-21: a step that raised something is not shown twice, and the tech helper reads of equipment only."""
    visit = await hold(town)
    await _around(town, visit, ST_07="usual_room", ST_08="partner")
    await town.raises(
        concern("partner_at_home", route="FP", step="ST-08", choices=["partner"]),
        concern("equipment_fault", "session", "T"),
        visit=visit,
    )
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    await town.presses("tech", "CASE:details:K-101")
    read = await town.texts("facilitator", "details-K-101")
    assert read.count("Partner or ex-partner") == 1
    assert "ST-07" in read
    assert "ST-07" not in await town.texts("tech", "details-K-101")


async def test_partner_support_reads_that_contact_is_made_only_in_the_safe_way(town):
    """S-26: partner support's details say that contact is made by the agreed safe way and time only."""
    await town.raises(concern("partner_nearby"))
    await town.delivered()
    await town.presses("partner support", "CASE:details:K-101")
    assert staff_texts.SAFE_WAY_ONLY.msgid in await town.texts("partner support", "details-K-101")


async def test_details_show_a_role_what_comes_to_it(town):
    """S-21: the tech helper does not read what went to others."""
    await town.raises(concern("self_harm", "now", "FDMP"), concern("equipment_fault", "session", "T"))
    await town.delivered()
    await town.presses("tech", "CASE:details:K-101")
    text = await town.texts("tech", "details-K-101")
    assert town.desk.library.catalogue["equipment_fault"].staff in text
    assert town.desk.library.catalogue["self_harm"].staff not in text


async def test_another_groups_facilitator_reads_details_once_it_is_theirs(town):
    """S-21, S-31: whoever the ladder came to from another group takes the case on first."""
    await town.raises(concern("in_public", route="F"))
    await town.passes(minutes=15)
    await town.delivered()
    await town.presses("other facilitator", "CASE:details:K-101")
    assert await town.texts("other facilitator") == staff_texts.TAKE_FIRST.msgid
    await town.presses("other facilitator", "CASE:take:K-101")
    await town.presses("other facilitator", "CASE:details:K-101")
    assert await town.waiting("other facilitator", "details-K-101")


def test_every_next_step_does_no_harm(desk_parts):
    """S-26: a step never tells of partner support or another's use of the chat; after surveillance mail is read."""
    _, library = desk_parts
    for entry in library.catalogue.concerns:
        step = entry.next_step.lower()
        for told in ("tell the participant", "mention partner support"):
            assert step.count(told) == step.count(f"never {told}"), entry.id
        for asked in ("ask the partner", "message the partner", "call the partner", "contact the partner"):
            assert asked not in step, entry.id
        if "partner support acts" in step:
            assert "only by the agreed safe way and time" in step, entry.id
        if entry.id in ("surveillance", "partner_access", "shared_accounts"):
            assert "assume that the partner's phone and mail" in step, entry.id
