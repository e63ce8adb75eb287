"""Which language a person is served in: guessed at the first contact, asked once, changed whenever they like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.ports.records import Chat, Person, Programme
from bot.ports.stores import Unit
from bot.texts import SOURCE, best_of
from bot.usecases import door, menu, neutral
from bot.usecases.carry_out import turn
from bot.usecases.desk import Desk, Message, post, retract
from bot.usecases.facts import params_for
from bot.usecases.render import notice, open_menu
from bot.usecases.resume import closed, front, halt
from bot.usecases.way import moved
from flows.inputs import LanguageChanged


def offered(desk: Desk, programme: Programme) -> tuple[str, ...]:
    """The languages that can be chosen in the programme: its own that are offered at all, and English always."""
    own = (code for code in programme.languages if code in desk.languages)
    return tuple(dict.fromkeys((*own, SOURCE)))


def first_language(code: str, invited_in: str, choice: Sequence[str]) -> str:
    """What the choice is said in: Telegram's language, else the invitation's, else English or the first there is.

    Whoever reads none of them still finds their language by its own name.
    """
    first = SOURCE if SOURCE in choice else choice[0]
    return best_of(code, choice) or best_of(invited_in, choice) or first


async def ask_language(unit: Unit, desk: Desk, person: Person, chat: Chat, programme: Programme) -> None:
    """The names of the languages in themselves, each a button."""
    rows = tuple(((desk.own_name(code), f"LANG:{code.lower()}"),) for code in offered(desk, programme))
    text = desk.texts.line(person.language, neutral.CHOOSE_LANGUAGE)
    await post(unit, desk, chat, Message("language", text, rows, fresh=True))


async def choose_language(unit: Unit, desk: Desk, person: Person, chat: Chat, code: str) -> Person:
    """A language's button, or its code typed; anything else is asked which. What stands open is said again in it.

    Nothing of the visit changes.
    """
    place = await menu.place_of(unit, desk, person)
    chosen = best_of(code, offered(desk, place.programme))
    if chosen is None:
        await ask_language(unit, desk, person, chat, place.programme)
        return person
    await retract(unit, desk, chat, "language")
    person = replace(person, language=chosen)
    if person.state == "language":
        return await first_door(unit, desk, moved(person, "chose_language"), chat)
    params = params_for(person, place.programme, place.session)
    await post(unit, desk, chat, notice(desk, person, neutral.LANGUAGE_SET, open_menu(desk, person), params))
    return await _say_again(unit, desk, person, chat)


async def first_door(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """After the language: the door, and behind it the welcome."""
    return await door.ask(unit, desk, person, chat, {"do": "open", "item": "welcome"})


async def _say_again(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """What stands open, in the language just chosen: the question, or the door before it."""
    row = await front(unit, person)
    standing = row is not None and row.status == "open"
    if not door.is_open(desk, person):
        then = person.pending if person.pending != door.agreed(person) else None
        then = then or ({"do": "resume"} if standing else None)
        return await door.ask(unit, desk, person, chat, then) if then else person
    if row is None or not standing:
        return person
    if why := await closed(unit, desk, person, row):
        return await halt(unit, desk, person, chat, row, why)
    changed = LanguageChanged({"language": person.language})
    return await turn(unit, desk, door.kept_open(desk, person), chat, row, changed)
