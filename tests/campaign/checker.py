"""What must hold after every step, whatever broke; R-ids in each message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.ports.inbound import Press
from bot.ports.plan import Fate
from bot.ports.records import Lane, OutboxRow, Person
from bot.ports.stores import Unit
from bot.storage.outbox import OVERTAKEN
from bot.usecases import audit_cases
from bot.usecases.carry_out import stands
from bot.usecases.render import read_tail
from bot.usecases.resume import front
from flows.effects import KeepAnswer, RaiseConcern
from flows.engine import advance
from flows.inputs import Answered
from tests.campaign.telegram import BOT
from tests.campaign.town import Life, Town

ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
KEPT = timedelta(hours=47)
"""Update ids are kept for 48 hours."""


class Broken(AssertionError):
    """A rule does not hold."""


@dataclass
class Owed:
    """What the pure core makes of a press: answers to keep and concerns to raise."""

    person: str
    visit: str
    answers: list[tuple[str, int, tuple[str, ...]]]
    concerns: list[tuple[str, str]]


@dataclass
class Checker:
    """Looks over a town between steps. `copies`: how many extra ones crashes may have left, by chat and text."""

    town: Town
    copies: Counter[tuple[int, str]] = field(default_factory=Counter)
    waiting: dict[int, Owed] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)
    checks: int = 0
    chats: dict[str, int] = field(default_factory=dict)

    def killed(self) -> None:
        """A crash: each message in flight may come once more (R-10)."""
        self.copies.update(set(self.town.telegram.in_flight))
        self.town.telegram.in_flight.clear()

    async def expect(self, life: Life) -> None:
        """Before a batch is taken: what each person's first press in it has to come to."""
        first: set[int] = set()
        async with life.plain.unit() as unit:
            known = await unit.seen.known(BOT, [update.update_id for update in self.town.queue])
            for update in self.town.queue:
                fresh = update.telegram_chat not in first and update.update_id not in known
                first.add(update.telegram_chat)
                if update.update_id not in known:
                    self.waiting.pop(update.update_id, None)
                member = self.town.members[update.telegram_chat]
                if not fresh or member.role is not None or not isinstance(update.what, Press):
                    continue
                person = await unit.people.get(member.id)
                owed = await _owed(unit, life, person, update.what) if person else None
                if owed is not None:
                    self.waiting[update.update_id] = owed

    async def look(self, life: Life, *, looked: bool = False, planned: bool = False) -> None:
        """Everything that holds at any time; `looked`, `planned`: also what holds after a clean look of either."""
        self.checks += 1
        async with life.plain.unit() as unit:
            await self._updates(unit)
            await self._answers(unit)
            await self._cases(unit, looked=looked)
            await self._reminders(unit, planned=planned)
            await self._chats(unit)
        self._copies()

    async def _chats(self, unit: Unit) -> None:
        if not self.chats:
            for number, member in self.town.members.items():
                chat = await unit.chats.of_person(member.id)
                if chat is not None:
                    self.chats[chat.id] = number

    async def _updates(self, unit: Unit) -> None:
        """R-01, R-03: an update is at Telegram or kept, and never kept twice."""
        kept = Counter(args[1] for args in self.town.noted.of("seen.add"))
        faults = [args for args in self.town.noted.of("seen.add") if len(args) > 3 and args[3]]
        _hold(not faults, f"S-23: an update could not be handled: {faults}")
        _hold(not kept or max(kept.values()) == 1, "R-03: an update was handled twice")
        for update in self.town.confirmed:
            _hold(update.update_id in kept, f"R-01: update {update.update_id} was confirmed and not kept")
        young = [u.update_id for u in self.town.confirmed if self.town.clock.now() - u.at < KEPT]
        lost = set(young) - await unit.seen.known(BOT, young)
        _hold(not lost, f"R-01: updates {lost} are not on the disk")
        for update_id in [number for number in self.waiting if number in kept]:
            self.owed.append(self.waiting.pop(update_id))

    async def _answers(self, unit: Unit) -> None:
        """R-01, R-02: what was committed is there, no more and no less, and it is what the core made of it."""
        noted = Counter(
            (args[0].visit_id, args[0].step, args[0].version) for args in self.town.noted.of("answers.add")
        )
        there: Counter[tuple[str, str, int]] = Counter()
        found: set[tuple[str, str, int, tuple[str, ...]]] = set()
        for member in self.town.participants:
            for row in await unit.answers.of_person(member.id):
                there[row.visit_id, row.step, row.version] += 1
                found.add((row.visit_id, row.step, row.version, row.choices))
        _hold(noted == there, f"R-02: answers noted and kept differ: {noted - there} {there - noted}")
        raised = {
            (case.person_id, one.concern, one.step)
            for case in [args[0] for name in ("cases.add", "cases.save") for args in self.town.noted.of(name)]
            for one in case.raised
        }
        for case in await unit.cases.open_in(self.town.programme):
            raised |= {(case.person_id, one.concern, one.step) for one in case.raised}
        for owed in self.owed:
            for step, version, choices in owed.answers:
                _hold((owed.visit, step, version, choices) in found, f"R-01: the answer to {step} is lost")
        self._raised = raised

    async def _cases(self, unit: Unit, *, looked: bool) -> None:
        """R-04: each role of an open case is asked, with a next target and time; nothing is overdue after a look."""
        now, parts = self.town.clock.now(), await unit.cases.open_parts()
        roles: dict[str, set[str]] = {}
        for one in parts:
            finding = audit_cases.of_part(one, now)
            wrong = finding is not None and finding.kind != audit_cases.OVERDUE
            _hold(not wrong, f"R-04: {finding}")
            if one.part is not None:
                roles.setdefault(one.case_id, set()).add(one.part.role)
                late = one.part.state != "done" and one.part.next_due_at and one.part.next_due_at <= now
                _hold(not (looked and late), f"R-05: K-{one.number} {one.part.role} is due and was not asked")
        for case in await unit.cases.open_in(self.town.programme):
            wanted = {role for raised in case.raised for role in raised.route}
            _hold(wanted <= roles.get(case.id, set()), f"R-04: {case.ref} lacks a role of its route")
        steps = {(person, concern) for person, concern, _ in self._raised}
        for owed in self.owed:
            for concern, step in owed.concerns:
                _hold((owed.person, concern) in steps, f"R-02: {concern} at {step} has no case")

    async def _reminders(self, unit: Unit, *, planned: bool) -> None:
        """R-18: each row has a fate with a time and a reason; each that was sent has its line, each line its row.

        A line that was put out and did not arrive has said so in its row.
        """
        now, sent, overtaken = self.town.clock.now(), set[str](), set[str]()
        for row in await unit.reminders.between(self.town.programme, *ALWAYS):
            _hold(
                not (planned and row.fate is Fate.DUE and row.due_at <= now), f"R-18: {row.key} was left out"
            )
            _hold(row.fate is Fate.DUE or row.done_at is not None, f"R-18: {row.key} has no time")
            _hold(row.fate in (Fate.DUE, Fate.SENT) or bool(row.reason), f"R-18: {row.key} has no reason")
            if row.person_id is not None and row.fate in (Fate.SENT, Fate.LATE):
                sent.add(row.id)
            elif row.reason == OVERTAKEN:
                overtaken.add(row.id)
        lines = Counter(row.ref for row in self._rows() if row.slot.startswith("reminder"))
        corrected = {args[0] for args in self.town.noted.of("reminders.correct")}
        _hold(not lines or max(lines.values()) == 1, "R-18: a reminder has two lines")
        _hold(sent <= set(lines) - corrected, f"R-18: {len(sent)} marked sent, {len(lines)} lines put out")
        _hold(
            set(lines) - sent <= corrected | overtaken, "R-18: a reminder has a line and is not marked sent"
        )

    def _rows(self) -> list[OutboxRow]:
        return [args[0] for args in self.town.noted.of("outbox.add")]

    def _copies(self) -> None:
        """R-10: one message for a row, one more for an unanswered call, and one more at most for a crash."""
        wanted = Counter((self.chats[row.chat_id], row.text) for row in self._rows() if row.op == "say")
        for key, count in self.town.telegram.accepted.items():
            allowed = wanted[key] + self.town.telegram.unanswered[key] + self.copies[key]
            _hold(count <= allowed, f"R-10: {count} copies instead of {allowed} of: {key[1][:80]}")

    async def at_the_end(self, life: Life) -> None:
        """With everything mended: no update waits, no alert is missing."""
        _hold(not self.town.queue, "R-01: updates are still waiting")
        latest = {(self.chats[row.chat_id], row.slot): row for row in self._rows() if row.op == "say"}
        async with life.plain.unit() as unit:
            tally = await unit.outbox.tally()
        _hold(tally.get(("waiting", "alert"), 0) == 0, "R-10: alerts are still waiting")
        refused = self.town.telegram.refused | self.town.telegram.blocked
        for row in self._rows():
            chat = self.chats[row.chat_id]
            if row.lane is not Lane.ALERT or row.op != "say" or row.way != "telegram" or chat in refused:
                continue
            newest = latest[chat, row.slot]
            seen = self.town.telegram.accepted[chat, row.text] or self.town.telegram.edited[chat, row.text]
            later = (
                self.town.telegram.accepted[chat, newest.text] or self.town.telegram.edited[chat, newest.text]
            )
            _hold(bool(seen or later), f"R-10: an alert never reached chat {chat}: {row.text[:80]}")


async def _owed(unit: Unit, life: Life, person: Person, press: Press) -> Owed | None:
    tail, asking = read_tail(press.tail)
    row = await front(unit, person)
    if row is None or row.status != "open" or not tail or not row.id.endswith(tail):
        return None
    playable, visit = stands(life.desk, row)
    made = advance(playable, visit, Answered(press.step, press.choice, asking), life.town.clock.now())
    answers = [(e.step, e.version, e.choices) for e in made.effects if isinstance(e, KeepAnswer)]
    catalogue = life.desk.library.catalogue
    concerns = [
        (e.concern, e.step)
        for e in made.effects
        if isinstance(e, RaiseConcern) and not catalogue[e.concern].once
    ]
    return Owed(person.id, row.id, answers, concerns)


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise Broken(otherwise)
