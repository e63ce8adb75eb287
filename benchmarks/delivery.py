"""Alerts beside a mass of reminders, with the limits on: how fast an alert goes, and how fast the mass drains.

The server judges by Telegram's rule (bot.simulator.limits) and answers 429 to whatever is above it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import bots, town
from benchmarks.api import Api, served
from benchmarks.crowd import FIRST_CHAT, Crowd, Participant
from benchmarks.figures import quantile, table
from benchmarks.taps import polled
from bot.ports.records import Lane, OutboxRow
from bot.simulator.limits import SendLimits

LIMIT = 30.0
"""Telegram's messages a second; as many may go at once at the beginning."""
LONGEST = 300.0
"""Seconds in which an alert has to come at all."""
WORRYING = "ST-07:car"
"""An answer whose concern goes to the group's facilitator, and to nobody else at first."""
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Delivered:
    """What came of it. `alerts`: seconds from handing over the worrying answer to the alert's arrival.

    `alerts_tapped`: from the tap itself, so that a bot that is busy elsewhere does not look quick.
    """

    alerts: list[float] = field(default_factory=list)
    alerts_tapped: list[float] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    refused: int = 0
    reminders: int = 0
    alerts_while_waiting: int = 0

    @property
    def share(self) -> float:
        """Messages that went by those that might have, from the first to the last."""
        passed = self.sent_at[-1] - self.sent_at[0]
        return len(self.sent_at) / (LIMIT + LIMIT * passed)

    @property
    def most_in_a_second(self) -> int:
        """The fullest second after the burst at the beginning."""
        late = [at for at in self.sent_at if at > self.sent_at[0] + 2]
        return max(
            (sum(at <= one < at + 1 for one in late) for at in late[:: max(1, len(late) // 500)]), default=0
        )


class _Watch:
    """Tells the crowd, and notes what goes where."""

    def __init__(self, crowd: Crowd, reminders: int, into: Delivered) -> None:
        self.left = reminders
        self.crowd = crowd
        self.handed_at: dict[int, float] = {}
        self.alerted: defaultdict[int, deque[asyncio.Future[float]]] = defaultdict(deque)
        self.into = into
        self._drained = asyncio.Event()
        self._last = FIRST_CHAT + len(crowd.participants)

    def handed(self, update_ids: list[int]) -> None:
        """See benchmarks.api.Audience."""
        now = time.perf_counter()
        self.handed_at.update(dict.fromkeys(update_ids, now))
        self.crowd.handed(update_ids)

    def shown(self, chat: int, message_id: int, markup: str, text: str) -> None:
        """See benchmarks.api.Audience."""
        now = time.perf_counter()
        if self.left:
            self.into.sent_at.append(now)
        if self._last <= chat < town.WIDE:
            self.left -= 1
            if not self.left:
                self._drained.set()
        if chat >= town.FACILITATORS and self.alerted[chat]:
            self.alerted[chat].popleft().set_result(now)
        self.crowd.shown(chat, message_id, markup, text)

    async def drained(self) -> None:
        """When the last reminder has gone."""
        await self._drained.wait()


async def measure(reminders: int, alerts: int) -> Delivered:
    """So many reminders wait in as many chats when the bot starts; alerts are spread over the first half of the drain."""
    found = Delivered(reminders=reminders)
    crowd = Crowd(alerts, bots.VESTIBULE.opening)
    watch = _Watch(crowd, reminders, found)
    limits = SendLimits()
    api = Api(watch, lambda chat: limits.take(chat, datetime.now(UTC)))
    crowd.join(api)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        database = folder / "vestibule.db"
        await town.settle(database, alerts + reminders, soon=alerts)
        await _wait(database, alerts, reminders)
        async with served(api) as address, bots.vestibule(address, folder, database, limits="on") as running:
            await polled(api, running)
            for participant in crowd.participants:
                await crowd.one(participant, "")
                await crowd.one(participant, "DOOR:yes")
            await _worry_all(watch, reminders / LIMIT / 2 / max(1, alerts))
            await asyncio.wait_for(watch.drained(), 2 * reminders / LIMIT + 60)
            running.check()
    found.refused = api.calls["429"]
    return found


async def _wait(database: Path, first: int, reminders: int) -> None:
    """A reminder in each of those chats, due now."""
    kept = town.storage(database)
    now = datetime.now(UTC)
    try:
        async with kept.unit() as unit:
            for number in range(first, first + reminders):
                chat = await unit.chats.by_telegram(town.BOT, FIRST_CHAT + number)
                assert chat is not None
                rows = ((("Open", "MENU:open"),),)
                text = "There is something for you here. Open it when it suits you."
                await unit.outbox.add(
                    OutboxRow(chat.id, Lane.REMINDER, "notice", "say", now, text, rows, not_after=now + _DAY)
                )
            await unit.commit()
    finally:
        await kept.close()


async def _worry_all(watch: _Watch, every: float) -> None:
    """Everybody gives the answer that alerts their facilitator, one each `every` seconds, however long alerts take."""
    people = watch.crowd.participants
    in_turn = [one for place in range(town.GROUP_OF) for one in people[place :: town.GROUP_OF]]
    async with asyncio.TaskGroup() as group:
        for participant in in_turn:
            group.create_task(_worry(watch, participant))
            await asyncio.sleep(every)


async def _worry(watch: _Watch, participant: Participant) -> None:
    facilitator = town.FACILITATORS + (participant.chat - FIRST_CHAT) // town.GROUP_OF
    arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    watch.alerted[facilitator].append(arrived)
    tapped_at = time.perf_counter()
    update = watch.crowd.press(participant, WORRYING)
    at = await asyncio.wait_for(arrived, LONGEST)
    watch.into.alerts.append(at - watch.handed_at[update])
    watch.into.alerts_tapped.append(at - tapped_at)
    watch.into.alerts_while_waiting += watch.left > 0


def told(found: Delivered) -> str:
    """The table."""
    ms = [one * 1000 for one in found.alerts]
    return table(
        ["measure", "figure"],
        [
            ["reminders waiting at the start", f"{found.reminders}"],
            ["alerts, of these while reminders waited", f"{len(ms)}, {found.alerts_while_waiting}"],
            ["handing over the answer to the alert's arrival, p50 ms", f"{quantile(ms, 0.5):.1f}"],
            ["the same, p99 ms", f"{quantile(ms, 0.99):.1f}"],
            ["from the tap, p99 ms", f"{quantile(found.alerts_tapped, 0.99) * 1000:.1f}"],
            ["from handing over, longest ms", f"{max(ms, default=0):.1f}"],
            ["messages by what the limit allows", f"{found.share:.1%}"],
            ["most in a second", f"{found.most_in_a_second}"],
            ["answered 429", f"{found.refused}"],
        ],
    )
