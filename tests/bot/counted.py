"""How much is asked of the database, whatever the time it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from bot.storage.statements import Statement
from bot.storage.work import Work


class Counted:
    """Statements run, and rows that came of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = self.rows = 0
        rows, run = Work.rows, Work.run

        async def counted_rows(work: Work, statement: Statement, **values: Any) -> list[dict[str, Any]]:
            found = await rows(work, statement, **values)
            self.statements += 1
            self.rows += len(found)
            return found

        async def counted_run(work: Work, statement: Statement, values: Mapping[str, Any]) -> int:
            self.statements += 1
            return await run(work, statement, values)

        monkeypatch.setattr(Work, "rows", counted_rows)
        monkeypatch.setattr(Work, "run", counted_run)

    async def of(self, do: Callable[[], Awaitable[object]]) -> tuple[int, int]:
        """Of doing this once: how many statements, how many rows."""
        self.statements = self.rows = 0
        await do()
        return self.statements, self.rows
