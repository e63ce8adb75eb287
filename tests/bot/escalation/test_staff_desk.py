"""Who may do what with a case, and everything else that staff send."""

import pytest

from bot.ports.inbound import Inbound, Sent, Text
from bot.usecases import staff_texts
from bot.usecases.staff_desk import handle
from flows.values import Role
from tests.bot.escalation.conftest import START, concern, data_of, hold

REFUSED = staff_texts.NO_SUCH_CASE.msgid


async def test_taking_a_case_on_shows_it_to_all_of_the_role_without_a_name(town):
    """S-30, R-08, S-22: the taker reads that it is theirs, others of the role that somebody has it, partner support nothing."""
    case = await town.raises(concern("partner_nearby"))
    await town.passes(minutes=15)
    await town.delivered()
    await town.presses("other facilitator", "CASE:take:K-101")
    assert "You have taken this on." in await town.texts("other facilitator")
    assert "Taken on by a colleague." in await town.texts("facilitator")
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


@pytest.mark.parametrize("ref", ["K-101", "k-101", "k101", "101"])
async def test_references_are_read_as_people_write_them(town, ref):
    """A reference without its dash, in small letters or without its letter is the same case."""
    case = await town.raises(concern("other_nearby"))
    await town.writes("facilitator", f"/ack {ref}")
    assert (await town.part(case, Role.FACILITATOR)).state == "taken"


@pytest.mark.parametrize("command", ["/ack K-101", "/resolve K-101", "/resolve 101 talked_to_them"])
async def test_what_is_written_is_answered_below_it(town, command):
    """The case moves below the command that was written; a button's answer stays where the button is."""
    await town.raises(concern("other_nearby"))
    await town.delivered()
    await town.presses("facilitator", "CASE:resolve:K-101")
    assert [row.fresh for row in await town.waiting("facilitator", "case-K-101")] == [False]
    await town.delivered()
    await town.writes("facilitator", command)
    assert [row.fresh for row in await town.waiting("facilitator", "case-K-101")] == [True]


async def test_partner_support_is_told_that_there_is_nothing_to_resolve(town):
    """S-22: asked for outcomes, partner support reads that there is only Seen, and it is recorded."""
    case = await town.raises(concern("partner_nearby"))
    await town.delivered()
    await town.writes("partner support", "/resolve K-101")
    assert "marks a case as seen" in await town.texts("partner support", "notice")
    assert await town.waiting("partner support", "case-K-101") == []
    assert "case.refused" in await town.audited(case)


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


@pytest.mark.parametrize(
    ("name", "has", "has_not"),
    [
        ("facilitator", ["/case", "/ack", "/lift", "/roster", "/allow", "/release", "/zone"], ["/seen"]),
        ("tech", ["/ack", "/allow"], ["/lift", "/roster", "/release", "/zone", "/seen"]),
        (
            "partner support",
            ["/case", "/details", "/seen", "/duty"],
            ["/ack", "/resolve", "/handover", "/roster"],
        ),
        ("duty", ["/ack", "/lift", "/duty"], ["/seen", "/allow", "/zone"]),
        ("manager", ["/ack", "/seen", "/zone"], ["/roster", "/allow", "/release"]),
    ],
)
async def test_help_lists_what_does_something_for_the_reader(town, name, has, has_not):
    """`/help` says what somebody's own roles can write, and nothing they would be refused."""
    await town.writes(name, "/help")
    listed = {line.split(":")[0].split()[0] for line in (await town.texts(name)).splitlines()}
    assert listed >= {*has, "/language", "/stop"}
    assert not listed & set(has_not)


async def test_nothing_is_said_outside_a_private_chat(town):
    """S-21: details and all else stay in private chats; elsewhere nothing is answered."""
    async with town.unit() as unit:
        person = await unit.people.get(town.ids["facilitator"])
        chat = await unit.chats.of_person(person.id)
        update = Inbound(0, 1, -5, False, "en", Text("/case"), None, START)
        await handle(unit, town.desk, person, chat, update)
    assert await town.waiting("facilitator") == []


async def test_stop_takes_away_what_is_sensitive(town):
    """S-06: staff too can clear their chat at once; details not yet sent are not sent."""
    await town.raises(concern("other_nearby"))
    await town.presses("facilitator", "CASE:details:K-101")
    await town.writes("facilitator", "/stop")
    waiting = await town.waiting("facilitator")
    assert [row.slot for row in waiting if row.lane == "alert"] == ["case-K-101"], "an open case stays"
    assert not [row for row in waiting if row.sensitive]
    assert [row.slot for row in waiting if row.op == "sweep"] == ["sensitive"]


async def test_staff_choose_their_language(town):
    """A language of the programme is kept and used from then on; another one gets the list."""
    await town.writes("facilitator", "/language xx")
    assert "en (en) and de (de)" in await town.texts("facilitator")
    await town.writes("facilitator", "/language de-AT")
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
