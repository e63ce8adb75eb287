"""Commands as a person types them: run in a folder of their own, with the settings of a test."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from bot import cli
from bot.commands import examine
from bot.ids import CountingIds
from bot.ports.records import Person, Session
from bot.settings import PREFIX, Settings, variable
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.conftest import TEST_KEYS

Opened = Callable[[], SqliteStorage]
Kept = Callable[[], dict[str, Session]]
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "programme.yaml"


class Disk(NamedTuple):
    """As shutil.disk_usage gives it, in bytes."""

    total: int = 10**12
    used: int = 0
    free: int = 10**12


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str


Vestibule = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but the test's own, and nothing of the machine's: its disk, its clock against Telegram's."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    asked = examine._servers_time

    async def only_here(root: str) -> datetime | None:
        """Telegram's own server, or a proxy's answer for it, would say what hour it is on this machine."""
        return await asked(root) if root.startswith("http://127.0.0.1:") else None

    monkeypatch.setattr(examine, "_servers_time", only_here)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk())


@pytest.fixture
def vestibule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vestibule:
    """Runs `vestibule ...` in this process; `typed` is what comes on stdin."""

    def call(*arguments: str | Path, typed: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["vestibule", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def service(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, keys and the bot's name in the environment; gives the database's address."""
    for name, value in {"DATABASE_URL": database_url, "KEYS": TEST_KEYS, "BOT_NAME": "example_bot"}.items():
        monkeypatch.setenv(PREFIX + name, value)
    return database_url


@pytest.fixture
def opened(service: str) -> Callable[[], SqliteStorage]:
    """Opens the service's storage, for looking at what a command kept."""
    from bot.ids import CountingIds

    return lambda: SqliteStorage(service, Keyring(TEST_KEYS), CountingIds(10**6))


@pytest.fixture
def programme(vestibule: Vestibule, opened: Opened, tmp_path: Path) -> None:
    """The example programme without its sessions, and a participant P-07 in the group of Thursday (Dublin)."""
    text = EXAMPLE.read_text(encoding="utf-8").split("sessions:")[0]
    file = tmp_path / "programme.yaml"
    file.write_text(text, encoding="utf-8")
    assert vestibule("import", file).code == 0

    async def enrol() -> None:
        storage = opened()
        async with storage.unit() as unit:
            found = await unit.programmes.by_key("example")
            assert found is not None
            group = await unit.programmes.group_by_key(found.id, "thursday")
            assert group is not None
            await unit.people.add(
                Person(
                    CountingIds(500).new(), found.id, group.id, "participant", "P-07", "en", "Europe/London", "active"
                )
            )  # fmt: skip
            await unit.commit()
        await storage.close()

    asyncio.run(enrol())


@pytest.fixture
def kept(programme: None, opened: Opened) -> Callable[[], dict[str, Session]]:
    """All sessions by key."""

    async def looking() -> dict[str, Session]:
        storage = opened()
        try:
            async with storage.unit() as unit:
                found = await unit.programmes.by_key("example")
                assert found is not None
                span = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
                return {one.key: one for one in await unit.sessions.of_programme(found.id, *span)}
        finally:
            await storage.close()

    return lambda: asyncio.run(looking())
