"""The crash campaign: `python -m tests.campaign` (or `make crash`), with a summary of what it shows."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import structlog

from bot.storage.revisions import migrate
from tests.campaign import at_random, enumerated, killing
from tests.campaign.at_random import Outcome
from tests.campaign.base import Moment, folder, settled

ERRORS_ONLY = 50


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="random runs (default 2000)")
    parser.add_argument("--kills", type=int, default=100, help="real SIGKILLs of the process (default 100)")
    parser.add_argument("--points", type=int, default=0, help="crash points of each scene (default all)")
    parser.add_argument("--seed", type=int, default=None, help="of the first random run; printed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for the random runs")
    return parser.parse_args()


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERRORS_ONLY))


def told(text: str) -> None:
    """One line of progress that takes the last one's place on a terminal; elsewhere each has its own.

    So that a campaign that is cut short still says how far it came.
    """
    if sys.stdout.isatty():
        print(f"\r\033[K  {text}", end="", flush=True)
    elif text:
        print(f"  {text}", flush=True)


async def _part(seeds: list[int], base: Moment, into: multiprocessing.Queue[Outcome]) -> None:
    with folder() as own:
        for seed in seeds:
            into.put(await at_random.run_one(seed, base, Path(own) / "run.db"))


def _work(seeds: list[int], into: multiprocessing.Queue[Outcome]) -> None:
    """One process's share of the seeds."""
    _quiet()

    async def run() -> None:
        with folder() as own:
            await _part(seeds, await settled(Path(own)), into)

    asyncio.run(run())


def in_parallel(first: int, runs: int, jobs: int) -> list[Outcome]:
    """The random runs of these seeds, by several processes."""
    into: multiprocessing.Queue[Outcome] = multiprocessing.Queue()
    seeds = list(range(first, first + runs))
    workers = [multiprocessing.Process(target=_work, args=(seeds[n::jobs], into)) for n in range(jobs)]
    for worker in workers:
        worker.start()
    found: list[Outcome] = []
    while len(found) < runs:
        found.append(into.get(timeout=300))
        if len(found) % (10 if sys.stdout.isatty() else 100) == 0 or len(found) == runs:
            told(f"random runs: {len(found)} of {runs}, broken {sum(bool(o.broken) for o in found)}")
    for worker in workers:
        worker.join()
    return found


async def _points(most: int, seed: int) -> enumerated.Tally:
    with folder() as own:
        base = await settled(Path(own))
        return await enumerated.enumerate_all(base, Path(own) / "points.db", most=most, seed=seed, told=told)


async def _kills(times: int, seed: int) -> killing.Killings:
    with folder() as own:
        database = Path(own) / "kill.db"
        migrate(f"sqlite:///{database}")
        return await killing.kill_many(database, times, seed, told)


def _line(text: str) -> None:
    told("")
    print(text, flush=True)


def _say_points(tally: enumerated.Tally) -> list[str]:
    where = ", ".join(f"{name} {count}" for name, count in tally.points.items())
    _line(f"\rcrash points: {tally.points.total()} variants ({where}), {len(tally.broken)} broken")
    _line("  " + ", ".join(f"{name} {count}" for name, count in sorted(tally.kinds.items())))
    return tally.broken


def _say_runs(found: list[Outcome], first: int) -> list[str]:
    faults: Counter[str] = sum((one.faults for one in found), Counter())
    broken = [f"seed {one.seed}: {one.broken}" for one in found if one.broken]
    _line(f"random runs: {len(found)} (seeds {first} to {first + len(found) - 1}), {len(broken)} broken")
    _line(
        f"  {sum(o.kills for o in found)} kills, {faults.total()} other faults, {sum(o.checks for o in found)} checks, "
        f"{sum(o.answers for o in found)} answers, {sum(o.cases for o in found)} cases, "
        f"{sum(o.alerts for o in found)} alerts"
    )
    _line("  " + ", ".join(f"{name} {count}" for name, count in sorted(faults.items())))
    if found and not broken:
        _line(
            f"  nothing lost in {len(found)} runs: with 95 % confidence fewer than {3 / len(found):.2%} of such runs lose"
        )
    return broken


def _say_kills(result: killing.Killings) -> list[str]:
    _line(
        f"SIGKILLs: {result.kills} of the process under load, {result.presses} presses, {result.answers} answers kept, "
        f"{result.cases} cases, {result.extra} extra copies of alerts, {len(result.broken)} broken"
    )
    if result.kills and not result.broken:
        _line(
            f"  nothing lost in {result.kills} kills: with 95 % confidence fewer than {3 / result.kills:.1%} of kills lose"
        )
    return result.broken


def main() -> int:
    """Run it; 1 if anything did not hold."""
    given = _parse()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    _quiet()
    _line(f"crash campaign, seed {seed}: repeat with --seed {seed}")
    started, broken = time.monotonic(), list[str]()
    if given.points >= 0:
        broken += _say_points(asyncio.run(_points(given.points, seed)))
    if given.runs:
        broken += _say_runs(in_parallel(seed, given.runs, given.jobs), seed)
    if given.kills:
        broken += _say_kills(asyncio.run(_kills(given.kills, seed)))
    for one in broken[:50]:
        _line(f"  BROKEN {one}")
    _line(f"{len(broken)} broken, {time.monotonic() - started:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
