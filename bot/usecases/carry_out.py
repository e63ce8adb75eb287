"""One turn of a visit, from the stored row to the staged rows: load, advance, keep, say, bring to people (S-30)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.ports.records import Agreement, AnswerRow, Chat, Lane, Person, Session, VisitRow
from bot.ports.stores import Unit
from bot.usecases import door, patterns
from bot.usecases.desk import Desk, post, retract, sweep
from bot.usecases.facts import params_for, programme_of
from bot.usecases.hold import after_test
from bot.usecases.open_case import raise_concerns
from bot.usecases.render import messages
from bot.usecases.roster import refresh_at_the_end
from bot.usecases.signposts import show_signposts
from bot.usecases.way import moved
from flows import effects as fx
from flows.engine import Turn, advance
from flows.inputs import Input, Opened, Resumed
from flows.library import Playable
from flows.visit import Visit, from_json, to_json

_STATUS: dict[str, Literal["open", "paused", "done"]] = {
    "new": "paused",
    "open": "open",
    "paused": "paused",
    "done": "done",
}
_RECORDING = "WE-20"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Closings after which nothing sensitive may stay in the chat, and the door is shut: somebody else is near, holds the
# phone, or may open it (S-01, S-04, S-05).
_NOT_ALONE = ("nearby", "later", "not_person", "wait")


class MissingScript(Exception):
    """A visit stands on a script version that is not there any more (S-34)."""


def playable_of(desk: Desk, row: VisitRow) -> Playable:
    """The script version the visit began with; raises MissingScript."""
    found = desk.library.at(row.script, row.script_version)
    if found is None:
        raise MissingScript(f"{row.script} version {row.script_version} is missing; put its file back")
    return found


def stands(desk: Desk, row: VisitRow) -> tuple[Playable, Visit]:
    """The visit and the script it goes on with, an urgent newer version included; raises MissingScript."""
    found = desk.library.for_visit(from_json(row.body))
    return found if found else (playable_of(desk, row), from_json(row.body))


async def new_visit(
    unit: Unit, desk: Desk, person: Person, visit: Visit, session: Session | None
) -> VisitRow:
    """Store a visit that has begun."""
    now = desk.now()
    row = VisitRow(
        id=desk.ids.new(),
        person_id=person.id,
        script=visit.script,
        script_version=visit.version,
        session_id=session.id if session else None,
        status="paused",
        body=to_json(visit),
        opened_at=now,
        touched_at=now,
        due_at=look_again_at(desk, visit, session),
    )
    await unit.visits.add(row)
    return row


async def turn(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, happened: Input, *, quiet: bool = False
) -> Person:
    """Advance the visit and stage everything that follows; gives the person as they stand afterwards.

    `quiet`: sensitive messages are not staged (the door has closed, or another visit is in front); help texts
    among them wait behind the door.
    """
    playable, before = stands(desk, row)
    result = advance(playable, before, happened, desk.now())
    told, found = await patterns.look(unit, desk, person, row, result)
    if told is not result.visit:
        result = replace(result, visit=told)
    programme = await programme_of(unit, person)
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    await unit.visits.save(
        replace(
            row,
            script_version=result.visit.version,
            status=_STATUS[result.visit.status],
            body=to_json(result.visit),
            touched_at=desk.now(),
            due_at=look_again_at(desk, result.visit, session),
        )
    )
    await _keep(unit, desk, person, row, result, session)
    person = await _finish(unit, desk, person, row, result)
    ahead = row.id if result.visit.status in ("open", "paused") else None
    person = person if person.visit_id == ahead else replace(person, visit_id=ahead)
    if quiet:
        person = _held_back(person, result)
    await _speak(unit, desk, person, chat, row, result, params_for(person, programme, session), quiet=quiet)
    await _bring_up(unit, desk, person, row, result, session)
    if found:
        soon = session or await unit.sessions.next_for(person, desk.now())
        await patterns.bring_up(unit, desk, person, row, found, soon)
    if session is not None:
        await refresh_at_the_end(unit, desk, person, session)
    return replace(person, open_until=None) if _not_alone(result) else person


def _not_alone(turn: Turn) -> bool:
    return any(isinstance(e, fx.FinishVisit) and e.outcome in _NOT_ALONE for e in turn.effects)


def look_again_at(desk: Desk, visit: Visit, session: Session | None) -> datetime | None:
    """When to look at the visit if nothing comes: soon for ticks without Done, else when it lapses (S-34)."""
    if visit.status == "done":
        return None
    lapses = desk.now() + timedelta(days=desk.numbers.visit_lapses_days)
    if session is not None:
        lapses = session.starts_at + timedelta(minutes=session.minutes)
    noted = set(visit.draft) <= set(visit.late.get(visit.step, ()))
    return lapses if noted else min(lapses, desk.now() + timedelta(minutes=desk.numbers.door))


def _held_back(person: Person, turn: Turn) -> Person:
    """The person with the help texts that they could not be shown now, to be shown when the door is passed."""
    says = [e for e in turn.effects if isinstance(e, fx.Say) and e.slot is fx.Slot.HELP and e.sensitive]
    texts = [[line.context, line.msgid] for say in says for line in say.lines]
    if not texts or turn.visit.status != "open":
        return person
    pending = person.pending or {}
    return replace(person, pending={**pending, "help": [*pending.get("help", ()), *texts]})


async def _keep(
    unit: Unit, desk: Desk, person: Person, row: VisitRow, turn: Turn, session: Session | None
) -> None:
    now = desk.now()
    for effect in turn.effects:
        if isinstance(effect, fx.KeepAnswer):
            await unit.answers.add(
                AnswerRow(
                    desk.ids.new(), row.id, person.id, row.session_id, row.script, effect.step, effect.version,
                    effect.kind, effect.choices, effect.text, now,
                )
            )  # fmt: skip
        elif isinstance(effect, fx.SetReadiness) and session is not None:
            await _set_readiness(unit, desk, person, row, session, effect)


async def _set_readiness(
    unit: Unit, desk: Desk, person: Person, row: VisitRow, session: Session, effect: fx.SetReadiness
) -> None:
    """A hold that nobody lifted stays whatever a second test says (S-08)."""
    before = await unit.readiness.get(session.id, person.id)
    at = (person.id, row.id, desk.now())
    await unit.readiness.put(after_test(before, effect, session, at, desk.ids.new()))


async def _speak(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, turn: Turn, params: dict[str, str],
    *, quiet: bool,
) -> None:  # fmt: skip
    helped = False
    for effect in turn.effects:
        if isinstance(effect, fx.Retract):
            await retract(unit, desk, chat, effect.slot.value)
            await retract(unit, desk, chat, "lead")
        elif isinstance(effect, fx.Say) and not (quiet and effect.sensitive):
            for message in messages(desk, person, row.id, effect, params, person.open_until):
                # The buttons of the next question stand below a help text, not out of sight above it.
                await post(unit, desk, chat, replace(message, fresh=True) if helped else message)
            helped = helped or effect.slot is fx.Slot.HELP
            if effect.slot is fx.Slot.HELP:  # what it answers could be guessed from it
                soon = timedelta(minutes=desk.numbers.door)
                await retract(unit, desk, chat, effect.slot.value, after=soon, lane=Lane.TIDY)
                await show_signposts(unit, desk, person, chat, effect.lines)
        elif isinstance(effect, fx.FinishVisit) and effect.outcome in _NOT_ALONE:
            await sweep(unit, desk, chat)
        elif isinstance(effect, fx.PauseVisit) and not effect.sitting:
            await sweep(unit, desk, chat)  # a pause leaves nothing to be read


async def _bring_up(
    unit: Unit, desk: Desk, person: Person, row: VisitRow, turn: Turn, session: Session | None
) -> None:
    raised = [e for e in turn.effects if isinstance(e, fx.RaiseConcern)]
    raised = [e for e in raised if not await _as_before(unit, desk, row, e)]
    unasked = [step for e in turn.effects if isinstance(e, fx.NoteUnasked) for step in e.steps]
    if not raised and not unasked:
        return
    soon = session or await unit.sessions.next_for(person, desk.now())
    await raise_concerns(
        unit, desk, person=person, visit_id=row.id, session=soon, script=row.script, raised=raised,
        unasked=unasked, at=desk.now(),
    )  # fmt: skip


async def _as_before(unit: Unit, desk: Desk, row: VisitRow, raised: fx.RaiseConcern) -> bool:
    """Whether a concern marked `once` is as the last visit of this script said: it is told when it changes."""
    if not desk.library.catalogue[raised.concern].once:
        return False
    rows = await unit.visits.of_person(row.person_id)
    earlier = next(
        (r for r in rows if r.script == row.script and r.id != row.id and r.status == "done"), None
    )
    return earlier is not None and any(
        key.startswith(f"{raised.concern}:") for key in from_json(earlier.body).raised
    )


async def _finish(unit: Unit, desk: Desk, person: Person, row: VisitRow, turn: Turn) -> Person:
    """What the end of a script means for the way through the programme."""
    ended = next((e for e in turn.effects if isinstance(e, fx.FinishVisit)), None)
    if ended is None:
        return person
    if row.script == "welcome":
        if ended.outcome == "done":
            await _agree(unit, desk, person, row)
            return moved(await _reachable_when(unit, person, row), "agreed")
        return moved(person, "must_wait") if ended.outcome in ("wait", "declined", "not_person") else person
    if row.script.startswith("orientation") and ended.outcome == "done":
        return moved(person, "oriented")
    return person


async def _reachable_when(unit: Unit, person: Person, row: VisitRow) -> Person:
    """The person with the times for messages and the day for the check-in that they chose."""
    answers = {a.step: a.choices for a in await unit.answers.of_visit(row.id) if a.kind == "chosen"}
    safe = tuple(part for part in answers.get("WE-SAFE", ()) if part != "any")
    day = next((WEEKDAYS.index(d) for d in answers.get("WE-DAY", ()) if d in WEEKDAYS), person.check_in_day)
    return replace(person, safe_times=safe, check_in_day=day)


async def _agree(unit: Unit, desk: Desk, person: Person, row: VisitRow) -> None:
    """Keep the agreement with its version (S-34): its points and the choice about recording, which stands beside it.

    All else of the welcome is an answer, and goes when answers go (S-42).
    """
    answers = {a.step: a.choices for a in await unit.answers.of_visit(row.id) if a.kind == "chosen"}
    script = playable_of(desk, row).script
    points = {
        s.id: " ".join(answers[s.id])
        for s in script.steps
        if (s.kind == "agree" or s.id == _RECORDING) and s.id in answers
    }
    await unit.agreements.add(
        Agreement(desk.ids.new(), person.id, row.script_version, person.language, points, desk.now())
    )


async def show_again(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, facts: dict[str, str]
) -> Person:
    """Go on with a visit: its question is asked (again) with fresh facts."""
    visit = from_json(row.body)
    happened: Input = Opened(facts) if visit.status == "new" else Resumed(facts)
    return await turn(unit, desk, door.kept_open(desk, person), chat, row, happened)
