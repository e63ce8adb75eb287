"""The same taps on an empty database and on one that has grown for years, in turn."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import bots, town
from benchmarks.api import Api, served
from benchmarks.crowd import Crowd
from benchmarks.figures import median, quantile, table
from benchmarks.past import Past, Size
from benchmarks.taps import Load, polled
from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.texts import GettextTexts
from bot.usecases.desk import Desk
from bot.usecases.plan import plan
from flows.read import load_library

Tell = Callable[[str], None]
EMPTY, GROWN = "empty", "grown"


@dataclass(slots=True)
class Grown:
    """A value for each round. `first_update`, `first_answer`: seconds from starting the process."""

    taps_per_second: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    first_update: list[float] = field(default_factory=list)
    first_answer: list[float] = field(default_factory=list)
    gigabytes: float = 0.0


async def measure(size: Size, load: Load, keep: str | None, tell: Tell) -> dict[str, Grown]:
    """Both databases in turn, round after round. `keep`: where the grown one is left, or lies already."""
    found = {EMPTY: Grown(), GROWN: Grown()}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        grown = Path(keep) if keep else Path(name) / "grown.db"
        if not grown.exists():
            await _grow(grown, size, load.participants, tell)
        for number in range(load.rounds):
            for which in (EMPTY, GROWN):
                tell(f"round {number + 1} of {load.rounds}: {which}")
                folder = Path(name) / f"{which}{number}"
                folder.mkdir()
                await _one(grown if which == GROWN else None, folder, load, found[which])
                shutil.rmtree(folder)
    return found


async def _grow(database: Path, size: Size, live: int, tell: Tell) -> None:
    tell(f"filling: {size.participants} people, {size.answers} answers, {size.outbox} messages")
    began = time.monotonic()
    await town.settle(database, live)
    kept = town.storage(database)
    try:
        async with kept.unit() as unit:
            [programme] = await unit.programmes.all()
    finally:
        await kept.close()
    Past(size, programme.id, datetime.now(UTC)).fill(database, tell)
    await _plan(database)
    tell(f"filled in {time.monotonic() - began:.0f} s")


async def _plan(database: Path) -> None:
    """As it is on any day but the first: everybody is planned for."""
    kept = town.storage(database)
    desk = Desk(SystemClock(), SystemIds(), GettextTexts(), load_library())
    try:
        while not (await plan(kept, desk, desk.now())).all:
            pass
    finally:
        await kept.close()


async def _one(grown: Path | None, folder: Path, load: Load, into: Grown) -> None:
    database = folder / "vestibule.db"
    if grown is not None:
        # A copy, so that each round finds the people where the last one found them.
        await asyncio.to_thread(_copied, grown, database)
    else:
        await town.settle(database, load.participants)
    into.gigabytes = database.stat().st_size / 2**30
    crowd = Crowd(load.participants, bots.VESTIBULE.opening)
    api = Api(crowd)
    crowd.join(api)
    async with served(api) as address:
        first = asyncio.create_task(crowd.closed(1))  # waits at the server before the bot is there
        began = time.perf_counter()
        async with bots.vestibule(address, folder, database) as running:
            await polled(api, running)
            into.first_update.append(time.perf_counter() - began)
            await first
            into.first_answer.append(time.perf_counter() - began)
            await crowd.closed(3 * load.participants)
            sample = await crowd.closed(load.taps)
            into.taps_per_second.append(sample.taps_per_second)
            into.p99.append(quantile(sample.after_handing_over, 0.99) * 1000)
            into.megabytes.append(running.megabytes())


def _copied(grown: Path, database: Path) -> None:
    """A copy that is on the disk: the bot's first fsync is not to wait for two gigabytes of ours."""
    shutil.copyfile(grown, database)
    with database.open("rb+") as file:
        os.fsync(file.fileno())


def told(found: dict[str, Grown], size: Size) -> str:
    """The table."""
    empty, grown = found[EMPTY], found[GROWN]
    shares = [b / a for a, b in zip(empty.taps_per_second, grown.taps_per_second, strict=True)]
    head = [
        "database",
        "GB",
        "taps/s",
        "to the empty one",
        "p99 ms",
        "MB",
        "start to first update s",
        "to first answer s",
    ]
    names = (
        "empty",
        f"{size.participants:,} people ({size.here:.0%} here), {size.answers:,} answers, {size.outbox:,} messages",
    )
    rows = [
        [
            name, f"{one.gigabytes:.2f}", f"{median(one.taps_per_second):.0f}", share, f"{median(one.p99):.1f}",
            f"{median(one.megabytes):.0f}", f"{median(one.first_update):.2f}", f"{median(one.first_answer):.2f}",
        ]
        for name, one, share in zip(names, (empty, grown), ("-", f"{median(shares):.2f}"), strict=True)
    ]  # fmt: skip
    return table(head, rows)
