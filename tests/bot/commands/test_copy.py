"""`vestibule copy` as an administrator uses it, and the other commands where the data are on PostgreSQL."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.commands.examine_postgres import server
from bot.settings import load_settings
from bot.storage.address import postgres_conninfo
from bot.storage.copying import end_at
from bot.storage.postgres_look import ServerFacts
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage.copied import contents
from tests.postgres import Databases, programs

TO = "VESTIBULE_DATABASE_URL"


@pytest.fixture
def moved(
    vestibule: Vestibule, service: str, programme: None, bare_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The service after its move to PostgreSQL; gives the address there."""
    done = vestibule("copy", "--to", bare_postgres)
    assert done.code == 0, done.err
    monkeypatch.setenv(TO, bare_postgres)
    return bare_postgres


@pytest.mark.usefixtures("programme")
def test_a_move_there_and_back(
    vestibule: Vestibule, service: str, bare_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-02: a service moves to PostgreSQL and back again; each step says the next, and the old database is refused."""
    there = vestibule("copy", "--to", bare_postgres)
    assert there.code == 0
    assert "the same on both sides" in there.out
    head = re.search(r"vestibule audit verify --head (\d+:[0-9a-f]{64})", there.out)
    assert head is not None
    assert "people: 1 of 1" in there.out
    old = vestibule("audit", "verify")
    assert old.code == 1
    assert "was copied into the database" in old.err
    monkeypatch.setenv(TO, bare_postgres)
    assert vestibule("audit", "verify", "--head", head[1]).code == 0
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert vestibule("copy", "--to", back).code == 0
    monkeypatch.setenv(TO, back)
    assert vestibule("audit", "verify", "--head", head[1]).code == 0
    monkeypatch.setenv(TO, service)
    unsure = vestibule("copy", "--undo")
    assert unsure.code == 2
    assert "vestibule copy --undo --to" in unsure.err
    assert "can be used again" in vestibule("copy", "--undo", "--to", bare_postgres).out
    assert vestibule("audit", "verify").code == 0
    assert "was not copied" in vestibule("copy", "--undo").out


def test_wrong_use_is_told(vestibule: Vestibule, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong use ends with 2, a fault with 1; no password is ever repeated."""
    assert vestibule("copy").code == 2
    assert vestibule("copy", "--to", "sqlite:///there.db", "--yes").code == 2
    same = vestibule("copy", "--to", service)
    assert (same.code, same.err) == (2, "--to names the database that VESTIBULE_DATABASE_URL names already\n")
    for wrong in ("mysql://x:secret@y/z", "postgresql://role:secret@host", "secret", "sqlite://"):
        outcome = vestibule("copy", "--to", wrong)
        assert outcome.code == 2
        assert outcome.err.startswith("--to: the database address should")
        assert "secret" not in outcome.err
    away = vestibule("copy", "--to", "postgresql://role:secret@127.0.0.1:1/vestibule")
    assert away.code == 1
    assert "cannot be reached" in away.err
    assert "secret" not in away.out + away.err
    monkeypatch.setenv("VESTIBULE_KEYS", "")
    assert vestibule("copy", "--to", "postgresql://role@127.0.0.1:1/vestibule").code == 1


def test_one_database_by_two_names_is_told(
    vestibule: Vestibule, moved: str, postgres_server: Databases, tmp_path: Path
) -> None:
    """R-15: a database is not copied into itself by another name of its server; it is said to be the same, exit code 2."""
    (tmp_path / "other").symlink_to(postgres_server.folder)
    other = moved.replace(str(postgres_server.folder), str(tmp_path / "other"))
    assert other != moved
    same = vestibule("copy", "--to", other)
    assert same.code == 2
    assert same.err == (
        "--to leads to the database that VESTIBULE_DATABASE_URL names already, by another name; nothing was copied\n"
    )
    assert vestibule("audit", "verify").code == 0


@pytest.mark.usefixtures("programme")
def test_migrate_says_where_the_data_went(vestibule: Vestibule, service: str, bare_postgres: str) -> None:
    """R-15: where the data were copied away `migrate` says where to and how to undo it, instead of that all is well."""
    assert vestibule("copy", "--to", bare_postgres).code == 0
    refused = vestibule("migrate")
    assert (refused.code, refused.out) == (1, "")
    assert "was copied into the database" in refused.err
    assert "vestibule copy --undo" in refused.err
    assert vestibule("copy", "--undo", "--yes").code == 0
    assert vestibule("migrate").code == 0


@pytest.mark.usefixtures("programme")
def test_a_copy_that_differs_is_told(
    vestibule: Vestibule, service: str, bare_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-02: what differs is named, line by line, with what to do; exit code 1."""
    from bot.storage import copying

    real = copying.verify

    def meddled(*ends: object) -> object:
        with psycopg.connect(postgres_conninfo(bare_postgres), autocommit=True) as connection:
            connection.execute("UPDATE people SET language = 'de'")
        return real(*ends)  # type: ignore[arg-type]  # the ends are passed on

    monkeypatch.setattr(copying, "verify", meddled)
    outcome = vestibule("copy", "--to", bare_postgres)
    assert outcome.code == 1
    assert re.search(r"people \w+ differs in language\n", outcome.err)
    assert "not to be used" in outcome.err


@pytest.mark.usefixtures("moved")
def test_commands_work_on_postgres(vestibule: Vestibule) -> None:
    """What works on SQLite works on PostgreSQL: importing, inviting, keys, sessions, audit, rights."""
    for words in (
        ("migrate",),
        ("import", str(EXAMPLE)),
        ("keys", "check"),
        ("keys", "rotate", "--stopped"),
        ("sessions", "list"),
        ("sessions", "list", "--to", "2099-01-01"),
        ("duty", "list"),
        ("duty", "gaps"),
        ("requests",),
        ("zone", "P-07", "Europe/Paris"),
        ("export", "--person", "P-07", "--out", "out"),
        ("strike", "--person", "P-07"),
        ("retention", "--now"),
        ("leave", "P-07"),
        ("audit", "show"),
        ("erase", "--person", "P-07", "--yes"),
        ("audit", "verify"),
    ):
        outcome = vestibule(*words)
        assert outcome.code == 0, (words, outcome)


def test_without_tables_commands_say_so(
    vestibule: Vestibule, bare_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an empty PostgreSQL database keys can be tried, and the rest says how the tables are made."""
    monkeypatch.setenv(TO, bare_postgres)
    monkeypatch.setenv("VESTIBULE_KEYS", TEST_KEYS)
    assert "no database yet" in vestibule("keys", "check").out
    assert "vestibule migrate" in vestibule("audit", "verify").err
    assert "vestibule migrate" in vestibule("doctor").out


def test_backups_are_the_servers_own(vestibule: Vestibule, moved: str, tmp_path: Path) -> None:
    """On PostgreSQL backup and restore name pg_dump and pg_restore instead of failing; exit code 2."""
    refused = vestibule("backup", tmp_path / "b")
    assert refused.code == 2
    assert "pg_dump" in refused.err
    (tmp_path / "b").touch()
    refused = vestibule("restore", tmp_path / "b")
    assert refused.code == 2
    assert "pg_restore" in refused.err


def test_after_pg_restore_nothing_is_sent_twice(vestibule: Vestibule, moved: str) -> None:
    """R-03: after pg_restore what waited is withheld and staff are told, as after a restore on SQLite; not while the bot runs."""
    with psycopg.connect(postgres_conninfo(moved), application_name="vestibule"):
        refused = vestibule("restore", "--as-of", "2025-01-05T09:00")
        assert refused.code == 1
        assert "the bot runs" in refused.err
    done = vestibule("restore", "--as-of", "2025-01-05T09:00")
    assert done.code == 0, done.err
    assert "as it was at 2025-01-05 09:00:00 UTC" in done.out
    assert "messages withheld: 0" in done.out
    assert "invitations closed: " in done.out
    assert vestibule("audit", "verify").code == 0


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize(
    ("given", "is_at"),
    [
        ("2025-01-31T18:00", "2025-01-31 18:00:00"),
        ("2025-01-31T18:00Z", "2025-01-31 18:00:00"),
        ("2025-01-31T18:00:05+02:00", "2025-01-31 16:00:05"),
        ("2025-01-31 23:30-05:00", "2025-02-01 04:30:00"),
        ("2025-01-31", "2025-01-31 00:00:00"),
    ],
)
def test_a_moment_keeps_its_offset(vestibule: Vestibule, given: str, is_at: str) -> None:
    """R-03: `restore --as-of` reckons an offset into UTC, and takes a time without one for UTC."""
    done = vestibule("restore", "--as-of", given)
    assert done.code == 0, done.err
    assert f"as it was at {is_at} UTC" in done.out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("yesterday", "--as-of yesterday is no time; it should look like 2026-01-31T18:00 (UTC)"),
        ("31.01.2025 18:00", "is no time"),
        ("2025-02-30T18:00", "is no time"),
        ("0001-01-01T00:00+14:00", "is no time"),
        ("2999-01-31T18:00+01:00", "is in the future: 2999-01-31 17:00:00 UTC, and it is "),
    ],
)
def test_a_moment_that_cannot_be_is_refused(vestibule: Vestibule, moved: str, given: str, says: str) -> None:
    """R-03: `restore --as-of` names what was given and what is possible, ends with 2, and settles nothing."""
    before = contents(moved)
    refused = vestibule("restore", "--as-of", given)
    assert refused.code == 2
    assert given in refused.err
    assert says in refused.err
    assert "+01:00" in refused.err
    assert contents(moved) == before


@pytest.mark.usefixtures("moved")
def test_a_dump_can_be_put_back(
    vestibule: Vestibule,
    moved: str,
    bare_postgres: str,
    postgres_server: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R-16: what pg_dump writes and pg_restore puts back, as the docs say, is whole, the audit log and its triggers too."""
    folder, name = programs(), f"restored_{os.getpid()}"
    assert folder is not None
    dump = subprocess.run([folder / "pg_dump", "--format=custom", moved], capture_output=True, check=True)
    target = postgres_server.make(name, "template0")
    restore = [folder / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={target}"]
    subprocess.run(restore, input=dump.stdout, check=True)
    monkeypatch.setenv(TO, target)
    assert vestibule("migrate").code == 0
    assert vestibule("restore", "--as-of", "2025-01-05T09:00").code == 0
    assert vestibule("audit", "verify").code == 0
    assert contents(target)["people"] == contents(moved)["people"]
    with pytest.raises(psycopg.IntegrityError), psycopg.connect(postgres_conninfo(target)) as connection:
        connection.execute("DELETE FROM audit")
    postgres_server.drop(name)


def findings(vestibule: Vestibule) -> list[str]:
    """What doctor says of the database."""
    wanted = (
        "PostgreSQL",
        "durability",
        "encoding",
        "connections",
        "clock of the",
        "way to",
        "database",
        "keys",
    )
    lines = [line.split("  ", 1) for line in vestibule("doctor").out.splitlines() if "  " in line[:8]]
    return [f"{mark} {says.strip()}" for mark, says in lines if says.strip().startswith(wanted)]


@pytest.mark.usefixtures("moved")
def test_doctor_looks_at_the_server(vestibule: Vestibule) -> None:
    """doctor finds version, durability, room, clock (1 s at most), tables and keys as they should be."""
    found = findings(vestibule)
    assert [line for line in found if not line.startswith(("ok", "fault durability"))] == []
    assert any(re.match(r"ok PostgreSQL: \d+", line) for line in found)
    # The tests' server does not wait for the disk.
    assert any("durability: fsync, full_page_writes off" in line for line in found)
    assert any(line.startswith("ok clock of the database: 0.0 s") for line in found)
    assert any("is at revision" in line for line in found)
    assert any("open what the database holds" in line for line in found)


def test_what_is_wrong_with_a_server_is_said() -> None:
    """R-15, S-41: a clock more than a second off, an old server, one short of room, or a way that is open to others is pointed out."""
    good = ServerFacts("15.1", 15, (), "UTF8", 100, 5, 1.0, remote=True, encrypted=True, checked=True)
    changes: list[tuple[dict[str, Any], str, str]] = [
        ({"major": 12}, "fault", "13 at least"),
        ({"not_durable": ("fsync",)}, "fault", "fsync off"),
        ({"encoding": "LATIN1"}, "fault", "make the database with UTF8"),
        ({"in_use": 95}, "note", "max_connections 100, 95 in use"),
        ({"clock_apart": 1.2}, "fault", "1.2 s from"),
        ({"encrypted": False}, "note", "not encrypted"),
        ({"checked": False}, "note", "who answers is not checked"),
    ]
    assert {one.mark for one in server(good)} == {"ok"}
    assert len(list(server(replace(good, remote=False)))) == len(list(server(good))) - 1
    for change, mark, says in changes:
        (found,) = [one for one in server(replace(good, **change)) if one.mark != "ok"]
        assert found.mark == mark
        assert says in found.says


def test_doctor_says_what_keeps_it_from_looking(
    vestibule: Vestibule, postgres_server: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is away, and a database in another encoding, are faults in clear words."""
    monkeypatch.setenv("VESTIBULE_KEYS", TEST_KEYS)
    monkeypatch.setenv(TO, "postgresql://role:secret@127.0.0.1:1/vestibule")
    outcome = vestibule("doctor")
    assert "fault  PostgreSQL: the database's server cannot be reached" in outcome.out
    assert "secret" not in outcome.out
    postgres_server.drop("latin")
    options = "ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    monkeypatch.setenv(TO, postgres_server.make("latin", "template0", options))
    assert any(line.startswith("fault encoding: LATIN1") for line in findings(vestibule))
    postgres_server.drop("latin")


def test_the_mark_is_gone_from_a_finished_copy(moved: str) -> None:
    """A finished copy has no table that no migration makes."""
    end = end_at(moved)
    with end.held():
        assert "copy_mark" not in end.tables()
    assert load_settings().database_url == moved
