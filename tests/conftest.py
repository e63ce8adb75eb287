"""House rules of the tests: each states its promise, and random ones say the same thing every time."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, settings

from tests import chromium, postgres

_NUMBERS = count(1)
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],  # two shared cores are slow, which is no fault of the test
)
settings.register_profile("long", parent=settings.get_profile("house"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def promises_missing(items: list[pytest.Item]) -> list[str]:
    """The tests without a docstring, once each, as file::name."""
    return sorted(
        {
            f"{item.nodeid.split('[')[0]}"
            for item in items
            if isinstance(item, pytest.Function) and not (item.function.__doc__ or "").strip()
        }
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a run with a test that does not say what it promises."""
    if missing := promises_missing(items):
        raise pytest.UsageError(
            "a test states its promise in its docstring; missing in\n  " + "\n  ".join(missing)
        )


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of Chromium; skips the test without it, or fails under VESTIBULE_REQUIRE_CHROMIUM=1."""
    found = chromium.path()
    if found is None:
        (pytest.fail if chromium.required() else pytest.skip)("Chromium is missing")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Databases]:
    """A PostgreSQL server for the whole run; skips the test without one, or fails under VESTIBULE_REQUIRE_POSTGRES=1."""
    if postgres.programs() is None:
        (pytest.fail if postgres.required() else pytest.skip)("PostgreSQL is missing")
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own, in one that they share.
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with postgres.shared(folder) as databases:
        yield databases


@pytest.fixture
def bare_postgres(postgres_server: postgres.Databases) -> Iterator[str]:
    """The address of an empty database on PostgreSQL, gone after the test."""
    name = f"bare_{os.getpid()}_{next(_NUMBERS)}"
    yield postgres_server.make(name)
    postgres_server.drop(name)
