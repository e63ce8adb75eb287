"""Where the data are: the file, or the database on a PostgreSQL server, that an address names."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.ports.stores import StorageFault

_SQLITE = "sqlite:////path/to/vestibule.db"
_POSTGRES = "postgresql://role:password@host/vestibule"


def is_postgres(url: str) -> bool:
    """Whether the address is that of a PostgreSQL server. Raises StorageFault if it is that of nothing we know."""
    kind = _parsed(url).get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StorageFault(f"the database address should look like {_SQLITE} or {_POSTGRES}")
    return kind == "postgresql"


def database_file(url: str) -> Path:
    """The file of `sqlite:///path` (or `sqlite+aiosqlite:///path`). Raises StorageFault for another address."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise StorageFault(f"the database address should be a SQLite file, as {_SQLITE}")
    assert parsed.database is not None
    return Path(parsed.database)


def postgres_conninfo(url: str) -> str:
    """`postgresql://...` or `postgresql+psycopg://...` as libpq takes it. Holds the password: for psycopg.connect only.

    What the address leaves out libpq finds itself (PGPASSWORD, ~/.pgpass, ...). Raises StorageFault for another address.
    """
    parsed = _postgres(url)
    named = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "dbname": parsed.database,
        **{
            name: value if isinstance(value, str) else ",".join(value) for name, value in parsed.query.items()
        },
    }
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in named.items() if value is not None)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def shown(url: str) -> str:
    """The database's name as it may be shown: the file, or database and host without role and password."""
    if not is_postgres(url):
        return str(database_file(url))
    parsed = _postgres(url)
    host = parsed.host or parsed.query.get("host") or "this machine"
    return f"the database {parsed.database} at {host if isinstance(host, str) else ' '.join(host)}"


def _postgres(url: str) -> URL:
    parsed = _parsed(url)
    if parsed.drivername not in ("postgresql", "postgresql+psycopg") or not parsed.database:
        raise StorageFault(f"the database address should name a PostgreSQL database, as {_POSTGRES}")
    return parsed


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Neither the address nor the error is repeated: either may hold a password.
        raise StorageFault(f"the database address should look like {_SQLITE} or {_POSTGRES}") from None
    if "@" in (parsed.host or ""):  # what stands before it may be the end of a password
        raise StorageFault("the database address has an @ too many: in a password, write it as %40")
    return parsed
