"""One unit of work: all stores over one transaction, whatever database it is on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.ports import stores
from bot.ports.audit import Audit, Requests
from bot.ports.everything import Everything, Restored
from bot.ports.expiry import Expiry
from bot.ports.messages import Ledger, Outbox
from bot.ports.plan import Allowances, Pulses, Reminders, Shifts
from bot.ports.replicas import Leases
from bot.ports.sealed import Sealed
from bot.ports.services import Ids
from bot.storage.audit import AuditStore
from bot.storage.cases import CaseStore
from bot.storage.chats import ChatStore
from bot.storage.everything import EverythingStore
from bot.storage.expiry import ExpiryStore
from bot.storage.leases import LeaseStore
from bot.storage.outbox import OutboxStore
from bot.storage.people import InvitationStore, PersonStore
from bot.storage.plan import AllowanceStore, PulseStore, ReminderStore, ShiftStore
from bot.storage.programmes import ProgrammeStore, SessionStore
from bot.storage.requests import RequestStore
from bot.storage.restored import RestoredRows
from bot.storage.sealed_values import SealedValues
from bot.storage.sealing import Keyring
from bot.storage.traces import LedgerStore, SeenStore
from bot.storage.visits import AgreementStore, AnswerStore, ReadinessRows, VisitStore
from bot.storage.work import Work


class StoredUnit:
    """Implements bot.ports.stores.Unit. `committing`: makes the transaction durable."""

    def __init__(
        self, work: Work, keys: Keyring, ids: Ids, committing: Callable[[], Awaitable[None]]
    ) -> None:
        self._work = work
        self._committing = committing
        self._at_the_end: dict[str, tuple[stores.AtTheEnd, set[str]]] = {}
        visits = VisitStore(work, keys)
        self.seen: stores.Seen = SeenStore(work)
        self.programmes: stores.Programmes = ProgrammeStore(work)
        self.sessions: stores.Sessions = SessionStore(work, keys)
        self.visits: stores.Visits = visits
        people = PersonStore(work, keys, visits)
        self.people: stores.People = people
        self.invitations: stores.Invitations = InvitationStore(work, keys)
        self.chats: stores.Chats = ChatStore(work, keys)
        self.answers: stores.Answers = AnswerStore(work, keys)
        self.readiness: stores.ReadinessStore = ReadinessRows(work, keys)
        self.agreements: stores.Agreements = AgreementStore(work, keys)
        cases = CaseStore(work, keys)
        self.cases: stores.Cases = cases
        self.outbox: Outbox = OutboxStore(work, keys, ids)
        self.ledger: Ledger = LedgerStore(work)
        self.audit: Audit = AuditStore(work)
        self.requests: Requests = RequestStore(work)
        self.expiry: Expiry = ExpiryStore(work, keys, ids)
        self.sealed: Sealed = SealedValues(work, keys)
        self.reminders: Reminders = ReminderStore(work)
        self.shifts: Shifts = ShiftStore(work)
        self.allowances: Allowances = AllowanceStore(work)
        self.pulses: Pulses = PulseStore(work)
        self.restored: Restored = RestoredRows(work)
        self.leases: Leases = LeaseStore(work)
        self.everything: Everything = EverythingStore(work, keys, people, cases)

    def at_the_end(self, work: stores.AtTheEnd, *, of: str, about: str) -> None:
        """Do the work once, just before the commit, for all it is to be about."""
        self._at_the_end.setdefault(of, (work, set()))[1].add(about)

    async def commit(self) -> None:
        """Durable on disk when this returns. The unit is over then: what follows needs a new one."""
        while self._at_the_end:
            work, about = self._at_the_end.pop(next(iter(self._at_the_end)))
            await work(sorted(about))
        await self._work.flush()
        await self._committing()
        self.end()

    def end(self) -> None:
        """Refuse what still comes: the connection is the next unit's."""
        self._work.end()
