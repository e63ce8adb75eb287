"""What an export holds only after somebody looked at harm to others: cases, results, allowances, the record (S-45).

Nothing of partner support is in it, whoever looked: neither its part of a case nor what it did, nor a time by which
that could be told (S-22, S-26). What is shown of a case is worked out from the parts that are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.ports.records import ROLE_OF_LETTER, AuditEntry, Case, CaseRole, Person, Programme, Raised
from bot.ports.stores import Unit
from bot.usecases import export_texts as texts
from bot.usecases.case_beside import of_session
from bot.usecases.case_card import kind_of, urgency_of
from bot.usecases.export_wording import Wording
from flows.values import Role

OF_THE_PERSON = frozenset(
    {
        "account.move_offered", "account.moved", "allowance.ended", "allowance.given", "enrolled", "person.exported",
        "person.left", "step.released", "zone.set",
    }
)  # fmt: skip
"""What the record may say of the person. Not who else was at the door (S-26), nor what staff were refused."""
OF_A_ROLE = frozenset(
    {
        "case.climbed", "case.details", "case.handed_over", "case.in_digest", "case.lapsed", "case.reminded",
        "case.resolve", "case.solved", "case.take",
    }
)  # fmt: skip
"""What it may say of a case, if all the roles the entry names are shown."""
OF_NO_ROLE = frozenset({"case.opened", "hold.lifted"})
"""Of a case as such; a hold is lifted by roles that are shown, never by partner support (S-08)."""
_ENDS = frozenset({"case.resolve", "case.solved"})


@dataclass(frozen=True, slots=True)
class _Shown:
    """Of a case what may be shown. `ended`: when the last of the shown parts was done, if all are and it is known."""

    case: Case
    raised: tuple[Raised, ...]
    parts: list[CaseRole]
    entries: list[AuditEntry]
    ended: datetime | None


async def reviewed_parts(
    unit: Unit, programme: Programme, person: Person, wording: Wording
) -> dict[str, list[dict[str, Any]]]:
    """The sections beside the person's own."""
    found = [case for case in await unit.everything.cases_of(person.id) if not of_session(case)]
    shown = [await _shown(unit, case, parts) for case in found if (parts := await _parts(unit, case))]
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
        "cases": [_case(wording, one) for one in shown],
        "record": await _record(unit, person, shown, wording),
    }


async def _shown(unit: Unit, case: Case, parts: list[CaseRole]) -> _Shown:
    """What of the case and of its entries may be shown beside these parts."""
    roles = {part.role for part in parts}
    raised = tuple(one for one in case.raised if set(one.route) != {Role.PARTNER_SUPPORT})
    entries = [one for one in await unit.audit.of_subject(case.id) if _is_of(one, roles)]
    ended = [one.at for one in entries if one.action in _ENDS]
    done = all(part.state == "done" for part in parts)
    return _Shown(case, raised, parts, entries, max(ended) if done and ended else None)


def _is_of(entry: AuditEntry, roles: set[Role]) -> bool:
    """Whether an entry about a case is of these roles alone; one that names no role only if it is of none."""
    if entry.action in OF_NO_ROLE:
        return True
    named = ",".join(filter(None, (entry.detail.get("role"), entry.detail.get("roles"))))
    known = {name for role in roles for name in (role.value, ROLE_OF_LETTER[role].value)}
    return entry.action in OF_A_ROLE and bool(named) and set(named.split(",")) <= known


async def _parts(unit: Unit, case: Case) -> list[CaseRole]:
    return [part for part in await unit.cases.roles(case.id) if part.role is not Role.PARTNER_SUPPORT]


def _case(wording: Wording, one: _Shown) -> dict[str, Any]:
    case, ended = one.case, one.ended
    about = {"ref": case.ref, "time": wording.time(case.opened_at)}
    if ended:
        about["closed"] = wording.time(ended)
    return {
        "ref": case.ref,
        "opened_at": case.opened_at.isoformat(timespec="seconds"),
        "closed_at": ended.isoformat(timespec="seconds") if ended else None,
        "heading": wording.line(texts.CLOSED if ended else texts.OPENED, about),
        "urgency": urgency_of(one.raised).value if one.raised else case.urgency.value,
        "kind": kind_of(wording.desk, one.raised).value if one.raised else case.kind.value,
        "raised": [_raised(wording, case, raised) for raised in one.raised],
        "routing": [_part(wording, part) for part in one.parts],
    }


def _raised(wording: Wording, case: Case, raised: Raised) -> dict[str, Any]:
    version = wording.versions.get(case.visit_id or "")
    return {
        "concern": raised.concern,
        "means": wording.means(raised, version),
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


async def _record(unit: Unit, person: Person, shown: list[_Shown], wording: Wording) -> list[dict[str, str]]:
    """The audit log about the person and their cases: when, what, and you, staff or the service; never who."""
    entries = [one for one in await unit.audit.of_subject(person.id) if one.action in OF_THE_PERSON]
    for case in shown:
        entries += case.entries
    return [
        {
            "at": entry.at.isoformat(timespec="seconds"),
            "time": wording.time(entry.at),
            "who": wording.line(texts.WHO[_kind(person, entry)]),
            "action": entry.action,
        }
        for entry in sorted(entries, key=lambda one: (one.at, one.id))
    ]


def _kind(person: Person, entry: AuditEntry) -> str:
    """Self, staff or service; by the shape of the actor, as staff who have left or were erased were staff then."""
    if entry.actor == person.id:
        return "self"
    return "staff" if len(entry.actor) == 32 else "service"
