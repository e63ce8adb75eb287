"""A slice of the story of the replicas; all of it is `make replicas` (docs/replicas.md)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.campaign.replicas import Plan, Town, story
from tests.campaign.replicas_judged import Findings, judge

pytestmark = pytest.mark.slow
SEED = 20270301


async def test_some_kills_of_replicas(tmp_path: Path) -> None:
    """R-01, R-02, R-10, R-15: replicas killed, connections terminated and PostgreSQL restarted lose and double nothing."""
    if postgres.programs() is None:
        (pytest.fail if postgres.required() else pytest.skip)("PostgreSQL is missing")
    print(f"seed {SEED}")
    server = postgres.Server(durable=True)
    try:
        server.start()
        plan = Plan(participants=20, seconds=10, kills_every=4, seed=SEED)
        found, town = await story(plan, server, tmp_path)
        blind = await _after_tampering(town)
    finally:
        server.remove()
    assert found.broken == []
    assert found.kills > 0
    assert found.restarts
    assert found.tests >= 20
    assert found.answers > 0
    assert not blind, "what was taken away and added afterwards was not noticed"


async def _after_tampering(town: Town) -> set[str]:
    """Which of the rules the judge does not see broken: it is not blind."""
    async with await psycopg.AsyncConnection.connect(town.url) as connection:
        await connection.execute(
            "DELETE FROM answers WHERE id = (SELECT min(id) FROM answers WHERE step = 'ST-02')"
        )
        await connection.execute(
            "INSERT INTO story_writes SELECT at, 'somebody', token FROM story_leaders LIMIT 1"
        )
        await connection.execute("UPDATE visits SET status = 'open' WHERE id = (SELECT min(id) FROM visits)")
        await connection.commit()
    again = Findings()
    await judge(again, town)
    told = "\n".join(again.broken)
    return {
        sign for sign in ("R-01: given", "R-15: somebody wrote", "left in the middle") if sign not in told
    }
