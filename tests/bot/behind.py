"""Looking at the data and changing them behind the software's back, on either database."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from bot.storage.address import database_file, is_postgres, postgres_conninfo
from bot.storage.tables import metadata

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What the database itself says to a row that may not be."""


def ask(url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows a query finds; `?` stands for a value. Bytes are bytes on both."""
    if is_postgres(url):
        with psycopg.connect(postgres_conninfo(url), autocommit=True) as connection:
            return connection.execute(sql.replace("?", "%s").encode(), values).fetchall()
    with closing(sqlite3.connect(f"file:{database_file(url)}?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def change(url: str, *statements: str, values: tuple[object, ...] = ()) -> None:
    """All of it or nothing; `?` stands for a value."""
    if is_postgres(url):
        with psycopg.connect(postgres_conninfo(url)) as connection:
            for statement in statements:
                connection.execute(statement.replace("?", "%s").encode(), values)
        return
    with closing(sqlite3.connect(database_file(url))) as database, database:
        for statement in statements:
            database.execute(statement, values)


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as it is stored."""
    return {table.name: ask(url, f"SELECT * FROM {table.name}") for table in metadata.sorted_tables}
