"""Striking out what somebody typed anywhere, from the command line: also what raised nothing (S-40, S-24).

In the chat staff strike what stands in a case they may read; reflection texts and words outside a visit are in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.ports.records import AnswerRow, AuditEntry, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, retract
from bot.usecases.invite import OPERATOR

SHOWN, STRUCK = "text.shown", "text.struck"


class NothingTyped(Exception):
    """No text stands there; the message says at which steps one does."""


async def typed(unit: Unit, person: Person) -> list[AnswerRow]:
    """What the person typed and still stands, newest first."""
    rows = [row for row in await unit.answers.of_person(person.id) if row.text]
    return sorted(rows, key=lambda row: (row.at, row.version), reverse=True)


async def show(unit: Unit, desk: Desk, person: Person) -> list[AnswerRow]:
    """The same, to be read: recorded. The caller commits before anything is shown."""
    rows = await typed(unit, person)
    await _record(unit, desk, person, SHOWN, {"count": str(len(rows))})
    return rows


async def strike(unit: Unit, desk: Desk, person: Person, step: str) -> int:
    """Take away what was typed at that step, in every version; how many. Raises NothingTyped. The caller commits.

    It goes from the answers, and from details that wait or stand in a chat; what was chosen stays.
    """
    rows = await typed(unit, person)
    found = [row for row in rows if row.step == step]
    if not found:
        steps = ", ".join(dict.fromkeys(row.step for row in rows)) or "none"
        raise NothingTyped(f"nothing typed by {person.alias} stands at {step}; steps with text: {steps}")
    for row in found:
        await unit.answers.strike(replace(row, text="", struck_by=OPERATOR, struck_at=desk.now()))
    await _forget(unit, desk, found)
    await _record(unit, desk, person, STRUCK, {"step": step, "count": str(len(found))})
    return len(found)


async def _forget(unit: Unit, desk: Desk, rows: Sequence[AnswerRow]) -> None:
    for visit_id in dict.fromkeys(row.visit_id for row in rows):
        for chat_id, slot in await unit.outbox.forget_details(visit_id):
            chat = await unit.chats.get(chat_id)
            if chat is not None:
                await retract(unit, desk, chat, slot)


async def _record(unit: Unit, desk: Desk, person: Person, action: str, detail: dict[str, str]) -> None:
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), OPERATOR, action, person.id, detail))
