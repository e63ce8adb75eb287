"""Statements of SQLAlchemy Core, compiled once and run on the driver in one hop each.

SQLAlchemy's own asyncio path takes four hops to the driver's thread for a query; a tap needs a handful of
queries. The SQL, the types and the tables are SQLAlchemy's; only the running is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Delete, Insert, Select, Table, Update, bindparam, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler

DIALECT = sqlite.dialect(paramstyle="named")

Row = dict[str, Any]
_Convert = Callable[[Any], Any] | None


class Statement:
    """One statement, compiled at first use; turns values into what the driver takes, and rows back.

    `columns` are those an INSERT or UPDATE sets, when they are not all.
    """

    def __init__(
        self, sql: Select[Any] | Insert | Update | Delete, columns: Iterable[str] | None = None
    ) -> None:
        self._core = sql
        self._columns = None if columns is None else list(columns)

    @cached_property
    def _compiled(self) -> SQLCompiler:
        compiled = self._core.compile(dialect=DIALECT, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        return compiled

    @cached_property
    def text(self) -> str:
        """The SQL."""
        return str(self._compiled)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables it reads or writes."""
        return frozenset(part.name for part in visitors.iterate(self._core) if isinstance(part, Table))

    @cached_property
    def _constants(self) -> Row:
        return {
            name: convert(bound.value) if (convert := bound.type.bind_processor(DIALECT)) else bound.value
            for name, bound in self._compiled.binds.items()
            if not bound.required and bound.value is not None
        }

    @cached_property
    def _binds(self) -> list[tuple[str, _Convert]]:
        return [
            (name, bound.type.bind_processor(DIALECT))
            for name, bound in self._compiled.binds.items()
            if name not in self._constants
        ]

    @cached_property
    def _places(self) -> set[str]:
        return {name for name, _ in self._binds} | {"id"}  # an UPDATE names the id where_id

    @cached_property
    def _results(self) -> list[tuple[str, _Convert]]:
        selected = (
            self._core.selected_columns if isinstance(self._core, Select) else self._core.exported_columns
        )
        return [(column.key or "", column.type.result_processor(DIALECT, None)) for column in selected]

    def takes(self, name: str) -> bool:
        """Whether a value of that name has a place in it."""
        return any(name == place for place, _ in self._binds)

    def bind(self, values: Mapping[str, Any]) -> Row:
        """The values as the driver takes them.

        Raises KeyError for a missing one or one there is no place for (a record's new field without a
        column must not get lost in silence), ValueError for a time that is not UTC.
        """
        if unplaced := values.keys() - self._places:
            raise KeyError(f"no place for {', '.join(sorted(unplaced))} in: {self.text}")
        bound = dict(self._constants)
        for name, convert in self._binds:
            bound[name] = convert(values[name]) if convert else values[name]
        return bound

    def read(self, raw: Sequence[Any]) -> Row:
        """A row of the driver's by column name."""
        return {
            name: convert(value) if convert else value
            for (name, convert), value in zip(self._results, raw, strict=True)
        }


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
