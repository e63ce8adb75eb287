"""Every sealed value, whatever its table: for seeing under which keys they are, and sealing them anew (S-41)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Resealed:
    """What one batch came to. `unread` names the values that do not open; go on `after` that row, None at the end."""

    done: int
    unread: tuple[str, ...]
    after: object


class Sealed(Protocol):
    """Every sealed value, whatever its table (S-41)."""

    def columns(self) -> list[str]:
        """Every sealed column, as table.column."""
        ...

    def sealing_key(self) -> str:
        """The id of the key that seals."""
        ...

    async def count(self, column: str) -> dict[str, int]:
        """Key id -> how many values of the column are under it; `?` for those under none of the keys there are."""
        ...

    async def reseal(self, column: str, after: object = None, limit: int = 200) -> Resealed:
        """Seal some values of the column anew that are under another key than the one that seals."""
        ...
