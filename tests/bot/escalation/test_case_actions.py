"""Outcomes, holds, and letting a waiting welcome go on."""

from dataclasses import replace

import pytest

from bot.ports.records import VisitRow
from bot.usecases import staff_texts
from flows.values import Role
from tests.bot.escalation.conftest import START, concern, data_of, hold


async def test_outcomes_come_from_a_list(town):
    """S-22: resolving offers the outcomes of the kind; a word of one's own gets the list again, and nothing is kept."""
    case = await town.raises(concern("partner_nearby"))
    await town.delivered()
    await town.presses("facilitator", "CASE:resolve:K-101")
    [row] = await town.waiting("facilitator")
    assert "OUT:session_without_them:K-101" in data_of([row])
    assert "OUT:equipment_solved:K-101" not in data_of([row])
    assert all(len(data.encode()) <= 64 for data in data_of([row]))
    await town.writes("facilitator", "/resolve K-101 she said all is well")
    assert (await town.part(case, Role.FACILITATOR)).state == "asking"
    await town.writes("facilitator", "/resolve K-101 talked_to_them")
    assert (await town.part(case, Role.FACILITATOR)).outcome == "talked_to_them"


@pytest.mark.parametrize("template", list(staff_texts.LIFTS))
async def test_staff_lift_a_hold_by_template_once(town, template):
    """S-08: the participant reads the fixed neutral line, it is recorded who lifted it, and only once."""
    await hold(town)
    case = await town.raises(concern("other_nearby"))
    await town.presses("facilitator", "CASE:take:K-101")
    assert "CASE:lift:K-101" in data_of(await town.waiting("facilitator"))
    await town.presses("facilitator", "CASE:lift:K-101")
    assert f"LIFT:{template}:K-101" in data_of(await town.waiting("facilitator"))
    await town.presses("facilitator", f"LIFT:{template}:K-101")
    [row] = await town.waiting("participant")
    expected = staff_texts.LIFT_NOTICES[template].msgid.replace("{service_number}", "0300")
    assert (row.text, row.slot, row.sensitive, row.lane) == (expected, "decision", False, "reply")
    async with town.storage.unit() as unit:
        kept = await unit.readiness.get(town.ids["session"], town.ids["participant"])
    assert (kept.lifted, kept.lifted_by, kept.lifted_at) == (template, town.ids["facilitator"], START)
    assert "hold.lifted" in await town.audited(case)
    await town.presses("facilitator", "LIFT:join:K-101")
    assert len(await town.waiting("participant")) == 1


@pytest.mark.parametrize("name", ["tech", "partner support"])
async def test_tech_helper_and_partner_support_lift_nothing(town, name):
    """S-08: whether somebody may join is decided by facilitators, duty workers and managers."""
    await hold(town)
    await town.raises(concern("partner_nearby"), concern("device_unsuitable", route="FT"))
    await town.presses(name, "LIFT:join:K-101")
    assert await town.waiting("participant") == []


async def test_without_a_hold_there_is_nothing_to_lift(town):
    """S-08: no readiness, no lift; an unknown template neither."""
    await town.raises(concern("other_nearby"))
    await town.presses("facilitator", "CASE:lift:K-101")
    assert "no hold" in await town.texts("facilitator", "notice")
    await hold(town)
    await town.presses("facilitator", "LIFT:whatever:K-101")
    assert await town.waiting("participant") == []


async def test_an_agreed_device_lets_the_welcome_go_on(town):
    """The participant who waited after a shared device gets a neutral line and goes on behind the door."""
    async with town.unit() as unit:
        person = await unit.people.get(town.ids["participant"])
        await unit.people.save(replace(person, state="waiting"))
    await town.raises(concern("shared_device", step="WE-01"), script="welcome", session=False)
    await town.presses("facilitator", "OUT:device_agreed:K-101")
    async with town.storage.unit() as unit:
        person = await unit.people.get(town.ids["participant"])
    assert person.state == "waiting"
    assert person.pending == {"do": "open", "item": "welcome", "facts": {"device_agreed": "yes"}}
    [row] = await town.waiting("participant")
    assert (row.text, data_of([row]), row.sensitive) == (staff_texts.GO_ON.msgid, ["MENU:open"], False)


async def test_device_agreed_is_offered_where_the_welcome_waits_only(town):
    """A shared device in a self-test has no welcome to go on with."""
    await town.raises(concern("shared_device"))
    await town.presses("facilitator", "OUT:device_agreed:K-101")
    assert await town.waiting("participant") == []


async def test_device_agreed_leaves_alone_who_does_not_wait(town):
    """Somebody who has gone on already is not sent back to the welcome."""
    await town.raises(concern("shared_device", step="WE-01"), script="welcome", session=False)
    await town.presses("facilitator", "OUT:device_agreed:K-101")
    assert await town.waiting("participant") == []


@pytest.mark.parametrize("template", ["not_today", "call_us"])
async def test_a_hold_answered_and_not_ended_can_be_answered_again(town, template):
    """S-08: the card says what was answered last, to those who decide only, and the button stays."""
    await hold(town)
    await town.raises(concern("partner_nearby"), concern("equipment_fault", "session", "FT"))
    await town.presses("facilitator", "CASE:take:K-101")
    await town.delivered()
    await town.presses("facilitator", f"LIFT:{template}:K-101")
    label = staff_texts.LIFTS[template].msgid
    assert f"Last answer to the hold: {label}." in await town.texts("facilitator", "case-K-101")
    assert "CASE:lift:K-101" in data_of(await town.waiting("facilitator"))
    for name in ("tech", "partner support"):
        assert await town.waiting(name) == []
        await town.writes(name, "/case K-101")
        assert label not in await town.texts(name)


async def test_the_question_stands_right_above_its_buttons(town):
    """Whatever else the card says, what is asked is its last line."""
    await hold(town, lifted="not_today")
    await town.raises(concern("other_nearby"))
    for command, line in (("/lift", staff_texts.WHICH_LIFT), ("/resolve", staff_texts.WHICH_OUTCOME)):
        await town.writes("facilitator", f"{command} K-101")
        assert (await town.texts("facilitator", "case-K-101")).endswith(f"\n{line.msgid}")


async def test_back_shows_the_case_again(town):
    """The list of outcomes is left without choosing one; the lift can be written too."""
    await hold(town)
    await town.raises(concern("other_nearby"))
    await town.delivered()
    await town.writes("facilitator", "/lift K-101")
    assert "CASE:card:K-101" in data_of(await town.waiting("facilitator"))
    await town.presses("facilitator", "CASE:card:K-101")
    assert "CASE:take:K-101" in data_of(await town.waiting("facilitator"))


async def test_a_participant_who_cannot_be_reached_is_to_be_phoned(town):
    """S-08, S-31: a lift that cannot be sent is kept, and whoever lifted it is told to phone."""
    await hold(town)
    await town.raises(concern("other_nearby"))
    await town.block("participant")
    await town.presses("facilitator", "LIFT:join:K-101")
    assert await town.waiting("participant") == []
    assert await town.texts("facilitator", "notice") == staff_texts.LIFTED_UNSENT.msgid


async def test_a_hold_outlasts_its_case(town):
    """S-08: the case is done, the hold stands, says so, and can still be lifted; then nothing more can."""
    await hold(town)
    await town.raises(concern("partner_nearby"))
    await town.delivered()
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    assert staff_texts.HOLD_STANDS.msgid in await town.texts("facilitator")
    assert "CASE:lift:K-101" in data_of(await town.waiting("facilitator"))
    await town.presses("partner support", "CASE:seen:K-101")
    await town.presses("facilitator", "CASE:lift:K-101")
    assert "LIFT:join:K-101" in data_of(await town.waiting("facilitator"))
    await town.presses("partner support", "LIFT:join:K-101")
    assert await town.waiting("participant") == []
    await town.writes("facilitator", "/lift K-101 join")
    assert await town.texts("participant") == staff_texts.LIFT_NOTICES["join"].msgid
    assert staff_texts.HOLD_STANDS.msgid not in await town.texts("facilitator")
    await town.presses("facilitator", "CASE:lift:K-101")
    assert "is closed" in await town.texts("facilitator", "notice")


async def test_without_a_hold_a_closed_case_speaks_of_none(town):
    """S-08: only a hold that stands is named, and only to roles that decide it."""
    await town.raises(concern("partner_nearby"))
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    assert staff_texts.HOLD_STANDS.msgid not in await town.texts("facilitator")
    await hold(town)
    await town.presses("partner support", "CASE:seen:K-101")
    assert staff_texts.HOLD_STANDS.msgid not in await town.texts("partner support")


async def test_a_lifted_hold_is_no_longer_said_to_stand(town):
    """S-08: others of the role, who read that the hold stands, read it no more once somebody has lifted it."""
    await hold(town)
    await town.raises(concern("partner_nearby"))
    await town.passes(minutes=15)
    await town.presses("other facilitator", "OUT:talked_to_them:K-101")
    assert staff_texts.HOLD_STANDS.msgid in await town.texts("facilitator")
    await town.presses("other facilitator", "LIFT:join:K-101")
    assert staff_texts.HOLD_STANDS.msgid not in await town.texts("facilitator")


async def test_a_hold_is_answered_where_it_stands_why(town):
    """S-08: another open case of theirs neither offers it nor takes it."""
    visit = await hold(town)
    own = (town.ids["session"], town.ids["participant"])
    async with town.unit() as unit:
        readiness = await unit.readiness.get(*own)
        await unit.readiness.put(replace(readiness, holds=("ST-08:partner",)))
    first = await town.raises(concern("other_nearby", step="ST-08"), visit=visit)
    second = await town.raises(concern("needs_help", step="OR-23"), visit=await hold_apart(town))
    assert first.ref != second.ref
    await town.presses("facilitator", f"LIFT:join:{second.ref}")
    async with town.unit() as unit:
        assert (await unit.readiness.get(*own)).lifted is None
    await town.presses("facilitator", f"LIFT:join:{first.ref}")
    async with town.unit() as unit:
        assert (await unit.readiness.get(*own)).lifted == "join"


async def hold_apart(town) -> str:
    """Another visit of the participant's; gives its id."""
    async with town.unit() as unit:
        visit = town.desk.ids.new()
        person = town.ids["participant"]
        await unit.visits.add(
            VisitRow(visit, person, "orientation_zoom", 1, town.ids["session"], "open", "{}", START, START)
        )
    return visit
