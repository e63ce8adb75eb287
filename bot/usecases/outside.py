"""What somebody sends while nothing is asked: kept for staff to read, and brought to them the second time (S-23, S-24)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.ports.records import AnswerRow, Person, VisitRow
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.open_case import raise_concerns
from flows.effects import RaiseConcern
from flows.inputs import Unclear
from flows.visit import Visit, from_json, to_json

SCRIPT, STEP = "outside", "OUTSIDE"
TOGETHER = timedelta(hours=12)


async def keep_outside(unit: Unit, desk: Desk, person: Person, sent: Unclear) -> None:
    """Keep it with what else came outside lately; from the second on a person is told."""
    row = await _row(unit, desk, person)
    visit = from_json(row.body)
    count = visit.unclear + 1
    await unit.answers.add(
        AnswerRow(
            desk.ids.new(), row.id, person.id, None, SCRIPT, STEP, count, "unclear", (sent.kind,), sent.text, desk.now()
        )
    )  # fmt: skip
    await unit.visits.save(
        replace(row, body=to_json(visit.model_copy(update={"unclear": count})), touched_at=desk.now())
    )
    if count >= 2:
        entry = desk.library.catalogue["unreadable_answer"]
        raised = RaiseConcern(entry.id, entry.urgency, entry.route, STEP)
        session = await unit.sessions.next_for(person, desk.now())
        await raise_concerns(
            unit, desk, person=person, visit_id=row.id, session=session, script=SCRIPT, raised=[raised],
            unasked=[], at=desk.now(),
        )  # fmt: skip


async def _row(unit: Unit, desk: Desk, person: Person) -> VisitRow:
    """The row of the last hours, or a new one. It is done from the start: nothing is asked in it."""
    now = desk.now()
    rows = await unit.visits.of_person(person.id)
    for row in rows:
        if row.script == SCRIPT and now - row.touched_at < TOGETHER:
            return row
    visit = Visit(script=SCRIPT, version=1, step=STEP, status="done")
    row = VisitRow(desk.ids.new(), person.id, SCRIPT, 1, None, "done", to_json(visit), now, now)
    await unit.visits.add(row)
    return row
