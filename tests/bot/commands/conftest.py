"""Commands as a person types them: run in a folder of their own, with the settings of a test."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import cli
from bot.settings import PREFIX, Settings, variable
from bot.storage.sealing import Keyring
from bot.storage.unit_of_work import SqliteStorage
from tests.bot.conftest import TEST_KEYS

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "programme.yaml"


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str


Vestibule = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but the test's own."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.setenv("COLUMNS", "300")


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
