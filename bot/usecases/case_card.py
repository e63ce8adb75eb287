"""How a case stands in a staff member's chat: the alert, and what becomes of it. Says little (S-20)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.forms import listed
from bot.ports.records import ROLE_OF_LETTER, Case, CaseRole, Chat, Lane, Person, Raised, Session
from bot.ports.services import Rows
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.case_beside import APART, LIFTING, Beside, Record, beside, record_of
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import time_of
from bot.usecases.mail import mail_case
from bot.usecases.reach import reader_of, ways_to
from flows.effects import Line
from flows.values import CaseKind, Role, Urgency

_KINDS = (CaseKind.SAFETY, CaseKind.SPACE, CaseKind.EQUIPMENT, CaseKind.REVIEW)


@dataclass(frozen=True, slots=True)
class Asking:
    """A question below the case, with its buttons instead of the case's own."""

    line: Line
    buttons: tuple[tuple[Line, str], ...]


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


def _urgency(desk: Desk, case: Case, raised: Sequence[Raised], session: Session | None) -> Line:
    """How urgent it is by now: nothing is to be done before a session that has begun, or that there is not."""
    urgency = urgency_of(raised) if raised else case.urgency
    ahead = session.starts_at > desk.now() if session else case.session_id is not None
    return texts.URGENCY[urgency] if ahead else texts.URGENCY_LATER.get(urgency, texts.URGENCY[urgency])


def _others(desk: Desk, reader: Person, mine: Sequence[CaseRole], parts: Iterable[CaseRole]) -> list[str]:
    """How the other roles stand, in a line; partner support neither reads it nor stands in it (S-22)."""
    own = {part.role for part in mine}
    if own <= APART:
        return []

    def said(part: CaseRole) -> str:
        unasked = part.state == "asking" and not part.asked
        state = texts.OTHER_NOT_ASKED if unasked else texts.OTHER_STATES[part.state]
        params = {
            "role": desk.texts.line(reader.language, texts.ROLE_NAMES[part.role]),
            "state": desk.texts.line(reader.language, state),
        }
        return desk.texts.line(reader.language, texts.OTHER_ROLE, params)

    return (
        [" ".join(map(said, others))] if (others := [p for p in parts if p.role not in own | APART]) else []
    )


def _status(desk: Desk, reader: Person, mine: Sequence[CaseRole]) -> list[Line | str]:
    if asking := [part for part in mine if part.state == "asking"]:
        own = [part for part in mine if part.state == "taken" and part.taken_by == reader.id]
        stands_in = any(ROLE_OF_LETTER[part.role] not in reader.roles for part in asking)
        said = [_for(desk, reader, texts.YOU_TOOK_FOR, own)] if own else []
        return [*said, _for(desk, reader, texts.ASKED_FOR, asking)] if own or stands_in else []
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


def _for(desk: Desk, reader: Person, line: Line, parts: Sequence[CaseRole]) -> str:
    """The line, with the roles of the parts."""
    names = [desk.texts.line(reader.language, texts.ROLE_NAMES[part.role]) for part in parts]
    return desk.texts.line(reader.language, line, {"roles": listed(reader.language, names)})


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
    by: Beside,
    *,
    notes: Sequence[Line] = (),
) -> str:
    """The case's text for a reader whose parts are `mine`: reference, urgency, kind, session time (S-20).

    And how it stands: who of which role has it, and what became of a hold.
    """
    roles = [part.role for part in mine]
    raised = raised_for(case, roles)
    kind = desk.texts.line(reader.language, texts.KIND[kind_for(desk, case, roles)])
    lines: list[str] = []
    if any(part.state != "done" for part in mine):
        lines.append(desk.texts.line(reader.language, _urgency(desk, case, raised, by.session)))
    lines.append(desk.texts.line(reader.language, texts.HEADING, {"case": case.ref, "kind": kind}))
    if by.session is not None:
        time = time_of(reader, by.session.starts_at)
        lines.append(desk.texts.line(reader.language, texts.SESSION_AT, {"time": time}))
    if by.news:
        new: dict[str, str | int] = {"count": len(by.news), "time": time_of(reader, by.news[-1])}
        lines.append(desk.texts.line(reader.language, texts.NEW_IN_IT, new))
    unreadable = [] if case.readable else [texts.UNREADABLE]
    others = _others(desk, reader, mine, by.parts)
    held = [texts.HOLD_STANDS] if by.lift and _decided(mine) else []
    answered = _answered(desk, reader, by.sent)
    for line in [*notes, *unreadable, *_status(desk, reader, mine), *others, *answered, *held]:
        lines.append(line if isinstance(line, str) else desk.texts.line(reader.language, line))
    return "\n".join(lines)


def _answered(desk: Desk, reader: Person, template: str) -> list[str]:
    """The template that a hold was answered with last."""
    if template not in texts.LIFTS:
        return []
    text = desk.texts.line(reader.language, texts.LIFTS[template])
    return [desk.texts.line(reader.language, texts.LAST_ANSWER, {"text": text})]


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
    asking: Asking | None = None,
    record: Record | None = None,
) -> None:
    """Put the case into its slot of the chat, as it stands for this reader; what is asked stands last.

    While the reader is asked it is an alert, whatever brought it about: it takes the place of one that may
    still be on its way, and goes no slower and no quieter than that would have (R-07, R-12). `record`: as it was read
    for others, too.
    """
    found = await beside(unit, case, reader, mine, record or await record_of(unit, case))
    alerting = any(part.state == "asking" for part in mine)
    if alerting and not fresh:
        waiting = await unit.outbox.waiting(chat.id)
        fresh = any(row.slot == slot_of(case) and row.fresh for row in waiting)
    text = render(desk, case, reader, mine, found, notes=notes)
    shown: Sequence[tuple[Line, str]] = _buttons(case, reader, mine, lift=found.lift)
    if asking is not None:
        text, shown = f"{text}\n{desk.texts.line(reader.language, asking.line)}", asking.buttons
    message = Message(slot_of(case), text, in_rows(desk, reader.language, shown), fresh=fresh)
    lane = Lane.ALERT if alerting or urgent else Lane.REPLY
    await post(unit, desk, chat, message, lane=lane, case_id=case.id)


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
    """Alert each person by their ways, once by each, for all parts in which they are asked now or have taken on.

    `taken`: because of one they have taken on.
    """
    record = await record_of(unit, case)
    for person_id in dict.fromkeys(people):
        ways = await ways_to(unit, person_id)
        if ways is None:
            continue
        mine = [
            part
            for part in parts_asking(parts, person_id)
            if taken or part.state == "asking" or (part.state == "taken" and part.taken_by == person_id)
        ]
        if ways.telegram:
            await show(
                unit, desk, case, ways.person, ways.chat, mine,
                notes=notes, fresh=True, urgent=True, record=record,
            )  # fmt: skip
        if ways.email:
            found = await beside(unit, case, ways.person, mine, record)
            text = render(desk, case, ways.person, mine, found, notes=notes)
            await mail_case(unit, desk, ways.person, ways.chat, case, slot_of(case), text, mine)


def readers_of(changed: Iterable[Role]) -> frozenset[Role]:
    """The roles whose cards say what these roles did: partner support and the others say nothing of each other."""
    roles = frozenset(changed)
    return (roles & APART) | (frozenset(Role) - APART if roles - APART else frozenset())


async def refresh(
    unit: Unit,
    desk: Desk,
    case: Case,
    parts: Sequence[CaseRole],
    readers: Collection[Role],
    *,
    but: Collection[str],
) -> None:
    """Show how the case stands now to everybody who was asked for one of the roles, without a new message."""
    record = await record_of(unit, case)
    people = dict.fromkeys(person for part in parts if part.role in readers for person in part.asked)
    for person_id in people:
        found = await reader_of(unit, person_id) if person_id not in but else None
        if found is not None:
            await show(unit, desk, case, *found, parts_asking(parts, person_id), record=record)
