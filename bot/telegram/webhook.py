"""The webhook at Telegram's side: the address to which it sends updates instead of keeping them for getUpdates."""

from __future__ import annotations

import structlog
from telegram import Bot, WebhookInfo
from telegram.error import InvalidToken

from bot.telegram.inbound import ALLOWED_UPDATES

log = structlog.get_logger(__name__)


async def set_webhook(bot: Bot, url: str, secret: str, max_connections: int) -> None:
    """Have updates sent to `url` (https), with `secret` (1 to 256 of A-Z a-z 0-9 _ -) in a header of each request.

    `max_connections`: requests at a time, 1 to 100. What waits is sent, never dropped. Raises a TelegramError.
    """
    await bot.set_webhook(
        url, secret_token=secret, max_connections=max_connections, allowed_updates=ALLOWED_UPDATES
    )


async def delete_webhook(bot: Bot) -> None:
    """Have updates kept for getUpdates, which is refused as long as a webhook is set. What waits is not dropped.

    Comes after the token was accepted: a server that does not know the method has no webhook. Raises a TelegramError.
    """
    try:
        await bot.delete_webhook()
    except InvalidToken as error:
        log.info("webhook.not_deleted", fault=type(error).__name__)


async def webhook_info(bot: Bot) -> WebhookInfo:
    """What Telegram says of the webhook: its address, how many updates wait, the last error. Raises a TelegramError."""
    return await bot.get_webhook_info()
