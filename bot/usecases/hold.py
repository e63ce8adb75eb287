"""What a self-test leaves for its session, and how long a hold lasts: until a person lifts it (S-08)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.ports.records import Readiness, Session
from flows.effects import SetReadiness
from flows.values import Level

# The templates that let the person in. The others answer the hold, and leave it standing.
ENDS_IT = frozenset({"join", "waiting_room"})


def counts(readiness: Readiness | None, session: Session) -> bool:
    """Whether a result is one for this session as it stands now: not moved since, not cancelled (S-32).

    For being ready only. A hold holds whatever the version, until a person lifts it (`is_held`, S-08).
    """
    return (
        readiness is not None
        and readiness.session_id == session.id
        and session.state == "planned"
        and readiness.session_version == session.version
    )


def is_held(readiness: Readiness | None) -> bool:
    """A hold that no person has ended: not lifted, or answered with *not today* or *please call us*."""
    return readiness is not None and readiness.level is Level.HOLD and readiness.lifted not in ENDS_IT


def after_test(
    before: Readiness | None,
    effect: SetReadiness,
    session: Session,
    at: tuple[str, str, datetime],
    new_id: str,
) -> Readiness:
    """The row once a test has said `effect`; `at` is (person, visit, now).

    A test never lifts a hold. A hold that was lifted stays so for what staff knew then; another reason
    to hold, a closing, or a hold in another test is a new one, and staff decide again.
    """
    person_id, visit_id, now = at
    fixes = tuple({"context": f.context, "msgid": f.msgid} for f in effect.fixes)
    row = Readiness(
        new_id, session.id, person_id, visit_id, effect.level, effect.final, fixes, now,
        session_version=session.version, holds=effect.holds,
    )  # fmt: skip
    if before is None:
        return row
    row = replace(row, id=before.id)
    if is_held(before):
        holds = tuple(dict.fromkeys((*before.holds, *effect.holds)))
        row = replace(row, level=Level.HOLD, holds=holds)
        new = effect.level is Level.HOLD and not set(effect.holds) <= set(before.holds)
        return row if new else _lifted_as(row, before)
    known = before.visit_id == visit_id and set(effect.holds) <= set(before.holds)
    return row if effect.level is Level.HOLD and not known else _lifted_as(row, before)


def _lifted_as(row: Readiness, before: Readiness) -> Readiness:
    return replace(row, lifted=before.lifted, lifted_by=before.lifted_by, lifted_at=before.lifted_at)
