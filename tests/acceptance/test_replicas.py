"""Processes that are stopped, killed and ended while they lead, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from bot.storage.revisions import migrate
from tests.acceptance.fleet import logged, open_fleet
from tests.acceptance.front import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def database_url(bare_postgres: str) -> str:
    """A migrated database without rows on PostgreSQL."""
    migrate(bare_postgres)
    return bare_postgres


async def test_one_leader_whatever_happens_to_it(database_url: str, tmp_path: Path) -> None:
    """R-15: paused past its lease, killed, ended cleanly: another leads soon, and each answer goes out once."""
    async with open_fleet(database_url, tmp_path, 3) as (fleet, phone):
        first = await fleet.leader()
        await fleet.answered(phone)
        fleet.send(first, signal.SIGSTOP)
        second = await fleet.leader(besides=first)
        await fleet.answered(phone)
        before = fleet.sent(phone)
        fleet.send(first, signal.SIGCONT)
        await asyncio.sleep(3)
        assert (await fleet.roles())[first] == "follower"
        assert await fleet.leader() == second
        assert fleet.sent(phone) == before
        fleet.send(second, signal.SIGKILL)
        await fleet.processes.pop(second).wait()
        third = await fleet.leader(besides=second)
        await fleet.answered(phone)
        fleet.send(third, signal.SIGTERM)
        assert await asyncio.wait_for(fleet.processes.pop(third).wait(), 8) == 0
        await fleet.leader(besides=third, seconds=4)  # sooner than the lease would have ended
        await fleet.answered(phone)
    logs = logged(tmp_path)
    assert "uncaught" not in logs
    assert "Traceback" not in logs


async def test_whoever_follows_looks_at_its_token_too(database_url: str, tmp_path: Path) -> None:
    """R-15: a replica with another bot's token, or with one that Telegram refuses, ends at its start; without a network it waits."""
    wrong, refused, alone = (free_port() for _ in range(3))
    async with open_fleet(database_url, tmp_path, 1) as (fleet, phone):
        url = next(iter(fleet.own.values()))
        number = fleet.world.bot["id"]
        for port, own in (
            (wrong, {"VESTIBULE_BOT_TOKEN": f"7{fleet.world.token}"}),
            (refused, {"VESTIBULE_BOT_TOKEN": f"{number}:revoked"}),
            (alone, {"VESTIBULE_BOT_API_URL": "http://127.0.0.1:9/bot"}),
        ):
            fleet.own[port] = url | own
            await fleet.start(port)
        for port, says in (
            (wrong, f"the database belongs to bot {number}, and the token in VESTIBULE_BOT_TOKEN is that of bot 7{number}"),
            (refused, "Telegram does not know the token in VESTIBULE_BOT_TOKEN"),
        ):  # fmt: skip
            assert await asyncio.wait_for(fleet.processes.pop(port).wait(), 20) == 1
            assert says in (tmp_path / f"log-{port}").read_text()
        async with asyncio.timeout(20):
            while "telegram.unreachable" not in (tmp_path / f"log-{alone}").read_text():
                await asyncio.sleep(0.1)
        assert (await fleet.roles())[alone] == "follower"
        await fleet.answered(phone)
