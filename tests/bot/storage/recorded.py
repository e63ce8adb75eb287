"""Which statements really ran, and how a database goes about each of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from typing import Any

import psycopg
import pytest

from bot.storage.address import database_file, is_postgres, postgres_conninfo
from bot.storage.postgres import PostgresDriver
from bot.storage.sqlite import SqliteDriver
from bot.storage.tables import metadata

Plan = list[str]
TABLES = frozenset(metadata.tables)
_TICK = 10
_PARTIAL = {
    str(index.name)
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


class Recorded:
    """Each statement that ran, once, with the values of its first time, while the monkeypatch lasts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: dict[str, dict[str, Any]] = {}
        for driver in (SqliteDriver, PostgresDriver):
            for name in ("fetch", "run"):
                monkeypatch.setattr(driver, name, self._one(getattr(driver, name)))
            monkeypatch.setattr(driver, "run_all", self._all(driver.run_all))

    def _one(self, runs: Any) -> Any:
        async def recorded(driver: Any, text: str, values: dict[str, Any]) -> Any:
            self.statements.setdefault(text, dict(values))
            return await runs(driver, text, values)

        return recorded

    def _all(self, runs: Any) -> Any:
        async def recorded(driver: Any, changes: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> Any:
            for text, values in changes:
                self.statements.setdefault(text, dict(values[0]))
            return await runs(driver, changes)

        return recorded

    def plans(self, url: str) -> Iterator[tuple[str, Plan]]:
        """Each statement with what its plan reads from end to end: tables, and indexes that hold every row."""
        explain = _on_postgres if is_postgres(url) else _on_sqlite
        yield from explain(url, self.statements)

    def steps(self, url: str) -> Iterator[tuple[str, int]]:
        """Each statement that SQLite can run again, with how many steps of its own it takes; nothing is kept."""
        with closing(sqlite3.connect(database_file(url), isolation_level=None)) as database:
            for text, values in self.statements.items():
                with suppress(sqlite3.IntegrityError):  # what was added is there already
                    yield text, _counted(database, text, values)


def _counted(database: sqlite3.Connection, text: str, values: dict[str, Any]) -> int:
    ticks = count()
    database.execute("BEGIN")
    database.set_progress_handler(lambda: next(ticks) < 0, _TICK)
    try:
        database.execute(text, values).fetchall()
    finally:
        database.set_progress_handler(None, 0)
        database.execute("ROLLBACK")
    return next(ticks) * _TICK


def _on_sqlite(url: str, statements: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Plan]]:
    with closing(sqlite3.connect(f"file:{database_file(url)}?mode=ro", uri=True)) as database:
        for text, values in statements.items():
            steps = [row[3].split() for row in database.execute(f"EXPLAIN QUERY PLAN {text}", values)]
            whole = [step for step in steps if step[0] == "SCAN" and not _PARTIAL & set(step)]
            yield text, [" ".join(step) for step in whole if step[1] in TABLES]


def _on_postgres(url: str, statements: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Plan]]:
    with psycopg.connect(postgres_conninfo(url), autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        for text, values in statements.items():
            if text.startswith("SELECT pg_"):
                continue
            yield text, list(_whole(_prepared(connection, text, values)))


def _prepared(connection: psycopg.Connection[Any], text: str, values: dict[str, Any]) -> dict[str, Any]:
    """The plan made once for whatever values, as a server may keep it for a statement that comes again and again."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    places = {name: f"${number}" for number, name in enumerate(names, 1)}
    prepared = re.sub(r"%\((\w+)\)s", lambda found: places[found[1]], text).replace("%%", "%")
    connection.execute(f"DEALLOCATE ALL; PREPARE asked AS {prepared}".encode())
    given = f"({', '.join(['%s'] * len(names))})" if names else ""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) EXECUTE asked{given}".encode(), [values[name] for name in names]
        )
        found = cursor.fetchone()
    assert found is not None
    plan: dict[str, Any] = found[0][0]["Plan"]
    return plan


def _whole(node: dict[str, Any]) -> Iterator[str]:
    kind, index = node["Node Type"], node.get("Index Name")
    if kind == "Seq Scan":
        yield f"SCAN {node['Relation Name']}"
    elif index and index not in _PARTIAL and not node.get("Index Cond"):
        table = node.get("Relation Name") or next(
            t.name
            for t in metadata.tables.values()
            if index.startswith(("pk_" + t.name, "ix_" + t.name, "uq_" + t.name))
        )
        yield f"SCAN {table} USING INDEX {index}"
    for below in node.get("Plans", ()):
        yield from _whole(below)
