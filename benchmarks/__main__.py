"""`make bench`: measure, and tell it as markdown or JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks import bots, delivery, growth, past, replicas, taps
from benchmarks.figures import circumstances

Told = tuple[str, Any]


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("taps", "delivery", "growth", "replicas"), default="taps")
    parser.add_argument("--participants", type=int, default=50)
    parser.add_argument("--taps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3, help="each bot is measured so often, in turn")
    parser.add_argument("--peers", default="all", help=f"all, none, or some of {','.join(bots.BOTS)}")
    parser.add_argument(
        "--open-loop", type=float, default=0.0, help="taps a second that come at random times"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the open loop lasts")
    parser.add_argument("--reminders", type=int, default=10_000, help="delivery: how many wait")
    parser.add_argument("--alerts", type=int, default=100, help="delivery: how many overtake them")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="growth: 1 is 100,000 people, 5 million answers"
    )
    parser.add_argument("--here", type=float, default=1.0, help="growth: the part of them who have not left")
    parser.add_argument(
        "--database", help="growth: keep the filled database there, or use the one that is there"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for. Progress goes to the error output."""
    parser = _arguments()
    given = parser.parse_args(arguments)
    if unknown := set(given.peers.split(",")) - {"all", "none", *bots.BOTS}:
        parser.error(f"no such bot: {', '.join(sorted(unknown))}; there are {', '.join(bots.BOTS)}")
    about = circumstances(arguments)
    measure = {"taps": _taps, "delivery": _delivery, "growth": _growth, "replicas": _replicas}[given.what]
    text, figures = measure(given, lambda line: print(line, file=sys.stderr, flush=True))
    if given.json:
        print(json.dumps({**about, "figures": figures}, indent=1))
    else:
        print(text, *(f"- {name}: {value}" for name, value in about.items()), sep="\n")
    return 0


def _taps(given: argparse.Namespace, tell: Callable[[str], None]) -> Told:
    keys = {"all": list(bots.BOTS), "none": []}.get(given.peers, given.peers.split(","))
    wanted = [bots.BOTS[key] for key in dict.fromkeys([bots.VESTIBULE.key, *keys])]
    missing = [f"- not measured: {bot.name}: {why}" for bot in wanted if (why := bot.missing())]
    load = taps.Load(given.participants, given.taps, given.rounds, given.open_loop, given.seconds)
    found = asyncio.run(taps.measure([bot for bot in wanted if not bot.missing()], load, tell))
    figures = {key: asdict(one) | {"middle": one.middle()} for key, one in found.items()}
    return "\n".join([taps.told(found, load), "", *missing]), {"bots": figures, "missing": missing}


def _delivery(given: argparse.Namespace, tell: Callable[[str], None]) -> Told:
    tell(f"{given.reminders} reminders take {given.reminders / delivery.LIMIT:.0f} s")
    found = asyncio.run(delivery.measure(given.reminders, given.alerts))
    figures = {
        "alerts": found.alerts,
        "share": found.share,
        "refused": found.refused,
        "alerts_tapped": found.alerts_tapped,
    }
    return delivery.told(found) + "\n", figures


def _growth(given: argparse.Namespace, tell: Callable[[str], None]) -> Told:
    size = past.Size.scaled(given.scale, given.here)
    load = taps.Load(given.participants, given.taps, given.rounds)
    found = asyncio.run(growth.measure(size, load, given.database, tell))
    return growth.told(found, size) + "\n", {name: asdict(one) for name, one in found.items()}


def _replicas(given: argparse.Namespace, tell: Callable[[str], None]) -> Told:
    load = taps.Load(given.participants, given.taps, given.rounds)
    found = asyncio.run(replicas.measure(load, tell))
    return replicas.told(found) + "\n", {str(count): asdict(one) for count, one in found.items()}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
