"""What is shown with a case beside its heading: its session, its hold, the other roles, and what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.ports.records import AuditEntry, Case, CaseRole, Person, Readiness, Session
from bot.ports.stores import Unit, Unreadable
from bot.usecases.hold import is_held
from flows.values import Role

log = structlog.get_logger(__name__)

LIFTING = frozenset({Role.FACILITATOR, Role.DUTY, Role.MANAGER})
APART = frozenset({Role.PARTNER_SUPPORT})
"""Neither shown to the other roles nor shown them (S-22)."""
NEW_TO = "new_to"
"""In the audit entry of an extended case: the roles that had been asked before, for whom it is news."""
_ACTED = frozenset({"case.take", "case.see", "case.resolve", "case.details", "hold.lifted"})


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown with a case. An alert goes without its session and its hold if they cannot be read.

    `lift`: whether a hold waits for one of the reader's roles; `sent`: the template a person answered it
    with last; `news`: when something came that the reader has not acted on, oldest first.
    """

    session: Session | None = None
    lift: bool = False
    sent: str = ""
    parts: tuple[CaseRole, ...] = ()
    news: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is the same for all who read the case: its parts, and its entries in the audit log."""

    parts: tuple[CaseRole, ...]
    entries: tuple[AuditEntry, ...]


async def record_of(unit: Unit, case: Case) -> Record:
    """As it stands; read once for all readers."""
    return Record(tuple(await unit.cases.roles(case.id)), tuple(await unit.audit.of_subject(case.id)))


SESSION_SCRIPT = "session"
"""Stands for a script where a concern is about people of a session; the person's id is then the choice."""


def of_session(case: Case) -> bool:
    """Whether the case is about a session's people rather than one person."""
    return bool(case.raised) and all(raised.script == SESSION_SCRIPT for raised in case.raised)


async def can_lift(unit: Unit, case: Case, mine: Sequence[CaseRole]) -> bool:
    """Whether there is a hold that nobody has lifted, and the roles are those that decide it (S-08)."""
    return is_held(await _readiness(unit, case, mine))


async def _readiness(unit: Unit, case: Case, mine: Sequence[CaseRole]) -> Readiness | None:
    """What the self-test came to, for roles that decide a hold, in the case that says why it holds (S-08)."""
    if case.session_id is None or of_session(case) or not any(part.role in LIFTING for part in mine):
        return None
    found = await unit.readiness.get(case.session_id, case.person_id)
    if found is None or not is_held(found) or _says_why(case, found):
        return found
    # Where no open case says why, as when it was closed, any other of theirs will do: a hold never stays for want of one.
    others = await unit.cases.open_in(case.programme_id)
    same = (one for one in others if (one.person_id, one.session_id) == (case.person_id, case.session_id))
    return None if any(_says_why(one, found) for one in same) else found


def _says_why(case: Case, readiness: Readiness) -> bool:
    steps = {held.partition(":")[0] for held in readiness.holds}
    return any(raised.step in steps for raised in case.raised)


def _news(record: Record, reader: Person, mine: Sequence[CaseRole]) -> tuple[datetime, ...]:
    """When something came to the reader's roles since the reader last did anything about the case (S-33)."""
    roles = {part.role.value for part in mine if part.state == "asking"}
    found: list[datetime] = []
    for entry in record.entries if roles else ():
        if entry.actor == reader.id and entry.action in _ACTED:
            found = []
        elif roles & set(entry.detail.get(NEW_TO, "")):
            found.append(entry.at)
    return tuple(found)


async def beside(unit: Unit, case: Case, reader: Person, mine: Sequence[CaseRole], record: Record) -> Beside:
    """All that can be read of it, for a reader whose parts are `mine`."""
    parts, news = record.parts, _news(record, reader, mine)
    try:
        readiness = await _readiness(unit, case, mine)
        session = await unit.sessions.get(case.session_id) if case.session_id else None
    except Unreadable as fault:
        log.warning("case_beside.unreadable", case=case.ref, error=str(fault))
        return Beside(parts=parts, news=news)
    sent = (readiness.lifted or "") if readiness else ""
    return Beside(session, is_held(readiness), sent, parts, news)
