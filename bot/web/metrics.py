"""What Prometheus may read: counts and ages. Labels come from the fixed lists here and nowhere else (S-20)."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from bot.clock import SystemClock
from bot.ports.plan import Fate
from bot.ports.records import Lane
from bot.ports.services import Clock
from bot.ports.stores import Unit
from bot.usecases.audit_cases import KINDS, Finding
from bot.usecases.rounds import NAMES, Rounds
from flows.values import Urgency

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LABELS: Final[dict[str, tuple[str, ...]]] = {
    "state": ("waiting", "failed", "withheld"),
    "lane": tuple(lane.value for lane in Lane),
    "urgency": tuple(urgency.value for urgency in Urgency),
    "part": ("asking", "taken", "done"),
    "fate": (Fate.DUE.value, Fate.FAILED.value),
    "result": ("handled", "faulty"),
    "cycle": NAMES,
    "finding": KINDS,
    "ping": ("answered", "failed"),
}
"""Every label there is, with every value it can have."""


class Metrics:
    """A registry of its own, so that nothing of the process gets in unasked."""

    def __init__(self, rounds: Rounds, clock: Clock | None = None) -> None:
        self._rounds = rounds
        self._clock = clock or SystemClock()
        self._registry = CollectorRegistry()
        self._outbox = self._gauge("outbox_rows", "Messages not sent, by state and lane.", "state", "lane")
        self._cases = self._gauge("open_case_parts", "Parts of open cases.", "urgency", "part")
        self._reminders = self._gauge("reminders", "Reminders that are due or failed.", "fate")
        self._ambiguous = self._gauge("ambiguous_sends", "Messages that may have left a copy behind.")
        self._undeletable = self._gauge("undeletable_messages", "Messages that could not be deleted.")
        self._ages = self._gauge(
            "cycle_age_seconds", "Seconds since a loop last completed its work.", "cycle"
        )
        self._leads = self._gauge("leads", "Whether this process runs the cycles and the senders.")
        self._findings = self._gauge("audit_findings", "What the auditor found at its last look.", "finding")
        self._updates = self._counter("updates", "Updates taken in since the start.", "result")
        self._pings = self._counter("pings", "Calls to the outside monitor since the start.", "ping")

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        gauge = Gauge(f"vestibule_{name}", about, labels, registry=self._registry)
        for values in product(*(LABELS[label] for label in labels)) if labels else ():
            gauge.labels(*values).set(0)
        return gauge

    def _counter(self, name: str, about: str, label: str) -> Counter:
        counter = Counter(f"vestibule_{name}", about, (label,), registry=self._registry)
        for value in LABELS[label]:
            counter.labels(value)
        return counter

    def updates(self, handled: int, faulty: int) -> None:
        """So many more were taken in."""
        self._updates.labels("handled").inc(handled)
        self._updates.labels("faulty").inc(faulty)

    def found(self, findings: Iterable[Finding]) -> None:
        """The auditor's last look."""
        tally = Tally(finding.kind for finding in findings)
        for kind in KINDS:
            self._findings.labels(kind).set(tally[kind])

    def pinged(self, *, answered: bool) -> None:
        """The outside monitor was called."""
        self._pings.labels("answered" if answered else "failed").inc()

    async def read(self, unit: Unit) -> bytes:
        """Everything as it is now, in Prometheus' text form. Raises StorageFault.

        Each figure is counted by an index of what waits or went wrong: what is over is never looked at.
        """
        tally = await unit.outbox.tally()
        for state, lane in product(LABELS["state"], LABELS["lane"]):
            self._outbox.labels(state, lane).set(tally.get((state, lane), 0))
        parts = Tally(
            (open_part.urgency.value, str(open_part.part.state))
            for open_part in await unit.cases.open_parts()
            if open_part.part is not None
        )
        for urgency, state in product(LABELS["urgency"], LABELS["part"]):
            self._cases.labels(urgency, state).set(parts[urgency, state])
        for fate, rows in (await unit.reminders.tally(self._clock.now())).items():
            self._reminders.labels(fate.value).set(rows)
        self._ambiguous.set(await unit.outbox.ambiguous())
        self._undeletable.set(await unit.ledger.undeletable())
        for cycle in NAMES:
            self._ages.labels(cycle).set(self._rounds.age(cycle) if cycle in self._rounds.expected else 0)
        self._leads.set(self._rounds.leads)
        return generate_latest(self._registry)
