"""Reading and striking out what somebody typed anywhere: also what raised nothing (S-24, S-40).

For the command line and `/written`. What stands in a case is struck there too (bot.usecases.strike).
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


def slot_of(person_id: str) -> str:
    """Where what a person typed stands in a chat of staff."""
    return f"written-{person_id}"


async def show(unit: Unit, desk: Desk, person: Person, by: str = OPERATOR) -> list[AnswerRow]:
    """The same, to be read: recorded as read by `by`. The caller commits before anything is shown."""
    rows = await typed(unit, person)
    await _record(unit, desk, person, by, SHOWN, {"count": str(len(rows))})
    return rows


async def strike(unit: Unit, desk: Desk, person: Person, step: str, by: str = OPERATOR) -> int:
    """Take away what was typed at that step, in every version; how many. Raises NothingTyped. The caller commits.

    It goes from the answers, and from what waits or stands in a chat; what was chosen stays.
    """
    rows = await typed(unit, person)
    found = [row for row in rows if row.step == step]
    if not found:
        steps = ", ".join(dict.fromkeys(row.step for row in rows)) or "none"
        raise NothingTyped(f"nothing typed by {person.alias} stands at {step}; steps with text: {steps}")
    for row in found:
        await unit.answers.strike(replace(row, text="", struck_by=by, struck_at=desk.now()))
    await forget(unit, desk, found)
    await _record(unit, desk, person, by, STRUCK, {"step": step, "count": str(len(found))})
    return len(found)


async def forget(unit: Unit, desk: Desk, rows: Sequence[AnswerRow]) -> None:
    """Take these texts out of the outbox and out of every chat of staff in which they wait or stand."""
    shown = []
    for visit_id in dict.fromkeys(row.visit_id for row in rows):
        shown += await unit.outbox.forget_details(visit_id)
    for person_id in dict.fromkeys(row.person_id for row in rows):
        shown += await unit.outbox.forget_slot(slot_of(person_id))
    for chat_id, slot in dict.fromkeys(shown):
        chat = await unit.chats.get(chat_id)
        if chat is not None:
            await retract(unit, desk, chat, slot)


async def _record(
    unit: Unit, desk: Desk, person: Person, by: str, action: str, detail: dict[str, str]
) -> None:
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, action, person.id, detail))
