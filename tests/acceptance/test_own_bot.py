"""A token that is another bot's than the database, and what a start leaves in the database about its bot."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from telegram.error import InvalidToken

from bot import parts, wiring
from bot.ports.stores import StorageFault, Unit
from bot.settings import Settings
from bot.usecases.own_bot import AnotherBot, bot_of, note_bot
from tests.acceptance.house import House


async def whose(house: House) -> int | None:
    """The bot of the database, which runs."""
    async with house.bot.storage.unit() as unit:
        return await bot_of(unit)


async def noted(house: House) -> int:
    """The same, once there is one."""
    async with asyncio.timeout(10):
        while (found := await whose(house)) is None:
            await asyncio.sleep(0.01)
    return found


def with_token(house: House, token: str) -> Settings:
    """The settings of the house with another token."""
    return Settings(_env_file=None, **(house.settings.model_dump() | {"bot_token": SecretStr(token)}))


async def test_another_bots_token_does_not_start(house: House) -> None:
    """R-15: once a bot has run, the token of another is refused before anything is asked of Telegram; its own starts again."""
    number = house.world.bot["id"]
    assert await noted(house) == number
    await house.stop()
    calls = len(house.world.calls)
    with pytest.raises(AnotherBot, match=f"belongs to bot {number}, and .* bot 9{number}"):
        await wiring.run(with_token(house, f"9{house.world.token}"))
    assert len(house.world.calls) == calls
    await house.start()
    assert await noted(house) == number


async def test_a_mistyped_token_is_not_kept(house: House, tmp_path: Path, migrated: bytes) -> None:
    """R-15: a token that Telegram does not know ends the start, and does not make the database its bot's."""
    (tmp_path / "fresh.db").write_bytes(migrated)
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    settings = with_token(house, "123456:mistyped").model_copy(update={"database_url": url})
    with pytest.raises(InvalidToken):
        await wiring.run(settings)
    async with wiring.open_storage(settings) as storage, storage.unit() as unit:
        assert await bot_of(unit) is None


async def test_a_bot_is_noted_once_the_database_takes_it(
    house: House, tmp_path: Path, migrated: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-15: a database that does not take the note at first gets it later, and the bot runs meanwhile."""
    tries: list[int] = []

    async def refusing(unit: Unit, bot_id: int, now: datetime) -> None:
        tries.append(bot_id)
        if len(tries) < 3:
            raise StorageFault("full")
        await note_bot(unit, bot_id, now)

    monkeypatch.setattr(parts, "note_bot", refusing)
    monkeypatch.setattr(parts, "AGAIN", 0.01)
    await house.stop()
    (tmp_path / "fresh.db").write_bytes(migrated)
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    house.settings = house.settings.model_copy(update={"database_url": url})
    await house.start()
    assert await whose(house) is None
    assert await noted(house) == house.world.bot["id"]
    assert len(tries) == 3


async def test_of_two_that_start_together_one_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-15: a bot that finds another noted since its start ends, and says why."""

    async def late(unit: Unit, bot_id: int, now: datetime) -> None:
        await note_bot(unit, bot_id + 1, now)

    await noted(house)
    await house.stop()
    monkeypatch.setattr(parts, "note_bot", late)
    with pytest.raises(AnotherBot):
        await wiring.run(house.settings)


async def test_what_is_no_token_is_told_as_that(house: House) -> None:
    """A token without a number is refused as a token, not as another bot's."""
    await noted(house)
    await house.stop()
    with pytest.raises(InvalidToken):
        await wiring.run(with_token(house, "no-token"))
