"""The audit log looked over, and read by a person (R-16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.ports.audit import AuditHead, AuditVerdict
from bot.ports.records import AuditEntry
from bot.ports.services import Clock, Ids
from bot.ports.stores import Storage, Unit, Unreadable
from bot.usecases.invite import OPERATOR

PAGE = 5000
DIGITS = 8
Known = Literal["there", "gone", "other"]
"""What became of a place noted earlier: still in the chain, left by retention, or not what it was."""

# What each deed is called in the table; one that is not here is shown as it is kept.
_WORDS = {
    "account.moved": "moved to another account",
    "audit.shown": "read the audit log",
    "case.climbed": "asked the next people about",
    "case.details": "saw the details of",
    "case.details.refused": "was refused the details of",
    "case.opened": "raised",
    "case.extended": "raised more in",
    "enrolled": "enrolled",
    "invitation.reused": "tried a used invitation",
    "keys.rotated": "sealed everything anew",
    "person.erased": "erased",
    "person.exported": "made a copy of the data of",
    "roster.opened": "saw the roster of",
    "text.struck": "struck out text in",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; `subject` is an id, its last digits, or a case as K-101, `action` a deed or how it begins."""

    since: datetime
    subject: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the table."""

    at: datetime
    who: str
    what: str
    of: str
    why: str


async def verify(
    storage: Storage, noted: AuditHead, told: Callable[[int], None]
) -> tuple[AuditVerdict, Known]:
    """Look over the chain in short transactions, and for the place noted earlier. Raises StorageFault."""
    head, checked = None, 0
    known: Known = "there" if noted.seq == 0 else "other"
    while True:
        limit = 1 if head is None else PAGE
        if head is not None and head.seq < noted.seq:
            limit = min(PAGE, noted.seq - head.seq)  # so that a page ends where it is
        async with storage.unit() as unit:
            verdict = await unit.audit.verify(head, limit)
        if head is None and 0 < noted.seq <= verdict.head.seq - verdict.checked:
            known = "gone"
        head, checked = verdict.head, checked + verdict.checked
        told(checked)
        if head == noted:
            known = "there"
        if verdict.whole or verdict.faults:
            return AuditVerdict(checked, head, verdict.faults), known


async def show(unit: Unit, wanted: Wanted, clock: Clock, ids: Ids) -> list[Shown]:
    """The entries, oldest first; that they were read is an entry too. The caller commits."""
    now = clock.now()
    entries = await unit.audit.between(wanted.since, now + timedelta(days=3650))
    of = _Names(unit)
    shown = []
    for entry in entries:
        if wanted.action and not f"{entry.action}.".startswith(f"{wanted.action}."):
            continue
        subject = await of.name(entry.subject)
        if wanted.subject and wanted.subject != subject and not entry.subject.endswith(wanted.subject):
            continue
        what = _WORDS.get(entry.action, entry.action)
        shown.append(Shown(entry.at, await of.name(entry.actor), what, subject, await _why(of, entry)))
    since = {"since": f"{wanted.since.astimezone(UTC):%Y-%m-%d}"} if wanted.since.year > 1 else {}
    detail = since | {"count": str(len(shown))}
    await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "audit.shown", "audit", detail))
    return shown


async def _why(of: _Names, entry: AuditEntry) -> str:
    said = []
    for key, value in sorted(entry.detail.items()):
        names = [await of.name(part) for part in value.split(",") if part]
        if names:
            said.append(f"{key.replace('_', ' ')}: {', '.join(names)}")
    return "; ".join(said)


class _Names:
    """What an id stands for, without saying who it is: the kind and the last digits, of a case its reference."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._known: dict[str, str] = {}

    async def name(self, thing: str) -> str:
        """A word or number is left as it is."""
        if len(thing) != 32:
            return thing
        if thing not in self._known:
            self._known[thing] = await self._found(thing)
        return self._known[thing]

    async def _found(self, thing: str) -> str:
        unit = self._unit
        if case := await unit.cases.get(thing):
            return case.ref
        if await unit.sessions.get(thing):
            kind = "session"
        elif programme := await unit.programmes.get(thing):
            return f"programme {programme.key}"
        else:
            kind = await self._person(thing)
        return f"{kind} {thing[-DIGITS:]}"

    async def _person(self, thing: str) -> str:
        try:
            person = await self._unit.people.get(thing)
        except Unreadable:
            return "person"
        return person.kind if person else "id"
