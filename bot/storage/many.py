"""Queries about many values at once: one statement for each hundred, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, or_

from bot.storage.statements import Row, Statement
from bot.storage.work import Work

_SIZES = (1, 5, 20, 100)


class Many:
    """The rows of a query whose columns have one of many (tuples of) values.

    Compiled for a few sizes only; the places left over repeat the first value. `apart`: a row counts whose columns
    have values of different tuples, too. Columns of several tables find their indexes so only.
    """

    def __init__(self, query: Select[Any], *columns: Column[Any], apart: bool = False) -> None:
        self._names = [f"{column.name}_{n}" for n in range(_SIZES[-1]) for column in columns]
        among = _apart if apart or len(columns) == 1 else _together
        self._statements = {size: Statement(query.where(among(columns, size))) for size in _SIZES}

    async def rows(
        self, work: Work, wanted: Iterable[tuple[Any, ...]], *, as_written: bool = False, **values: Any
    ) -> list[Row]:
        """What is found for any of `wanted`; nothing is asked if there are none. See Work.rows.

        The rows of one of them keep the query's order; more than a hundred are asked for one hundred after the other.
        """
        asked = list(dict.fromkeys(wanted))
        found: list[Row] = []
        for start in range(0, len(asked), _SIZES[-1]):
            some = asked[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(some))
            some += some[:1] * (size - len(some))
            named = dict(zip(self._names, chain.from_iterable(some), strict=False))
            found += await work.rows(self._statements[size], as_written=as_written, **named, **values)
        return found


def _apart(columns: Sequence[Column[Any]], size: int) -> ColumnElement[bool]:
    return and_(*(c.in_([bindparam(f"{c.name}_{n}") for n in range(size)]) for c in columns))


def _together(columns: Sequence[Column[Any]], size: int) -> ColumnElement[bool]:
    return or_(*(and_(*(c == bindparam(f"{c.name}_{n}") for c in columns)) for n in range(size)))
