"""A slice of the crash campaign; all of it is `make crash` (docs/reliability.md)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.storage.revisions import migrate
from tests.campaign.at_random import run_one
from tests.campaign.base import folder, settled
from tests.campaign.checker import Broken, Checker
from tests.campaign.enumerated import enumerate_all
from tests.campaign.killing import kill_many

pytestmark = pytest.mark.slow
SEED = 20270301
BLOCK, BLOCKS = 10, 4


async def test_crash_points() -> None:
    """R-01, R-02, R-04, R-10, R-18: broken at some points of every piece of work, everything ends as without it."""
    print(f"seed {SEED}")
    with folder() as own:
        base = await settled(Path(own))
        tally = await enumerate_all(base, Path(own) / "points.db", most=10, seed=SEED)
    assert tally.broken == []
    assert set(tally.points) == {"turn", "escalation", "schedule", "delivery"}


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_random_runs(block: int) -> None:
    """R-01, R-02, R-04, R-10, R-18: whatever people do and whatever breaks, nothing is lost."""
    first = SEED + block * BLOCK
    print(f"seeds {first} to {first + BLOCK - 1}")
    with folder() as own:
        base = await settled(Path(own))
        found = [await run_one(seed, base, Path(own) / "run.db") for seed in range(first, first + BLOCK)]
    assert [(one.seed, one.broken, one.story[-9:]) for one in found if one.broken] == []
    assert sum(one.kills for one in found) > 0
    assert sum(one.answers for one in found) > 0


async def test_the_checker_notices() -> None:
    """The checker is not blind: an extra copy, a lost or doubled update and a lost line are each named."""
    with folder() as own:
        base = await settled(Path(own))
        town = base.again(Path(own) / "run.db")
        life, checker = town.life(away=False), Checker(town)
        town.writes(1001, "selftest")
        await life.round()
        await checker.look(life, looked=True, planned=True)
        chat, text = next(iter(town.telegram.accepted))
        town.telegram.accepted[chat, text] += 1
        with pytest.raises(Broken, match="R-10"):
            await checker.look(life)
        town.telegram.accepted[chat, text] -= 1
        town.confirmed.append(town.sends(1001, town.confirmed[0].what))
        with pytest.raises(Broken, match="R-01"):
            await checker.look(life)
        town.confirmed.pop()
        line = next(n for n, (called, _) in enumerate(town.noted.calls) if called == "seen.add")
        town.noted.calls.append(town.noted.calls[line])
        with pytest.raises(Broken, match="R-03"):
            await checker.look(life)
        town.noted.calls.pop()
        with sqlite3.connect(town.file) as database:
            database.execute(
                "UPDATE reminders SET fate = 'sent', done_at = due_at WHERE person_id IS NOT NULL"
            )
        database.close()
        with pytest.raises(Broken, match="R-18"):
            await checker.look(life)
        await life.end()


async def test_some_kills(tmp_path: Path) -> None:
    """R-01, R-10: three real SIGKILLs while six people answer lose nothing."""
    database = tmp_path / "kill.db"
    migrate(f"sqlite:///{database}")
    result = await kill_many(database, 3, SEED)
    assert result.broken == []
    assert result.kills == 3
    assert result.answers > 0
