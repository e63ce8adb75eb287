"""Which reflection questions are left for somebody, so that they are only reminded of some (S-12)."""

from __future__ import annotations

from datetime import timedelta

from bot.ports.records import Person, Programme
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.facts import facts_for
from flows.concerns import Known
from flows.machine import Asked
from flows.visit import from_json

PARTS = {"start": "reflection_start", "during": "reflection_during", "end": "reflection_end"}
"""The menu's items in the order of the programme."""
LOOKED_BACK = timedelta(days=400)


async def next_part(unit: Unit, desk: Desk, person: Person, programme: Programme) -> str:
    """The item of the first part with questions left that are open to the person; empty when there is none.

    What comes during the programme waits for the first session, and what ends it for the rest to be answered.
    """
    session = await unit.sessions.next_for(person, desk.now())
    facts = await facts_for(unit, desk, person, programme, session)
    visits = [(row, from_json(row.body)) for row in await unit.visits.of_person(person.id)]
    for item, name in PARTS.items():
        answers = {
            step: chosen
            for row, v in reversed(visits)
            if row.script == name
            for step, chosen in v.answers.items()
        }
        known = Known(answers, facts)
        steps = desk.library.newest(name).script.steps
        if any(s.question and s.id not in answers and Asked(s)(known) for s in steps):
            return item if item == "start" or await _has_begun(unit, desk, person) else ""
    return ""


async def _has_begun(unit: Unit, desk: Desk, person: Person) -> bool:
    """Whether the person has had a session."""
    found = await unit.sessions.between(desk.now() - LOOKED_BACK, desk.now())
    return any(s.person_id == person.id or (s.group_id and s.group_id == person.group_id) for s in found)
