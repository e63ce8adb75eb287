"""The audit log looked over, and read by a person (R-16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.ports.audit import ACTORS, SUBJECTS, AuditHead, AuditVerdict
from bot.ports.records import AuditEntry, Person
from bot.ports.services import Clock, Ids
from bot.ports.stores import Storage, Unit, Unreadable
from bot.usecases.audit_words import WORDS
from bot.usecases.invite import OPERATOR

PAGE = 5000
DIGITS = 8
_ID = 32
_EVER = datetime.min.replace(tzinfo=UTC)
Known = Literal["there", "gone", "other"]
"""What became of a place noted earlier: still in the chain, left by retention, or not what it was."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; `subject` is an id, its last digits, a case as K-101, or an alias; so is `actor`, or a word of
    ours as operator; `action` is a deed or how it begins."""

    since: datetime
    subject: str | None = None
    action: str | None = None
    actor: str | None = None


class NotInLog(Exception):
    """A name that was asked for stands nowhere in the log, whenever; the message has the name."""


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
    """The entries, oldest first; that they were read, and about whom by name, is an entry too. The caller commits.

    Raises NotInLog for a name that is nobody's and stands nowhere in the log; that was recorded too.
    """
    now = clock.now()
    entries = await unit.audit.between(_EVER, now + timedelta(days=3650))
    of = _Names(unit)
    known = {name: await _ids_of(unit, name) for name in (wanted.subject, wanted.actor) if name}
    subject, actor = (
        _Filter(name, known.get(name or "", frozenset())) for name in (wanted.subject, wanted.actor)
    )
    shown, met = (
        [],
        {"subject": bool(subject.ids), "actor": bool(actor.ids), "action": wanted.action in WORDS},
    )
    for entry in entries:
        about, by = await of.name(entry.subject), await of.name(entry.actor)
        fits = {
            "subject": subject.fits(entry.subject, about),
            "actor": actor.fits(entry.actor, by),
            "action": not wanted.action or f"{entry.action}.".startswith(f"{wanted.action}."),
        }
        met = {name: met[name] or fits[name] for name in met}
        if entry.at >= wanted.since and all(fits.values()):
            why = await _why(of, entry)
            shown.append(Shown(entry.at, by, WORDS.get(entry.action, entry.action), about, why))
    since = {"since": f"{wanted.since.astimezone(UTC):%Y-%m-%d}"} if wanted.since > _EVER else {}
    people = ",".join(sorted(set().union(*known.values())))
    detail = since | {"count": str(len(shown))} | ({"people": people} if people else {})
    await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "audit.shown", "audit", detail))
    for name, asked in (("subject", wanted.subject), ("actor", wanted.actor), ("action", wanted.action)):
        if asked and not met[name]:
            raise NotInLog(f"nothing by that name is in the log: {asked}")
    return shown


@dataclass(frozen=True, slots=True)
class _Filter:
    """What was asked for, as it was written, and the ids of those who have it as alias."""

    asked: str | None
    ids: frozenset[str]

    def fits(self, thing: str, shown: str) -> bool:
        if not self.asked:
            return True
        if len(thing) != _ID:
            return self.asked == thing
        return thing in self.ids or self.asked == shown or (not self.ids and thing.endswith(self.asked))


async def _ids_of(unit: Unit, alias: str) -> frozenset[str]:
    """Everybody who has or had this alias, in any programme."""
    if alias in (*ACTORS, *SUBJECTS):
        return frozenset()
    found: list[Person] = []
    for programme in await unit.programmes.all():
        found += await unit.everything.by_alias(programme.id, alias)
    return frozenset(person.id for person in found)


async def who(unit: Unit, asked: str, clock: Clock, ids: Ids) -> list[str]:
    """Alias and role of whoever an id of the log stands for, a line each; recorded. The caller commits.

    `asked`: an id or its last digits, `DIGITS` at least. Raises NotInLog, and that was recorded too.
    """
    now = clock.now()
    things: set[str] = set()
    for entry in await unit.audit.between(_EVER, now + timedelta(days=3650)):
        parts = (entry.actor, entry.subject, *(one for v in entry.detail.values() for one in v.split(",")))
        things |= {one for one in parts if len(one) == _ID and one.endswith(asked)}
    if len(asked) < DIGITS or not things:
        await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "audit.who", "unknown"))
        raise NotInLog(
            f"nothing by that name is in the log: {asked} (an id, or its last {DIGITS} digits at least)"
        )
    lines = []
    for thing in sorted(things):
        lines.append(f"{thing}  {await _said(unit, thing)}")
        await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "audit.who", thing))
    return lines


async def _said(unit: Unit, thing: str) -> str:
    try:
        person = await unit.people.get(thing)
    except Unreadable:
        return "a person; the row does not open with these keys"
    if person is None:
        return await _Names(unit).name(thing)
    if not person.alias:
        return f"{person.kind}, erased"
    roles = ", ".join(role.value for role in person.roles) or person.kind
    return f"{person.alias}  {roles}{'  has left' if person.state == 'left' else ''}"


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
        if len(thing) != _ID:
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
