"""Taps a second and how long one takes: every bot in turn, round after round, on the same load."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bots
from benchmarks.api import Api, served
from benchmarks.bots import Bot, Running
from benchmarks.crowd import Crowd, Sample
from benchmarks.figures import Figures, quantile, table

START_SECONDS = 30.0
FLOOR = "echo-aiohttp"
"""What the open loop is compared with: the same transport, and nothing kept."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of each bot. `open_rate`: taps a second of the open loop, 0 for none, over `open_seconds`."""

    participants: int
    taps: int
    rounds: int = 1
    open_rate: float = 0.0
    open_seconds: float = 20.0


@asynccontextmanager
async def met(bot: Bot, participants: int) -> AsyncIterator[tuple[Crowd, Running]]:
    """A bot that runs, and everybody who has begun and tapped once or twice. Raises Ended or Stuck."""
    crowd = Crowd(participants, bot.opening)
    api = Api(crowd)
    crowd.join(api)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with served(api) as address, bots.run(bot, address, Path(folder), participants) as running:
            await polled(api, running)
            await crowd.closed(3 * participants)
            yield crowd, running


async def polled(api: Api, running: Running) -> None:
    """Return when the bot asks for updates. Raises Ended, or TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        while not api.polled.is_set():
            running.check()
            await asyncio.sleep(0.005)


async def measure(
    chosen: Sequence[Bot], load: Load, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Figures]:
    """The figures of each, by key."""
    found = {bot.key: Figures() for bot in chosen}
    for number in range(load.rounds):
        for bot in chosen:
            tell(f"round {number + 1} of {load.rounds}: {bot.name}")
            await _one(bot, load, found[bot.key])
    return found


async def _one(bot: Bot, load: Load, into: Figures) -> None:
    async with met(bot, load.participants) as (crowd, running):
        before = running.cpu_seconds()
        sample = await crowd.closed(load.taps)
        into.cpu_per_tap.append((running.cpu_seconds() - before) / load.taps * 1000)
        into.taps_per_second.append(sample.taps_per_second)
        into.p50.append(_ms(sample, 0.5))
        into.p99.append(_ms(sample, 0.99))
        if load.open_rate:
            calm = await crowd.open(load.open_rate, load.open_seconds)
            into.open_p50.append(_ms(calm, 0.5))
            into.open_p99.append(_ms(calm, 0.99))
            into.open_p99_tapped.append(quantile(calm.after_tapping, 0.99) * 1000)
        into.megabytes.append(running.megabytes())
        running.check()


def _ms(sample: Sample, part: float) -> float:
    return quantile(sample.after_handing_over, part) * 1000


def told(found: dict[str, Figures], load: Load) -> str:
    """The table. Ratios are Vestibule's taps a second by the peer's, the median of the rounds' ratios."""
    head = ["bot", "taps/s", "Vestibule to it", "p50 ms", "p99 ms", "CPU ms a tap", "MB"]
    if load.open_rate:
        head += [f"p50 ms at {load.open_rate:g}/s", "p99 ms", "p99 above the echo", "p99 ms from the tap"]
    return table(head, [_row(key, found, load) for key in found])


def _row(key: str, found: dict[str, Figures], load: Load) -> list[str]:
    own, ours = found[key].middle(), found.get(bots.VESTIBULE.key)
    row = [
        bots.BOTS[key].name, f"{own['taps_per_second']:.0f}", ratio(ours, found[key]), f"{own['p50']:.1f}",
        f"{own['p99']:.1f}", f"{own['cpu_per_tap']:.2f}", f"{own['megabytes']:.0f}",
    ]  # fmt: skip
    if load.open_rate:
        floor = found.get(FLOOR)
        above = f"{own['open_p99'] - floor.middle()['open_p99']:+.1f}" if floor else "-"
        row += [f"{own['open_p50']:.1f}", f"{own['open_p99']:.1f}", above, f"{own['open_p99_tapped']:.1f}"]
    return row


def ratio(ours: Figures | None, theirs: Figures) -> str:
    """Ours by theirs, round by round, the middle one."""
    if ours is None or ours is theirs:
        return "-"
    by_round = [a / b for a, b in zip(ours.taps_per_second, theirs.taps_per_second, strict=True)]
    return f"{sorted(by_round)[len(by_round) // 2]:.2f}"
