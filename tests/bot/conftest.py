"""What tests of the shell share: a database of their own, ready to use."""

import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.ids import CountingIds
from bot.ports.services import Ids
from bot.storage.address import is_postgres
from bot.storage.postgres import PostgresStorage
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.postgres import Databases

TEST_KEYS = "new:" + "A" * 43 + " old:" + "E" * 43
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated database without rows, made once; copying it is quicker than migrating."""
    file = tmp_path_factory.mktemp("empty") / "vestibule.db"
    migrate(f"sqlite:///{file}")
    return file.read_bytes()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `both_databases` runs on SQLite and on PostgreSQL, except what is marked `sqlite_only`."""
    marked = {mark.name for mark in metafunc.definition.iter_markers()}
    if "backend" in metafunc.fixturenames and "both_databases" in marked and "sqlite_only" not in marked:
        metafunc.parametrize("backend", ["sqlite", "postgresql"])


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database the test runs on; VESTIBULE_TEST_BACKEND=postgresql takes there what is not SQLite's own."""
    only = request.node.get_closest_marker("sqlite_only") is not None
    return "sqlite" if only else os.environ.get("VESTIBULE_TEST_BACKEND", "sqlite")


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a migrated database without rows."""
    if backend == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    (tmp_path / "vestibule.db").write_bytes(request.getfixturevalue("empty_database"))
    return f"sqlite:///{tmp_path / 'vestibule.db'}"


@pytest.fixture
def bare_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database without tables."""
    if backend == "postgresql":
        url: str = request.getfixturevalue("bare_postgres")
        return url
    (tmp_path / "bare.db").touch()
    return f"sqlite:///{tmp_path / 'bare.db'}"


@pytest.fixture
def postgres_url(postgres_server: Databases) -> Iterator[str]:
    """The address of a migrated database without rows on PostgreSQL, gone after the test."""
    postgres_server.template("migrated", migrate)
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    yield postgres_server.make(name, "migrated")
    postgres_server.drop(name)


@pytest.fixture
def keyring() -> Keyring:
    """The same two keys in every run."""
    return Keyring(TEST_KEYS)


@pytest.fixture
def ids() -> CountingIds:
    """1, 2, 3."""
    return CountingIds()


def storage_at(url: str, keys: Keyring, ids: Ids) -> SqliteStorage | PostgresStorage:
    """The storage that belongs to the address."""
    return PostgresStorage(url, keys, ids) if is_postgres(url) else SqliteStorage(url, keys, ids)


@pytest.fixture
async def storage(
    database_url: str, keyring: Keyring, ids: CountingIds
) -> AsyncIterator[SqliteStorage | PostgresStorage]:
    """A migrated storage with fixed keys and counted ids, closed at the end."""
    storage = storage_at(database_url, keyring, ids)
    yield storage
    await storage.close()
