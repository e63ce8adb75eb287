"""A slice of the story of the replicas; all of it is `make replicas` (docs/replicas.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.campaign.replicas import Plan, story

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
        found = await story(Plan(participants=20, seconds=10, kills_every=4, seed=SEED), server, tmp_path)
    finally:
        server.remove()
    assert found.broken == []
    assert found.kills > 0
    assert found.restarts
    assert found.tests >= 20
    assert found.answers > 0
