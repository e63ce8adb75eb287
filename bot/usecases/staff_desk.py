"""Everything a staff member can send in their private chat: buttons, the same by text, and a line for the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.forms import listed
from bot.ports.inbound import Command, Inbound, Press
from bot.ports.records import Case, Chat, Person
from bot.ports.stores import Unit
from bot.texts import best_of
from bot.usecases import allow, duty, hand_over, neutral, privacy, release, roster, strike, written
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import Visitor, audit, find, say, visit
from bot.usecases.case_actions import lift, offer_lifts, offer_outcomes, resolve
from bot.usecases.case_beside import can_lift
from bot.usecases.case_card import in_rows, show
from bot.usecases.case_details import open_details
from bot.usecases.choose_language import offered
from bot.usecases.desk import Desk, Message, post, sweep
from bot.usecases.staff_help import help_for
from bot.usecases.take_case import keep, see, take
from bot.usecases.tidy import remember
from bot.usecases.zone import write_zone
from flows.effects import Line
from flows.lines import CLOSINGS
from flows.values import Closing

Action = Callable[[Unit, Desk, Visitor, str], Awaitable[None]]
LISTED = 20


async def _take(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await take(unit, desk, visitor)


async def _see(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await see(unit, desk, visitor)


async def _details(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await open_details(unit, desk, visitor)


async def _resolve(unit: Unit, desk: Desk, visitor: Visitor, outcome: str) -> None:
    await (resolve(unit, desk, visitor, outcome) if outcome else offer_outcomes(unit, desk, visitor))


async def _lift(unit: Unit, desk: Desk, visitor: Visitor, template: str) -> None:
    """Whoever may not read yet why it holds does not decide it; in a closed case nothing can be taken on first."""
    if not visitor.readable and visitor.case.state == "open":
        await audit(unit, desk, visitor.person, "case.lift.refused", visitor.case.id)
        await say(unit, desk, visitor.person, visitor.chat, texts.TAKE_FIRST)
        return
    await (lift(unit, desk, visitor, template) if template else offer_lifts(unit, desk, visitor))


async def _strike(unit: Unit, desk: Desk, visitor: Visitor, word: str) -> None:
    await strike.strike(unit, desk, visitor, word)


async def _strike_list(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await strike.strike(unit, desk, visitor, "")  # at which question is chosen by a button, and meant twice


async def _keep(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await keep(unit, desk, visitor)


async def _hand(unit: Unit, desk: Desk, visitor: Visitor, to: str) -> None:
    await (hand_over.hand(unit, desk, visitor, to) if to else hand_over.offer(unit, desk, visitor))


async def _hand_over(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await hand_over.offer(
        unit, desk, visitor
    )  # to whom is chosen by a button only: nobody is named in writing


async def _card(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await show(unit, desk, visitor.case, visitor.person, visitor.chat, visitor.mine)


async def _card_anew(unit: Unit, desk: Desk, visitor: Visitor, _: str) -> None:
    await show(unit, desk, visitor.case, visitor.person, visitor.chat, visitor.mine, fresh=True)


# A new command or button about a case is a use case and a line here.
BUTTONS: dict[str, Action] = {
    "take": _take,
    "seen": _see,
    "details": _details,
    "resolve": _resolve,
    "lift": _lift,
    "keep": _keep,
    "hand": _hand,
    "strike": _strike_list,
    "card": _card,
    "open": _card_anew,
}
COMMANDS: dict[str, Action] = {
    "ack": _take,
    "seen": _see,
    "details": _details,
    "resolve": _resolve,
    "lift": _lift,
    "handover": _hand_over,
    "strike": _strike_list,
    "case": _card_anew,
}
# What is about no case: a command, and the buttons of the list it opens.
OPENS: dict[str, Callable[[Unit, Desk, Person, Chat], Awaitable[None]]] = {
    "release": release.choose_person,
    "allow": allow.choose_person,
    "written": written.choose_person,
    "roster": roster.ask_which,
    "duty": duty.show_duty,
    "privacy": privacy.show_to_staff,
}
LISTS: dict[str, Callable[[Unit, Desk, Person, Chat, Press], Awaitable[None]]] = {
    "REL": release.pressed,
    "ALW": allow.pressed,
    written.STEP: written.pressed,
    "ROST": roster.pressed,
    duty.STEP: duty.pressed,
}
# A button that carries a choice, with the name under which it is recorded: never what somebody made up.
CHOSEN: dict[str, tuple[str, Action]] = {
    "OUT": ("resolve", _resolve),
    "LIFT": ("lift", _lift),
    hand_over.STEP: ("hand", _hand),
    strike.STEP: ("strike", _strike),
}


async def handle(unit: Unit, desk: Desk, person: Person, chat: Chat, inbound: Inbound) -> None:
    """Answer a staff member. Always says something in the chat; nothing here is open outside a private chat."""
    if not inbound.private:
        await audit(unit, desk, person, "chat.not_private", person.id)
        return
    await remember(unit, desk, chat, inbound)
    if person.state == "left":
        await audit(unit, desk, person, "chat.left", person.id)
        await say(unit, desk, person, chat, neutral.LEFT)
        return
    match inbound.what:
        case Press():
            await _pressed(unit, desk, person, chat, inbound.what)
        case Command():
            await _commanded(unit, desk, person, chat, inbound.what)
        case _:
            await say(unit, desk, person, chat, texts.WHAT_CAN_BE_DONE)


async def _pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    if press.step == "CASE" and press.choice in BUTTONS:
        name, action, word = press.choice, BUTTONS[press.choice], ""
    elif press.step in CHOSEN:
        (name, action), word = CHOSEN[press.step], press.choice
    elif press.step == "MENU":
        await _list_cases(unit, desk, person, chat)
        return
    elif press.step in LISTS:
        await LISTS[press.step](unit, desk, person, chat, press)
        return
    else:
        await say(unit, desk, person, chat, texts.WHAT_CAN_BE_DONE)
        return
    await _about(unit, desk, person, chat, action, name, press.tail, word)


async def _commanded(unit: Unit, desk: Desk, person: Person, chat: Chat, command: Command) -> None:
    ref, _, word = command.argument.strip().partition(" ")
    if command.name in COMMANDS and ref:
        action = COMMANDS[command.name]
        await _about(unit, desk, person, chat, action, command.name, ref, word.strip().lower(), typed=True)
    elif command.name in ("menu", "start") or command.name in COMMANDS:
        await _list_cases(unit, desk, person, chat)
    elif command.name in OPENS:
        await OPENS[command.name](unit, desk, person, chat)
    elif command.name == "zone":
        await write_zone(unit, desk, person, chat, command.argument)
    elif command.name == "help":
        await post(unit, desk, chat, Message("notice", help_for(desk, person), fresh=True))
    elif command.name == "language":
        await _set_language(unit, desk, person, chat, ref.lower())
    elif command.name == "stop":
        await _stop(unit, desk, person, chat)
    else:
        await say(unit, desk, person, chat, texts.WHAT_CAN_BE_DONE)


async def _about(
    unit: Unit,
    desk: Desk,
    person: Person,
    chat: Chat,
    action: Action,
    name: str,
    ref: str,
    word: str,
    *,
    typed: bool = False,
) -> None:
    visitor = await find(unit, desk, person, chat, ref, f"case.{name}")
    if visitor is None:
        return
    if visitor.case.state == "closed" and not await _outlasts_case(unit, visitor, action):
        await audit(unit, desk, person, "case.refused", visitor.case.id, why="closed")
        await say(unit, desk, person, chat, texts.CASE_IS_CLOSED, case=visitor.case.ref)
        return
    await action(unit, desk, replace(visitor, typed=typed), word)


async def _outlasts_case(unit: Unit, visitor: Visitor, action: Action) -> bool:
    """What has been written stays readable after the case, and a hold waits for a person (S-08); the rest is over."""
    if action is _lift:
        return await can_lift(unit, visitor.case, visitor.mine)
    return action in (_details, _strike, _strike_list, _card, _card_anew)


async def _open_cases(unit: Unit, person: Person, chat: Chat) -> list[Case]:
    """Those in which something is left for them; which other role a case waits for shows in none (S-22)."""
    found = []
    for case in await unit.cases.open_in(person.programme_id):
        mine = (await visit(unit, person, chat, case)).mine
        if any(part.state != "done" for part in mine) or (mine and await can_lift(unit, case, mine)):
            found.append(case)
    return found


async def _list_cases(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The open cases of the person's roles and groups as buttons, the newest first."""
    cases = sorted(await _open_cases(unit, person, chat), key=lambda c: (-c.urgency.rank, -c.number))
    heading = desk.texts.line(person.language, texts.OPEN_CASES if cases else texts.NO_CASES)
    buttons = [(Line("staff", case.ref), f"CASE:open:{case.ref}") for case in cases[:LISTED]]
    await post(
        unit, desk, chat, Message("menu", heading, in_rows(desk, person.language, buttons), fresh=True)
    )


async def _set_language(unit: Unit, desk: Desk, person: Person, chat: Chat, language: str) -> None:
    programme = await unit.programmes.get(person.programme_id)
    languages = offered(desk, programme) if programme else (person.language,)
    chosen = best_of(language, languages)
    if chosen is None:
        named = listed(person.language, (f"{code} ({desk.own_name(code)})" for code in languages))
        return await say(unit, desk, person, chat, texts.LANGUAGES, languages=named, example=languages[-1])
    changed = replace(person, language=chosen)
    await unit.people.save(changed)
    await say(unit, desk, changed, chat, texts.LANGUAGE_SET)


async def _stop(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """Take away everything sensitive that stands in the chat: details and releases. Cases stay, alerts too."""
    await unit.outbox.cancel(chat.id, ["*"], sensitive_only=True)
    await sweep(unit, desk, chat)
    await say(unit, desk, person, chat, CLOSINGS[Closing.STOPPED, False])
