"""Striking out what somebody typed although it was not asked for: names, places, contacts (S-40).

Open to whoever may open the details (S-21), and only for what they can read there. The text is gone from the
answer, from details that wait or stand, and from what the outbox keeps of them; what was chosen, the answer's
version and the concerns stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.ports.records import AnswerRow, Case, Raised
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import Visitor, audit, say
from bot.usecases.case_card import in_rows, raised_for
from bot.usecases.choose_person import show
from bot.usecases.desk import Desk, retract
from bot.usecases.strike_person import forget
from flows.effects import Line

STEP = "STRK"
"""A button `STRK:<step>:<case>` asks whether it is meant, `STRK:yes.<step>:<case>` strikes it out."""
SURE = "yes."


def slot_of(case: Case) -> str:
    """Where the list stands in a chat."""
    return f"strike-{case.ref}"


async def written(unit: Unit, case: Case, raised: Iterable[Raised]) -> list[AnswerRow]:
    """What was typed at the steps that raised something, what was struck out of it included (S-24)."""
    steps = {item.step for item in raised}
    rows = await unit.answers.of_visit(case.visit_id) if case.visit_id else []
    return [row for row in rows if row.step in steps and (row.text or row.struck_at is not None)]


async def strikable(unit: Unit, visitor: Visitor) -> dict[str, list[AnswerRow]]:
    """Step -> the texts typed there that the visitor can read and that still stand."""
    raised = raised_for(visitor.case, {part.role for part in visitor.readable})
    found: dict[str, list[AnswerRow]] = {}
    for row in await written(unit, visitor.case, raised):
        if row.text:
            found.setdefault(row.step, []).append(row)
    return found


async def strike(unit: Unit, desk: Desk, visitor: Visitor, word: str) -> None:
    """Without a word the list of questions, with one whether it is meant, with yes it is done."""
    if not visitor.readable:
        await audit(unit, desk, visitor.person, "case.strike.refused", visitor.case.id)
        await say(unit, desk, visitor.person, visitor.chat, texts.TAKE_FIRST)
        return
    found = await strikable(unit, visitor)
    step = word.removeprefix(SURE)
    if step in found and word.startswith(SURE):
        await _strike(unit, desk, visitor, step, found[step])
    elif step in found:
        ref = visitor.case.ref
        sure = [(texts.STRIKE_YES, f"{STEP}:{SURE}{step}:{ref}"), (texts.STRIKE_NO, f"CASE:strike:{ref}")]
        await _ask(unit, desk, visitor, texts.STRIKE_SURE, sure, step=step)
    elif found:
        steps = [(Line("staff", step), f"{STEP}:{step}:{visitor.case.ref}") for step in found]
        await _ask(unit, desk, visitor, texts.STRIKE_WHICH, steps)
    else:
        await say(unit, desk, visitor.person, visitor.chat, texts.NOTHING_TYPED)


async def _ask(
    unit: Unit, desk: Desk, visitor: Visitor, line: Line, buttons: list[tuple[Line, str]], **params: str
) -> None:
    """Question ids only, never what was typed; taken away again like details."""
    language = visitor.person.language
    text = desk.texts.line(language, line, {"case": visitor.case.ref, **params})
    await show(unit, desk, visitor.chat, slot_of(visitor.case), text, in_rows(desk, language, buttons))


async def _strike(unit: Unit, desk: Desk, visitor: Visitor, step: str, rows: list[AnswerRow]) -> None:
    case, now = visitor.case, desk.now()
    assert case.visit_id is not None, "what was typed belongs to a visit"
    for row in rows:
        await unit.answers.strike(replace(row, text="", struck_by=visitor.person.id, struck_at=now))
    await audit(unit, desk, visitor.person, "text.struck", case.id, step=step, count=str(len(rows)))
    await forget(unit, desk, rows)
    await retract(unit, desk, visitor.chat, slot_of(case))
    await say(unit, desk, visitor.person, visitor.chat, texts.STRUCK_OUT, step=step)
