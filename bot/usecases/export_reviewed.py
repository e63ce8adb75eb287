"""What an export holds only after somebody looked at harm to others: cases, results, allowances, the record (S-45).

Nothing of partner support is in it, whoever looked: neither its part of a case nor what it did (S-22, S-26).
"""

from __future__ import annotations

from typing import Any

from bot.ports.records import AuditEntry, Case, CaseRole, Person, Programme, Raised, StaffRole
from bot.ports.stores import Unit
from bot.usecases import export_texts as texts
from bot.usecases.case_beside import of_session
from bot.usecases.export_wording import Wording
from flows.effects import Line
from flows.values import Role


async def reviewed_parts(
    unit: Unit, programme: Programme, person: Person, wording: Wording
) -> dict[str, list[dict[str, Any]]]:
    """The sections beside the person's own."""
    cases = [case for case in await unit.everything.cases_of(person.id) if not of_session(case)]
    shown = [(case, parts) for case in cases if (parts := await _parts(unit, case))]
    return {
        "tests": await _tests(unit, person, wording),
        "allowances": [
            {
                "what": wording.line(texts.ALLOWED[one.what]) if one.what in texts.ALLOWED else one.what,
                "until": one.until.isoformat(timespec="minutes"),
                "time": wording.line(texts.UNTIL, {"date": wording.time(one.until)}),
            }
            for one in await unit.everything.allowances_of(person.id)
        ],
        "cases": [_case(wording, case, parts) for case, parts in shown],
        "record": await _record(unit, person, [case for case, _ in shown], wording),
    }


async def _parts(unit: Unit, case: Case) -> list[CaseRole]:
    return [part for part in await unit.cases.roles(case.id) if part.role is not Role.PARTNER_SUPPORT]


def _case(wording: Wording, case: Case, parts: list[CaseRole]) -> dict[str, Any]:
    about = {"ref": case.ref, "time": wording.time(case.opened_at)}
    closed = wording.line(texts.CLOSED, {"time": wording.time(case.closed_at)}) if case.closed_at else ""
    return {
        "ref": case.ref,
        "opened_at": case.opened_at.isoformat(timespec="seconds"),
        "closed_at": case.closed_at.isoformat(timespec="seconds") if case.closed_at else None,
        "heading": ", ".join(filter(None, (wording.line(texts.OPENED, about), closed))),
        "urgency": case.urgency.value,
        "kind": case.kind.value,
        "raised": [_raised(wording, case, one) for one in case.raised if _not_only_theirs(one)],
        "routing": [_part(wording, part) for part in parts],
    }


def _not_only_theirs(raised: Raised) -> bool:
    return set(raised.route) != {Role.PARTNER_SUPPORT}


def _raised(wording: Wording, case: Case, raised: Raised) -> dict[str, Any]:
    catalogue, means = wording.desk.library.catalogue, raised.concern
    if raised.concern in catalogue:
        means = wording.line(Line(f"concern/{raised.concern}", catalogue[raised.concern].staff))
    version = wording.versions.get(case.visit_id or "")
    return {
        "concern": raised.concern,
        "means": means,
        "question": wording.step_text(raised.script, raised.step, version),
        "answer": wording.labels(raised.script, raised.step, raised.choices, version),
        "at": raised.at.isoformat(timespec="seconds"),
    }


def _part(wording: Wording, part: CaseRole) -> dict[str, Any]:
    return {
        "role": wording.line(texts.ROLES[part.role]),
        "state": wording.line(texts.STATES[part.state]),
        "taken_at": part.taken_at.isoformat(timespec="seconds") if part.taken_at else None,
        "outcome": part.outcome,
    }


async def _tests(unit: Unit, person: Person, wording: Wording) -> list[dict[str, Any]]:
    found = []
    for session_id in await unit.everything.tested_sessions(person.id):
        row = await unit.readiness.get(session_id, person.id)
        session = await unit.sessions.get(session_id)
        if row is None or session is None:
            continue
        level = texts.LEVELS.get(row.level.value)
        found.append(
            {
                "session": session.starts_at.isoformat(timespec="minutes"),
                "time": wording.time(session.starts_at),
                "level": row.level.value,
                "result": wording.line(level) if level else row.level.value,
                "lifted_at": row.lifted_at.isoformat(timespec="seconds") if row.lifted_at else None,
            }
        )
    return found


async def _record(unit: Unit, person: Person, cases: list[Case], wording: Wording) -> list[dict[str, str]]:
    """The audit log about the person and their cases: when, what, and you, staff or the service; never who."""
    entries = list(await unit.audit.of_subject(person.id))
    for case in cases:
        entries += await unit.audit.of_subject(case.id)
    kinds: dict[str, str] = {}
    found = []
    for entry in sorted(entries, key=lambda one: (one.at, one.id)):
        if entry.actor not in kinds:
            kinds[entry.actor] = await _kind(unit, person, entry)
        if kinds[entry.actor] == "" or entry.detail.get("role") in ("P", StaffRole.PARTNER_SUPPORT.value):
            continue
        found.append(
            {
                "at": entry.at.isoformat(timespec="seconds"),
                "time": wording.time(entry.at),
                "who": wording.line(texts.WHO[kinds[entry.actor]]),
                "action": entry.action,
            }
        )
    return found


async def _kind(unit: Unit, person: Person, entry: AuditEntry) -> str:
    """self, staff or service; "" for partner support."""
    if entry.actor == person.id:
        return "self"
    actor = await unit.people.get(entry.actor) if len(entry.actor) == 32 else None
    if actor is None:
        return "service"
    return "" if StaffRole.PARTNER_SUPPORT in actor.roles else "staff"
