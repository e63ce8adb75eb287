"""STAND-IN until session calls' file lands."""

from __future__ import annotations

from telegram import Bot

from bot.telegram.inbound import ALLOWED_UPDATES
from bot.telegram.listener import Webhook


async def set_webhook(bot: Bot, url: str, secret: str) -> None:
    """Set it."""
    await bot.set_webhook(url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES))


async def delete_webhook(bot: Bot) -> None:
    """Delete it."""


async def webhook_info(bot: Bot) -> Webhook:
    """Ask."""
    info = await bot.get_webhook_info()
    return Webhook(info.url, info.pending_update_count, info.last_error_date)
