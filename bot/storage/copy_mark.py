"""What is noted in both databases while one is copied into the other, and afterwards in the one that was copied.

A table of its own, which no migration makes: it is there only where a copy was begun. It binds the two together, holds
how far the copy is, and keeps the bot from running on half a database, or on one whose successor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.storage.faults import DatabaseCopied

TABLE: Final = "copy_mark"
MAKE: Final = "CREATE TABLE copy_mark (name VARCHAR(64) PRIMARY KEY, value TEXT NOT NULL)"
DROP: Final = "DROP TABLE copy_mark"
READ: Final = "SELECT name, value FROM copy_mark"
WRITE: Final = (
    "INSERT INTO copy_mark (name, value) VALUES (:name, :value)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_PLACE = "at:"
Role = Literal["from", "into"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What one database knows of a copy. `copy` is the same in both; `other` is the other's name, without secrets."""

    copy: str
    role: Role
    other: str
    revision: str
    done: bool = False

    @classmethod
    def of(cls, found: Mapping[str, str]) -> Mark:
        """From its rows."""
        role: Role = "into" if found["role"] == "into" else "from"
        return cls(found["copy"], role, found["other"], found["revision"], found["state"] == "done")

    def rows(self) -> list[dict[str, str]]:
        """As rows."""
        state = "done" if self.done else "begun"
        known = {"copy": self.copy, "role": self.role, "other": self.other, "revision": self.revision}
        return [{"name": name, "value": value} for name, value in {**known, "state": state}.items()]


def place(table: str) -> str:
    """The name of the row that says how far this table is."""
    return _PLACE + table


def refuse_marked(tables: Sequence[str] | set[str], read: Callable[[str], Sequence[Sequence[Any]]]) -> None:
    """Return if nothing was copied from or into the database. Raises DatabaseCopied, which says what to do."""
    if TABLE not in tables:
        return
    mark = Mark.of({row[0]: row[1] for row in read(READ)})
    if mark.role == "into":
        raise DatabaseCopied(
            f"the copy of {mark.other} into this database is not finished; nothing runs on it before. "
            "Run vestibule copy again, with the address of that one in VESTIBULE_DATABASE_URL"
        )
    if not mark.done:
        raise DatabaseCopied(
            f"a copy of this database into {mark.other} was begun and is not finished; nothing runs on it meanwhile. "
            "Run vestibule copy again, or give it up with: vestibule copy --undo"
        )
    raise DatabaseCopied(
        f"this database was copied into {mark.other}, and nothing runs on it any more: set VESTIBULE_DATABASE_URL to "
        "that one. Only if the bot has never run there this one can be used again, after: vestibule copy --undo"
    )
