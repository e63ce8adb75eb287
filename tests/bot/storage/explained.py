"""How SQLite goes about a query."""

import sqlite3
from typing import Any

from bot.storage.address import database_file
from bot.storage.statements import Statement


def explained(database_url: str, statement: Statement, values: dict[str, Any]) -> list[str]:
    """SQLite's plan for a statement, step by step."""
    database = sqlite3.connect(database_file(database_url))
    steps = [
        row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.bind(values))
    ]
    database.close()
    return steps
