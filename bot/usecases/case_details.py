"""What a case is about, opened on purpose, recorded, and taken away again (S-21)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

import structlog

from bot.forms import listed
from bot.ports.records import AnswerRow, Case, Lane, Person, Raised
from bot.ports.stores import Unit, Unreadable
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import Visitor, audit, say
from bot.usecases.case_beside import of_session
from bot.usecases.case_card import in_rows, kind_for, raised_for
from bot.usecases.desk import Desk, Message, post, retract
from bot.usecases.facts import params_for, time_of
from bot.usecases.strike import strikable, written
from bot.usecases.wording import Wording, packed
from flows.effects import Line
from flows.values import CaseKind, Role

log = structlog.get_logger(__name__)
ZONE_STEP = ("welcome", "WE-TZ")  # the participant was told that staff will set their zone with them
# Where somebody is and who is near: what staff need to know before they phone (S-26).
AROUND = {"self_test": ("ST-07", "ST-08", "ST-09")}


async def open_details(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """Show what comes to the reader's roles, in as many messages as it needs, for a few minutes only."""
    if not visitor.readable:
        await audit(unit, desk, visitor.person, "case.details.refused", visitor.case.id)
        await say(unit, desk, visitor.person, visitor.chat, texts.TAKE_FIRST)
        return
    case, chat, minutes = visitor.case, visitor.chat, desk.numbers.details
    roles = ",".join(part.role.value for part in visitor.readable)
    await audit(unit, desk, visitor.person, "case.details", case.id, roles=roles)
    gone = desk.now() + timedelta(minutes=minutes)
    undelivered = desk.texts.line(visitor.person.language, texts.UNDELIVERED)
    pages = packed(await _paragraphs(unit, desk, visitor))
    strike = [(texts.STRIKE, f"CASE:strike:{case.ref}")] if await strikable(unit, visitor) else []
    for number, text in enumerate(pages, start=1):
        slot = f"details-{case.ref}" + (f"-{number}" if number > 1 else "")
        await unit.outbox.cancel(chat.id, [slot])  # an earlier opening's removal would come too soon
        rows = in_rows(desk, visitor.person.language, strike) if number == len(pages) else ()
        message = Message(slot, text, rows, sensitive=True, not_after=gone, instead=undelivered, fresh=True)
        await post(unit, desk, chat, message, case_id=case.id)
        await retract(unit, desk, chat, slot, after=timedelta(minutes=minutes), lane=Lane.TIDY)


async def _paragraphs(unit: Unit, desk: Desk, visitor: Visitor) -> list[str]:
    case, reader = visitor.case, visitor.person
    roles = {part.role for part in visitor.readable}
    raised = raised_for(case, roles)
    names = await _names(unit, case)
    wording = await _wording(unit, desk, case, reader, names)
    found = [await _heading(unit, case, desk, reader, names)]
    if not case.readable:
        found.append(desk.texts.line(reader.language, texts.UNREADABLE))
    if Role.PARTNER_SUPPORT in roles:
        found.append(desk.texts.line(reader.language, texts.SAFE_WAY_ONLY))
    found += _concerns(desk, wording, raised, listed(reader.language, names.values()))
    if around := await _around(unit, desk, case, roles, wording):
        found.append(desk.texts.line(reader.language, texts.SURROUNDINGS, {"answers": around}))
    found += [_wrote(desk, reader, row) for row in await written(unit, case, raised)]
    unasked = [(wording.script_with(case.raised, step), step) for step in case.unasked]
    if steps := "\n".join(wording.question(*one) for one in unasked if wording.matters(*one)):
        found.append(desk.texts.line(reader.language, texts.UNASKED, {"steps": steps}))
    found.append(desk.texts.line(reader.language, texts.GONE_SOON, {"number": desk.numbers.details}))
    return found


async def _names(unit: Unit, case: Case) -> dict[str, str]:
    """Person id -> alias of whom the case is about: one person, or in a session's case each that is named in it."""
    ids = [r.choices[0] for r in case.raised] if of_session(case) else [case.person_id]
    return {person_id: await _alias(unit, person_id) for person_id in dict.fromkeys(ids)}


async def _alias(unit: Unit, person_id: str) -> str:
    try:
        person = await unit.people.get(person_id)
    except Unreadable as fault:
        log.warning("case_details.unreadable", error=str(fault))
        person = None
    return person.alias if person else texts.nameless(person_id)


async def _heading(unit: Unit, case: Case, desk: Desk, reader: Person, names: dict[str, str]) -> str:
    params = {"case": case.ref, "alias": listed(reader.language, names.values())}
    lines = [desk.texts.line(reader.language, texts.DETAILS_OF, params)]
    session = await unit.sessions.get(case.session_id) if case.session_id else None
    if session is not None:
        time = time_of(reader, session.starts_at)
        lines.append(desk.texts.line(reader.language, texts.SESSION_AT, {"time": time}))
    return "\n".join(lines)


async def _wording(unit: Unit, desk: Desk, case: Case, reader: Person, names: dict[str, str]) -> Wording:
    visit = await unit.visits.get(case.visit_id) if case.visit_id else None
    programme = await unit.programmes.get(case.programme_id)
    session = await unit.sessions.get(case.session_id) if case.session_id else None
    params = params_for(reader, programme, session) if programme else {}
    version = (visit.script, visit.script_version) if visit else None
    return Wording(desk, reader.language, version, params, names)


def _concerns(desk: Desk, wording: Wording, raised: Iterable[Raised], alias: str) -> list[str]:
    """Each concern once, or for each way in which it is put, with what raised it and the suggested next step (S-26)."""
    by_meaning: dict[tuple[str, str], list[Raised]] = {}
    for item in raised:
        by_meaning.setdefault((item.concern, wording.means(item)), []).append(item)
    found = []
    for (concern, means), items in by_meaning.items():
        lines = [means]
        if concern in desk.library.catalogue:
            next_step = Line(f"concern/{concern}", desk.library.catalogue[concern].next_step)
            step = desk.texts.line(wording.language, next_step, wording.params)
            lines.append(desk.texts.line(wording.language, texts.NEXT_STEP, {"text": step}))
        if any((item.script, item.step) == ZONE_STEP for item in items):
            lines.append(desk.texts.line(wording.language, texts.SET_ZONE, {"alias": alias}))
        answers = [wording.answered(item.script, item.step, item.choices) for item in items]
        found.append("\n".join([lines[0], *dict.fromkeys(answers), *lines[1:]]))
    return found


async def _around(unit: Unit, desk: Desk, case: Case, roles: Collection[Role], wording: Wording) -> str:
    """What the same visit said about the surroundings, as it was answered last, beside the steps that raised."""
    if case.visit_id is None or kind_for(desk, case, roles) not in (CaseKind.SAFETY, CaseKind.SPACE):
        return ""
    raising = {item.step for item in raised_for(case, roles)}
    last = {row.step: row for row in await unit.answers.of_visit(case.visit_id) if row.kind == "chosen"}
    return "\n".join(
        wording.answered(row.script, row.step, row.choices)
        for row in last.values()
        if row.step in AROUND.get(row.script, ()) and row.step not in raising
    )


def _wrote(desk: Desk, reader: Person, row: AnswerRow) -> str:
    """What was typed, or that it was struck out; staff can always read free text (S-24)."""
    if row.struck_at is None:
        return desk.texts.line(reader.language, texts.WROTE, {"step": row.step, "text": row.text})
    about = {"step": row.step, "time": time_of(reader, row.struck_at)}
    return desk.texts.line(reader.language, texts.WROTE_STRUCK, about)
