"""Whether two databases hold the same, row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Table

from bot.ports.stores import StorageFault
from bot.storage import copy_tables
from bot.storage.copy_end import End
from bot.storage.copy_tables import copied, key_in

Told = Callable[[str, int, int], None]
"""What is done, how many rows of how many."""
_SAID = 20


class NotTheSame(StorageFault):
    """What was found in the target is not what is in the source. `faults`: a line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults[:_SAID])


def verify(source: End, target: End, told: Told) -> tuple[int, str]:
    """Compare all tables, counts and rows; how many rows there are, and the hash over them. Raises NotTheSame."""
    faults: list[str] = []
    whole, rows = hashlib.sha256(), 0
    total = sum(copy_tables.count(source, table) for table in copied())
    for table in copied():
        here, there = copy_tables.count(source, table), copy_tables.count(target, table)
        if here != there:
            faults.append(f"{table.name}: {here} rows to copy, {there} in the copy")
        found, differs = _compare(source, target, table, partial(_tell, told, rows, total))
        faults += differs
        rows += here
        whole.update(found)
    if faults:
        raise NotTheSame(faults)
    return rows, whole.hexdigest()


def _tell(told: Told, before: int, total: int, done: int) -> None:
    told("comparing", before + done, total)


def _compare(source: End, target: End, table: Table, told: Callable[[int], None]) -> tuple[bytes, list[str]]:
    """The hash over the table's rows by key, and where the first difference is."""
    ours, theirs, after, done = hashlib.sha256(), hashlib.sha256(), None, 0
    while True:
        here, there = source.window(table, after), target.window(table, after)
        for digest, rows in ((ours, here), (theirs, there)):
            for row in rows:
                digest.update(repr(row).encode())  # one row has one form: no floats, no times
        if ours.digest() != theirs.digest():
            return b"", [_difference(table, here, there)]
        if not here:
            return ours.digest(), []
        after, done = key_in(table, here[-1]), done + len(here)
        told(done)


def _difference(table: Table, here: Sequence[Sequence[Any]], there: Sequence[Sequence[Any]]) -> str:
    """Where two windows differ first: table, key, columns; never what stands there."""
    ours, theirs = ({key_in(table, row): row for row in rows} for rows in (here, there))
    key = min(key for key in {*ours, *theirs} if repr(ours.get(key)) != repr(theirs.get(key)))
    where = f"{table.name} {', '.join(map(str, key))}"
    if key not in theirs:
        return f"{where} is not in the copy"
    if key not in ours:
        return f"{where} is in the copy only"
    names = [
        name for name, a, b in zip(table.c.keys(), ours[key], theirs[key], strict=True) if repr(a) != repr(b)
    ]
    return f"{where} differs in {', '.join(names)}"
