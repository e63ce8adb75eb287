"""What comes of a confirmation of answers that will be old when the session starts (S-32; which are, see `fresh`).

*Still so* keeps the result. *Changed* withdraws it and asks the whole self-test anew; a hold stays whatever is said.
"""

from __future__ import annotations

from dataclasses import replace

from bot.ports.records import Chat, Person, VisitRow
from bot.ports.stores import Unit
from bot.usecases import door
from bot.usecases.carry_out import new_visit, show_again
from bot.usecases.desk import Desk
from bot.usecases.facts import facts_for
from bot.usecases.fresh import STEP
from flows.engine import begin
from flows.visit import from_json


async def follow_up(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, *, shown: bool
) -> Person:
    """After a press in a confirmation: *changed* opens the self-test at its start, in a new visit.

    `shown`: whether the door is open; otherwise the test comes behind it.
    """
    now = await unit.visits.get(row.id)
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    programme = await unit.programmes.get(person.programme_id)
    if now is None or session is None or programme is None or now.status != "done" or row.status == "done":
        return person
    if from_json(now.body).answers.get(STEP) != ("changed",):
        return person
    readiness = await unit.readiness.get(session.id, person.id)
    if readiness is not None:
        await unit.readiness.put(replace(readiness, final=False))
    await unit.outbox.cancel(chat.id, ["notice"])  # that it is finished would not be true
    test = await new_visit(unit, desk, person, begin(desk.library.newest("self_test")), session)
    if not shown:
        return await door.ask(unit, desk, person, chat, {"do": "open", "item": "selftest"})
    facts = await facts_for(unit, desk, person, programme, session)
    return await show_again(unit, desk, person, chat, test, facts)
