"""A facilitator opens single steps that stay closed until then (S-12): `/release`, a person, a step, yes.

Only ids are shown here: which step it is stands in the group's own papers, not in this chat (S-20).
"""

from __future__ import annotations

from dataclasses import replace

from bot.forms import listed
from bot.ports.inbound import Press
from bot.ports.records import AuditEntry, Chat, Person, StaffRole
from bot.ports.stores import Unit
from bot.usecases.case_access import say
from bot.usecases.choose_person import Choice, choose, chosen, refuse, show
from bot.usecases.desk import Desk, retract
from flows.effects import Line

SLOT = "release"
STEP = "REL"
SURE = "yes."
WHO = Line("staff", "For whom should a step be opened?")
CHOICE = Choice(SLOT, "REL:who", "release", frozenset({StaffRole.FACILITATOR}), WHO)
WHICH = Line("staff", "{alias}: which step should be opened? Open now: {open}.")
OPEN_IT = Line("staff", "Open {step} for {alias}?")
YES = Line("staff", "Yes")
NO = Line("staff", "No")
DONE = Line("staff", "Opened. It will come up in the next sitting.")
NONE_YET = Line("staff", "none")


async def choose_person(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The participants of the facilitator's own groups, by alias, taken away again like details (S-21)."""
    await choose(unit, desk, person, chat, CHOICE)


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    """`REL:who:<person>` asks which step, `REL:<step>:<person>` whether it is meant, `REL:yes.<step>:…` opens it."""
    participant = await chosen(unit, person, CHOICE, press.tail)
    if participant is None:
        await refuse(unit, desk, person, chat, CHOICE)
        return
    steps = releasable(desk)
    step = steps.get(press.choice.removeprefix(SURE))
    if step is not None and press.choice.startswith(SURE):
        await _open(unit, desk, person, chat, participant, step)
    elif step is not None:
        text = desk.texts.line(person.language, OPEN_IT, {"step": step, "alias": participant.alias})
        yes, no = (desk.texts.line(person.language, label) for label in (YES, NO))
        rows = (
            ((yes, f"REL:{SURE}{press.choice}:{press.tail}"),),
            ((no, f"REL:who:{press.tail}"),),
        )
        await show(unit, desk, chat, SLOT, text, rows)
    else:
        await _ask_step(unit, desk, person, chat, participant, press.tail)


async def _ask_step(
    unit: Unit, desk: Desk, person: Person, chat: Chat, participant: Person, tail: str
) -> None:
    shown = listed(person.language, participant.released) or desk.texts.line(person.language, NONE_YET)
    text = desk.texts.line(person.language, WHICH, {"alias": participant.alias, "open": shown})
    left = [(choice, step) for choice, step in releasable(desk).items() if step not in participant.released]
    await show(
        unit, desk, chat, SLOT, text, tuple(((step, f"REL:{choice}:{tail}"),) for choice, step in left)
    )


def releasable(desk: Desk) -> dict[str, str]:
    """Choice id -> step id of every question that waits for a release, in the newest scripts."""
    scripts = [desk.library.newest(name).script for name in desk.library.names]
    steps = [s.id for script in scripts for s in script.steps if s.release and s.question]
    return {step.lower().replace("-", "_"): step for step in steps}


async def _open(unit: Unit, desk: Desk, person: Person, chat: Chat, participant: Person, step: str) -> None:
    released = tuple(dict.fromkeys((*participant.released, step)))
    await unit.people.save(replace(participant, released=released))
    entry = AuditEntry(desk.ids.new(), desk.now(), person.id, "step.released", participant.id, {"step": step})
    await unit.audit.add(entry)
    await retract(unit, desk, chat, SLOT)
    await say(unit, desk, person, chat, DONE)
