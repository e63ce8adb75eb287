"""`/written`: what participants of one's own groups typed, in the chat: all of it, also what raised nothing (S-24).

To be read like details (S-21): from a list of people, recorded, protected, gone after the same minutes; and to be
struck out there (S-40).
"""

from __future__ import annotations

import structlog

from bot.ports.inbound import Press
from bot.ports.records import AnswerRow, Chat, Person, StaffRole
from bot.ports.stores import Unit, Unreadable
from bot.usecases import staff_texts as texts
from bot.usecases import strike_person
from bot.usecases.case_access import say
from bot.usecases.case_card import in_rows
from bot.usecases.choose_person import TAIL, Choice, choose, chosen, refuse, show
from bot.usecases.desk import Desk, retract
from bot.usecases.facts import params_for, time_of
from bot.usecases.wording import LONGEST, Wording, packed
from flows.effects import Line

log = structlog.get_logger(__name__)
SLOT = "written"
STEP = "WRIT"
PAGE, STRIKE, SURE = "page.", "strike", "yes."
ROOM = LONGEST - 300  # the heading and the last line stand with each page
WHO = Line("staff", "Whose written words do you want to read?")
CHOICE = Choice(SLOT, f"{STEP}:{PAGE}1", "text", frozenset({StaffRole.FACILITATOR}), WHO)
HEADING = Line("staff", "{alias}: what was written, the newest first. Page {page} of {pages}.")
WROTE = Line("staff", "{step}\n{time}:\n{text}")
DAMAGED = Line(
    "staff",
    "Part of what was answered cannot be read. Please tell whoever runs the software; talk to the person.",
)
EARLIER = Line("staff", "Earlier")
LATER = Line("staff", "Later")


async def choose_person(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The participants of the facilitator's own groups, taken away again like details."""
    await choose(unit, desk, person, chat, CHOICE)


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    """`WRIT:page.<n>:<person>` shows, `WRIT:strike:…` asks where, `WRIT:<step>:…` whether, `WRIT:yes.<step>:…` does it."""
    about = await chosen(unit, person, CHOICE, press.tail)
    if about is None:
        await refuse(unit, desk, person, chat, CHOICE)
    elif press.choice.startswith(PAGE):
        await _read(unit, desk, person, chat, about, press.choice.removeprefix(PAGE))
    else:
        await _strike(unit, desk, person, chat, about, press.choice)


async def _read(unit: Unit, desk: Desk, person: Person, chat: Chat, about: Person, number: str) -> None:
    rows, damaged = await strike_person.show(unit, desk, about, person.id)
    await retract(unit, desk, chat, SLOT)
    said = [desk.texts.line(person.language, DAMAGED)] if damaged else []
    if not rows and not said:
        await say(unit, desk, person, chat, texts.NOTHING_TYPED)
        return
    programme = await unit.programmes.get(person.programme_id)
    params = params_for(person, programme, None) if programme else {}
    said += [await _said(unit, desk, person, row, params) for row in rows]
    pages = packed(said, ROOM)
    page = max(1, min(int(number), len(pages))) if number.isdecimal() else 1
    named = {"alias": about.alias, "page": str(page), "pages": str(len(pages))}
    heading = desk.texts.line(person.language, HEADING, named)
    soon = desk.texts.line(person.language, texts.GONE_SOON, {"number": desk.numbers.details})
    tail = about.id[-TAIL:]
    buttons = [(texts.STRIKE, f"{STEP}:{STRIKE}:{tail}")]
    if page > 1:
        buttons.insert(0, (LATER, f"{STEP}:{PAGE}{page - 1}:{tail}"))
    if page < len(pages):
        buttons.insert(0, (EARLIER, f"{STEP}:{PAGE}{page + 1}:{tail}"))
    text = "\n\n".join([heading, pages[page - 1], soon])
    # An earlier reading's removal would come too soon.
    await unit.outbox.cancel(chat.id, [strike_person.SLOT])
    await show(unit, desk, chat, strike_person.SLOT, text, in_rows(desk, person.language, buttons))


async def _said(unit: Unit, desk: Desk, reader: Person, row: AnswerRow, params: dict[str, str]) -> str:
    """The question's beginning, when, and what was typed."""
    try:
        visit = await unit.visits.get(row.visit_id) if row.visit_id else None
    except Unreadable as fault:
        log.warning("written.unreadable", error=str(fault))
        visit = None
    version = (visit.script, visit.script_version) if visit else None
    wording = Wording(desk, reader.language, version, params, {})
    said = {"step": wording.question(row.script, row.step), "time": time_of(reader, row.at), "text": row.text}
    return desk.texts.line(reader.language, WROTE, said)


async def _strike(unit: Unit, desk: Desk, person: Person, chat: Chat, about: Person, word: str) -> None:
    """Step ids only, never what was typed."""
    rows, _ = await strike_person.typed(unit, about)
    steps = list(dict.fromkeys(row.step for row in rows))
    step, tail, name = word.removeprefix(SURE), about.id[-TAIL:], about.alias
    if step in steps and word.startswith(SURE):
        await retract(unit, desk, chat, SLOT)
        try:
            await strike_person.strike(unit, desk, about, step, person.id)
        except strike_person.OnHold:
            await say(unit, desk, person, chat, texts.STRIKE_HELD)
            return
        await say(unit, desk, person, chat, texts.STRUCK_OUT, step=step)
    elif step in steps:
        buttons = [
            (texts.STRIKE_YES, f"{STEP}:{SURE}{step}:{tail}"),
            (texts.STRIKE_NO, f"{STEP}:{STRIKE}:{tail}"),
        ]
        text = desk.texts.line(person.language, texts.STRIKE_SURE, {"case": name, "step": step})
        await show(unit, desk, chat, SLOT, text, in_rows(desk, person.language, buttons))
    elif steps:
        buttons = [(Line("staff", one), f"{STEP}:{one}:{tail}") for one in steps]
        text = desk.texts.line(person.language, texts.STRIKE_WHICH, {"case": name})
        await show(unit, desk, chat, SLOT, text, in_rows(desk, person.language, buttons))
    else:
        await say(unit, desk, person, chat, texts.NOTHING_TYPED)
