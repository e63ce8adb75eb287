"""Kinds of column, and the metadata that all tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = NOT_PLANNED = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970: exact, and in order on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Raises ValueError for a time that is naive or not in UTC."""
        if value is None:
            return None
        if value.utcoffset() != timedelta(0):
            raise ValueError("a stored time must be an aware datetime in UTC")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Aware UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# SQLite counts up by itself only in a column of exactly this type.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def letters(most: int | None = None) -> String:
    """The type of readable text, of so many letters at most.

    Compared and put in order by the letters' numbers on both databases. A server's own locale would order otherwise,
    and an upgrade of its system could leave every index on text wrong.
    """
    kind = Text if most is None else String
    return kind(most).with_variant(kind(most, collation="C"), "postgresql")


def own_id() -> Column[str]:
    """The row's id, made by the application."""
    return Column("id", letters(32), primary_key=True)


def counted_id() -> Column[int]:
    """The row's id, given by the database, each above those before it. A copy may bring its own."""
    return Column("id", _COUNTED, Identity(), primary_key=True)


def ref(name: str, table: str, *, optional: bool = False) -> Column[str]:
    """The id of a row of another table."""
    return Column(name, letters(32), ForeignKey(f"{table}.id"), nullable=optional)


def words(name: str, *, optional: bool = False) -> Column[str]:
    """Readable text."""
    return Column(name, letters(), nullable=optional)


def time(name: str, *, optional: bool = False) -> Column[datetime]:
    """A time in UTC."""
    return Column(name, UtcTime, nullable=optional)


def index_where_set(column: Column[str]) -> Index:
    """An index of an optional reference, of the rows that have one: whoever it refers to cannot go without a look at it."""
    where = text(f"{column.name} IS NOT NULL")
    name = f"ix_{column.table.name}_{column.name}"
    return Index(name, column, sqlite_where=where, postgresql_where=where)


def planned_until() -> Column[datetime]:
    """Until when nothing is to be planned for the row (bot.usecases.plan). NOT_PLANNED, as at first, asks for it now."""
    return Column("planned_until", UtcTime, nullable=False, server_default=text("0"))


def number(name: str) -> Column[int]:
    """A whole number."""
    return Column(name, Integer, nullable=False)


def json(name: str) -> Column[object]:
    """Readable JSON."""
    return Column(name, JSON, nullable=False)


def sealed(name: str, *, optional: bool = False) -> Column[bytes]:
    """`sealed_<name>`: a value that only bot.storage.sealing can open (S-41)."""
    return Column(f"sealed_{name}", LargeBinary, nullable=optional)


def one_of(name: str, *values: str) -> CheckConstraint:
    """A CHECK that the column holds one of these."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{name} IN ({listed})", name=name)
