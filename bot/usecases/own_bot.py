"""One database is one bot: a chat is with one bot, and no other can write into it.

The first bot that starts on a database is noted in it by its number, with which its token begins, and stays its bot.
Another one would find everybody's chat closed, mark it so, and take everybody for a stranger.
"""

from __future__ import annotations

from datetime import datetime

from bot.ports.stores import Unit

_NAME = "bot "


class AnotherBot(Exception):
    """The token is another bot's than the database; the message says what to do."""


async def bot_of(unit: Unit) -> int | None:
    """The number of the database's bot; None before any was noted, or has a chat."""
    noted = await unit.pulses.first(_NAME)
    return int(noted.removeprefix(_NAME)) if noted else await unit.chats.newest_bot()


async def refuse_another(unit: Unit, bot_id: int) -> None:
    """Return if the database is this bot's, or nobody's yet. Raises AnotherBot, which no later start mends."""
    whose = await bot_of(unit)
    if whose not in (None, bot_id):
        raise AnotherBot(
            f"the database belongs to bot {whose}, and the token in VESTIBULE_BOT_TOKEN is that of bot {bot_id}, which "
            "can write to nobody in it; nothing was changed. Look at the token and at VESTIBULE_DATABASE_URL. Another "
            "bot takes a database of its own: see docs/operations.md"
        )


async def note_bot(unit: Unit, bot_id: int, now: datetime) -> None:
    """Once Telegram knows the token: the database is its bot's from now on. Alone in its unit. Raises AnotherBot."""
    await refuse_another(unit, bot_id)
    await unit.pulses.beat(f"{_NAME}{bot_id}", now)
