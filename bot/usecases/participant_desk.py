"""Everything a participant can send, and what becomes of it. The door stands before all but a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.ports.inbound import Command, Inbound, Press, Sent, Text
from bot.ports.records import AuditEntry, Chat, Person, VisitRow
from bot.ports.stores import Unit
from bot.usecases import confirm, data_requests, door, fresh, menu, neutral
from bot.usecases.carry_out import turn
from bot.usecases.choose_language import ask_language, choose_language
from bot.usecases.desk import Desk, post, retract, sweep
from bot.usecases.facts import params_for
from bot.usecases.hold import is_held
from bot.usecases.open_case import raise_concerns
from bot.usecases.outside import keep_outside
from bot.usecases.privacy import STEP, show_privacy
from bot.usecases.render import notice, open_menu, read_tail
from bot.usecases.resume import closed, front, halt, resume, show_held_back
from bot.usecases.tidy import remember, take_copy_away
from flows.effects import Line, RaiseConcern
from flows.inputs import Answered, Input, Interrupted, Resumed, Stopped, Unclear, Wrote
from flows.lines import CLOSINGS, OLD_BUTTON
from flows.values import Closing
from flows.visit import from_json

COMMANDS = {
    "start": "menu",
    "menu": "menu",
    "selftest": "selftest",
    "ready": "selftest",
    "privacy": "privacy",
}


async def handle(unit: Unit, desk: Desk, person: Person, chat: Chat, inbound: Inbound) -> None:
    """Decide what an update of an enrolled participant means, and stage all that follows."""
    await remember(unit, desk, chat, inbound)
    if person.state == "left":
        return await _say(unit, desk, person, chat, neutral.LEFT)
    if person.state == "language" and not _before_language(inbound):
        place = await menu.place_of(unit, desk, person)
        return await ask_language(unit, desk, person, chat, place.programme)
    match inbound.what:
        case Command(name=name, argument=argument):
            after = await _command(unit, desk, person, chat, name, argument)
        case Press():
            after = await _press(unit, desk, person, chat, inbound.what, inbound.message_id)
        case Text(text=text):
            after = await _spoke(unit, desk, person, chat, Wrote(text))
        case Sent(kind=kind, text=text):
            after = await _spoke(unit, desk, person, chat, Unclear(kind, text))
        case _:
            after = person
    if after != person:
        await unit.people.save(after)


def _before_language(inbound: Inbound) -> bool:
    """What is heard before the first thing, the language, is chosen."""
    match inbound.what:
        case Command(name=name):
            return name in ("stop", "help", "language")
        case Press(step=step):
            return step == "LANG"
    return False


async def _say(unit: Unit, desk: Desk, person: Person, chat: Chat, line: Line, *, more: bool = False) -> None:
    place = await menu.place_of(unit, desk, person)
    params = params_for(person, place.programme, place.session)
    await post(unit, desk, chat, notice(desk, person, line, open_menu(desk, person) if more else (), params))


async def _command(unit: Unit, desk: Desk, person: Person, chat: Chat, name: str, argument: str) -> Person:
    if name == "stop":
        return await stop(unit, desk, person, chat)
    if name == "help":
        await _say(unit, desk, person, chat, neutral.HELP)
        return person
    if name == "language":
        return await choose_language(unit, desk, person, chat, argument.strip())
    if name not in COMMANDS:
        await _say(unit, desk, person, chat, neutral.UNKNOWN, more=True)
        return person
    return await _wanted(unit, desk, person, chat, COMMANDS[name])


async def _wanted(unit: Unit, desk: Desk, person: Person, chat: Chat, what: str) -> Person:
    """The menu, the privacy notice or an item of the menu: behind the door."""
    if person.state in ("welcome", "waiting") and what != "privacy":
        return await menu.choose(unit, desk, person, chat, "welcome")
    if what in menu.ITEMS:
        return await menu.choose(unit, desk, person, chat, what)
    if not door.is_open(desk, person):
        return await door.ask(unit, desk, person, chat, {"do": what})
    return await _go_on(unit, desk, person, chat, {"do": what})


async def _go_on(unit: Unit, desk: Desk, person: Person, chat: Chat, then: Mapping[str, Any]) -> Person:
    """What was wanted before the door was asked."""
    kept = None if then.get("do") == "open" else door.agreed(person)
    person = replace(person, pending=kept)
    await show_held_back(unit, desk, person, chat, then)
    match then.get("do"):
        case "open":
            return await menu.open_item(unit, desk, person, chat, then)
        case "resume":
            return await resume(unit, desk, person, chat)
        case "privacy":
            person = door.kept_open(desk, person)
            await show_privacy(unit, desk, person, chat)
            return person
        case _:
            return await menu.show(unit, desk, person, chat)


async def _press(
    unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press, message_id: int | None
) -> Person:
    neutral_copy = press.step == "DOOR" or (press.step, press.choice) == ("MENU", "open")
    copy = press.step in ("DOOR", "MENU") and await take_copy_away(
        unit, desk, chat, message_id, sensitive=not neutral_copy
    )
    if press.step == "LANG":
        return await choose_language(unit, desk, person, chat, press.choice)
    if press.step == "DOOR":
        return await _door(unit, desk, person, chat, press.choice, copy=copy)
    if press.step == "MENU":
        return await _wanted(unit, desk, person, chat, "menu" if press.choice == "open" else press.choice)
    if press.step == STEP:
        return await _rights(unit, desk, person, chat, press.choice)
    return await _answered(unit, desk, person, chat, press, message_id)


async def _rights(unit: Unit, desk: Desk, person: Person, chat: Chat, choice: str) -> Person:
    """A button of the privacy notice; once the door has closed the notice is shown anew first (S-01)."""
    if not door.is_open(desk, person):
        return await _wanted(unit, desk, person, chat, "privacy")
    person = door.kept_open(desk, person)
    await data_requests.pressed(unit, desk, person, chat, choice)
    return person


async def _door(unit: Unit, desk: Desk, person: Person, chat: Chat, choice: str, *, copy: bool) -> Person:
    if choice not in ("yes", "later", "not_me"):
        await _say(unit, desk, person, chat, OLD_BUTTON, more=True)
        return person
    then = person.pending
    if choice == "yes" and then is None and door.is_open(desk, person):
        # Tapped twice, what it opened stands there already; a copy may be all that is left in the chat.
        ahead = await front(unit, person) if copy else None
        alone = copy and (ahead is None or ahead.status != "open")
        person = door.kept_open(desk, person)
        return await menu.show(unit, desk, person, chat) if alone else person
    await retract(unit, desk, chat, "door")
    if choice == "yes":
        return await _go_on(unit, desk, door.kept_open(desk, person), chat, then or {"do": "menu"})
    person = replace(person, pending=door.agreed(person), open_until=None)
    if choice == "not_me":
        return await _refused(unit, desk, person, chat, then, Interrupted("not_person"))
    return await _refused(unit, desk, person, chat, then, Interrupted("later"))


async def _refused(
    unit: Unit, desk: Desk, person: Person, chat: Chat, then: Mapping[str, Any] | None, why: Interrupted
) -> Person:
    """Not now, or not the enrolled person (S-04, S-05): said to staff where something was about to be shown.

    Whoever holds the phone now is not to read what stands there from before.
    """
    await sweep(unit, desk, chat)
    row = await front(unit, person)
    resumes = (then or {}).get("do") == "resume"
    if why.why == "later" and row is not None and row.status == "paused" and not resumes:
        row = None  # it was about something else, and nothing of it had been shown
    item = then.get("item") if then and then.get("do") == "open" else None
    if item in menu.OF_SESSION:
        place = await menu.place_of(unit, desk, person)
        if place.session is not None:
            row = await menu.visit_for(unit, desk, person, place, item)
    action = "door.not_person" if why.why == "not_person" else "door.later"
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), person.id, action, person.id))
    if row is not None:
        return await turn(unit, desk, person, chat, row, why)
    if why.why == "not_person":
        entry = desk.library.catalogue["not_the_person"]
        concern = RaiseConcern(entry.id, entry.urgency, entry.route, "DOOR")
        session = await unit.sessions.next_for(person, desk.now())
        await raise_concerns(
            unit, desk, person=person, visit_id=None, session=session, script="door", raised=[concern],
            unasked=[], at=desk.now(),
        )  # fmt: skip
    closing = Closing.NOT_PERSON if why.why == "not_person" else Closing.NEARBY
    await _say(unit, desk, person, chat, CLOSINGS[closing, False])
    return person


async def _answered(
    unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press, message_id: int | None
) -> Person:
    """A script's button. What it says counts even when the door has closed meanwhile; then nothing more is shown."""
    visit_tail, asking = read_tail(press.tail)
    row = await front(unit, person)
    await take_copy_away(unit, desk, chat, message_id, sensitive=True)  # whatever the press still counts for
    if row is None or row.status != "open" or not visit_tail or not row.id.endswith(visit_tail):
        return await _stale(unit, desk, person, chat, press, visit_tail, asking)
    return await _turned(unit, desk, person, chat, row, Answered(press.step, press.choice, asking))


async def _stale(
    unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press, visit_tail: str, asking: int
) -> Person:
    """A button of another visit: what matters in it is kept there; here a short line and the current question."""
    rows = await unit.visits.of_person(person.id) if visit_tail else []
    other = next((r for r in rows if r.id.endswith(visit_tail)), None)
    ahead = await front(unit, person)
    if other is not None:
        after = await turn(
            unit, desk, person, chat, other, Answered(press.step, press.choice, asking), quiet=True
        )
        person = replace(after, visit_id=ahead.id if ahead else None)
    holds = other is not None and await _holds(unit, desk, other)
    if ahead is not None and ahead.status == "open" and (other is None or other.id != ahead.id):
        await _say(unit, desk, person, chat, OLD_BUTTON, more=True)
        return await _shown_again(unit, desk, person, chat, ahead, held=holds)
    await _say(unit, desk, person, chat, neutral.OLD_AND_WAIT if holds else OLD_BUTTON, more=True)
    return person


async def _holds(unit: Unit, desk: Desk, row: VisitRow) -> bool:
    """Whether an old button's test leaves a hold for a session that is still to come (S-08)."""
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    if session is None or session.starts_at <= desk.now():
        return False
    return is_held(await unit.readiness.get(session.id, row.person_id))


async def _shown_again(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, *, held: bool
) -> Person:
    if not door.is_open(desk, person):
        return await door.ask(unit, desk, person, chat, {"do": "resume"})
    facts = {"held": "yes"} if held and row.session_id is not None else {}
    return await turn(unit, desk, person, chat, row, Resumed(facts))


async def _turned(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, happened: Input
) -> Person:
    was_open, why = door.is_open(desk, person), await closed(unit, desk, person, row)
    if was_open:
        person = door.kept_open(desk, person)
    shown = was_open and why is None
    after = await turn(unit, desk, person, chat, row, happened, quiet=not shown)
    if row.script == fresh.SCRIPT:
        after = await confirm.follow_up(unit, desk, after, chat, row, shown=shown)
        if after.visit_id != row.id:
            return after
    ahead = await front(unit, after)
    if ahead is None or ahead.status != "open":
        return after
    if why is not None:
        return await halt(unit, desk, after, chat, ahead, why)
    return after if was_open else await door.ask(unit, desk, after, chat, {"do": "resume"})


async def _spoke(unit: Unit, desk: Desk, person: Person, chat: Chat, happened: Wrote | Unclear) -> Person:
    """Text, or something that is no answer (S-23)."""
    row = await front(unit, person)
    if row is not None and row.status == "open":
        return await _turned(unit, desk, person, chat, row, happened)
    sent = happened if isinstance(happened, Unclear) else Unclear("text", happened.text)
    if row is not None and from_json(row.body).status == "paused":
        person = await turn(unit, desk, person, chat, row, sent, quiet=True)
    else:
        await keep_outside(unit, desk, person, sent)
    await _say(unit, desk, person, chat, neutral.UNKNOWN, more=True)
    return person


async def stop(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """/stop: at once, whatever is under way; what can be deleted is deleted (S-06)."""
    await unit.outbox.cancel(chat.id, ["*"], sensitive_only=True)  # what staff decided still arrives
    await sweep(unit, desk, chat, "all")
    row = await front(unit, person)
    if row is not None and row.status == "open":
        person = await turn(unit, desk, person, chat, row, Stopped())
    else:
        await _say(unit, desk, person, chat, CLOSINGS[Closing.STOPPED, False])
    return replace(person, pending=door.agreed(person), open_until=None)
