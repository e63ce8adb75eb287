"""What a participant asks for under their rights (S-45): noted, told to staff, listed until a person has dealt with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from bot.forms import listed
from bot.ports.records import AuditEntry, Chat, Lane, Person, Request, StaffRole
from bot.ports.stores import Unit
from bot.usecases import neutral
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import date_of
from bot.usecases.mail import notice_mail
from bot.usecases.privacy import BUTTONS, NOTED, STEP, answer_by
from bot.usecases.reach import ways_to
from bot.usecases.render import open_menu
from bot.usecases.staff_notice import Told, tell_person
from flows.effects import Line

Kind = Literal["copy", "erasure", "correction"]
Outcome = Literal["granted", "refused", "withdrawn"]
OUTCOMES: tuple[Outcome, ...] = ("granted", "refused", "withdrawn")
SLOT = "request"
SURE = "yes."
TOLD = (StaffRole.ADMINISTRATOR, StaffRole.MANAGER)

SURE_OF: dict[str, Line] = {
    "copy": Line("privacy", "Ask staff for a copy of what is kept about you?"),
    "erasure": Line(
        "privacy", "Ask staff to erase what is kept about you? A person looks at it and decides."
    ),
    "correction": Line(
        "privacy", "Tell staff that something kept about you is wrong? They will ask you what it is."
    ),
}
YES = Line("privacy", "Yes, ask")
NO = Line("privacy", "No")
NOT_ASKED = Line("privacy", "Nothing has been asked for.")
ASKED = Line(
    "privacy",
    "It is noted. A person looks at it and answers within one month, by {date}, outside this chat: a copy is handed "
    "over in person or as you agree with staff. You can take it back by telling them.",
)
CAME_IN = Line(
    "staff",
    "A participant has asked something about their data: {ref}. It is to be answered by {date}. Whoever runs the "
    "software finds it by: vestibule requests",
)
STILL_OPEN = Line(
    "staff", "Not answered yet, about data: {refs}. The first is due on {date}; see: vestibule requests"
)
LATE = Line(
    "staff", "Not answered in time, about data: {refs}. The first was due on {date}; see: vestibule requests"
)


class NoSuchRequest(Exception):
    """There is no open request of that reference; the message says which there are."""


def ref_of(request: Request) -> str:
    """What people call it, such as R-4F21C0: the end of its id."""
    return f"R-{request.id[-6:].upper()}"


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, choice: str) -> None:
    """`PRIV:copy` asks whether it is meant, `PRIV:yes.copy` notes it. The door has been passed."""
    kind = next((kind for kind in BUTTONS if choice in (kind, SURE + kind)), None)
    if kind is None:
        await _say(unit, desk, person, chat, NOT_ASKED)
        return
    open_now = [one for one in await unit.requests.of_person(person.id) if one.done_at is None]
    if already := next((one for one in open_now if one.kind == kind), None):
        what = desk.texts.line(person.language, BUTTONS[kind])
        await _say(unit, desk, person, chat, NOTED, what=what, date=date_of(person, answer_by(already)))
    elif choice == kind:
        await _sure(unit, desk, person, chat, kind)
    else:
        await _note(unit, desk, person, chat, kind)


async def _sure(unit: Unit, desk: Desk, person: Person, chat: Chat, kind: str) -> None:
    say = desk.texts.line
    rows = (
        ((say(person.language, YES), f"{STEP}:{SURE}{kind}"),),
        ((say(person.language, NO), f"{STEP}:no"),),
    )
    text, instead = say(person.language, SURE_OF[kind]), say(person.language, neutral.WAITING)
    await post(unit, desk, chat, Message(SLOT, text, rows, True, person.open_until, instead, fresh=True))


async def _note(unit: Unit, desk: Desk, person: Person, chat: Chat, kind: str) -> None:
    named: dict[str, Kind] = {"copy": "copy", "erasure": "erasure", "correction": "correction"}
    request = Request(desk.ids.new(), person.programme_id, person.id, named[kind], desk.now())
    await unit.requests.add(request)
    await _audit(unit, desk, person.id, "request.asked", request)
    for one in await _staff(unit, person.programme_id):
        params = {"ref": ref_of(request), "date": date_of(one, answer_by(request))}
        await tell_person(unit, desk, one, CAME_IN, params)
    await _say(unit, desk, person, chat, ASKED, date=date_of(person, answer_by(request)))


async def _say(unit: Unit, desk: Desk, person: Person, chat: Chat, line: Line, **params: str) -> None:
    say = desk.texts.line
    text, instead = say(person.language, line, params), say(person.language, neutral.WAITING)
    rows = open_menu(desk, person)
    await post(unit, desk, chat, Message(SLOT, text, rows, True, person.open_until, instead))


async def _staff(unit: Unit, programme_id: str) -> list[Person]:
    """Administrators and managers, each once."""
    found = [one for role in TOLD for one in await unit.people.in_role(programme_id, role)]
    return list({one.id: one for one in found}.values())


async def remind_of_requests(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """In the digest of a working day, until each is done."""
    waiting = await unit.requests.open_in(programme_id)
    told = 0
    for one in await _staff(unit, programme_id) if waiting else ():
        told += await _remind(unit, desk, one, waiting)
    return Told(len(waiting), told)


async def _remind(unit: Unit, desk: Desk, person: Person, waiting: Sequence[Request]) -> bool:
    ways = await ways_to(unit, person.id)
    if ways is None:
        return False
    first = min(answer_by(request) for request in waiting)
    params = {"refs": listed(person.language, map(ref_of, waiting[:20])), "date": date_of(person, first)}
    text = desk.texts.line(person.language, LATE if first < desk.now() else STILL_OPEN, params)
    slot = f"digest-{desk.ids.new()}"
    if ways.telegram:
        await post(unit, desk, ways.chat, Message(slot, text, fresh=True), lane=Lane.REMINDER)
    if ways.email:
        mail = Message(slot, notice_mail(desk, person, text))
        await post(unit, desk, ways.chat, mail, lane=Lane.REMINDER, way="email")
    return ways.counts


async def finish(unit: Unit, desk: Desk, programme_id: str, ref: str, outcome: Outcome, by: str) -> Request:
    """Mark an open request as dealt with. Raises NoSuchRequest."""
    waiting = await unit.requests.open_in(programme_id)
    found = [one for one in waiting if ref.upper() == ref_of(one) or ref == one.id]
    if len(found) != 1:
        refs = ", ".join(one.id if found else ref_of(one) for one in found or waiting)
        raise NoSuchRequest(f"there is no one open request {ref}; open: {refs or 'none'}")
    done = replace(found[0], done_at=desk.now(), outcome=outcome, by=by)
    await unit.requests.save(done)
    await _audit(unit, desk, by, "request.done", done)
    return done


async def _audit(unit: Unit, desk: Desk, by: str, action: str, request: Request) -> None:
    detail = {"kind": request.kind, **({"outcome": request.outcome} if request.outcome else {})}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, action, request.id, detail))


def is_late(request: Request, now: datetime) -> bool:
    """Whether a month has passed without an answer."""
    return request.done_at is None and answer_by(request) < now
