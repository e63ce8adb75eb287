"""Reading and striking out what somebody typed anywhere: also what raised nothing (S-24, S-40).

For the command line and `/written`. What stands in a case is struck there too (bot.usecases.strike).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.ports.records import AnswerRow, AuditEntry, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, retract
from bot.usecases.invite import OPERATOR
from bot.usecases.retention import held_back

SHOWN, STRUCK = "text.shown", "text.struck"
SLOT = "written-text"
"""Where somebody's typed words stand in a chat of staff, one person's at a time."""


class OnHold(Exception):
    """A legal hold covers the person, so that nothing of theirs goes while it stands (S-42)."""


class NothingTyped(Exception):
    """No text stands there; the message says at which steps one does."""


async def refuse_held(unit: Unit, person_id: str, programme_id: str) -> None:
    """Raises OnHold."""
    programme = await unit.programmes.get(programme_id)
    if programme and (await unit.expiry.held(programme.id, held_back(programme))).any_of(person_id):
        raise OnHold(
            "a legal hold covers this person (programme file: legal_hold), so that nothing is struck out"
        )


async def typed(unit: Unit, person: Person) -> tuple[list[AnswerRow], int]:
    """What the person typed and still stands, newest first; and how many answers do not open, which hide no other."""
    rows, damaged = await unit.answers.readable_of(person.id)
    found = (row for row in rows if row.text)
    return sorted(found, key=lambda row: (row.at, row.version), reverse=True), damaged


async def forget_shown(unit: Unit, desk: Desk) -> None:
    """Take away every page of typed words that waits or stands in a chat of staff: whose it is stands in no slot."""
    await _withdraw(unit, desk, await unit.outbox.forget_slot(SLOT))


async def show(unit: Unit, desk: Desk, person: Person, by: str = OPERATOR) -> tuple[list[AnswerRow], int]:
    """The same, to be read: recorded as read by `by`. The caller commits before anything is shown."""
    rows, damaged = await typed(unit, person)
    await _record(unit, desk, person, by, SHOWN, {"count": str(len(rows))})
    return rows, damaged


async def strike(unit: Unit, desk: Desk, person: Person, step: str, by: str = OPERATOR) -> int:
    """Take away what was typed at that step, in every version; how many. Raises NothingTyped, OnHold. The caller commits.

    It goes from the answers, and from what waits or stands in a chat; what was chosen stays.
    """
    await refuse_held(unit, person.id, person.programme_id)
    rows, _ = await typed(unit, person)
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
    for visit_id in dict.fromkeys(row.visit_id for row in rows):
        await _withdraw(unit, desk, await unit.outbox.forget_details(visit_id))
    await forget_shown(unit, desk)


async def _withdraw(unit: Unit, desk: Desk, shown: Iterable[tuple[str, str]]) -> None:
    for chat_id, slot in shown:
        chat = await unit.chats.get(chat_id)
        if chat is not None:
            await retract(unit, desk, chat, slot)


async def _record(
    unit: Unit, desk: Desk, person: Person, by: str, action: str, detail: dict[str, str]
) -> None:
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, action, person.id, detail))
