"""A copy that is broken off, wherever that is, goes on when it is run again."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from bot.storage import copy_mark, copy_tables, copying
from bot.storage.copying import copy
from bot.storage.faults import DatabaseAway, DatabaseCopied
from bot.storage.revisions import check_revision
from bot.storage.sealing import Keyring
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage.copied import Broken, change, contents, lengthen, make_source, taken

ROOT = Path(__file__).parents[3]
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows at a time."""
    monkeypatch.setattr(copy_tables, "WINDOW", 4)


@KINDS
@pytest.mark.slow
@pytest.mark.usefixtures("small_windows")
def test_broken_off_anywhere_it_goes_on(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-02: broken off after each window in turn, a copy goes on without doubling or leaving out a row."""
    target, steps, stop = empty(kind), 0, 1

    def told(_what: str, _done: int, _total: int) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise Broken

    while True:
        try:
            copy(source, target, keyring, f"try {stop}", told)
            break
        except Broken:
            steps, stop = 0, stop + 1
        with pytest.raises(DatabaseCopied, match="not finished"):
            check_revision(target)
        with pytest.raises(DatabaseCopied, match="begun"):
            check_revision(source)
    assert stop > 20
    assert contents(target) == contents(source)


@KINDS
def test_broken_off_between_the_two_databases_it_goes_on(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-02: broken off when one database is marked and the other not yet, at the beginning or at the end, a copy goes on."""
    target = empty(kind)

    def broken(*_: object, **__: object) -> None:
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(copying, "replace", broken)  # what the target's mark is made with
        with pytest.raises(Broken):
            taken(source, target, keyring)
    with pytest.raises(DatabaseCopied, match="begun"):
        check_revision(source)
    with monkeypatch.context() as patch:
        patch.setattr(copy_mark, "DROP", "DROP TABLE no_such_table")
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            taken(source, target, keyring, "two")
    with pytest.raises(DatabaseCopied, match="copied into"):
        check_revision(source)
    with pytest.raises(DatabaseCopied, match="not finished"):
        check_revision(target)
    taken(source, target, keyring, "three")
    check_revision(target)
    assert contents(target) == contents(source)


def test_a_lost_connection_is_told_and_it_goes_on(
    source: str, empty: Callable[[str], str], keyring: Keyring
) -> None:
    """R-02: a connection that the server ends in the middle is a fault in clear words, and the copy goes on afterwards."""
    target = empty("postgresql")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vestibule copy' AND datname = current_database()"

    def told(what: str, done: int, _total: int) -> None:
        if what == "people" and done:
            change(target, end)

    with pytest.raises(DatabaseAway, match="connection to the database was lost"):
        copy(source, target, keyring, "one", told)
    taken(source, target, keyring)
    assert contents(target) == contents(source)


KILLED = """
import os, signal, sys
from bot.storage import copy_tables
from bot.storage.copying import copy
from bot.storage.sealing import Keyring
source, target, keys, steps = sys.argv[1:]
left, copy_tables.WINDOW = int(steps), 200

def told(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

copy(source, target, Keyring(keys), "killed", told)
"""


@KINDS
@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(
    tmp_path: Path, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-02: killed with SIGKILL again and again, a copy goes on; both databases can be held again at once."""
    source = make_source(tmp_path / "source.db", keyring, many=3000)
    asyncio.run(lengthen(source, keyring))
    target = empty(kind)
    codes = []
    for steps in (20, 45, 1000):
        command = [sys.executable, "-c", KILLED, source, target, TEST_KEYS, str(steps)]
        codes.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
    assert codes == [-signal.SIGKILL] * 2 + [0]
    assert contents(target) == contents(source)
