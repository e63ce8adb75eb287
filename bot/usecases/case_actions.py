"""What staff decide about a case: its outcome, the hold, and letting a waiting welcome go on."""

from __future__ import annotations

from dataclasses import replace

from bot.escalation.lifecycle import Refusal
from bot.ports.records import Case, Person
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import Visitor, audit, say
from bot.usecases.case_beside import LIFTING, can_lift
from bot.usecases.case_card import Asking, kind_for, refresh, show
from bot.usecases.desk import Desk, Message, post
from bot.usecases.render import notice, open_menu
from bot.usecases.roster import refresh_rosters
from bot.usecases.take_case import advance
from flows.effects import Line
from flows.values import Role

DECISION = "decision"
"""A slot of its own: the next short notice must not take away what a person decided."""
# What a waiting welcome is told when staff let it go on, by the outcome they chose.
LETS_GO_ON = {"device_agreed": {"device_agreed": "yes"}, "may_go_on": {"staff_agreed": "yes"}}
_WAITS_FOR = {
    "shared_device": "device_agreed",
    "needs_help": "device_agreed",
    "agreement_declined": "may_go_on",
    "not_the_person": "may_go_on",
}


def waits_for(case: Case) -> frozenset[str]:
    """The outcomes that let the participant's welcome go on, if it stopped until staff agree."""
    concerns = (r.concern for r in case.raised if r.script == "welcome")
    return frozenset(_WAITS_FOR[c] for c in concerns if c in _WAITS_FOR)


def outcomes(desk: Desk, visitor: Visitor) -> tuple[str, ...]:
    """The outcomes this person can choose for the case."""
    kind = kind_for(desk, visitor.case, [part.role for part in visitor.mine])
    return texts.outcomes_for(kind, waits_for=waits_for(visitor.case))


async def offer_outcomes(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """Show the outcomes as buttons below the case; no free text (S-22). Partner support has none to choose."""
    if all(part.role is Role.PARTNER_SUPPORT for part in visitor.mine):
        await audit(unit, desk, visitor.person, "case.refused", visitor.case.id, why=Refusal.ONLY_SEEN.value)
        await say(unit, desk, visitor.person, visitor.chat, texts.REFUSALS[Refusal.ONLY_SEEN])
        return
    buttons = [(texts.OUTCOMES[o], f"OUT:{o}:{visitor.case.ref}") for o in outcomes(desk, visitor)]
    await ask_below(unit, desk, visitor, texts.WHICH_OUTCOME, buttons)


async def resolve(unit: Unit, desk: Desk, visitor: Visitor, outcome: str) -> None:
    """Close the person's parts with an outcome of the list; another word gets the list."""
    if outcome not in outcomes(desk, visitor):
        await offer_outcomes(unit, desk, visitor)
        return
    if not await advance(unit, desk, visitor, "resolve", outcome) or outcome not in LETS_GO_ON:
        return
    participant = await unit.people.get(visitor.case.person_id)
    if participant is not None:
        await let_welcome_go_on(unit, desk, participant, LETS_GO_ON[outcome])


async def let_welcome_go_on(unit: Unit, desk: Desk, person: Person, facts: dict[str, str]) -> None:
    """Staff agree: the menu lets the welcome go on with these facts, behind the door; the chat gets a neutral line.

    Somebody who does not wait (any more) is left alone.
    """
    if person.state != "waiting":
        return
    await unit.people.save(replace(person, pending={"do": "open", "item": "welcome", "facts": facts}))
    chat = await unit.chats.of_person(person.id)
    if chat is not None and chat.state == "open":
        await post(unit, desk, chat, notice(desk, person, texts.GO_ON, open_menu(desk, person)))


async def offer_lifts(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """Show the four templates of S-08 as buttons below the case."""
    if not await can_lift(unit, visitor.case, visitor.mine):
        await say(unit, desk, visitor.person, visitor.chat, texts.NO_LIFT)
        return
    buttons = [(label, f"LIFT:{template}:{visitor.case.ref}") for template, label in texts.LIFTS.items()]
    await ask_below(unit, desk, visitor, texts.WHICH_LIFT, buttons)


async def lift(unit: Unit, desk: Desk, visitor: Visitor, template: str) -> None:
    """Lift the hold by template, once, by a person; the participant reads the fixed line only (S-08)."""
    case, staff, now = visitor.case, visitor.person, desk.now()
    if template not in texts.LIFTS or not await can_lift(unit, case, visitor.mine):
        await say(unit, desk, staff, visitor.chat, texts.NO_LIFT)
        return
    assert case.session_id is not None, "can_lift asks for the session"
    readiness = await unit.readiness.get(case.session_id, case.person_id)
    assert readiness is not None, "can_lift has found it"
    await unit.readiness.put(replace(readiness, lifted=template, lifted_by=staff.id, lifted_at=now))
    await audit(unit, desk, staff, "hold.lifted", case.id, template=template)
    await _on_roster(unit, desk, case)
    await show(unit, desk, case, staff, visitor.chat, visitor.mine, fresh=visitor.typed)
    await refresh(unit, desk, case, visitor.parts, LIFTING, but=[staff.id])
    if await _tell_participant(unit, desk, case, texts.LIFT_NOTICES[template]):
        label = desk.texts.line(staff.language, texts.LIFTS[template])
        await say(unit, desk, staff, visitor.chat, texts.LIFTED, text=label)
    else:
        await say(unit, desk, staff, visitor.chat, texts.LIFTED_UNSENT)


async def _on_roster(unit: Unit, desk: Desk, case: Case) -> None:
    person = await unit.people.get(case.person_id)
    session = await unit.sessions.get(case.session_id) if case.session_id else None
    if person is not None and session is not None:
        await refresh_rosters(unit, desk, person, session)


async def _tell_participant(unit: Unit, desk: Desk, case: Case, line: Line) -> bool:
    person, chat = await unit.people.get(case.person_id), await unit.chats.of_person(case.person_id)
    programme = await unit.programmes.get(case.programme_id)
    if person is None or chat is None or chat.state != "open":
        return False
    number = programme.service_number if programme else ""
    text = desk.texts.line(person.language, line, {"service_number": number})
    await post(unit, desk, chat, Message(DECISION, text, fresh=True))
    return True


async def ask_below(
    unit: Unit, desk: Desk, visitor: Visitor, line: Line, buttons: list[tuple[Line, str]]
) -> None:
    """A question below the case, with its buttons and one back."""
    buttons = [*buttons, (texts.BACK, f"CASE:card:{visitor.case.ref}")]
    asked = Asking(line, tuple(buttons))
    await show(
        unit,
        desk,
        visitor.case,
        visitor.person,
        visitor.chat,
        visitor.mine,
        asking=asked,
        fresh=visitor.typed,
    )
