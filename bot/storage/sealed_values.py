"""Every sealed value there is, whatever its table (S-41): which keys they are under, and sealing them anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, bindparam, func, select

from bot.ports.sealed import Resealed
from bot.storage.columns import metadata
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Statement, update_by_id
from bot.storage.work import Work

_PREFIX = "sealed_"


def sealed_columns() -> list[Column[Any]]:
    """All of them, as the tables are: a new one is among them without a word here."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.startswith(_PREFIX)
    ]


def place_of(column: Column[Any], row: Mapping[str, Any]) -> tuple[str, str, str]:
    """What the value is bound to: table, column, row. A row whose id the database makes has a name of its own."""
    key = f"{row['chat_id']}.{row['seal_id']}" if "seal_id" in column.table.c else row["id"]
    return column.table.name, column.name.removeprefix(_PREFIX), key


class SealedValues:
    """Implements bot.ports.sealed.Sealed."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    def columns(self) -> list[str]:
        """Every sealed column, as table.column."""
        return [_name(column) for column in sealed_columns()]

    def sealing_key(self) -> str:
        """The id of the key that seals."""
        return self._keys.ids[0]

    async def count(self, column: str) -> dict[str, int]:
        """Key id -> how many values of the column are under it; `?` for those under none of the keys there are."""
        found = _COLUMNS[column]
        rows = await self._work.rows(found.total)
        counts = {}
        for key in self._keys.ids:
            prefix = self._keys.prefix(key)
            under = await self._work.rows(found.under, length=len(prefix), prefix=prefix)
            counts[key] = under[0]["values"]
        counts["?"] = rows[0]["values"] - sum(counts.values())
        return counts

    async def reseal(self, column: str, after: object = None, limit: int = 200) -> Resealed:
        """Seal some values of the column anew that are under another key than the one that seals."""
        found, prefix = _COLUMNS[column], self._keys.prefix(self.sealing_key())
        start = found.before_all if after is None else after
        rows = await self._work.rows(
            found.others, length=len(prefix), prefix=prefix, after=start, limit=limit
        )
        unread = []
        for row in rows:
            place = place_of(found.column, row)
            try:
                value = self._keys.open(*place, row[found.column.name])
            except CannotOpen as fault:
                unread.append(str(fault))
                continue
            values = {"where_id": row["id"], found.column.name: self._keys.seal(*place, value)}
            self._work.stage(found.write, values, changes_one=True)
        last = rows[-1]["id"] if len(rows) == limit else None
        return Resealed(len(rows) - len(unread), tuple(unread), last)


class _Column:
    """The statements for one sealed column, compiled when first used."""

    def __init__(self, column: Column[Any]) -> None:
        table = column.table
        assert isinstance(table, Table)
        self.column = column
        self.before_all: object = 0 if "seal_id" in table.c else ""
        start = func.substr(column, 1, bindparam("length"), type_=LargeBinary)
        is_under = start == bindparam("prefix", type_=LargeBinary)
        counted = select(func.count(column).label("values"))
        self.total = Statement(counted)
        self.under = Statement(counted.where(is_under))
        self.others = Statement(
            select(table)
            .where(column.is_not(None), ~is_under, table.c.id > bindparam("after"))
            .order_by(table.c.id)
            .limit(bindparam("limit"))
        )
        self.write = update_by_id(table, [column.name])


def _name(column: Column[Any]) -> str:
    return f"{column.table.name}.{column.name.removeprefix(_PREFIX)}"


_COLUMNS = {_name(column): _Column(column) for column in sealed_columns()}
