"""The auditor: looks over all open cases and unsent alerts for what should never be (R-04, R-17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.ports.records import OpenPart, OutboxRow
from bot.ports.stores import Unit, Unreadable
from bot.usecases.desk import Desk
from bot.usecases.other_way import mail_instead
from bot.usecases.staff_notice import tell_administrators
from flows.effects import Line

log = structlog.get_logger(__name__)

LATE = timedelta(seconds=60)
TELL_AGAIN = timedelta(hours=1)

NO_PART, NO_TARGET, OVERDUE, NO_LAPSE, UNSENT = KINDS = (
    "no_part", "no_target", "overdue", "no_lapse", "unsent_alert",
)  # fmt: skip
FOUND = {
    NO_PART: Line("staff", "{case} is open, but nobody is being asked about it. Please look at it now."),
    NO_TARGET: Line("staff", "Nobody is to be asked next about {case}. Please look at it now."),
    OVERDUE: Line(
        "staff", "Nobody was asked in time about {case}. Please look at it now, and at the software."
    ),
    NO_LAPSE: Line("staff", "{case} was taken on, but will not be asked about again. Please look at it."),
    UNSENT: Line(
        "staff", "An alert could not be sent for more than a minute. Please look at /case and phone."
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What should not be. `ref` names the case or the row; `programme_id` is empty where it cannot be told.

    `at`: what was due then; a part that has gone on since is another finding.
    """

    kind: str
    ref: str
    programme_id: str = ""
    at: datetime | None = None


def of_part(found: OpenPart, now: datetime) -> Finding | None:
    """What is wrong with a part of an open case. Pure."""
    part, ref = found.part, f"K-{found.number}"
    overdue = part is not None and part.next_due_at is not None and part.next_due_at < now - LATE
    if part is None:
        kind = NO_PART
    elif part.state == "asking" and (not part.next_target or part.next_due_at is None):
        kind = NO_TARGET
    elif part.state == "taken" and part.next_due_at is None:
        kind = NO_LAPSE
    elif part.state != "done" and overdue:
        kind = OVERDUE
    else:
        return None
    return Finding(kind, ref, found.programme_id, part.next_due_at if part else None)


async def look(unit: Unit, now: datetime) -> list[Finding]:
    """Everything that should not be, each once."""
    parts = await unit.cases.open_parts()
    found = [finding for part in parts if (finding := of_part(part, now)) is not None]
    for row in await unit.outbox.unsent_alerts(now - LATE):
        found.append(Finding(UNSENT, f"row {row.id}", await _programme_of(unit, row)))
    return list(dict.fromkeys(found))


async def _programme_of(unit: Unit, row: OutboxRow) -> str:
    try:
        chat = await unit.chats.get(row.chat_id)
        person = await unit.people.get(chat.person_id) if chat else None
    except Unreadable as fault:
        log.warning("audit.unreadable", error=str(fault))
        return ""
    return person.programme_id if person else ""


class Auditor:
    """Remembers in memory what it told whom, so that a finding is told once an hour."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: dict[tuple[str, str], datetime] = {}
        self._mailed: set[int] = set()

    async def report(self, unit: Unit, findings: Sequence[Finding]) -> None:
        """Log them, tell the administrators, and mail what does not get through by Telegram. The caller commits."""
        now = self._desk.now()
        self._told = {key: at for key, at in self._told.items() if now - at < TELL_AGAIN}
        for finding in findings:
            log.error("audit.finding", reason=finding.kind, case=finding.ref)
            # One line about unsent alerts is enough: a server that is down holds up many.
            key = (finding.kind, finding.programme_id if finding.kind == UNSENT else finding.ref)
            if key not in self._told:
                self._told[key] = now
                await self._tell(unit, finding)
        await self._mail(unit, now)

    async def _tell(self, unit: Unit, finding: Finding) -> None:
        ids = [finding.programme_id] if finding.programme_id else [p.id for p in await unit.programmes.all()]
        for programme_id in ids:
            line, params = FOUND[finding.kind], {"case": finding.ref}
            await tell_administrators(unit, self._desk, programme_id, line, params)

    async def _mail(self, unit: Unit, now: datetime) -> None:
        """Alerts that Telegram holds up go to those who have an address, each once."""
        rows = [row for row in await unit.outbox.unsent_alerts(now - LATE) if row.way == "telegram"]
        for row in rows:
            try:
                chat = await unit.chats.get(row.chat_id)
                person = await unit.people.get(chat.person_id) if chat else None
            except Unreadable as fault:
                log.warning("audit.unreadable", error=str(fault))
                continue
            fresh = row.id not in self._mailed
            if fresh and chat and person and person.email and person.reach == "telegram":
                self._mailed.add(row.id)
                await mail_instead(unit, self._desk, row, person, chat)
        self._mailed &= {row.id for row in rows}
