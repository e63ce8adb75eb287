"""One database is one bot: which it is, and that no other starts on it."""

from __future__ import annotations

import pytest

from bot.commands.examine_own_bot import own_bot_findings
from bot.ports.stores import Storage
from bot.settings import Settings
from bot.usecases.own_bot import AnotherBot, bot_of, note_bot, refuse_another
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage import rows as make
from tests.bot.storage.rows import BOT, NOW

OTHER = 8123456789
"""More than 32 bits hold, as many a bot's number is."""


async def noted(storage: Storage) -> int | None:
    """The bot of the database."""
    async with storage.unit() as unit:
        return await bot_of(unit)


pytestmark = pytest.mark.both_databases


async def test_the_first_bot_keeps_the_database(storage: Storage) -> None:
    """R-15: the first bot is noted, starts again at any time, and another one is refused, though nobody is enrolled yet."""
    assert await noted(storage) is None
    for _ in range(2):
        async with storage.unit() as unit:
            await refuse_another(unit, OTHER)
            await note_bot(unit, OTHER, NOW)
            await unit.commit()
    assert await noted(storage) == OTHER
    async with storage.unit() as unit:
        with pytest.raises(
            AnotherBot, match=rf"belongs to bot {OTHER}, and .* that of bot {BOT}, .*docs/operations"
        ):
            await refuse_another(unit, BOT)
        with pytest.raises(AnotherBot):
            await note_bot(unit, BOT, NOW)
        await unit.commit()
    assert await noted(storage) == OTHER


async def test_chats_say_whose_an_older_database_is(storage: Storage) -> None:
    """R-15: where no bot was noted yet the chats tell whose the database is, also those that somebody has left."""
    async with storage.unit() as unit:
        await make.settle(unit, people=1)
        await unit.chats.set_state(make.chat().id, "left")
        await unit.commit()
    assert await noted(storage) == BOT
    async with storage.unit() as unit:
        with pytest.raises(AnotherBot):
            await refuse_another(unit, OTHER)
        await note_bot(unit, BOT, NOW)
        await unit.commit()
    assert await noted(storage) == BOT


async def test_doctor_says_whose_the_database_is(storage: Storage, database_url: str) -> None:
    """doctor: no bot yet, the token's own, or another one, which is a fault; without a token it says nothing here."""

    async def said(token: str | None) -> list[tuple[str, str]]:
        settings = Settings(_env_file=None, database_url=database_url, keys=TEST_KEYS, bot_token=token)
        return [(one.mark, one.says) for one in await own_bot_findings(settings)]

    token = f"{BOT}:secret"
    assert await said(None) == []
    assert await said("no-token") == []
    assert await said(token) == [("ok", f"none yet; the first that runs on it, with this token bot {BOT}")]
    async with storage.unit() as unit:
        await note_bot(unit, BOT, NOW)
        await unit.commit()
    assert await said(token) == [("ok", f"{BOT}, as the token's")]
    [(mark, says)] = await said(f"{OTHER}:secret")
    assert mark == "fault"
    assert says.startswith(f"{BOT}, but the token is that of bot {OTHER}; run refuses")
    assert "secret" not in says
