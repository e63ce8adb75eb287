"""What tests of copying share: a full database, and empty ones of either kind."""

import asyncio
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.storage.sealing import Keyring
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage.copied import lengthen, make_source
from tests.postgres import Databases

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database on SQLite with rows in every table, made once."""
    file, keys = tmp_path_factory.mktemp("filled") / "filled.db", Keyring(TEST_KEYS)
    asyncio.run(lengthen(make_source(file, keys), keys))
    return file.read_bytes()


@pytest.fixture
def source(tmp_path: Path, filled: bytes) -> str:
    """The address of a database on SQLite with rows in every table."""
    (tmp_path / "source.db").write_bytes(filled)
    return f"sqlite:///{tmp_path / 'source.db'}"


@pytest.fixture
def empty(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Makes the address of an empty database of a kind."""
    made: list[tuple[Databases, str]] = []

    def make(kind: str) -> str:
        number = next(_NUMBERS)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'target{number}.db'}"
        server: Databases = request.getfixturevalue("postgres_server")
        made.append((server, f"copy_{os.getpid()}_{number}"))
        return server.make(made[-1][1])

    yield make
    for server, name in made:
        server.drop(name)
