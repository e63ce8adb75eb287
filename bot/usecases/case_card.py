"""How a case stands in a staff member's chat: the alert, and what becomes of it. Says little (S-20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog

from bot.ports.records import Case, CaseRole, Chat, Lane, Person, Raised, Session
from bot.ports.services import Rows
from bot.ports.stores import Unit, Unreadable
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import time_of
from bot.usecases.hold import is_held
from bot.usecases.mail import mail_case
from bot.usecases.reach import reader_of, ways_to
from flows.effects import Line
from flows.values import CaseKind, Role, Urgency

log = structlog.get_logger(__name__)

_KINDS = (CaseKind.SAFETY, CaseKind.SPACE, CaseKind.EQUIPMENT, CaseKind.REVIEW)
LIFTING = frozenset({Role.FACILITATOR, Role.DUTY, Role.MANAGER})
SESSION_SCRIPT = "session"
"""Stands for a script where a concern is about people of a session; the person's id is then the choice."""


def of_session(case: Case) -> bool:
    """Whether the case is about a session's people rather than one person."""
    return bool(case.raised) and all(raised.script == SESSION_SCRIPT for raised in case.raised)


def raised_for(case: Case, roles: Iterable[Role]) -> tuple[Raised, ...]:
    """The concerns whose route holds one of the roles: nobody is shown more than comes to them."""
    wanted = set(roles)
    return tuple(r for r in case.raised if wanted & set(r.route))


def urgency_of(raised: Sequence[Raised]) -> Urgency:
    """The most urgent of them; `raised` is not empty."""
    return max((r.urgency for r in raised), key=lambda urgency: urgency.rank)


def kind_of(desk: Desk, raised: Sequence[Raised]) -> CaseKind:
    """Safety if any is, else space, equipment, review. A concern no longer in the catalogue counts as safety."""
    catalogue = desk.library.catalogue
    kinds = {catalogue[r.concern].kind if r.concern in catalogue else CaseKind.SAFETY for r in raised}
    return next(kind for kind in _KINDS if kind in kinds)


def kind_for(desk: Desk, case: Case, roles: Iterable[Role]) -> CaseKind:
    """The kind of what comes to the roles; the whole case's where its concerns cannot be read."""
    raised = raised_for(case, roles)
    return kind_of(desk, raised) if raised else case.kind


def slot_of(case: Case) -> str:
    """Where a case stands in a chat."""
    return f"case-{case.ref}"


async def can_lift(unit: Unit, case: Case, mine: Sequence[CaseRole]) -> bool:
    """Whether there is a hold that nobody has lifted, and the roles are those that decide it (S-08)."""
    if case.session_id is None or not any(part.role in LIFTING for part in mine) or of_session(case):
        return False
    readiness = await unit.readiness.get(case.session_id, case.person_id)
    return is_held(readiness)


def _status(desk: Desk, reader: Person, mine: Sequence[CaseRole]) -> list[Line | str]:
    if any(part.state == "asking" for part in mine):
        return []
    taken = [part for part in mine if part.state == "taken"]
    if taken:
        return [texts.YOU_TOOK if any(p.taken_by == reader.id for p in taken) else texts.ROLE_TOOK]
    if any(part.role is Role.PARTNER_SUPPORT for part in mine):
        return [texts.ROLE_SEEN]
    say = desk.texts.line
    outcomes = dict.fromkeys(part.outcome for part in mine if part.outcome in texts.OUTCOMES)
    return [
        say(reader.language, texts.ROLE_DONE, {"outcome": say(reader.language, texts.OUTCOMES[outcome])})
        for outcome in outcomes
        if outcome
    ]


def _decided(mine: Sequence[CaseRole]) -> bool:
    """Whether a role that decides a hold is done with the case."""
    return any(part.state == "done" and part.role in LIFTING for part in mine)


def _buttons(case: Case, reader: Person, mine: Sequence[CaseRole], *, lift: bool) -> list[tuple[Line, str]]:
    asking = [part for part in mine if part.state == "asking"]
    held = [part for part in mine if part.state == "taken" and part.taken_by == reader.id]
    acting = [part for part in asking + held if part.role is not Role.PARTNER_SUPPORT]
    wanted = [
        (texts.TAKE, "take", any(part.state == "asking" for part in acting)),
        (texts.SEEN, "seen", any(part.role is Role.PARTNER_SUPPORT for part in asking)),
        (texts.DETAILS, "details", bool(asking or held)),
        (texts.KEEP, "keep", any(part.reminded for part in held)),
        (texts.RESOLVE, "resolve", bool(acting)),
        (texts.HAND_OVER, "hand", bool(held)),
        (texts.LIFT, "lift", lift and (bool(held) or _decided(mine))),
    ]
    return [(label, f"CASE:{choice}:{case.ref}") for label, choice, shown in wanted if shown]


def in_rows(desk: Desk, language: str, buttons: Iterable[tuple[Line, str]]) -> Rows:
    """One button a row."""
    return tuple(((desk.texts.line(language, label), data),) for label, data in buttons)


def render(
    desk: Desk,
    case: Case,
    reader: Person,
    mine: Sequence[CaseRole],
    session: Session | None,
    *,
    lift: bool = False,
    notes: Sequence[Line] = (),
) -> str:
    """The case's text for a reader whose parts are `mine`: reference, urgency, kind, session time (S-20).

    `lift`: whether a hold waits for one of the reader's roles to lift it.
    """
    roles = [part.role for part in mine]
    raised = raised_for(case, roles)
    kind = desk.texts.line(reader.language, texts.KIND[kind_for(desk, case, roles)])
    lines: list[str] = []
    if any(part.state == "asking" for part in mine):
        urgency = urgency_of(raised) if raised else case.urgency
        lines.append(desk.texts.line(reader.language, texts.URGENCY[urgency]))
    lines.append(desk.texts.line(reader.language, texts.HEADING, {"case": case.ref, "kind": kind}))
    if session is not None:
        time = time_of(reader, session.starts_at)
        lines.append(desk.texts.line(reader.language, texts.SESSION_AT, {"time": time}))
    unreadable = [] if case.readable else [texts.UNREADABLE]
    held = [texts.HOLD_STANDS] if lift and _decided(mine) else []
    for line in [*notes, *unreadable, *_status(desk, reader, mine), *held]:
        lines.append(line if isinstance(line, str) else desk.texts.line(reader.language, line))
    return "\n".join(lines)


async def show(
    unit: Unit,
    desk: Desk,
    case: Case,
    reader: Person,
    chat: Chat,
    mine: Sequence[CaseRole],
    *,
    notes: Sequence[Line] = (),
    fresh: bool = False,
    urgent: bool = False,
    buttons: Sequence[tuple[Line, str]] | None = None,
) -> None:
    """Put the case into its slot of the chat, as it stands for this reader; `buttons` instead of its own.

    While the reader is asked it is an alert, whatever brought it about: it takes the place of one that may
    still be on its way, and goes no slower and no quieter than that would have (R-07, R-12).
    """
    session, lift = await _beside(unit, case, mine)
    asking = any(part.state == "asking" for part in mine)
    if asking and not fresh:
        waiting = await unit.outbox.waiting(chat.id)
        fresh = any(row.slot == slot_of(case) and row.fresh for row in waiting)
    text = render(desk, case, reader, mine, session, lift=lift, notes=notes)
    shown = _buttons(case, reader, mine, lift=lift) if buttons is None else buttons
    message = Message(slot_of(case), text, in_rows(desk, reader.language, shown), fresh=fresh)
    await post(unit, desk, chat, message, lane=Lane.ALERT if asking or urgent else Lane.REPLY, case_id=case.id)


async def _beside(unit: Unit, case: Case, mine: Sequence[CaseRole]) -> tuple[Session | None, bool]:
    """The session, and whether there is a hold to lift. An alert goes without either if it cannot be read."""
    try:
        session = await unit.sessions.get(case.session_id) if case.session_id else None
        return session, await can_lift(unit, case, mine)
    except Unreadable as fault:
        log.warning("case_card.unreadable", case=case.ref, error=str(fault))
        return None, False


def parts_asking(parts: Iterable[CaseRole], person_id: str) -> tuple[CaseRole, ...]:
    """The parts for which this person was asked."""
    return tuple(part for part in parts if person_id in part.asked)


async def alert(
    unit: Unit,
    desk: Desk,
    case: Case,
    parts: Sequence[CaseRole],
    people: Iterable[str],
    *,
    notes: Sequence[Line] = (),
    taken: bool = False,
) -> None:
    """Alert each person by their ways, once by each, for all parts in which they are asked now.

    `taken`: because of one they have taken on.
    """
    for person_id in dict.fromkeys(people):
        ways = await ways_to(unit, person_id)
        if ways is None:
            continue
        mine = [part for part in parts_asking(parts, person_id) if taken or part.state == "asking"]
        if ways.telegram:
            await show(unit, desk, case, ways.person, ways.chat, mine, notes=notes, fresh=True, urgent=True)
        if ways.email:
            session, lift = await _beside(unit, case, mine)
            text = render(desk, case, ways.person, mine, session, lift=lift, notes=notes)
            await mail_case(unit, desk, ways.person, ways.chat, case, slot_of(case), text)


async def refresh(
    unit: Unit, desk: Desk, case: Case, parts: Sequence[CaseRole], role: Role, *, but: str
) -> None:
    """Show the part's new state to the others who were asked for the same role."""
    for part in parts:
        for person_id in part.asked if part.role is role else ():
            found = await reader_of(unit, person_id) if person_id != but else None
            if found is not None:
                await show(unit, desk, case, *found, parts_asking(parts, person_id))
