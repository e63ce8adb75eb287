"""What the stories share: a house with nobody in it, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.revisions import migrate
from tests.acceptance.house import House, open_house


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated database without rows, made once."""
    file = tmp_path_factory.mktemp("migrated") / "story.db"
    migrate(f"sqlite:///{file}")
    return file.read_bytes()


@pytest.fixture
def database(tmp_path: Path, migrated: bytes) -> Path:
    """A database file of the test's own."""
    file = tmp_path / "story.db"
    file.write_bytes(migrated)
    return file


@pytest.fixture
async def house(database: Path) -> AsyncIterator[House]:
    """The house with nobody in it yet."""
    async with open_house(database) as house:
        yield house
