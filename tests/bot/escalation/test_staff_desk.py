from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Inbound, Sent, Text
from bot.ports.records import AnswerRow, Readiness, VisitRow
from bot.usecases import staff_texts
from bot.usecases.case_details import LONGEST
from bot.usecases.staff_desk import handle
from flows.values import Level, Role
from tests.bot.escalation.conftest import START, concern

REFUSED = staff_texts.NOT_OPEN_TO_YOU.msgid


def data_of(rows):
    return [data for row in rows for line in row.rows for _, data in line]


async def hold(town, lifted=None):
    async with town.unit() as unit:
        visit = town.desk.ids.new()
        person = town.ids["participant"]
        await unit.visits.add(
            VisitRow(visit, person, "self_test", 1, town.ids["session"], "open", "{}", START, START)
        )
        await unit.readiness.put(
            Readiness(
                town.desk.ids.new(), town.ids["session"], person, visit, Level.HOLD, True, (), START, lifted
            )
        )
    return visit


async def test_taking_a_case_on_shows_it_to_all_of_the_role_without_a_name(town):
    """S-30, R-08: the taker reads that it is theirs, others of the role that somebody has it, other roles nothing."""
    case = await town.raises(concern("partner_nearby"))
    await town.passes(minutes=15)
    await town.delivered()
    await town.presses("other facilitator", "CASE:take:K-101")
    assert "You have taken this on." in await town.texts("other facilitator")
    assert "Taken on by somebody of your role." in await town.texts("facilitator")
    assert "alias" not in await town.texts("facilitator")
    assert data_of(await town.waiting("facilitator")) == []
    assert await town.waiting("partner support") == []
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "asking"
    assert "case.take" in await town.audited(case)


@pytest.mark.parametrize("again", ["CASE:take:K-101", "/ack K-101"])
async def test_a_second_acknowledgement_is_told_so(town, again):
    """R-08: who is second learns it and changes nothing."""
    case = await town.raises(concern("in_public", route="F"))
    await town.passes(minutes=15)
    await town.presses("facilitator", "CASE:take:K-101")
    before = await town.part(case, Role.FACILITATOR)
    await (town.writes if again.startswith("/") else town.presses)("other facilitator", again)
    assert "already taken" in await town.texts("other facilitator", "notice")
    assert await town.part(case, Role.FACILITATOR) == before


async def test_partner_support_only_sees(town):
    """S-22: seen is partner support's only outcome; taking on and resolving are refused."""
    case = await town.raises(concern("partner_nearby"))
    for data in ("CASE:take:K-101", "OUT:talked_to_them:K-101"):
        await town.presses("partner support", data)
        assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "asking"
    await town.presses("partner support", "CASE:seen:K-101")
    part = await town.part(case, Role.PARTNER_SUPPORT)
    assert (part.state, part.outcome) == ("done", "seen")
    assert (await town.part(case, Role.FACILITATOR)).state == "asking"


async def test_the_case_closes_with_its_last_part(town):
    """S-30: a case is open until every role of its route is done."""
    case = await town.raises(concern("partner_nearby"))
    await town.presses("facilitator", "OUT:session_without_them:K-101")
    async with town.storage.unit() as unit:
        assert (await unit.cases.get(case.id)).state == "open"
    await town.writes("partner support", "/seen K-101")
    async with town.storage.unit() as unit:
        closed = await unit.cases.get(case.id)
    assert (closed.state, closed.closed_at) == ("closed", START)
    await town.presses("facilitator", "CASE:take:K-101")
    assert "closed" in await town.texts("facilitator", "notice")


@pytest.mark.parametrize("name", ["other facilitator", "tech", "duty", "manager"])
@pytest.mark.parametrize("choice", ["take", "details", "resolve", "lift"])
async def test_a_case_that_is_not_theirs_is_not_open_to_them(town, name, choice):
    """S-21: another group's facilitator and roles off the route get one neutral line, and it is recorded."""
    case = await town.raises(concern("partner_nearby"))
    await town.presses(name, f"CASE:{choice}:K-101")
    [row] = await town.waiting(name)
    assert row.text == REFUSED
    assert f"case.{choice}.refused" in await town.audited(case)


@pytest.mark.parametrize("ref", ["K-999", "", "K-", "K-1\u0661", "x" * 70, "-1"])
async def test_unknown_references_are_answered_like_foreign_ones(town, ref):
    """S-21: nobody learns which references exist."""
    await town.presses("tech", f"CASE:details:{ref}")
    assert await town.texts("tech") == REFUSED


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


async def test_open_cases_are_listed_for_those_they_come_to(town):
    """`/case` lists a person's open cases; another group's and other roles' are not there."""
    await town.raises(concern("other_nearby"))
    await town.writes("facilitator", "/case")
    assert data_of(await town.waiting("facilitator", "menu")) == ["CASE:open:K-101"]
    for name in ("tech", "other facilitator"):
        await town.writes(name, "/menu")
        assert await town.texts(name) == staff_texts.NO_CASES.msgid
    await town.presses("facilitator", "CASE:open:K-101")
    assert "CASE:take:K-101" in data_of(await town.waiting("facilitator", "case-K-101"))


@pytest.mark.parametrize("what", [Text("what now"), Sent("voice"), Text("K-101 \u202e<b>")])
async def test_everything_else_gets_one_line(town, what):
    """Text, voice and the like are answered with what can be done, and kept nowhere."""
    await town.sends("facilitator", what)
    assert await town.texts("facilitator") == staff_texts.WHAT_CAN_BE_DONE.msgid


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("/help", staff_texts.HELP),
        ("/unknown", staff_texts.WHAT_CAN_BE_DONE),
        ("/ack", staff_texts.NO_CASES),
        ("MENU:open:", staff_texts.NO_CASES),
        ("ST-01:maybe:abc", staff_texts.WHAT_CAN_BE_DONE),
        ("CASE:strange:K-101", staff_texts.WHAT_CAN_BE_DONE),
    ],
)
async def test_commands_and_buttons_that_are_no_case(town, sent, answer):
    """Every command and button gets an answer."""
    await (town.writes if sent.startswith("/") else town.presses)("facilitator", sent)
    assert await town.texts("facilitator") == answer.msgid


async def test_nothing_is_said_outside_a_private_chat(town):
    """S-21: details and all else stay in private chats; elsewhere nothing is answered."""
    async with town.unit() as unit:
        person = await unit.people.get(town.ids["facilitator"])
        chat = await unit.chats.of_person(person.id)
        update = Inbound(0, 1, -5, False, "en", Text("/case"), None, START)
        await handle(unit, town.desk, person, chat, update)
    assert await town.waiting("facilitator") == []


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


async def test_stop_takes_away_what_is_sensitive(town):
    """S-06: staff too can clear their chat at once; details not yet sent are not sent."""
    await town.raises(concern("other_nearby"))
    await town.presses("facilitator", "CASE:details:K-101")
    await town.writes("facilitator", "/stop")
    waiting = await town.waiting("facilitator")
    assert not [row for row in waiting if row.sensitive]
    assert [row.slot for row in waiting if row.op == "sweep"] == ["sensitive"]


async def test_staff_choose_their_language(town):
    """A language of the programme is kept and used from then on; another one gets the list."""
    await town.writes("facilitator", "/language xx")
    assert "en, de" in await town.texts("facilitator")
    await town.writes("facilitator", "/language de")
    async with town.storage.unit() as unit:
        assert (await unit.people.get(town.ids["facilitator"])).language == "de"


async def test_the_audit_log_says_nothing_of_concerns(town):
    """S-20, R-16: ids, roles and outcomes of the list; no concern, no alias, no answer."""
    await hold(town)
    case = await town.raises(concern("self_harm", "now", "FDMP", "ST-12", ["yes"]))
    for data in (
        "CASE:take:K-101",
        "CASE:details:K-101",
        "LIFT:not_today:K-101",
        "OUT:passed_to_services:K-101",
    ):
        await town.presses("facilitator", data)
    await town.passes(minutes=5)
    async with town.storage.unit() as unit:
        entries = await unit.audit.of_subject(case.id)
    assert len(entries) >= 7
    said = " ".join(f"{e.action} {e.detail}" for e in entries)
    for word in ("self_harm", "alias", "ST-12", "'yes'", "safety"):
        assert word not in said


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


def test_staff_texts_fit_their_buttons(desk_parts):
    """Buttons of staff are at most 40 characters, and every outcome offered has a label."""
    buttons = [
        *staff_texts.OUTCOMES.values(),
        *staff_texts.LIFTS.values(),
        staff_texts.TAKE,
        staff_texts.LIFT,
    ]
    assert all(len(line.msgid) <= 40 for line in buttons)
    assert all(len(choice) <= 20 for choice in [*staff_texts.OUTCOMES, *staff_texts.LIFTS])
