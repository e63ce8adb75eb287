"""What a participant can do now, and opening it: behind the door always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.ports.records import Chat, Person, Programme, Session, VisitRow
from bot.ports.stores import Unit
from bot.schedule import due, times
from bot.usecases import door, fresh, neutral
from bot.usecases.carry_out import new_visit, show_again, turn
from bot.usecases.desk import Desk, Message, post, retract
from bot.usecases.facts import facts_for, params_for, programme_of
from bot.usecases.import_sessions import LAST_MINUTES
from bot.usecases.open_case import raise_concerns
from bot.usecases.plan import is_theirs, times_for
from bot.usecases.render import notice, open_menu
from bot.usecases.way import may_test, moved
from flows.effects import Line, RaiseConcern
from flows.engine import begin
from flows.inputs import Paused
from flows.values import Role
from flows.visit import from_json

# Button -> script. The orientation's variant is the programme's platform.
ITEMS: Mapping[str, str] = {
    "welcome": "welcome",
    "orientation": "orientation",
    "selftest": "self_test",
    "after": "after_session",
    "checkin": "check_in",
    "start": "reflection_start",
    "during": "reflection_during",
    "end": "reflection_end",
    "confirm": "confirm",
}
OF_SESSION = ("selftest", "confirm")
"""Items that belong to the next session; the second is not in the menu, a line before the session leads to it."""
LONGEST = timedelta(minutes=LAST_MINUTES)
TITLE = Line("menu", "What would you like to do?")
PRIVACY = Line("menu", "What is kept about me")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a participant stands: their programme and next session.

    `quiet`: a session of theirs is near, one that has just ended too, so that no reflection comes up (S-12).
    """

    programme: Programme
    session: Session | None
    quiet: bool


async def place_of(unit: Unit, desk: Desk, person: Person) -> Place:
    """Look both up."""
    programme = await programme_of(unit, person)
    session = await unit.sessions.next_for(person, desk.now())
    return Place(programme, session, await _is_quiet(unit, desk, person))


def script_name(item: str, place: Place) -> str:
    """The script behind a menu item."""
    return f"orientation_{place.programme.platform}" if item == "orientation" else ITEMS[item]


def open_items(desk: Desk, person: Person, place: Place) -> tuple[str, ...]:
    """The items of the menu that can be done now."""
    if not may_test(person):
        return ("welcome",)
    items = ["selftest", "orientation"] if test_is_open(desk, place) else ["orientation"]
    if person.state == "orientation":  # it comes before the first session
        items.reverse()
    items += ["after", "checkin"]
    return (*items, *(() if place.quiet else ("start", "during", "end")))


def test_is_open(desk: Desk, place: Place) -> bool:
    """Whether a self-test done now would count for the next session."""
    if place.session is None:
        return False
    return times.test_is_open(place.session, times_for(desk, place.programme), desk.now())


async def can_open(unit: Unit, desk: Desk, person: Person, place: Place, item: str) -> bool:
    """Whether the item can be done now: it is in the menu, or it is a confirmation that is wanted."""
    if item != "confirm" or place.session is None:
        return item in open_items(desk, person, place)
    readiness = await unit.readiness.get(place.session.id, person.id)
    rules = times_for(desk, place.programme)
    if not may_test(person) or await fresh.is_at_it(unit, person.id, place.session):
        return False
    return await fresh.is_wanted(unit, person.id, place.session, readiness, rules)


async def in_time(unit: Unit, desk: Desk, person: Person, session: Session, row: VisitRow) -> bool:
    """Whether the visit, of that session, was begun when it could count.

    One for the next session from before that was moved does not (S-32).
    """
    programme = await programme_of(unit, person)
    if times.test_is_open(session, times_for(desk, programme), row.opened_at):
        return True
    ahead = await unit.sessions.next_for(person, desk.now())
    return ahead is None or ahead.id != session.id


async def _is_quiet(unit: Unit, desk: Desk, person: Person) -> bool:
    """No reflection questions from two hours before any session of theirs to an hour after it (S-12)."""
    now = desk.now()
    before, after = (
        timedelta(minutes=minutes)
        for minutes in (desk.numbers.quiet_before_session, desk.numbers.quiet_after_session)
    )
    # `of_programme` has the sessions that start in the span, without its end. Whole minutes, so that it is read
    # once for a batch.
    minute = now.replace(second=0, microsecond=0)
    near = await unit.sessions.of_programme(
        person.programme_id, minute - LONGEST - after, minute + before + timedelta(minutes=2)
    )
    return any(
        s.starts_at - before <= now <= due.ends_at(s) + after
        for s in near
        if s.state == "planned" and is_theirs(s, person)
    )


async def show(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """The menu, as a sensitive message: the door has been passed."""
    place = await place_of(unit, desk, person)
    person = door.kept_open(desk, person)
    say = desk.texts.line
    rows = []
    for item in open_items(desk, person, place):
        title = desk.library.newest(script_name(item, place)).script.title
        rows.append(((say(person.language, Line("script", title)), f"MENU:{item}"),))
    rows.append(((say(person.language, PRIVACY), "MENU:privacy"),))
    instead = say(person.language, neutral.WAITING)
    text = say(person.language, TITLE)
    await post(
        unit, desk, chat, Message("menu", text, tuple(rows), True, person.open_until, instead, fresh=True)
    )
    return person


async def choose(unit: Unit, desk: Desk, person: Person, chat: Chat, item: str) -> Person:
    """Open what was chosen, after the door where it has to be asked."""
    place = await place_of(unit, desk, person)
    await retract(unit, desk, chat, "menu")
    if person.state == "waiting":
        return await _waiting(unit, desk, person, chat)
    if not await can_open(unit, desk, person, place, item):
        if item == "selftest" and may_test(person) and place.session is None:
            line = neutral.NOTHING_PLANNED
        else:
            line = neutral.FIRST_THIS if not may_test(person) else neutral.LATER
        await post(unit, desk, chat, notice(desk, person, line, open_menu(desk, person)))
        return person
    name = script_name(item, place)
    playable = desk.library.newest(name)
    if playable.script.paced and await _asked_lately(unit, desk, person) >= desk.numbers.per_sitting:
        await post(unit, desk, chat, notice(desk, person, neutral.LATER, open_menu(desk, person)))
        return person
    then = {"do": "open", "item": item}
    if playable.script.always_door or not door.is_open(desk, person):
        return await door.ask(unit, desk, await put_aside(unit, desk, person, chat), chat, then)
    return await open_item(unit, desk, person, chat, then)


async def _waiting(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """Staff have to agree first; once they have, the welcome goes on with what they agreed to."""
    if then := door.agreed(person):
        return await door.ask(unit, desk, person, chat, then)
    place = await place_of(unit, desk, person)
    if not await unit.cases.open_for(
        person.id
    ):  # resolved without letting them go on: staff hear of it again
        entry = desk.library.catalogue["needs_help"]
        raised = [RaiseConcern(entry.id, entry.urgency, (Role.FACILITATOR,), "WAITING")]
        await raise_concerns(
            unit, desk, person=person, visit_id=None, session=place.session, script="welcome", raised=raised,
            unasked=[], at=desk.now(),
        )  # fmt: skip
    params = params_for(person, place.programme, place.session)
    await post(unit, desk, chat, notice(desk, person, neutral.PLEASE_WAIT, params=params))
    return person


async def _asked_lately(unit: Unit, desk: Desk, person: Person, but: VisitRow | None = None) -> int:
    """How many questions were asked in the sitting that is not over yet, in any paced script (S-12)."""
    gap = timedelta(minutes=desk.numbers.sitting_gap)
    count = 0
    for row in await unit.visits.of_person(person.id):
        playable = desk.library.at(row.script, row.script_version)
        if playable and playable.script.paced and desk.now() - row.touched_at < gap and row != but:
            count += from_json(row.body).sitting
    return count


async def _pace(unit: Unit, desk: Desk, person: Person, row: VisitRow) -> dict[str, str]:
    """Facts that keep the sitting's limit over a pause and over several scripts (S-12)."""
    over = desk.now() - row.touched_at >= timedelta(minutes=desk.numbers.sitting_gap)
    left = desk.numbers.per_sitting - await _asked_lately(unit, desk, person, but=row)
    return {"sitting": "new" if over else "same", "per_sitting": str(max(0, left))}


async def put_aside(unit: Unit, desk: Desk, person: Person, chat: Chat) -> Person:
    """Pause the open visit in front of the person, if any, without a word."""
    row = await unit.visits.get(person.visit_id) if person.visit_id else None
    if row is not None and row.status == "open":
        person = await turn(unit, desk, person, chat, row, Paused(silent=True))
    return person


async def open_item(unit: Unit, desk: Desk, person: Person, chat: Chat, then: Mapping[str, Any]) -> Person:
    """Open (or go on with) a script; the door has been passed."""
    place = await place_of(unit, desk, person)
    item = then["item"]
    if "facts" not in then and not await can_open(unit, desk, person, place, item):
        await post(unit, desk, chat, notice(desk, person, neutral.LATER, open_menu(desk, person)))
        return person
    person = await put_aside(unit, desk, moved(person, "let_on") if "facts" in then else person, chat)
    row = await visit_for(unit, desk, person, place, item)
    session = place.session if item in OF_SESSION else None
    facts = await facts_for(unit, desk, person, place.programme, session or place.session)
    if desk.library.newest(row.script).script.paced:
        facts |= await _pace(unit, desk, person, row)
    return await show_again(unit, desk, person, chat, row, {**facts, **then.get("facts", {})})


async def visit_for(unit: Unit, desk: Desk, person: Person, place: Place, item: str) -> VisitRow:
    """The visit to go on with: an unfinished one of this script (and session), else a new one."""
    name = script_name(item, place)
    session = place.session if item in OF_SESSION else None
    rows = await unit.visits.of_person(person.id)
    same = [r for r in rows if r.script == name and r.session_id == (session.id if session else None)]
    for row in same:
        if row.status != "done" and (session is None or await in_time(unit, desk, person, session, row)):
            return row
    playable = desk.library.newest(name)
    visit = begin(playable)
    if playable.script.paced:
        done = sorted({step for r in same for step in from_json(r.body).answers})
        questions = [s.id for s in playable.script.steps if s.question and s.id in done]
        visit = visit.model_copy(update={"facts": {"skip": " ".join(questions)}})
    return await new_visit(unit, desk, person, visit, session)
