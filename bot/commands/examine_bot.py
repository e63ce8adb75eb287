"""What doctor asks Telegram: whether the token is right, and whether what people see of the bot is neutral (S-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import urlsplit

from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.commands.examine import Finding
from bot.commands.neutral_words import telling_words
from bot.settings import BadSettings, Settings
from bot.telegram.transport import build_bot

_SECONDS = 10


async def bot_findings(settings: Settings) -> list[Finding]:
    """The bot's account as Telegram shows it."""
    findings = [*_address(settings)]
    try:
        bot = build_bot(settings.token_text(), settings.api_root())
    except (BadSettings, InvalidToken) as fault:
        says = str(fault) if isinstance(fault, BadSettings) else "VESTIBULE_BOT_TOKEN is no token"
        return [*findings, Finding("fault", "token", says)]
    try:
        async with asyncio.timeout(_SECONDS):
            await bot.initialize()
        findings.append(Finding("ok", "token", f"it is @{bot.username}'s"))
        findings += await _neutral(bot, settings)
    except InvalidToken:
        findings.append(Finding("fault", "token", "Telegram does not know it; BotFather shows the right one"))
    except (TelegramError, TimeoutError) as error:
        says = f"the Bot API cannot be reached ({type(error).__name__}); look at VESTIBULE_BOT_API_URL and the network"
        findings.append(Finding("fault", "token", says))
    finally:
        await bot.shutdown()
    return findings


def _address(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.bot_api_url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        yield Finding(
            "note", "address", "VESTIBULE_BOT_API_URL is not https: who can listen on the way can read all"
        )


async def _neutral(bot: Bot, settings: Settings) -> list[Finding]:
    found = [
        _judged("user name", (bot.username or "").replace("_", " "), "en"),
        _judged("name", bot.first_name, "en"),
    ]
    for language in settings.offered():
        for what, ask in _questions(bot, None if language == "en" else language.split("_")[0]).items():
            try:
                async with asyncio.timeout(_SECONDS):
                    found.append(_judged(f"{what} ({language})", await ask(), language))
            except (TelegramError, TimeoutError) as error:
                says = f"could not be asked for ({type(error).__name__})"
                found.append(Finding("note", f"{what} ({language})", says))
    return found


def _questions(bot: Bot, code: str | None) -> dict[str, Callable[[], Awaitable[str]]]:
    async def name() -> str:
        return (await bot.get_my_name(language_code=code)).name

    async def short() -> str:
        return (await bot.get_my_short_description(language_code=code)).short_description

    async def description() -> str:
        return (await bot.get_my_description(language_code=code)).description

    async def commands() -> str:
        return "\n".join(
            f"{c.command} {c.description}" for c in await bot.get_my_commands(language_code=code)
        )

    return {"name": name, "short description": short, "description": description, "commands": commands}


def _judged(what: str, text: str, language: str) -> Finding:
    told = telling_words(text, language)
    if told:
        return Finding(
            "fault", what, f"it says {', '.join(told)}, which tells; change it with BotFather (S-02)"
        )
    return Finding("ok", what, "neutral")
