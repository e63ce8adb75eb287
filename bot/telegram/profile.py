"""What Telegram shows of the bot itself: its list of commands, neutral in every language (S-02)."""

from __future__ import annotations

import structlog
from telegram import Bot, BotCommand
from telegram.error import TelegramError

from bot.texts import SOURCE, other_names
from bot.usecases.commands import COMMANDS
from bot.usecases.desk import Desk

log = structlog.get_logger(__name__)


async def introduce(bot: Bot, desk: Desk) -> None:
    """Set the commands in each language, best effort: a server that cannot do it stops nothing."""
    for language in desk.languages:
        commands = [BotCommand(name, desk.texts.line(language, line)) for name, line in COMMANDS.items()]
        own = (None,) if language == SOURCE else (language.split("_")[0], *other_names(language))
        for code in own:
            try:
                await bot.set_my_commands(commands, language_code=code)
            except TelegramError as error:
                log.info("commands.not_set", language=language, fault=type(error).__name__)
