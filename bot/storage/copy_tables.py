"""Which tables a copy takes along, in which order, and their rows window by window, on either kind of database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.engine import Dialect

from bot.storage.columns import UtcTime
from bot.storage.statements import SQLITE, Row, Statement
from bot.storage.tables import audit, audit_anchors, counters, leases, metadata, works_with

WINDOW: Final = 2000
"""Rows that are copied in one transaction."""
_OWN = (leases, works_with)
"""What is a database's own: who leads on it, and which software may run there."""
_ORDERED = {audit: audit.c.seq, audit_anchors: audit_anchors.c.seq}
_INT = (-(2**31), 2**31 - 1)
Key = tuple[Any, ...]


class Asked(Protocol):
    """A database that answers queries."""

    dialect: Dialect

    def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        ...


def copied() -> list[Table]:
    """All tables but those of the database's own, what is pointed at first; the counters last, as other rows count them up."""
    return [*(table for table in metadata.sorted_tables if table not in (*_OWN, counters)), counters]


def counted() -> list[Table]:
    """Those whose rows are numbered by the database."""
    return [table for table in copied() if any(column.identity for column in table.c)]


def key_of(table: Table) -> list[Column[Any]]:
    """What orders its rows: the primary key; the place in the chain for the audit log, which grows in that order alone."""
    return [_ORDERED[table]] if table in _ORDERED else list(table.primary_key.columns)


def key_in(table: Table, row: Sequence[Any]) -> Key:
    """The key of a row."""
    names = list(table.c.keys())
    return tuple(row[names.index(column.name)] for column in key_of(table))


def asked(end: Asked, statement: Statement, **values: Any) -> Sequence[Sequence[Any]]:
    """What a query finds there."""
    compiled = statement.on(end.dialect)
    return end.fetch(compiled.text, compiled.bind(values))


def window(end: Asked, table: Table, after: Key | None) -> Sequence[Sequence[Any]]:
    """The rows after a key, or the first ones."""
    first, following = _windows(table)
    if after is None:
        return asked(end, first, most=WINDOW)
    return asked(end, following, most=WINDOW, **{f"k{number}": value for number, value in enumerate(after)})


@cache
def _windows(table: Table) -> tuple[Statement, Statement]:
    key = key_of(table)
    sql = select(table).order_by(*key).limit(bindparam("most"))
    after = [bindparam(f"k{number}", type_=column.type) for number, column in enumerate(key)]
    beyond = key[0] > after[0] if len(key) == 1 else tuple_(*key) > tuple_(*after)
    return Statement(sql), Statement(sql.where(beyond))


def count(end: Asked, table: Table) -> int:
    """The number of its rows."""
    return int(asked(end, Statement(select(func.count().label("rows")).select_from(table)))[0][0])


def highest(end: Asked, table: Table) -> int:
    """The highest number among its rows, 0 if there are none."""
    return int(asked(end, Statement(select(func.max(table.c.id).label("most"))))[0][0] or 0)


def misfits(end: Asked, table: Table) -> list[str]:
    """On SQLite, which minds neither a value's kind nor its length: where one stands that PostgreSQL would not take.

    A line for each column, with the key of one row.
    """
    wrong = {column.name: _misfit(column) for column in table.c}
    key = select(*key_of(table)).limit(1)
    if not asked(end, Statement(key.where(text(" OR ".join(wrong.values()))))):
        return []
    return [
        f"{table.name}.{column} of {', '.join(map(str, row))}"
        for column, condition in wrong.items()
        for row in asked(end, Statement(key.where(text(condition))))
    ]


def _misfit(column: Column[Any]) -> str:
    name = SQLITE.identifier_preparer.quote(column.name)
    kind = column.type
    if isinstance(kind, Boolean):
        wrong = f"{name} NOT IN (0, 1)"
    elif isinstance(kind, LargeBinary):
        wrong = f"typeof({name}) <> 'blob'"
    elif isinstance(kind, (BigInteger, UtcTime)):
        wrong = f"typeof({name}) <> 'integer'"
    elif isinstance(kind, Integer):
        wrong = f"typeof({name}) <> 'integer' OR {name} NOT BETWEEN {_INT[0]} AND {_INT[1]}"
    else:
        # length() of a text ends at its first NUL: both are asked.
        wrong = f"typeof({name}) <> 'text' OR instr({name}, char(0)) > 0"
        if isinstance(kind, JSON):
            wrong += f" OR NOT json_valid({name})"
        elif isinstance(kind, String) and kind.length is not None:
            wrong += f" OR length({name}) > {kind.length}"
    return f"({name} IS NOT NULL AND ({wrong}))"
