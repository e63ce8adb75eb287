"""A copy of what is kept about a person, to be handed over outside the chat (S-45).

By default their own answers, agreement and session times. Cases, results, allowances and the record of who did
what only when somebody of staff has looked at harm to others; and never anything of partner support (S-22).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.forms import lasting, listed
from bot.ports.records import AnswerRow, AuditEntry, Person, Programme, StaffRole
from bot.ports.stores import Unit
from bot.usecases import export_texts as texts
from bot.usecases import retention
from bot.usecases.desk import Desk
from bot.usecases.duty import ROLES
from bot.usecases.export_reviewed import reviewed_parts
from bot.usecases.export_wording import Wording
from bot.usecases.facts import date_of, months, params_for
from bot.usecases.invite import OPERATOR

REASONS = ("access_request", "court_order", "complaint", "supervision")
"""Why more than their own is handed over."""
REVIEWERS = frozenset({StaffRole.FACILITATOR, StaffRole.PARTNER_SUPPORT, StaffRole.DUTY, StaffRole.MANAGER})
"""Roles that can judge harm to others."""
_EVER = timedelta(days=3650)
Export = dict[str, Any]


class CannotExport(Exception):
    """The export asked for makes no sense; the message says what would."""


@dataclass(frozen=True, slots=True)
class Review:
    """Who of staff looked at harm to others, and why more than the person's own is handed over."""

    by: Person
    reason: str


async def export_person(
    unit: Unit, desk: Desk, programme: Programme, person: Person, review: Review | None
) -> Export:
    """The export as JSON can hold it, with texts in the person's language, and its audit entry; the caller commits."""
    _refuse(review)
    if not person.alias:
        raise CannotExport("this person has been erased")
    wording = await _wording(unit, desk, programme, person)
    found: Export = {
        "title": wording.line(texts.TITLE),
        "notice": wording.line(texts.NOTICE),
        "scope": f"{wording.line(texts.REVIEWED if review else texts.OWN_ONLY)} {wording.line(texts.LONGER)}",
        "made_at": desk.now().isoformat(timespec="seconds"),
        "made": wording.line(
            texts.MADE, {"alias": person.alias, "service": programme.name, "time": wording.time(desk.now())}
        ),
        "language": person.language,
        "about": await _about(unit, wording, person),
        "answers": await _answers(unit, programme, person, wording),
        "agreements": await _agreements(unit, programme, person, wording),
        "sessions": await _sessions(unit, desk, person, wording),
    }
    if review:
        found |= await reviewed_parts(unit, programme, person, wording)
    await _record(unit, desk, person, review)
    return found


def _refuse(review: Review | None) -> None:
    if review is None:
        return
    if review.reason not in REASONS:
        raise CannotExport(f"there is no reason {review.reason}; there are: {', '.join(REASONS)}")
    if review.by.kind != "staff" or review.by.state == "left" or not REVIEWERS & set(review.by.roles):
        roles = ", ".join(sorted(role.value for role in REVIEWERS))
        raise CannotExport(f"{review.by.alias} cannot judge harm to others here; one of these can: {roles}")


async def _record(unit: Unit, desk: Desk, person: Person, review: Review | None) -> None:
    now = desk.now()
    detail = {"kind": "own"}
    if review is not None:
        detail = {"kind": "reviewed", "by": review.by.id, "why": review.reason}
    await unit.audit.add(AuditEntry(desk.ids.new(), now, OPERATOR, "person.exported", person.id, detail))
    for request in await unit.requests.of_person(person.id):
        if request.kind == "copy" and request.done_at is None:
            await unit.requests.save(replace(request, done_at=now, outcome="exported", by=OPERATOR))


async def _wording(unit: Unit, desk: Desk, programme: Programme, person: Person) -> Wording:
    versions = {row.id: row.script_version for row in await unit.visits.of_person(person.id)}
    session = await unit.sessions.next_for(person, desk.now())
    return Wording(desk, person, params_for(person, programme, session), versions)


async def _about(unit: Unit, wording: Wording, person: Person) -> list[dict[str, str]]:
    """Who they are here; of staff their roles, groups and mail address too."""
    groups = [await unit.programmes.group(one) for one in await unit.people.groups_of(person.id)]
    rows = [
        (texts.ALIAS, person.alias),
        (texts.IN_ROLES, _listed(person, (wording.line(ROLES[role]) for role in person.roles))),
        (texts.IN_GROUPS, _listed(person, (group.name for group in groups if group))),
        (texts.EMAIL, person.email),
        (texts.LANGUAGE, wording.desk.own_name(person.language)),
        (texts.TIMEZONE, person.timezone),
        (texts.SAFE_TIMES, _listed(person, (wording.line(texts.PARTS[part]) for part in person.safe_times))),
        (texts.SINCE, wording.time(person.created_at) if person.created_at else ""),
        (texts.LEFT, wording.time(person.left_at) if person.left_at else ""),
    ]
    return [{"what": wording.line(line), "is": value} for line, value in rows if value]


async def _answers(
    unit: Unit, programme: Programme, person: Person, wording: Wording
) -> list[dict[str, Any]]:
    """All of them with every version, by conversation, oldest first."""
    rows = await unit.answers.of_person(person.id)
    kept_until = {name: _until(programme, name) for name in ("answers", "reflections")}
    found = []
    for row in rows:
        kind = "reflections" if row.script.startswith("reflection") else "answers"
        found.append({**_answer(wording, row), "kept_until": kept_until[kind](row.at).date().isoformat()})
        found[-1]["kept"] = wording.line(
            texts.KEPT_UNTIL, {"date": date_of(person, kept_until[kind](row.at))}
        )
    return found


def _answer(wording: Wording, row: AnswerRow) -> dict[str, Any]:
    return {
        "conversation": wording.title(row.script),
        "step": row.step,
        "question": wording.question(row.script, row.step, row.visit_id),
        "answer": wording.chosen(row),
        "text": row.text or (wording.line(texts.STRUCK) if row.struck_at else ""),
        "kind": row.kind,
        "version": row.version,
        "at": row.at.isoformat(timespec="seconds"),
        "time": wording.time(row.at),
    }


def _until(programme: Programme, name: str) -> Any:
    kind = retention.OF_KIND[name]
    return lambda at: retention.gone_by(kind, retention.time_of(kind, programme), at)


async def _agreements(
    unit: Unit, programme: Programme, person: Person, wording: Wording
) -> list[dict[str, Any]]:
    kind = retention.OF_KIND["agreements"]
    time = retention.time_of(kind, programme)
    if person.left_at:
        kept = wording.line(
            texts.KEPT_UNTIL, {"date": date_of(person, retention.gone_by(kind, time, person.left_at))}
        )
    else:
        kept = wording.line(texts.KEPT_AFTER, {"months": months(person, time)})
    found = []
    for one in await unit.agreements.of_person(person.id):
        about = {"version": str(one.script_version), "time": wording.time(one.at)}
        points = [
            {
                "step": step,
                "point": wording.step_text("welcome", step, one.script_version),
                "answer": wording.labels("welcome", step, answer.split(), one.script_version),
            }
            for step, answer in one.points.items()
        ]
        found.append(
            {
                "version": one.script_version,
                "language": one.language,
                "at": one.at.isoformat(timespec="seconds"),
                "heading": wording.line(texts.VERSION, about),
                "kept": kept,
                "points": points,
            }
        )
    return found


async def _sessions(unit: Unit, desk: Desk, person: Person, wording: Wording) -> list[dict[str, Any]]:
    start = person.created_at or desk.now() - _EVER
    end = person.left_at or desk.now() + _EVER
    found = []
    for session in await unit.sessions.of_programme(person.programme_id, start, end):
        if session.person_id != person.id and (session.person_id or session.group_id != person.group_id):
            continue
        length = lasting(person.language, session.minutes, "minute")
        line = texts.LENGTH_CANCELLED if session.state == "cancelled" else texts.LENGTH
        found.append(
            {
                "starts_at": session.starts_at.isoformat(timespec="minutes"),
                "minutes": session.minutes,
                "state": session.state,
                "time": wording.line(line, {"time": wording.time(session.starts_at), "length": length}),
            }
        )
    return found


def _listed(person: Person, items: Iterable[str]) -> str:
    return listed(person.language, items)
