"""What doctor asks a PostgreSQL server about itself. Blocks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from bot.ports.stores import StorageFault
from bot.storage.address import postgres_conninfo
from bot.storage.postgres_faults import clear_faults

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
_IN_USE = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
_Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server as it is set, and the way to it."""

    version: str
    major: int
    not_durable: tuple[str, ...]
    """The settings that are off though what was kept can then be lost."""
    encoding: str
    max_connections: int
    in_use: int
    """Connections, ours among them."""
    clock_apart: float
    """Seconds between its clock and ours at least; what the way there takes is no difference."""
    remote: bool
    """Whether it is on another machine."""
    encrypted: bool
    checked: bool
    """Whether who answers is checked by its certificate and name."""


def look(url: str) -> ServerFacts:
    """Ask it. Raises StorageFault."""
    try:
        with (
            clear_faults(),
            psycopg.connect(postgres_conninfo(url), autocommit=True, connect_timeout=5) as connection,
        ):
            return _facts(connection)
    except psycopg.Error as error:
        says = error.sqlstate or type(error).__name__
        raise StorageFault(
            f"it does not answer as it should ({says}); look at VESTIBULE_DATABASE_URL"
        ) from None


def _facts(connection: _Connection) -> ServerFacts:
    host = connection.info.host
    return ServerFacts(
        version=str(_value(connection, "SHOW server_version")),
        major=connection.info.server_version // 10000,
        not_durable=tuple(name for name in _DURABLE if _value(connection, f"SHOW {name}") == "off"),
        encoding=str(_value(connection, "SHOW server_encoding")),
        max_connections=int(_value(connection, "SHOW max_connections")),
        in_use=int(_value(connection, _IN_USE)),
        clock_apart=_clock_apart(connection),
        remote=bool(host) and not host.startswith(("/", "@")) and host not in _LOCAL,
        encrypted=bool(_value(connection, _ENCRYPTED)),
        checked=connection.info.get_parameters().get("sslmode") == "verify-full",
    )


def _clock_apart(connection: _Connection) -> float:
    before = time.time()
    there = float(_value(connection, _NOW))
    return max(0.0, before - there, there - time.time())


def _value(connection: _Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
