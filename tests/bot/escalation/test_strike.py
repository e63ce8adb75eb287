"""Striking out what somebody typed although it was not asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.ports.records import AnswerRow, LedgerEntry
from bot.storage.statements import Statement
from bot.storage.tables import outbox
from bot.usecases import staff_texts
from tests.bot.escalation.conftest import START, concern, data_of, hold

_ALL = Statement(select(outbox))
TYPED = "Kestrel lives in Foundry Lane"


async def typed(town, route: str = "F", name: str = "unreadable_answer", step: str = "ST-01"):
    """A case with free text behind it: two versions at one step."""
    visit = await hold(town)
    async with town.unit() as unit:
        for version in (1, 2):
            await unit.answers.add(
                AnswerRow(
                    town.desk.ids.new(), visit, town.ids["participant"], None, "self_test", step, version,
                    "unclear", ("voice",), f"{TYPED} {version}", START,
                )
            )  # fmt: skip
    case = await town.raises(concern(name, route=route, step=step, choices=["maybe"]), visit=visit)
    await town.delivered()
    return case, visit


async def test_what_was_typed_is_struck_out_for_good(town):
    """S-40: asked which and whether it is meant; then the text is nowhere, the versions, choices and concerns stay."""
    case, visit = await typed(town)
    await town.presses("facilitator", "CASE:details:K-101")
    assert data_of(await town.waiting("facilitator", "details-K-101")) == ["CASE:strike:K-101"]
    await town.presses("facilitator", "CASE:strike:K-101")
    assert data_of(await town.waiting("facilitator", "strike-K-101")) == ["STRK:ST-01:K-101"]
    await town.presses("facilitator", "STRK:ST-01:K-101")
    assert data_of(await town.waiting("facilitator", "strike-K-101")) == [
        "STRK:yes.ST-01:K-101",
        "CASE:strike:K-101",
    ]
    async with town.unit() as unit:
        assert [a.struck_at for a in await unit.answers.of_visit(visit)] == [None, None], "not yet"
    await town.presses("facilitator", "STRK:yes.ST-01:K-101")
    async with town.unit() as unit:
        rows = await unit.answers.of_visit(visit)
        entries = await unit.audit.of_subject(case.id)
        kept = await unit.cases.get(case.id)
    facilitator = town.ids["facilitator"]
    assert [(a.version, a.kind, a.choices, a.text) for a in rows] == [
        (1, "unclear", ("voice",), ""), (2, "unclear", ("voice",), ""),
    ]  # fmt: skip
    assert {(a.struck_by, a.struck_at) for a in rows} == {(facilitator, START)}
    assert kept.raised == case.raised
    [entry] = [e for e in entries if e.action == "text.struck"]
    assert (entry.actor, entry.detail) == (facilitator, {"step": "ST-01", "count": "2"})
    assert not [row for row in await town.waiting("facilitator") if row.op == "say" and row.sensitive]
    await town.delivered()
    await town.presses("facilitator", "CASE:details:K-101")
    text = await town.texts("facilitator", "details-K-101")
    assert TYPED not in text
    assert "struck out by staff" in text
    assert data_of(await town.waiting("facilitator", "details-K-101")) == []


async def test_details_sent_or_waiting_hold_it_no_longer(town):
    """S-40: colleagues' details, waiting or standing, go too; no row of the outbox opens to the text any more."""
    await typed(town, route="FM")
    await town.presses("facilitator", "CASE:details:K-101")
    await town.delivered()
    await town.presses("manager", "CASE:details:K-101")
    await town.presses("facilitator", "STRK:yes.ST-01:K-101")
    gone = [row.slot for row in await town.waiting("manager") if row.op == "retract" and row.due_at == START]
    assert gone == ["details-K-101"]
    assert await town.texts("manager", "details-K-101") == ""
    async with town.unit() as unit:
        rows = await unit.outbox._work.rows(_ALL)
        opened = [unit.outbox._row(row) for row in rows]
    assert len(opened) > 4
    assert not [row for row in opened if TYPED in row.text]


@pytest.mark.parametrize("name", ["other facilitator", "tech", "duty", "manager"])
@pytest.mark.parametrize("data", ["CASE:strike:K-101", "STRK:ST-01:K-101", "STRK:yes.ST-01:K-101"])
async def test_only_those_who_may_open_the_details_strike_out(town, name, data):
    """S-21, S-40: whoever the case is not open to strikes nothing out, whatever button they make up."""
    case, visit = await typed(town)
    await town.presses(name, data)
    assert await town.texts(name) == staff_texts.NO_SUCH_CASE.msgid
    async with town.unit() as unit:
        assert all(a.text for a in await unit.answers.of_visit(visit))
    assert any(action.endswith(".refused") for action in await town.audited(case))


async def test_another_groups_facilitator_takes_it_on_first(town):
    """S-21, S-40: being asked is not enough where it is not enough for the details."""
    _, visit = await typed(town)
    await town.passes(minutes=15)
    await town.delivered()
    await town.presses("other facilitator", "STRK:yes.ST-01:K-101")
    assert await town.texts("other facilitator") == staff_texts.TAKE_FIRST.msgid
    async with town.unit() as unit:
        assert all(a.text for a in await unit.answers.of_visit(visit))


async def test_only_what_comes_to_the_role_is_struck_out(town):
    """S-21, S-40: text at a step that went to others is not listed, and not struck out by a made-up button."""
    _, visit = await typed(town, step="ST-13", name="self_harm", route="FDMP")
    await town.raises(concern("equipment_fault", "session", "T", step="ST-03"), visit=visit)
    await town.delivered()
    await town.presses("tech", "STRK:yes.ST-13:K-101")
    assert await town.texts("tech") == staff_texts.NOTHING_TYPED.msgid
    async with town.unit() as unit:
        assert all(a.text for a in await unit.answers.of_visit(visit))


async def test_a_closed_case_can_still_be_cleaned(town):
    """S-40: what is found later is struck out later, by `/strike` too."""
    _, visit = await typed(town)
    await town.presses("facilitator", "OUT:no_action_needed:K-101")
    town.clock.advance(timedelta(days=2))
    await town.writes("facilitator", "/strike K-101 yes.ST-01")
    async with town.unit() as unit:
        assert all(a.text for a in await unit.answers.of_visit(visit)), "a command only asks"
    await town.presses("facilitator", "STRK:yes.ST-01:K-101")
    async with town.unit() as unit:
        assert not any(a.text for a in await unit.answers.of_visit(visit))


async def test_staffs_own_words_are_remembered_to_be_deleted(town):
    """S-43, S-22: what staff type into their chat is sensitive and goes with the next sweep; commands alone too."""
    from bot.ports.inbound import Command, Inbound, Text
    from bot.usecases.staff_desk import handle

    async with town.unit() as unit:
        person = await unit.people.get(town.ids["facilitator"])
        chat = await unit.chats.get(town.ids["chat of facilitator"])
        for number, what in enumerate((Text("a name"), Command("case"), Command("case", "a name")), start=50):
            await handle(
                unit,
                town.desk,
                person,
                chat,
                Inbound(0, number, chat.telegram_id, True, "en", what, number, START),
            )
        standing: list[LedgerEntry] = await unit.ledger.standing(chat.id)
    assert [(e.message_id, e.side, e.sensitive) for e in standing] == [
        (50, "person", True), (51, "person", True), (52, "person", True),
    ]  # fmt: skip


async def test_under_a_legal_hold_nothing_is_struck_out(town):
    """S-42: the text stays, who asked reads that it does, and the list they asked with goes."""
    case, visit = await typed(town)
    async with town.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        await unit.programmes.save(
            replace(programme, settings={**programme.settings, "legal_hold": [case.ref]})
        )
    await town.presses("facilitator", "CASE:strike:K-101")
    await town.delivered()
    await town.presses("facilitator", "STRK:yes.ST-01:K-101")
    assert await town.texts("facilitator") == staff_texts.STRIKE_HELD.msgid
    assert "retract" in [row.op for row in await town.waiting("facilitator", "strike-K-101")]
    async with town.unit() as unit:
        rows = await unit.answers.of_visit(visit)
    assert [(a.text, a.struck_at) for a in rows] == [(f"{TYPED} 1", None), (f"{TYPED} 2", None)]
    assert "text.struck" not in await town.audited(case)
