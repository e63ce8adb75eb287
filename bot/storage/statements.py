"""Statements of SQLAlchemy Core, compiled once for each kind of database and run on its driver without a detour.

SQLAlchemy's own asyncio path takes four hops to the driver's thread for a query; a tap needs a handful of
queries. The SQL, the types and the tables are SQLAlchemy's; only the running is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Delete, Insert, Select, Table, Update, bindparam, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler


class _Postgres(PGDialect_psycopg):
    # JSON travels as the text it is stored as, as on SQLite: what the audit log hashes is the same on both.
    supports_native_json_serialization = False
    supports_native_json_deserialization = False


SQLITE: Dialect = sqlite.dialect(paramstyle="named")
POSTGRES: Dialect = _Postgres(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # its maker is untyped there

Row = dict[str, Any]
Sql = Select[Any] | Insert | Update | Delete
_Convert = Callable[[Any], Any]


class Compiled:
    """A statement for one kind of database: its text, its values as the driver takes them, its rows as we read them."""

    def __init__(self, sql: Sql, columns: Sequence[str] | None, dialect: Dialect) -> None:
        compiled = sql.compile(dialect=dialect, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._constants: Row = {}
        self._plain: list[str] = []
        self._converted: list[tuple[str, _Convert]] = []
        for name, bound in compiled.binds.items():
            convert = bound.type.bind_processor(dialect)
            if not bound.required and bound.value is not None:
                self._constants[name] = convert(bound.value) if convert else bound.value
            elif convert:
                self._converted.append((name, convert))
            else:
                self._plain.append(name)
        self.binds = frozenset(self._plain) | {name for name, _ in self._converted}
        self._places = self.binds | {"id"}  # an UPDATE names the id where_id
        selected = sql.selected_columns if isinstance(sql, Select) else sql.exported_columns
        self._names = [column.key or "" for column in selected]
        self._reads = [
            (column.key or "", convert)
            for column in selected
            if (convert := column.type.result_processor(dialect, None))
        ]

    def bind(self, values: Mapping[str, Any]) -> Row:
        """See Statement.bind."""
        if not values.keys() <= self._places:
            unplaced = values.keys() - self._places
            raise KeyError(f"no place for {', '.join(sorted(unplaced))} in: {self.text}")
        bound = dict(self._constants)
        for name in self._plain:
            bound[name] = values[name]
        for name, convert in self._converted:
            bound[name] = convert(values[name])
        return bound

    def read(self, raw: Sequence[Any]) -> Row:
        """A row of the driver's by column name."""
        row = dict(zip(self._names, raw, strict=True))
        for name, convert in self._reads:
            row[name] = convert(row[name])
        return row


class Statement:
    """One statement, compiled at its first use on each kind of database.

    `columns` are those an INSERT or UPDATE sets, when they are not all.
    """

    def __init__(self, sql: Sql, columns: Iterable[str] | None = None) -> None:
        self._sql = sql
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, Compiled] = {}

    def on(self, dialect: Dialect) -> Compiled:
        """It for that kind of database."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = Compiled(self._sql, self._columns, dialect)
        return found

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables it reads or writes."""
        return frozenset(part.name for part in visitors.iterate(self._sql) if isinstance(part, Table))

    @property
    def text(self) -> str:
        """The SQL on SQLite."""
        return self.on(SQLITE).text

    def takes(self, name: str) -> bool:
        """Whether a value of that name has a place in it."""
        return name in self.on(SQLITE).binds

    def bind(self, values: Mapping[str, Any]) -> Row:
        """The values as they are stored, the same on every database.

        Raises KeyError for a missing one or one there is no place for (a record's new field without a
        column must not get lost in silence), ValueError for a time that is not UTC.
        """
        return self.on(SQLITE).bind(values)


def fields_of(record: Any) -> Row:
    """A record's fields by name. Shallow: dataclasses.asdict copies deeply, and that costs more than the insert."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def select_where(table: Table, *names: str) -> Statement:
    """All columns of the rows in which these columns have the values given under their names."""
    return Statement(select(table).where(*(table.c[name] == bindparam(name) for name in names)))


def insert_into(table: Table, *, without: Sequence[str] = ()) -> Statement:
    """One row with all columns, except those the database fills."""
    return Statement(insert(table), [column.name for column in table.c if column.name not in without])


def update_by_id(table: Table, columns: Iterable[str] | None = None) -> Statement:
    """Set these columns (None: all but the id) of the row whose id is `where_id`."""
    return Statement(update(table).where(table.c.id == bindparam("where_id")), columns or _settable(table))


def update_guarded(table: Table, *, without: Sequence[str] = ()) -> Statement:
    """Set the columns of the row whose id is `where_id` and whose version is still `where_version`."""
    same = (table.c.id == bindparam("where_id"), table.c.version == bindparam("where_version"))
    return Statement(update(table).where(*same), [name for name in _settable(table) if name not in without])


def _settable(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name != "id"]
