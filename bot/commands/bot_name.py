"""The bot's user name, for invitation links: from the settings, from the last time, or from Telegram."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from telegram.error import TelegramError

from bot.commands.terminal import Told, complain
from bot.ports.stores import Unit
from bot.settings import Settings
from bot.storage.address import database_file, is_postgres
from bot.telegram.transport import build_bot, number_in
from bot.usecases.own_bot import AnotherBot, refuse_another

_SECONDS = 8
_NAME = re.compile(r"[A-Za-z0-9_]{3,32}\Z")


async def bot_name(settings: Settings) -> str | None:
    """The name, or None when nothing and nobody can say it. Telegram's answer is kept beside a database that is a file."""
    if settings.bot_name:
        return settings.bot_name
    if not settings.bot_token:
        return None
    token = settings.token_text()
    kept = None if is_postgres(settings.database_url) else _Kept(settings, token.split(":")[0])
    name = kept.read() if kept else None
    if name is None:
        name = await _ask(token, settings.api_root())
        if name and kept:
            kept.write(name)
    return name


async def refuse_other_links(unit: Unit, settings: Settings) -> None:
    """A link leads to the bot of the settings: it is refused where the database is another's. Raises Told."""
    number = number_in(settings.token_text()) if settings.bot_token else None
    try:
        if number is not None:
            await refuse_another(unit, number)
    except AnotherBot as other:
        raise Told(str(other)) from None


async def name_for_links(settings: Settings) -> str | None:
    """The name; when it is not known a line on stderr says so: a link without it leads nowhere."""
    name = await bot_name(settings)
    if name is None:
        complain(["the bot's name is not known, and a link without it leads nowhere: set VESTIBULE_BOT_NAME, or VESTIBULE_BOT_TOKEN "
                  "where Telegram can be reached"])  # fmt: skip
    return name


def by_hand(token: str) -> str:
    """How an invitation is used without its link."""
    return f"write to the bot: /start {token}"


class _Kept:
    """`<database>.bot-name`, with the bot's number, so that another bot's name is not taken for it."""

    def __init__(self, settings: Settings, number: str) -> None:
        database = database_file(settings.database_url)
        self._file = database.with_name(database.name + ".bot-name")
        self._number = number

    def read(self) -> str | None:
        try:
            number, _, name = self._file.read_text("utf-8").strip().partition(" ")
        except (OSError, UnicodeDecodeError):
            return None
        return name if number == self._number and _NAME.match(name) else None

    def write(self, name: str) -> None:
        part = Path(f"{self._file}.part")
        part.write_text(f"{self._number} {name}\n", encoding="utf-8")
        part.replace(self._file)


async def _ask(token: str, root: str) -> str | None:
    bot = build_bot(token, root)
    try:
        async with asyncio.timeout(_SECONDS):
            await bot.initialize()
        return bot.username
    except (TelegramError, TimeoutError):
        return None
    finally:
        await bot.shutdown()
