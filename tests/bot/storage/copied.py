"""A database to copy, on SQLite: rows in every table, of every kind of value, and what both databases hold afterwards."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bot.ids import CountingIds
from bot.ports.records import AuditEntry
from bot.storage.address import database_file, is_postgres, postgres_conninfo
from bot.storage.copy_end import End
from bot.storage.copy_tables import copied, key_in
from bot.storage.copying import Copied, copy, end_at
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.storage import at_0001 as old
from tests.bot.storage.rows import BOT, NOW, named

FEW = 7
ENTRIES = 9
GONE = 2
"""Audit entries that left by retention; an anchor stands for them."""
FAR = 2**40
"""The highest number an outbox row ever had."""
_YEAR = 366 * 86_400_000_000


def make_source(file: Path, keys: Keyring, *, many: int = FEW) -> str:
    """Its address."""
    old.upgrade_to(file, "0001")
    old.fill(file, keys)
    url = f"sqlite:///{file}"
    migrate(url)
    with closing(sqlite3.connect(file)) as database:
        _fill(database, many)
        database.commit()
    return url


def _fill(database: sqlite3.Connection, many: int) -> None:
    run, micro = database.execute, int(NOW.timestamp()) * 1_000_000
    programme, person, group, chat = named("programme"), named("person"), named("group"), named("chat")
    run("UPDATE programmes SET name = ?", ['Nord "Süd" \\ \t\n Ünï \U0001f6aa مرحبا \ufeff%s :x \x01'])
    reminders = [
        (f"r{number:031d}", f"k{number}", programme, "lead", micro, micro, None, person, 0, "due", "", None)
        for number in range(many)
    ]
    database.executemany(f"INSERT INTO reminders VALUES ({', '.join('?' * 12)})", reminders)
    run("INSERT INTO shifts VALUES ('s1', ?, 'D', ?, 1, 2, 'file')", [programme, person])
    run("INSERT INTO allowances VALUES ('a1', ?, 'phone', 5, ?, 4)", [person, person])
    run("INSERT INTO requests VALUES ('q1', ?, ?, 'copy', 1, NULL, '', 'operator')", [programme, person])
    run("INSERT INTO pulses VALUES ('take', -9223372036854775808)")
    run("INSERT INTO person_roles (id, person_id, role, group_id) VALUES (77, ?, 'F', ?)", [person, group])
    seen = [(bot, number, micro, "") for bot in (BOT, 2**62) for number in range(2**53, 2**53 + many)]
    database.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", seen)
    ledger = [(f"l{n:031d}", chat, 2**52 + n, "bot", "lead", n % 2, micro, None, "") for n in range(many)]
    database.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ledger)
    run("UPDATE sqlite_sequence SET seq = ? WHERE name = 'outbox'", [FAR])
    run("UPDATE counters SET value = 4711 WHERE name = 'case'")


async def lengthen(url: str, keys: Keyring) -> None:
    """An audit log whose first entries have left, after an anchor and the entry about it."""
    storage = SqliteStorage(url, keys, CountingIds(10**6))

    async def add(number: int, at: datetime) -> None:
        async with storage.unit() as unit:
            subject = named("case", 101)
            await unit.audit.add(
                AuditEntry(
                    named("entry", number), at, "clock", "case.opened", subject, {"count": str(number)}
                )
            )
            await unit.commit()

    for number in range(ENTRIES):
        await add(number, NOW)
    with closing(sqlite3.connect(database_file(url))) as database:
        last = "SELECT seq, hash, at FROM audit ORDER BY seq LIMIT 1 OFFSET ?"
        seq, hashed, at = database.execute(last, [GONE - 1]).fetchone()
        anchor = [seq, hashed, at + _YEAR, at + 1]
        database.execute("INSERT INTO audit_anchors VALUES ('x', ?, ?, ?, ?)", anchor)
        database.execute("DELETE FROM audit WHERE seq <= ?", [seq])
        database.commit()
    await add(ENTRIES, NOW + timedelta(days=367))
    await storage.close()


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Table -> its rows by key, as they are stored."""
    end: End = end_at(url)
    with end.held():
        found = {}
        for table in copied():
            rows: list[tuple[Any, ...]] = []
            while window := end.window(table, key_in(table, rows[-1]) if rows else None):
                rows += map(tuple, window)
            found[table.name] = rows
    return found


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nothing is told."""


def taken(source: str, target: str, keys: Keyring, new_id: str = "one") -> Copied:
    """A copy, and nothing is told."""
    return copy(source, target, keys, new_id, quiet)


def change(url: str, sql: str) -> None:
    """Change something behind everybody's back."""
    if is_postgres(url):
        with psycopg.connect(postgres_conninfo(url), autocommit=True) as postgres:
            postgres.execute(sql.encode())
        return
    with closing(sqlite3.connect(database_file(url))) as sqlite:
        sqlite.execute(sql)
        sqlite.commit()


class Broken(Exception):
    """Where a copy is broken off."""
