"""The commands together: help, exit codes, keys, migrations, and faults that are never tracebacks."""

from __future__ import annotations

import sqlite3
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bot import cli
from bot.ports.stores import StorageFault
from bot.settings import BadSettings
from bot.storage.sealing import Keyring
from tests.bot.commands.conftest import Vestibule


def test_the_version_is_said(vestibule: Vestibule) -> None:
    """Whoever reports a fault can say which version it is."""
    outcome = vestibule("--version")
    assert (outcome.code, outcome.out) == (0, f"vestibule {metadata.version('vestibule')}\n")


def test_help_names_every_command(vestibule: Vestibule) -> None:
    """The help lists the commands, and each command explains itself."""
    listed = vestibule("--help").out
    for command in (
        "demo",
        "run",
        "check",
        "rehearse",
        "diagram",
        "import",
        "invite",
        "zone",
        "keys",
        "migrate",
        "doctor",
    ):
        assert f" {command} " in listed
        outcome = vestibule(command, "--help")
        assert (outcome.code, "Usage: vestibule" in outcome.out) == (0, True)


@pytest.mark.parametrize("wrong", [("nothing",), ("invite",), ("demo", "--port", "x"), ("keys", "old")])
def test_wrong_use_is_two(vestibule: Vestibule, wrong: tuple[str, ...]) -> None:
    """Wrong use has exit code 2."""
    assert vestibule(*wrong).code == 2


def test_a_new_key_can_be_used(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: `keys new` prints one entry, another each time, and `keys check` takes it."""
    first, second = (vestibule("keys", "new").out.strip() for _ in range(2))
    assert first != second
    assert Keyring(f"{first} {second}")
    monkeypatch.setenv("VESTIBULE_KEYS", first)
    assert vestibule("keys", "check").code == 0


@pytest.mark.parametrize(
    ("keys", "says"), [("", "VESTIBULE_KEYS is not set"), ("abc", "has no colon"), ("a:short", "32 bytes")]
)
def test_bad_keys_are_said_and_not_shown(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, keys: str, says: str
) -> None:
    """S-41: keys that cannot be used are one line that does not show them."""
    monkeypatch.setenv("VESTIBULE_KEYS", keys)
    outcome = vestibule("keys", "check")
    assert outcome.code == 1
    assert says in outcome.err
    assert "short" not in outcome.err


def test_migrate_makes_and_keeps(vestibule: Vestibule, tmp_path: Path) -> None:
    """`migrate` makes the database; a second time changes nothing."""
    outcome = vestibule("migrate")
    assert outcome.code == 0, outcome.err
    assert "vestibule.db is at revision" in outcome.out
    assert (tmp_path / "vestibule.db").exists()
    assert vestibule("migrate").out == outcome.out


def test_a_newer_database_is_left_alone(vestibule: Vestibule, tmp_path: Path) -> None:
    """A database of a newer version is one clear line and exit code 1."""
    vestibule("migrate")
    with sqlite3.connect(tmp_path / "vestibule.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("DELETE FROM works_with")
    connection.close()
    outcome = vestibule("migrate")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert "newer than this software; nothing was changed" in outcome.err


def test_run_says_what_is_missing(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` without a token or without keys ends at once with one line and exit code 1."""
    outcome = vestibule("run")
    assert (outcome.code, outcome.err.split(";")[0]) == (1, "VESTIBULE_BOT_TOKEN is not set")
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "123456:" + "A" * 35)
    outcome = vestibule("run")
    assert (outcome.code, outcome.err.split(";")[0]) == (1, "VESTIBULE_KEYS is not set")


def test_run_without_a_database_says_migrate(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` on a database that is not there is one clear line and exit code 1."""
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "123456:" + "A" * 35)
    monkeypatch.setenv("VESTIBULE_KEYS", "a:" + "A" * 43)
    monkeypatch.setenv("VESTIBULE_BOT_API_URL", "http://127.0.0.1:9/bot")
    outcome = vestibule("run")
    assert outcome.code == 1
    assert "vestibule migrate" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (StorageFault("no room"), ["no room"]),
        (BadSettings("one", "two"), ["one", "two"]),
        (ExceptionGroup("loops", [StorageFault("no room"), StorageFault("no disk")]), ["no room", "no disk"]),
    ],
)
def test_faults_are_lines(error: Exception, lines: list[str]) -> None:
    """A fault that is known says its own lines, also out of a group of loops."""
    assert cli.lines_of(error) == lines


def test_a_fault_of_our_own_is_not_told_with_its_words(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-20: an unexpected error is one line with its kind and place, without what it says and without a traceback."""

    def broken() -> None:
        raise LookupError("what somebody wrote")

    monkeypatch.setattr("bot.commands.keys.Keyring.generate", broken)
    outcome = vestibule("keys", "new")
    assert outcome.code == 1
    assert "LookupError at " in outcome.err
    assert "somebody" not in outcome.err


def test_python_m_bot_is_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m bot` is `vestibule`."""
    import runpy

    monkeypatch.setattr(sys, "argv", ["vestibule", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("bot", run_name="__main__")
    assert not ended.value.code
    assert "rehearse" in capsys.readouterr().out
