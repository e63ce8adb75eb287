"""One seeded run: people do things, time passes, calls fail, the process is killed; the checker looks after each step."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.ports.inbound import Text
from bot.ports.stores import StorageFault
from tests.campaign.base import Moment
from tests.campaign.checker import Broken, Checker
from tests.campaign.telegram import FAULTS
from tests.campaign.town import Life, Member, Town
from tests.campaign.wire import Fuse, Killed, busy, full

STEPS = 14
SECONDS = (0, 1, 5, 30, 60, 300, 900, 1800)


@dataclass
class Outcome:
    """What came of a run; `broken` is empty where everything held."""

    seed: int
    broken: str = ""
    kills: int = 0
    checks: int = 0
    answers: int = 0
    cases: int = 0
    alerts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)


class Run:
    """One run in one town."""

    def __init__(self, seed: int, town: Town) -> None:
        self.rng, self.town = random.Random(seed), town
        self.outcome = Outcome(seed)
        self.checker = Checker(town)
        self.calls_fail = self.rng.choice((0.0, 0.05, 0.2))
        self.dies = self.rng.choice((0.15, 0.4))
        town.telegram.fault = self._fault
        self.life: Life = town.life(Fuse())

    async def run(self) -> Outcome:
        """The steps, then everything mended, then the last look."""
        try:
            for _ in range(STEPS):
                self._do()
                self._light()
                await self._round()
            await self._mend()
            await self.checker.at_the_end(self.life)
        except Broken as broken:
            self.outcome.broken = str(broken)
        finally:
            await self.life.end()
        noted = self.town.noted
        self.outcome.answers, self.outcome.cases = len(noted.of("answers.add")), len(noted.of("cases.add"))
        self.outcome.alerts = sum(args[0].lane == "alert" for args in noted.of("outbox.add"))
        self.outcome.checks = self.checker.checks
        return self.outcome

    # What people do

    def _do(self) -> None:
        for _ in range(self.rng.randint(1, 6)):
            if self.rng.random() < 0.75:
                self._participant(self.rng.choice(self.town.participants))
            else:
                self._staff(self.rng.choice(self.town.staff))
        if self.queued and self.rng.random() < 0.1:
            self.town.queue.append(self.rng.choice(self.queued))  # Telegram gives one twice in a batch
        if self.rng.random() < 0.3:
            by = self.rng.choice(SECONDS) if self.rng.random() < 0.95 else self.rng.choice((-3600, 3 * 86400))
            self.town.time_passes(timedelta(seconds=by))
            self.outcome.story.append(f"time {by} s")
        if self.rng.random() < 0.05:
            self.town.telegram.blocked ^= {self.rng.choice(self.town.staff).chat}

    @property
    def queued(self) -> list[object]:
        """What waits at Telegram."""
        return list(self.town.queue)

    def _participant(self, member: Member) -> None:
        asked, all_of_them = self.town.telegram.question(member.chat), self.town.telegram.buttons(member.chat)
        roll = self.rng.random()
        if asked and roll < 0.8:
            self._press(member, self.rng.choice(asked))
        elif "DOOR:yes" in all_of_them and roll < 0.9:
            self._press(member, "DOOR:yes")
        elif all_of_them and roll < 0.93:
            self._press(member, self.rng.choice(all_of_them))
        elif roll < 0.96:
            self.town.sends(member.chat, Text(self.rng.choice(("yes", "I am afraid", "<b>"))))
        else:
            self.town.writes(member.chat, self.rng.choice(("selftest", "selftest", "menu", "stop")))
        if not asked and roll >= 0.5:
            self.town.writes(member.chat, "selftest")

    def _staff(self, member: Member) -> None:
        offered = [
            d
            for d in self.town.telegram.buttons(member.chat)
            if d.startswith(("CASE:", "OUT:", "LIFT:", "HAND:"))
        ]
        if offered:
            self._press(member, self.rng.choice(offered))
        elif self.rng.random() < 0.3:
            self.town.writes(member.chat, self.rng.choice(("case", "roster", "duty", "ack K-101")))

    def _press(self, member: Member, data: str) -> None:
        self.town.presses(member.chat, data)
        self.outcome.story.append(f"{member.name} presses {data}")

    # What goes wrong

    def _fault(self, name: str, chat: int) -> str:
        if self.rng.random() >= self.calls_fail:
            return ""
        fault = self.rng.choice(FAULTS)
        if fault in ("403", "400_no_chat", "400_too_long") and self.rng.random() < 0.8:
            fault = "502"  # what is refused for good is rarer
        self.outcome.faults[fault] += 1
        return fault

    def _light(self) -> None:
        roll = self.rng.random()
        if roll < self.dies:
            self.life.fuse.light(self.rng.randint(1, 250), Killed)
        elif roll < self.dies + 0.15:
            self.life.fuse.light(self.rng.randint(1, 150), self.rng.choice((busy, full)))

    async def _round(self, *, in_order: bool = False) -> None:
        """Everything once; a life that ends is followed by the next."""
        order = [self._take, self._look, self._plan, self._deliver]
        if not in_order and self.rng.random() < 0.3:
            self.rng.shuffle(order)
        for work in order:
            try:
                await work()
            except Killed:
                await self._start_again()
            except StorageFault as fault:
                self.outcome.faults[type(fault).__name__] += 1
                await self.checker.look(self.life)

    async def _take(self) -> None:
        await self.checker.expect(self.life)
        await self.life.take()
        await self.checker.look(self.life)

    async def _look(self) -> None:
        await self.life.look()
        await self.checker.look(self.life, looked=True)

    async def _plan(self) -> None:
        await self.life.plan()
        await self.checker.look(self.life, planned=True)

    async def _deliver(self) -> None:
        await self.life.deliver()
        await self.checker.look(self.life)

    async def _start_again(self) -> None:
        self.outcome.kills += 1
        self.outcome.story.append(f"killed at {self.life.fuse.names[-1]}")
        await self.life.end()
        self.checker.killed()
        self.life = self.town.life(Fuse())
        await self.checker.look(self.life)

    async def _mend(self) -> None:
        self.calls_fail = 0.0
        self.life.fuse.at = 0
        for seconds in (31, 31, 31, 31):
            self.town.clock.advance(timedelta(seconds=seconds))
            await self._round(in_order=True)


async def run_one(seed: int, base: Moment, file: Path) -> Outcome:
    """The run of this seed. Whatever else is raised is a fault of the software's, or the campaign's, own."""
    run = Run(seed, base.again(file))
    try:
        return await run.run()
    except Exception as error:  # noqa: BLE001 - one run that cannot go on is a finding; the others are run
        run.outcome.broken = f"{type(error).__name__}: {error}"
        return run.outcome
