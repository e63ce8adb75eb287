"""An upgrade of a database that is in use: nothing is lost, and what is new has its defaults."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.ids import CountingIds
from bot.ports.records import Lane
from bot.storage.faults import DatabaseOlder
from bot.storage.revisions import check_revision, current_revision, database_file, migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.storage import at_0001 as old
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, at, named
from tests.bot.storage.test_revisions import run, schema


@pytest.fixture
def at_0001(tmp_path: Path, keyring: Keyring) -> Path:
    """A database filled at revision 0001."""
    file = tmp_path / "old.db"
    old.upgrade_to(file, "0001")
    old.fill(file, keyring)
    return file


@pytest.fixture
async def upgraded(at_0001: Path, keyring: Keyring) -> AsyncIterator[SqliteStorage]:
    """That database after the upgrade, through the stores; closed at the end."""
    migrate(f"sqlite:///{at_0001}")
    storage = SqliteStorage(f"sqlite:///{at_0001}", keyring, CountingIds(10**6))
    yield storage
    await storage.close()


def contents(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Table -> its rows, by column."""
    database = sqlite3.connect(file)
    database.row_factory = sqlite3.Row
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {
        name: [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY 1")]
        for (name,) in tables
        if not name.startswith(("sqlite_", "alembic_"))
    }
    database.close()
    return found


def test_an_upgrade_keeps_every_value_of_every_table(at_0001: Path, database_url: str) -> None:
    """R-02: each row of revision 0001 is there afterwards with all its values, in tables as if made anew."""
    before = contents(at_0001)
    assert all(before.values()), "every table should have rows, or nothing is shown for it"
    migrate(f"sqlite:///{at_0001}")
    after = contents(at_0001)
    (taken,) = [row for row in before["case_roles"] if row["state"] == "taken"]
    taken["next_due_at"] = taken["taken_at"] + 4 * 3600 * 1_000_000
    before["counters"].insert(0, {"name": "audit", "value": len(before["audit"])})
    for table, rows in before.items():
        kept = [{name: row[name] for name in was} for was, row in zip(rows, after[table], strict=True)]
        assert kept == rows, table
    assert [row["reminded"] for row in after["case_roles"]] == [0, 0, 0]
    assert [row["way"] for row in after["outbox"]] == ["telegram", "telegram"]
    assert schema(at_0001) == schema(database_file(database_url))


def test_an_upgrade_leaves_no_row_that_points_nowhere(at_0001: Path) -> None:
    """R-02: after an upgrade SQLite finds neither damage nor a reference to a row that is gone."""
    migrate(f"sqlite:///{at_0001}")
    database = sqlite3.connect(at_0001)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


async def test_what_was_sealed_before_is_read_with_defaults(upgraded: SqliteStorage) -> None:
    """S-41: people, invitations, messages and the rest come back through the stores, the new fields at default."""
    async with upgraded.unit() as unit:
        assert await unit.people.get(named("person")) == old.PERSON
        assert await unit.people.get(named("staff")) == old.STAFF
        assert await unit.people.in_group(named("group")) == [old.PERSON]
        assert await unit.invitations.by_token("the-token") == make.invitation()
        assert await unit.chats.of_person(named("person")) == make.chat()
        assert await unit.sessions.get(named("session")) == make.session()
        assert await unit.visits.get(named("visit")) == make.visit()
        assert await unit.answers.of_visit(named("visit")) == [make.answer()]
        assert await unit.readiness.of_session(named("session")) == [make.readiness()]
        assert await unit.agreements.of_person(named("person")) == [old.AGREEMENT]
        assert await unit.audit.of_subject(named("case", 101)) == [old.AUDIT]
        assert await unit.cases.get(named("case", 101)) == make.case()
        waiting = [replace(row, id=number) for number, row in enumerate(old.MESSAGES, start=1)]
        assert await unit.outbox.waiting(named("chat")) == waiting
        changed = replace(old.PERSON, safe_times=("evening",), check_in_day=6)
        await unit.people.save(changed)
        await unit.commit()
    async with upgraded.unit() as unit:
        assert await unit.people.get(named("person")) == changed


async def test_a_part_taken_before_the_upgrade_is_looked_at_again(upgraded: SqliteStorage) -> None:
    """R-09: a part taken at revision 0001 comes due four hours after it was taken, and one asking as before."""
    taken_at = old.PARTS["taken"].taken_at
    assert taken_at is not None
    due_at = taken_at + timedelta(hours=4)
    async with upgraded.unit() as unit:
        assert await unit.cases.due(at(5)) == [old.PARTS["asking"]]
        assert await unit.cases.due(due_at - timedelta(seconds=1)) == [old.PARTS["asking"]]
        assert await unit.cases.due(due_at) == [
            old.PARTS["asking"],
            replace(old.PARTS["taken"], next_due_at=due_at),
        ]
        assert await unit.cases.next_number() == 102


async def test_numbers_of_messages_go_on_after_an_upgrade(upgraded: SqliteStorage) -> None:
    """R-12: what is added after an upgrade comes behind what was there."""
    async with upgraded.unit() as unit:
        await unit.outbox.add(make.message("later"))
        assert [row.id for row in await unit.outbox.waiting(named("chat"))] == [1, 2, 3]
        assert [row.slot for row in await unit.outbox.due(NOW, Lane.REPLY, 5)] == ["question"]


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(at_0001: Path) -> None:
    """R-02: an upgrade that breaks off, even at its last steps, changes no table and no row."""
    run(at_0001, "CREATE TABLE _alembic_tmp_outbox (id INTEGER)")
    before = contents(at_0001), schema(at_0001)
    with pytest.raises(Exception, match="already exists"):
        migrate(f"sqlite:///{at_0001}")
    assert (contents(at_0001), schema(at_0001)) == before
    assert current_revision(f"sqlite:///{at_0001}") == "0001"


def test_the_tables_of_0001_are_not_used_as_they_are(at_0001: Path) -> None:
    """A database that was not upgraded is refused with what to do, and works after that."""
    with pytest.raises(DatabaseOlder, match=r"revision 0001.*vestibule migrate"):
        check_revision(f"sqlite:///{at_0001}")
    migrate(f"sqlite:///{at_0001}")
    check_revision(f"sqlite:///{at_0001}")
