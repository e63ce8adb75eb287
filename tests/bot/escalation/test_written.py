"""`/written`: everything typed can be read and struck out by the facilitators of the own group."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.ports.inbound import Command, Inbound
from bot.ports.records import AnswerRow, StaffRole
from bot.storage.statements import Statement
from bot.storage.tables import outbox
from bot.usecases import staff_texts, written
from bot.usecases.staff_desk import handle
from bot.usecases.strike_person import SLOT as TEXT
from tests.bot.damage import damage
from tests.bot.escalation.conftest import START, data_of, hold

_ALL = Statement(select(outbox))
TYPED = "Kestrel lives in Foundry Lane"


async def typed(town, *texts: str, step: str = "RS-D4", script: str = "reflection_start") -> str:
    """Texts that raised nothing, one after the other; gives how the person's buttons end."""
    visit = await hold(town)
    async with town.unit() as unit:
        for number, text in enumerate(texts, start=1):
            await unit.answers.add(
                AnswerRow(
                    town.desk.ids.new(), visit, town.ids["participant"], None, script, step, number,
                    "text", (), text, START + timedelta(seconds=number),
                )
            )  # fmt: skip
    return town.ids["participant"][-12:]


async def commanded(town, name: str, text: str) -> None:
    """A command without a reference, as somebody of staff writes it."""
    async with town.unit() as unit:
        person = await unit.people.get(town.ids[name])
        chat = await unit.chats.get(town.ids[f"chat of {name}"])
        update = Inbound(0, 90, chat.telegram_id, True, "en", Command(text), 90, town.clock.now())
        await handle(unit, town.desk, person, chat, update)


async def test_what_raised_nothing_can_be_read(town):
    """S-24, S-21: from a list of people to the texts, newest first, with the question; recorded, and gone in minutes."""
    tail = await typed(town, "the first words", TYPED)
    await commanded(town, "facilitator", "written")
    assert f"WRIT:page.1:{tail}" in data_of(await town.waiting("facilitator", written.SLOT))
    await town.presses("facilitator", f"WRIT:page.1:{tail}")
    text = await town.texts("facilitator", TEXT)
    assert text.index(TYPED) < text.index("the first words")
    assert "RS-D4: " in text
    [says, goes] = [row for row in await town.waiting("facilitator") if row.slot == TEXT]
    assert (says.sensitive, says.not_after, goes.op) == (True, START + timedelta(minutes=10), "retract")
    assert goes.due_at == START + timedelta(minutes=10)
    async with town.unit() as unit:
        entries = await unit.audit.of_subject(town.ids["participant"])
    assert [(e.action, e.actor, e.detail) for e in entries if e.action == "text.shown"] == [
        ("text.shown", town.ids["facilitator"], {"count": "2"})
    ]


async def test_all_of_it_can_be_read_page_by_page(town):
    """S-24: texts of any length and number come on pages, each within what Telegram takes, and none is left out."""
    texts = [f"word{number} " + "x" * 1500 for number in range(7)] + ["y" * 4000 + " end"]
    tail = await typed(town, *texts)
    shown, page = "", 1
    while True:
        await town.presses("facilitator", f"WRIT:page.{page}:{tail}")
        text = await town.texts("facilitator", TEXT)
        assert len(text) <= 4096
        shown += text
        page += 1
        if f"WRIT:page.{page}:{tail}" not in data_of(await town.waiting("facilitator", TEXT)):
            break
        await town.delivered()
    assert page > 4
    assert [number for number in range(7) if f"word{number} " not in shown] == []
    assert shown.count("y") >= 4000
    assert " end" in shown


async def test_it_is_struck_out_and_gone_from_every_chat(town):
    """S-40: asked where and whether; then the text is in no answer, no chat of a colleague's and no row; recorded."""
    tail = await typed(town, TYPED)
    await town.presses("facilitator", f"WRIT:page.1:{tail}")
    await town.delivered()
    async with town.unit() as unit:
        await unit.people.add_role(town.ids["other facilitator"], StaffRole.FACILITATOR, town.ids["A"])
        await unit.commit()
    await town.presses("other facilitator", f"WRIT:page.1:{tail}")
    await town.presses("facilitator", f"WRIT:strike:{tail}")
    assert data_of(await town.waiting("facilitator", written.SLOT)) == [f"WRIT:RS-D4:{tail}"]
    await town.presses("facilitator", f"WRIT:RS-D4:{tail}")
    assert data_of(await town.waiting("facilitator", written.SLOT)) == [
        f"WRIT:yes.RS-D4:{tail}",
        f"WRIT:strike:{tail}",
    ]
    await town.presses("facilitator", f"WRIT:yes.RS-D4:{tail}")
    now = [
        row.slot for row in await town.waiting("facilitator") if row.op == "retract" and row.due_at == START
    ]
    assert TEXT in now
    assert "retract" in [row.op for row in await town.waiting("other facilitator") if row.due_at == START]
    async with town.unit() as unit:
        rows = await unit.answers.of_person(town.ids["participant"])
        opened = [unit.outbox._row(row) for row in await unit.outbox._work.rows(_ALL)]
        entries = await unit.audit.of_subject(town.ids["participant"])
    assert [(row.text, row.struck_by) for row in rows if row.step == "RS-D4"] == [
        ("", town.ids["facilitator"])
    ]
    assert [row.slot for row in opened if TYPED in row.text] == []
    assert ("text.struck", {"step": "RS-D4", "count": "1"}) in [(e.action, e.detail) for e in entries]
    await town.presses("facilitator", f"WRIT:page.1:{tail}")
    assert staff_texts.NOTHING_TYPED.msgid in await town.texts("facilitator")


@pytest.mark.parametrize("name", ["other facilitator", "tech", "duty", "manager", "partner support"])
@pytest.mark.parametrize("choice", ["page.1", "strike", "RS-D4", "yes.RS-D4"])
async def test_it_is_nobody_elses(town, name, choice):
    """S-21, S-22: whoever is no facilitator of the person's group reads and strikes nothing, and the try is recorded."""
    tail = await typed(town, TYPED)
    await town.presses(name, f"WRIT:{choice}:{tail}")
    assert await town.texts(name) == staff_texts.NOT_OPEN_TO_YOU.msgid
    async with town.unit() as unit:
        assert [row.text for row in await unit.answers.of_person(town.ids["participant"]) if row.text] == [
            TYPED
        ]
        entries = await unit.audit.of_subject(town.ids[name])
    assert "text.refused" in [entry.action for entry in entries]


@pytest.mark.parametrize("number", ["00", "0", "99", "x", "-1"])
async def test_a_made_up_page_is_one_that_there_is(town, number):
    """S-21: whatever page a made-up button names, one from the first to the last is shown."""
    tail = await typed(town, *[f"word{n} " + "x" * 3000 for n in range(3)])
    await town.presses("facilitator", f"WRIT:page.{number}:{tail}")
    text = await town.texts("facilitator", TEXT)
    assert "Page 1 of 3" in text or "Page 3 of 3" in text


@pytest.mark.parametrize("role", [StaffRole.TECH, StaffRole.PARTNER_SUPPORT])
@pytest.mark.parametrize("data", ["WRIT:page.1:", "WRIT:yes.RS-D4:", "REL:who:"])
async def test_another_role_in_the_group_opens_nothing(town, role, data):
    """S-21, S-22: a facilitator of one group who has another role in a second one is no facilitator there."""
    tail = await typed(town, TYPED)
    async with town.unit() as unit:
        await unit.people.add_role(town.ids["other facilitator"], role, town.ids["A"])
        await unit.commit()
    await town.presses("other facilitator", data + tail)
    assert await town.texts("other facilitator") == staff_texts.NOT_OPEN_TO_YOU.msgid
    async with town.unit() as unit:
        assert [row.text for row in await unit.answers.of_person(town.ids["participant"]) if row.text] == [
            TYPED
        ]


async def test_under_a_legal_hold_nothing_is_struck_out(town):
    """S-42: what the law holds back is not taken away by staff either; they are told, and a case's texts stay too."""
    tail = await typed(town, TYPED)
    async with town.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        await unit.programmes.save(
            replace(programme, settings={**programme.settings, "legal_hold": [town.ids["participant"]]})
        )
        await unit.commit()
    await town.presses("facilitator", f"WRIT:yes.RS-D4:{tail}")
    assert await town.texts("facilitator") == staff_texts.STRIKE_HELD.msgid
    async with town.unit() as unit:
        assert [row.text for row in await unit.answers.of_person(town.ids["participant"]) if row.text] == [
            TYPED
        ]


async def test_a_damaged_answer_hides_no_other(town, database_url):
    """S-24, S-41: what still opens is read, and that something does not is said."""
    tail = await typed(town, "the first words", TYPED)
    damage(database_url, "answers", "sealed_body", "version = ?", 1)
    await town.presses("facilitator", f"WRIT:page.1:{tail}")
    text = await town.texts("facilitator", TEXT)
    assert TYPED in text
    assert "cannot be read" in text
