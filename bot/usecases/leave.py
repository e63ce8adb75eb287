"""Leaving the programme: what is planned ends, the chat is closed neutrally and is a stranger's from then on (S-44)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from bot.ports.everything import FAREWELL
from bot.ports.plan import Fate
from bot.ports.records import AuditEntry, Chat, Lane, Person
from bot.ports.stores import Unit
from bot.usecases import neutral, plan_sessions
from bot.usecases.carry_out import turn
from bot.usecases.climb import unreachable
from bot.usecases.desk import Desk, Message, post, sweep
from bot.usecases.find_person import open_cases, taken_cases
from bot.usecases.resume import front
from bot.usecases.roster import membership_changed
from bot.usecases.rota import rotas_of
from bot.usecases.way import moved
from flows.inputs import Stopped

Reason = Literal["completed", "withdrawn", "ended"]
REASONS: tuple[Reason, ...] = ("completed", "withdrawn", "ended")
_EVER = timedelta(days=3650)


class CannotLeave(Exception):
    """It would leave something without anybody; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Left:
    """What came of it: reminders that will not go out, sessions of their own cancelled, cases that stay open."""

    person: Person
    reminders: int = 0
    sessions: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


async def leave(unit: Unit, desk: Desk, person: Person, why: str, by: str) -> Left:
    """The person leaves the programme, participant or staff; open cases stay open. Raises CannotLeave.

    A half-made answer that would raise a concern still raises it (S-06).
    """
    if person.state == "left":
        raise CannotLeave(f"{person.alias} has left already")
    await _refuse_needed(unit, person)
    chat = await unit.chats.of_person(person.id)
    row = await front(unit, person)
    if chat is not None and row is not None and row.status == "open":
        person = await turn(unit, desk, person, chat, row, Stopped(), quiet=True)
    reminders, sessions = await _cancel_plans(unit, desk, person, by)
    await unit.people.end_roles(person.id)
    after = replace(moved(person, "left"), left_at=desk.now(), open_until=None, pending=None, visit_id=None)
    after = replace(after, email="", reach="telegram", roles=())
    await unit.people.save(after)
    await _end_links(unit, desk, person)
    await membership_changed(unit, desk, after)
    if chat is not None:
        await close_chat(unit, desk, person, chat)
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, "person.left", person.id, {"why": why}))
    stay = tuple(case.ref for case in await open_cases(unit, person))
    return Left(after, reminders, sessions, stay)


async def close_chat(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """Take away all that can be deleted, say one neutral line, and be a stranger's chat from then on.

    An alert that still waited for it goes to the next rung at once (R-07).
    """
    waiting = await unit.outbox.waiting(chat.id)
    await unit.outbox.cancel(chat.id, ["*"])
    await sweep(unit, desk, chat, "all")
    line = desk.texts.line(person.language, neutral.LEFT)
    await post(unit, desk, chat, Message(FAREWELL, line, fresh=True))
    await unit.chats.set_state(chat.id, "left")
    for row in waiting:
        if row.lane is Lane.ALERT and row.case_id is not None:
            await unreachable(unit, desk, row)


async def _refuse_needed(unit: Unit, person: Person) -> None:
    if person.kind != "staff":
        return
    if taken := await taken_cases(unit, person):
        raise CannotLeave(f"{person.alias} has taken on {', '.join(taken)}; hand over or resolve first")
    programme = await unit.programmes.get(person.programme_id)
    for rota in rotas_of(programme) if programme else ():
        if any(who == person.id for _, _, who in rota.people()):
            raise CannotLeave(
                f"{person.alias} is in the rota for {rota.role.value}; take them out of the programme file first"
            )


async def _cancel_plans(unit: Unit, desk: Desk, person: Person, by: str) -> tuple[int, tuple[str, ...]]:
    now, gone = desk.now(), 0
    for reminder in await unit.reminders.of_person(person.id):
        if reminder.fate is Fate.DUE:
            await unit.reminders.save(replace(reminder, fate=Fate.CANCELLED, reason="left", done_at=now))
            gone += 1
    own = [
        session
        for session in await unit.sessions.of_programme(person.programme_id, now, now + _EVER)
        if session.person_id == person.id and session.state == "planned"
    ]
    for session in own:
        await plan_sessions.cancel(unit, desk, session, by)
    return gone, tuple(session.key for session in own)


async def _end_links(unit: Unit, desk: Desk, person: Person) -> None:
    """A link by which the person would have moved to another account opens nothing any more."""
    now: datetime = desk.now()
    for invitation in await unit.invitations.pending(person.programme_id):
        if invitation.replaces == person.id:
            await unit.invitations.save(replace(invitation, revoked_at=now))
