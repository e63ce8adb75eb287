"""What tests of the shell share: a database of their own, ready to use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.ids import CountingIds
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage

TEST_KEYS = "new:" + "A" * 43 + " old:" + "E" * 43


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated database without rows, made once; copying it is quicker than migrating."""
    file = tmp_path_factory.mktemp("empty") / "vestibule.db"
    migrate(f"sqlite:///{file}")
    return file.read_bytes()


@pytest.fixture
def database_url(tmp_path: Path, empty_database: bytes) -> str:
    """The address of a migrated database without rows."""
    (tmp_path / "vestibule.db").write_bytes(empty_database)
    return f"sqlite:///{tmp_path / 'vestibule.db'}"


@pytest.fixture
def keyring() -> Keyring:
    """The same two keys in every run."""
    return Keyring(TEST_KEYS)


@pytest.fixture
def ids() -> CountingIds:
    """1, 2, 3."""
    return CountingIds()


@pytest.fixture
async def storage(database_url: str, keyring: Keyring, ids: CountingIds) -> AsyncIterator[SqliteStorage]:
    """A migrated SQLite storage with fixed keys and counted ids, closed at the end."""
    storage = SqliteStorage(database_url, keyring, ids)
    yield storage
    await storage.close()
