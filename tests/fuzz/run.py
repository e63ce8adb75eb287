"""Feeds a town with batches from Hypothesis until so many updates were met."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.shapes import BATCH
from tests.fuzz.town import Town, logged, open_town, told

A_TOWNS_LIFE = 4000
"""So many updates, then a new town: cases and visits pile up, and every turn would take longer."""


def fuzz(
    updates: int, seed_of: int, said: Callable[[str], None] = lambda _: None, *, seconds: float = 1e9
) -> Tally[str]:
    """Meet so many updates, or as many as the seconds allow; gives how many, and how many rows of which table came
    of them. Raises AssertionError with the batch.
    """
    met, until, began = Tally[str](), time.monotonic() + seconds, time.monotonic()
    while met["updates"] < updates and time.monotonic() < until:
        met += _town(min(A_TOWNS_LIFE, updates - met["updates"]), seed_of + met["updates"], until)
        said(f"{met['updates']} updates, seed {seed_of}, {time.monotonic() - began:.0f} s")
    return met


def _town(updates: int, seed_of: int, until: float) -> Tally[str]:
    met = 0

    @seed(seed_of)
    @settings(
        max_examples=max(1, updates // 8), deadline=None, database=None, phases=[Phase.generate], derandomize=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(BATCH)
    def meet(batch: list[dict[str, Any]]) -> None:
        nonlocal met
        if met >= updates or time.monotonic() > until:
            return
        met += len(batch)
        loop.run_until_complete(town.meet(batch))
        found = told(stream) + ["fault"] * town.faults
        assert not found, f"{found} after {json.dumps(batch)}"

    with tempfile.TemporaryDirectory() as folder, logged() as stream, asyncio.Runner() as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        opening = open_town(Path(folder))
        town: Town = loop.run_until_complete(opening.__aenter__())
        try:
            meet()
            rows = {name: len(found) for name, found in town.room.tables().items()}
        finally:
            loop.run_until_complete(opening.__aexit__(None, None, None))
    return Tally({**rows, "updates": met})
