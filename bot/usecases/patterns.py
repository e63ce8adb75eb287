"""Looks for patterns when an answer has come, and brings them to people; participants see nothing of it (S-03, S-25).

What was told is remembered in the visit that brought it about, sealed and expiring with it (S-41, S-42).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby

import structlog

from bot.ports.records import Person, Session, VisitRow
from bot.ports.stores import Unit, Unreadable
from bot.usecases.desk import Desk
from bot.usecases.open_case import raise_concerns
from flows import effects as fx
from flows.engine import Turn
from flows.patterns import (
    CHECK_IN,
    DURING,
    START,
    TEST,
    WINDOW,
    Finding,
    History,
    Sign,
    Test,
    counts,
    findings,
    unready,
)
from flows.values import Level
from flows.visit import Visit, from_json

log = structlog.get_logger(__name__)

LOOKED_BACK = timedelta(days=120)
"""How far back sessions are looked for of which no test was done."""
Said = tuple[VisitRow, Visit]


async def look(
    unit: Unit, desk: Desk, person: Person, row: VisitRow, turn: Turn
) -> tuple[Visit, tuple[Finding, ...]]:
    """What has come to light with this turn, and the visit that remembers it. Nothing is raised yet.

    What the answer itself has raised already is remembered and not found again. Older rows that do not
    open hinder no answer (S-30): the pattern is then left out, and which row it was is logged.
    """
    visit = turn.visit
    if not any(isinstance(e, fx.KeepAnswer | fx.FinishVisit) for e in turn.effects):
        return visit, ()
    if row.script not in (TEST, START, DURING, CHECK_IN) or (row.script == TEST and not counts(visit)):
        return visit, ()
    try:
        rows = await unit.visits.of_person(person.id)
        visits = [(r, visit if r.id == row.id else from_json(r.body)) for r in rows]
        history = await _history(unit, desk, person, visits)
    except Unreadable as fault:
        log.warning("patterns.unreadable", error=str(fault))
        return visit, ()
    told = {key.rpartition(":")[2] for _, other in visits for key in other.raised}
    new = [found for found in findings(history) if key_of(found) not in told]
    kept = (f"{f.concern}:{desk.library.catalogue[f.concern].urgency}:{key_of(f)}" for f in new)
    raised = {(c, step) for c, _, step in (key.split(":") for key in visit.raised)}
    fresh = tuple(f for f in new if (f.concern, f.signs[0].step) not in raised)
    return visit.model_copy(update={"raised": (*visit.raised, *kept)}), fresh


def key_of(finding: Finding) -> str:
    """Short, and says nothing; by it a visit remembers what was told."""
    return "P-" + sha256(f"{finding.concern}|{finding.about}".encode()).hexdigest()[:12]


async def bring_up(
    unit: Unit,
    desk: Desk,
    person: Person,
    row: VisitRow,
    found: Sequence[Finding],
    session: Session | None,
) -> None:
    """Raise them beside what the visit raised, each with its answers, so that Details show the pair."""
    for finding in found:
        entry = desk.library.catalogue[finding.concern]
        for script, signs in groupby(finding.signs, key=lambda sign: sign.script):
            await raise_concerns(
                unit, desk, person=person, visit_id=row.id, session=session, script=script,
                raised=[
                    fx.RaiseConcern(entry.id, entry.urgency, entry.route, sign.step, sign.choices)
                    for sign in signs
                ],
                unasked=[], at=desk.now(), raised_by="pattern",
            )  # fmt: skip


async def _history(unit: Unit, desk: Desk, person: Person, visits: Sequence[Said]) -> History:
    """`visits`: newest first. What somebody else answered is no part of it (S-05)."""
    own = [(row, visit) for row, visit in visits if visit.outcome != "not_person"]
    tests = _tests(desk, [(row, visit) for row, visit in own if row.script == TEST and counts(visit)])
    return History(
        tests=tests,
        start=_current(own, START),
        during=_current(own, DURING),
        check_in=next((visit.answers for row, visit in own if row.script == CHECK_IN), {}),
        deferred=_deferred(own),
        missed=await _missed(unit, desk, person, {test.session for test in tests}),
    )


def _tests(desk: Desk, said: Sequence[Said]) -> tuple[Test, ...]:
    """One for each session: its newest test; a place or device that held stays so whatever a second test says (S-08)."""
    found: dict[str, Test] = {}
    for row, visit in said:
        playable, session = desk.library.at(visit.script, visit.version), row.session_id
        if playable is None or session is None:
            continue
        newest = found.get(session)
        level = Level.HOLD if newest else Level.TO_FIX
        signs = unready(playable.script, visit, level)
        answers, before = (newest.answers, newest.unready) if newest else (visit.answers, ())
        found[session] = Test(session, answers, tuple(dict.fromkeys((*before, *signs))))
    return tuple(found.values())


def _current(said: Sequence[Said], script: str) -> dict[str, tuple[str, ...]]:
    """Each step's newest answer, over several sittings and visits."""
    found: dict[str, tuple[str, ...]] = {}
    for row, visit in said:
        if row.script == script:
            found = {**visit.answers, **found}
    return found


def _deferred(said: Sequence[Said]) -> tuple[Sign, ...]:
    """The questions that are put off as things stand."""
    scripts = dict.fromkeys(row.script for row, _ in said)
    return tuple(
        Sign(script, step, choices)
        for script in scripts
        for step, choices in _current(said, script).items()
        if choices == ("defer",)
    )


async def _missed(unit: Unit, desk: Desk, person: Person, tested: set[str]) -> tuple[str, ...]:
    """Of the last sessions held for the person since they came, those without a test, newest first."""
    now = desk.now()
    begun: datetime = max(person.created_at or now, now - LOOKED_BACK)
    held = [
        session
        for session in await unit.sessions.of_programme(person.programme_id, begun, now)
        if session.state == "planned"
        and session.starts_at + timedelta(minutes=session.minutes) <= now
        and (session.person_id == person.id or (session.group_id and session.group_id == person.group_id))
    ]
    return tuple(s.id for s in reversed(held[-WINDOW:]) if s.id not in tested)
