"""Bringing a database to this software's tables, and refusing one that is not there yet or is ahead.

A migration says of what `kind` it is. One that comes `before` only adds: software from before it goes on
running on its tables. One that comes `after` takes away what only older software needs, and is left
until that runs no more. The table `works_with` names the newest migration of each software that may run.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Literal, Protocol

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect

from bot.storage.address import is_postgres, shown
from bot.storage.copy_mark import refuse_marked
from bot.storage.faults import DatabaseNewer, DatabaseOlder, NotADatabase
from bot.storage.schema_postgres import PostgresSchema
from bot.storage.schema_sqlite import SqliteSchema
from bot.storage.tables import metadata

Kind = Literal["before", "after"]
_MIGRATIONS = Path(__file__).with_name("migrations")


class Schema(Protocol):
    """A database of some kind, whose tables are looked at and changed."""

    replicas: bool
    """Whether several processes, of two versions perhaps, can run on it."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to look around. Raises StorageFault."""
        ...

    def changing(self, lock_timeout: float) -> AbstractContextManager[Connection]:
        """A connection in a transaction, alone in migrating, committed unless an error comes. Raises StorageFault."""
        ...


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the tables are: their revision, and the newest revisions of the software that may run on them."""

    revision: str | None
    works_with: frozenset[str]


def migrate(url: str, *, after: bool = False, lock_timeout: float = 10.0) -> tuple[str, ...]:
    """Make the tables, or bring them to this software's: all of it or nothing. The revisions that are left waiting.

    On PostgreSQL it stops before a migration that takes away what older replicas need, unless `after` says that none
    runs any more. Blocks; from a coroutine run it in a thread. Raises StorageFault, DatabaseNewer among them, and
    DatabaseCopied where the data have gone elsewhere.
    """
    schema = _schema(url)
    with schema.changing(lock_timeout) as connection:
        standing = _standing(connection, url)
        _refuse_marked(connection)
        waiting = () if _suits(standing) else _pending(standing)
        everything = after or not schema.replicas or standing.revision is None
        now = waiting if everything else tuple(takewhile(lambda each: _kind(each) == "before", waiting))
        if now:
            _upgrade(connection, now[-1].revision)
    return tuple(each.revision for each in waiting[len(now) :])


def current_revision(url: str) -> str | None:
    """The revision of the database's tables; None before the first migration. Raises StorageFault."""
    with _schema(url).reading() as connection:
        return _standing(connection, url).revision


def check_revision(url: str, *, marked: bool = False) -> None:
    """Return if this software may run on the tables; raise a StorageFault that says what to do if not.

    It may not where a copy was begun (bot.storage.copy_mark), unless it is let by `marked`.
    """
    with _schema(url).reading() as connection:
        standing = _standing(connection, url)
        if not marked:
            _refuse_marked(connection)
    if _suits(standing):
        return
    waiting = _pending(standing)
    if standing.revision is None or any(_kind(each) == "before" for each in waiting):
        raise DatabaseOlder(
            f"the database is at revision {standing.revision or 'none'}, older than this software; nothing was changed. "
            "Bring it up to date with: vestibule migrate"
        )


def _refuse_marked(connection: Connection) -> None:
    refuse_marked(
        inspect(connection).get_table_names(),
        lambda sql: [tuple(row) for row in connection.exec_driver_sql(sql)],
    )


def _schema(url: str) -> Schema:
    return PostgresSchema(url) if is_postgres(url) else SqliteSchema(url)


def _standing(connection: Connection, url: str) -> _Standing:
    """Raises NotADatabase for another program's tables and none of ours: the address is wrong, and nothing is to be put there."""
    found = set(inspect(connection).get_table_names())
    others = sorted(name for name in found if not name.startswith("alembic_"))
    if others and ("alembic_version" not in found or not found & set(metadata.tables)):
        raise NotADatabase(
            f"{shown(url)} holds another program's tables ({', '.join(others[:3])}); nothing was changed. "
            "Look at VESTIBULE_DATABASE_URL"
        )
    if "alembic_version" not in found:
        return _Standing(None, frozenset())
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    suits = connection.exec_driver_sql("SELECT revision FROM works_with") if "works_with" in found else ()
    return _Standing(revision, frozenset(row[0] for row in suits))


def _suits(standing: _Standing) -> bool:
    return _scripts().get_current_head() in standing.works_with


def _pending(standing: _Standing) -> Sequence[Script]:
    """The migrations that the tables have not had yet, oldest first. Raises DatabaseNewer."""
    newest_first = list(_scripts().walk_revisions())
    if standing.revision not in {None, *(each.revision for each in newest_first)}:
        raise DatabaseNewer(
            f"the database is at revision {standing.revision}, newer than this software; nothing was changed. "
            "Install the version that made it, or a later one"
        )
    return list(takewhile(lambda each: each.revision != standing.revision, newest_first))[::-1]


def _kind(script: Script) -> Kind:
    kind: Kind = script.module.kind
    return kind


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
