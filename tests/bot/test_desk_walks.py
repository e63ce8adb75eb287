"""Random days of many people: what holds in each, and that none of them tells."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.storage.sealing import Keyring
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import Room, open_room
from tests.bot.walkers import Walker

STATES = ("language", "welcome", "active")


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture(scope="module")
def bare(library: Library) -> Library:
    """The same scripts without a single concern."""
    scripts = []
    for playable in library.scripts.values():
        steps = tuple(
            step.model_copy(
                update={"choices": tuple(c.model_copy(update={"raises": ()}) for c in step.choices)}
            )
            for step in playable.script.steps
        )
        rules = tuple(rule.model_copy(update={"raises": ()}) for rule in playable.script.rules)
        defer = playable.script.defer and playable.script.defer.model_copy(update={"raises": ()})
        scripts.append(playable.script.model_copy(update={"steps": steps, "rules": rules, "defer": defer}))
    return Library.of(library.catalogue, scripts)


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def begin(room: Room, state: str) -> None:
    """The participant stands there on the way through the programme."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, state=state))
        await unit.commit()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("state", STATES)
async def test_random_days(room: Room, seed: int, state: str) -> None:
    """S-01, S-02, S-30: whatever is done in whatever order, nothing sensitive passes a closed door, nothing breaks."""
    await begin(room, state)
    walker = Walker(room, random.Random(f"{seed} {state}"))
    for _ in range(100):
        await walker.step()


def shown(walker: Walker) -> list[tuple[Any, ...]]:
    """What the last step put on its way to the participant, without the random part of a button's data."""
    return [
        (
            row.lane, row.slot, row.op, row.due_at, row.text, row.sensitive, row.not_after, row.instead, row.fresh,
            [[(label, data.split(":")[:2]) for label, data in line] for line in row.rows],
        )
        for row in walker.said
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("state", STATES)
async def test_no_day_tells(
    tmp_path: Path,
    empty_database: bytes,
    keyring: Keyring,
    library: Library,
    bare: Library,
    seed: int,
    state: str,
) -> None:
    """S-03: the same random day with and without concerns puts the same messages on their way, step by step."""
    walkers: list[Walker] = []
    async with AsyncExitStack() as stack:
        for name, scripts in (("with", library), ("without", bare)):
            (tmp_path / name).write_bytes(empty_database)
            room = await stack.enter_async_context(
                open_room(f"sqlite:///{tmp_path / name}", keyring, scripts)
            )
            await begin(room, state)
            walkers.append(Walker(room, random.Random(f"{seed} {state} day"), staff_too=False))
        for _ in range(100):
            for walker in walkers:
                await walker.step()
            assert shown(walkers[0]) == shown(walkers[1]), walkers[0].story()
