"""Figures of several rounds, and the tables they are told in."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


def quantile(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    """The middle one; 0 of none."""
    return statistics.median(kept) if (kept := list(values)) else 0.0


@dataclass(slots=True)
class Figures:
    """One bot's figures, a value for each round. Latencies in milliseconds, from handing over to the answer."""

    taps_per_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu_per_tap: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    open_p50: list[float] = field(default_factory=list)
    open_p99: list[float] = field(default_factory=list)
    open_p99_tapped: list[float] = field(default_factory=list)

    def middle(self) -> dict[str, float]:
        """The median of each over the rounds."""
        return {name: round(median(getattr(self, name)), 2) for name in self.__dataclass_fields__}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown; all columns but the first are figures."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances(arguments: Sequence[str]) -> dict[str, str]:
    """What whoever reads the figures has to know: command, machine, date, and what else ran."""
    return {
        "command": f'make bench ARGS="{" ".join(arguments)}"',
        "machine": f"{os.cpu_count()} x {_processor()}, {_memory():.0f} GB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "revision": _revision(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": " ".join(f"{one:.1f}" for one in os.getloadavg()),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _revision() -> str:
    folder = Path(__file__).parents[1]
    asked = ["git", "-c", f"safe.directory={folder}", "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
