"""Erasing what is kept about a person, by a person's decision and never with a case open (S-45).

In two steps, so that the chat can be cleared while it is still known: first all content goes and the chat is
closed and swept; once that was sent, or has failed, the link to the chat and the person's row go. The second
step is taken by the bot itself within a minute, or by the command run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.ports.everything import CaseStillOpen
from bot.ports.expiry import Held
from bot.ports.records import AuditEntry, Person, Programme
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.find_person import open_cases
from bot.usecases.invite import OPERATOR
from bot.usecases.leave import CannotLeave, leave
from bot.usecases.retention import held_back
from bot.usecases.strike_person import forget_shown
from bot.usecases.way import is_being_erased

SESSION_WITHIN = timedelta(hours=12)
SWEPT_WITHIN = timedelta(hours=48)
"""After that Telegram deletes nothing any more: what still waits for the chat is given up."""
_HOLD = "settings.legal_hold of the programme file"
BEGUN, FINISHED = "person.erased", "person.erased.link"


class CannotErase(Exception):
    """Not now; the message says why, and what to do first."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What goes (table -> rows), and what stays (kind -> why) apart from it.

    `opened`: the cases that leaving has opened; then nothing has gone yet, and it is to be erased afterwards.
    """

    person: Person
    goes: Mapping[str, int]
    stays: Mapping[str, str]
    finished: bool = False
    standing: int = 0
    opened: tuple[str, ...] = ()


async def look(unit: Unit, desk: Desk, programme: Programme, person: Person) -> Erasure:
    """What an erasure would come to; nothing is changed. Raises CannotErase."""
    await _refuse(unit, desk, person)
    goes = dict(await unit.everything.counts(person))
    stays = await _stays(unit, programme, person, goes)
    return Erasure(person, goes, stays)


async def erase(unit: Unit, desk: Desk, programme: Programme, person: Person) -> Erasure:
    """Begin it, or go on with one that was begun; the caller commits. Raises CannotErase.

    Leaving makes a half-made answer count (S-06). A case that comes of it stays, and stops the erasure here (S-30).
    """
    if not is_being_erased(person):
        await _refuse(unit, desk, person)
        return await _begin(unit, desk, programme, person)
    return await finish(unit, desk, person)


async def finish(unit: Unit, desk: Desk, person: Person) -> Erasure:
    """The second step, if the chat has been cleared or cannot be; otherwise nothing, and it is to be tried again."""
    since = person.left_at or desk.now()
    waits = await unit.everything.waits_for_chat(person.id)
    if waits and desk.now() - since < SWEPT_WITHIN:
        return Erasure(person, {}, {})
    standing = await unit.everything.left_standing(person.id)
    gone = await unit.everything.erase_link(person)
    detail = {"count": str(standing), **_proof(gone)}
    await _record(unit, desk, person.id, FINISHED, detail)
    return Erasure(person, gone, {}, finished=True, standing=standing)


async def go_on(unit: Unit, desk: Desk, person_id: str) -> bool:
    """Finish an erasure that was begun, if the chat has been cleared; whether it has been. The caller commits."""
    person = await unit.people.get(person_id)
    return person is not None and is_being_erased(person) and (await finish(unit, desk, person)).finished


async def _begin(unit: Unit, desk: Desk, programme: Programme, person: Person) -> Erasure:
    if person.state != "left":
        try:
            left = await leave(unit, desk, person, "erased", OPERATOR)
        except CannotLeave as no:
            raise CannotErase(str(no)) from None
        person = left.person
        if left.cases:
            return Erasure(person, {}, {}, opened=left.cases)
    stays = await _stays(unit, programme, person, await unit.everything.counts(person))
    await forget_shown(unit, desk)  # first: where their words stand is read from rows that name them
    try:
        goes = await unit.everything.erase_content(person, keep_cases=keeps_cases(programme))
    except CaseStillOpen as no:
        raise CannotErase(str(no)) from None
    # The alias stays until the chat is cleared: by it the second step finds the person.
    bare = Person(
        person.id, person.programme_id, None, person.kind, person.alias, person.language, person.timezone, "left",
        pending={"do": "erase"}, left_at=desk.now(),
    )  # fmt: skip
    await unit.people.save(bare)
    await _record(unit, desk, person.id, BEGUN, _proof(goes))
    for request in await unit.requests.of_person(person.id):
        if request.done_at is None:
            await unit.requests.save(replace(request, done_at=desk.now(), outcome="erased", by=OPERATOR))
    return Erasure(bare, goes, stays)


def keeps_cases(programme: Programme) -> bool:
    """Whether closed cases stay as a bare record when somebody is erased (programme file: keep_closed_cases)."""
    return bool(programme.settings.get("keep_closed_cases", False))


async def _refuse(unit: Unit, desk: Desk, person: Person) -> None:
    if is_being_erased(person):
        return
    programme = await unit.programmes.get(person.programme_id)
    held = await unit.expiry.held(programme.id, held_back(programme)) if programme else Held()
    if held.any_of(person.id):
        raise CannotErase(f"{person.alias} is under a legal hold ({_HOLD})")
    # Erasing would change what is held of somebody else.
    for case in await unit.everything.cases_naming(person):
        if held.any_of(case.person_id, *(one for raised in case.raised for one in raised.choices)):
            raise CannotErase(f"{person.alias} is named in {case.ref}, which is under a legal hold ({_HOLD})")
    if cases := await open_cases(unit, person):
        named = ", ".join(case.ref for case in cases)
        raise CannotErase(f"{person.alias} cannot be erased while a case is open: {named}")
    session = await unit.sessions.next_for(person, desk.now()) if person.state != "left" else None
    if person.kind == "participant" and session and session.starts_at - desk.now() <= SESSION_WITHIN:
        hours = int(SESSION_WITHIN.total_seconds()) // 3600
        raise CannotErase(
            f"{person.alias} has a session at {session.starts_at:%Y-%m-%d %H:%M} UTC, under way or within "
            f"{hours} hours; erase afterwards, or let them leave first: vestibule leave {person.alias}"
        )


async def _stays(unit: Unit, programme: Programme, person: Person, goes: Mapping[str, int]) -> dict[str, str]:
    """Kind -> why it is kept. None of it has a name, an answer or a chat."""
    stays = {"audit": "entries by pseudonymous id, as proof of who did what; they go with their month"}
    if goes.get("requests"):
        stays["requests"] = "what was asked for and when it was dealt with, by pseudonymous id, as proof"
    if keeps_cases(programme) and goes.get("cases"):
        stays["cases"] = "closed cases as a bare record: number, urgency, kind, times, who took part"
    if person.kind == "staff":
        stays["cases"] = "which parts of cases were taken on, by pseudonymous id"
    return stays


async def _record(unit: Unit, desk: Desk, person_id: str, action: str, detail: dict[str, str]) -> None:
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), OPERATOR, action, person_id, detail))


def _proof(gone: Mapping[str, int]) -> dict[str, str]:
    """How many rows of which table went, as an audit entry may say it."""
    return {"gone": ",".join(f"{table}:{rows}" for table, rows in sorted(gone.items()))} if gone else {}
