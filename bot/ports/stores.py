"""One store per table, and the unit of work that holds them. Implemented by bot.storage.

Every method works inside the unit's one transaction. Staged inserts may wait until the commit, but a
read in the same unit sees them. A guarded `save` raises `Stale` when the row's version moved on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

from bot.ports.audit import Audit, Requests
from bot.ports.everything import Everything, Restored
from bot.ports.expiry import Expiry
from bot.ports.messages import Ledger, Outbox
from bot.ports.plan import (
    Allowances,
    PlannedPeople,
    PlannedSessions,
    Pulses,
    Reminders,
    Shifts,
    Unfinished,
)
from bot.ports.records import (
    Agreement,
    AnswerRow,
    Case,
    CaseRole,
    Chat,
    Group,
    Invitation,
    OpenPart,
    Person,
    Programme,
    Readiness,
    Session,
    StaffRole,
    VisitRow,
)
from bot.ports.replicas import Leases
from bot.ports.sealed import Sealed


class StorageFault(Exception):
    """The database cannot do it now (busy, full, gone). Nothing was kept; the work is to be run again."""


class Stale(Exception):
    """A row was changed by somebody else since it was read."""


class Unreadable(Exception):
    """A sealed value of one row does not open. Names the row, never what is in it; other rows are none the worse."""


class Seen(Protocol):
    """Update ids already handled, per bot, so that a repeat is a no-op (R-03)."""

    async def known(self, bot_id: int, update_ids: Iterable[int]) -> set[int]: ...
    async def add(self, bot_id: int, update_id: int, at: datetime, fault: str = "") -> None: ...
    async def prune(self, before: datetime) -> int: ...


class Programmes(Protocol):
    """Programmes and their groups."""

    async def get(self, programme_id: str) -> Programme | None: ...
    async def by_key(self, key: str) -> Programme | None: ...
    async def all(self) -> list[Programme]: ...
    async def save(self, programme: Programme) -> None: ...
    async def group(self, group_id: str) -> Group | None: ...
    async def group_by_key(self, programme_id: str, key: str) -> Group | None: ...
    async def groups(self, programme_id: str) -> list[Group]: ...
    async def save_group(self, group: Group) -> None: ...


class Sessions(PlannedSessions, Protocol):
    """Planned sessions."""

    async def get(self, session_id: str) -> Session | None: ...
    async def prepare(self, session_ids: Iterable[str]) -> None:
        """Read them in one go, so that `get` need not ask. What cannot be read is left to `get`."""
        ...

    async def by_key(self, programme_id: str, key: str) -> Session | None: ...
    async def save(self, session: Session) -> None: ...
    async def next_for(self, person: Person, now: datetime) -> Session | None:
        """The earliest planned session of the person or their group that has not ended at `now`."""
        ...

    async def between(self, start: datetime, end: datetime) -> list[Session]: ...
    async def of_programme(self, programme_id: str, start: datetime, end: datetime) -> list[Session]:
        """All of them whose start lies in the span, cancelled ones too, by start. What cannot be read is left out."""
        ...

    async def unreadable(self, programme_id: str, start: datetime, end: datetime) -> list[str]:
        """Ids of the planned ones of that span that cannot be read."""
        ...


class People(PlannedPeople, Protocol):
    """Participants and staff."""

    async def hold(self, person_ids: Iterable[str]) -> set[str]:
        """Those of them who are participants: no unit beside this one that holds them goes on until this one ends."""
        ...

    async def get(self, person_id: str) -> Person | None: ...
    async def prepare(self, person_ids: Collection[str]) -> list[Person]:
        """Read them, and the visit in front of each, in one go, so that `get` need not ask; gives them.

        Whoever cannot be read is left to `get`.
        """
        ...

    async def add(self, person: Person) -> None: ...
    async def save(self, person: Person) -> None: ...
    async def add_role(self, person_id: str, role: StaffRole, group_id: str | None) -> None: ...
    async def end_roles(self, person_id: str) -> None: ...
    async def keep_roles(
        self, person_id: str, kept: Collection[tuple[StaffRole, str | None]]
    ) -> list[StaffRole]:
        """Take away every role, in a group or everywhere, that is not among `kept`; gives which."""
        ...

    async def in_role(self, programme_id: str, role: StaffRole, group_id: str | None = None) -> list[Person]:
        """Staff of that role: of that group only, or of the whole programme when `group_id` is None.

        Whoever has left is not among them. Whoever cannot be read is left out and logged, here and in `in_group`.
        """
        ...

    async def ids_in_role(self, role: StaffRole, group_ids: Iterable[str]) -> dict[str, set[str]]:
        """Group -> who has that role in it, left or not. Groups without anybody are missing."""
        ...

    async def staff_after(self, person_id: str, limit: int) -> list[str]:
        """Ids of so many who have any role, by id, from the one after that."""
        ...

    async def in_group(self, group_id: str) -> list[Person]:
        """The group's participants."""
        ...

    async def unreadable(self, group_id: str) -> list[str]:
        """Ids of the group's participants who cannot be read and have not left."""
        ...

    async def groups_of(self, person_id: str, role: StaffRole | None = None) -> list[str]:
        """Ids of the groups in which a staff member has a role."""
        ...


class Invitations(Protocol):
    """Single-use links; tokens are looked up by keyed hash."""

    async def add(self, invitation: Invitation, token: str) -> None: ...
    async def by_token(self, token: str) -> Invitation | None: ...
    async def save(self, invitation: Invitation) -> None: ...
    async def pending(self, programme_id: str) -> list[Invitation]: ...


class Chats(Protocol):
    """Which chat is whose."""

    async def by_telegram(self, bot_id: int, telegram_id: int) -> Chat | None: ...
    async def of_person(self, person_id: str) -> Chat | None: ...
    async def get(self, chat_id: str) -> Chat | None: ...
    async def prepare(self, chat_ids: Iterable[str]) -> None:
        """Read them in one go, so that `get` need not ask. What cannot be read is left to `get`."""
        ...

    async def add(self, chat: Chat) -> None: ...
    async def newest_bot(self) -> int | None:
        """The bot of the newest chat; None where there is no chat."""
        ...

    async def set_state(self, chat_id: str, state: str) -> None:
        """One that was left stays so."""
        ...

    async def members(self, bot_id: int, telegram_ids: Iterable[int]) -> dict[int, Chat | None]:
        """Those of the Telegram chats that are somebody's now, in one query for each hundred (S-44).

        None for a chat that does not open; `by_telegram` raises Unreadable for it.
        """
        ...

    async def slots_in_use(self, of: Iterable[tuple[str, str]]) -> set[str]:
        """Those slots of (person, slot) in which something stands in the person's chats, or waits to be said there.

        A slot counts, too, that is another's of them.
        """
        ...

    async def release(self, chat_id: str) -> None:
        """Its Telegram chat may become somebody else's."""
        ...


class Visits(Protocol):
    """Visits; at most one row per begun conversation."""

    async def get(self, visit_id: str) -> VisitRow | None: ...
    async def add(self, visit: VisitRow) -> None: ...
    async def save(self, visit: VisitRow) -> None:
        """Guarded: writes version + 1 where the stored version equals `visit.version`."""
        ...

    async def of_person(self, person_id: str) -> list[VisitRow]:
        """All of them, newest first."""
        ...

    async def due(self, now: datetime, limit: int = 100) -> list[str]:
        """Ids of visits not done whose `due_at` has come, the longest overdue first."""
        ...

    async def put_off(self, visit_id: str, due_at: datetime) -> None:
        """Look at it later, whatever its version: nothing else of it is touched."""
        ...

    async def unfinished_after(self, place: tuple[datetime, str], limit: int) -> list[Unfinished]:
        """So many that are not done, in order, from the one after that place."""
        ...

    async def open_versions(self) -> set[tuple[str, int]]:
        """(script, version) of every visit that is not done (S-34)."""
        ...


class Answers(Protocol):
    """Answers, never overwritten but for what is struck out."""

    async def add(self, answer: AnswerRow) -> None: ...
    async def strike(self, answer: AnswerRow) -> None:
        """Keep the answer without its text, with `struck_by` and `struck_at` (S-40)."""
        ...

    async def of_visit(self, visit_id: str) -> list[AnswerRow]: ...
    async def of_person(self, person_id: str) -> list[AnswerRow]: ...
    async def readable_of(self, person_id: str) -> tuple[list[AnswerRow], int]:
        """The same but for those that do not open, and how many these are."""
        ...


class ReadinessStore(Protocol):
    """One row for a person and a session."""

    async def get(self, session_id: str, person_id: str) -> Readiness | None: ...
    async def put(self, readiness: Readiness) -> None: ...
    async def of_session(self, session_id: str) -> list[Readiness]: ...


class Agreements(Protocol):
    """Agreements as agreed to."""

    async def add(self, agreement: Agreement) -> None: ...
    async def of_person(self, person_id: str) -> list[Agreement]: ...


class Cases(Protocol):
    """Cases and the parts their roles have in them. What a case is about may not open: see `Case.readable`."""

    async def next_number(self) -> int:
        """Unique over the whole database, never used again; begins at 101."""
        ...

    async def add(self, case: Case, roles: Sequence[CaseRole]) -> None: ...
    async def get(self, case_id: str) -> Case | None: ...
    async def by_number(self, number: int) -> Case | None: ...
    async def open_for(self, person_id: str) -> list[Case]: ...
    async def open_in(self, programme_id: str) -> list[Case]: ...
    async def save(self, case: Case) -> None:
        """Guarded by version, as Visits.save. What could not be read stays as it is."""
        ...

    async def roles(self, case_id: str) -> list[CaseRole]: ...
    async def add_role(self, role: CaseRole) -> None: ...
    async def save_role(self, role: CaseRole) -> None:
        """Guarded by version, as Visits.save."""
        ...

    async def open_parts(self) -> list[OpenPart]:
        """Every part of every open case, by number, and an open case without any: for the auditor (R-17)."""
        ...

    async def due(self, now: datetime, limit: int = 100) -> list[CaseRole]:
        """Parts asking, or taken, whose next due time has come, oldest first."""
        ...


AtTheEnd = Callable[[Sequence[str]], Awaitable[None]]


BOOK: Final = "book"
"""What units beside each other do one after the other: number cases and change them, and chain the audit log."""


class Unit(Protocol):
    """One transaction. Rolled back unless `commit` was called."""

    seen: Seen
    programmes: Programmes
    sessions: Sessions
    people: People
    invitations: Invitations
    chats: Chats
    visits: Visits
    answers: Answers
    readiness: ReadinessStore
    agreements: Agreements
    cases: Cases
    outbox: Outbox
    ledger: Ledger
    audit: Audit
    requests: Requests
    expiry: Expiry
    sealed: Sealed
    reminders: Reminders
    shifts: Shifts
    allowances: Allowances
    pulses: Pulses
    everything: Everything
    restored: Restored
    leases: Leases

    beside: bool
    """Whether other units may be under way at the same time; see Storage.unit."""

    async def alone(self, what: str) -> None:
        """Until this unit ends, no other beside it gets past its own call for the same."""
        ...

    def at_the_end(self, work: AtTheEnd, *, of: str, about: str) -> None:
        """When it is committed, before that, do the work once for all it is to be about, whoever asked `of` that kind.

        What it is about comes sorted, so that units beside each other take it in the same order.
        """
        ...

    async def commit(self) -> None:
        """Durable on disk when this returns."""
        ...


class Storage(Protocol):
    """Opens units of work. On SQLite one at a time, whatever they ask for."""

    def unit(self, *, beside: bool = False) -> AbstractAsyncContextManager[Unit]:
        """A new transaction, alone in the whole database. Raises StorageFault.

        `beside`: others of its kind may run meanwhile, in other processes too (PostgreSQL). Whoever asks for that
        holds the people it is about (`people.hold`) before it reads what it decides by.
        """
        ...

    async def empty_journal(self) -> None:
        """Bring the journal into the file and empty it, so that what was deleted is overwritten there too (S-42)."""
        ...

    async def close(self) -> None: ...
