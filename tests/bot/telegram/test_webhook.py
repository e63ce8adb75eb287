"""The webhook at Telegram's side, set and deleted by the bot."""

from __future__ import annotations

import pytest
from telegram.error import BadRequest, NetworkError

from bot.simulator import ErrorAnswer, ResetBefore
from bot.telegram.inbound import ALLOWED_UPDATES
from bot.telegram.webhook import delete_webhook, set_webhook, webhook_info
from tests.bot.telegram.conftest import Line

URL = "https://bot.example.org/hook"


async def test_set_and_deleted(line: Line) -> None:
    """R-01: a webhook is set for what the bot handles and deleted again, and what waits is never dropped."""
    await set_webhook(line.bot, URL, "a-secret", 20)
    assert line.world.webhook is not None
    assert line.world.webhook.hook.secret == "a-secret"
    line.phone.write("hello")
    info = await webhook_info(line.bot)
    assert (info.url, info.max_connections, info.pending_update_count) == (URL, 20, 1)
    assert set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
    await delete_webhook(line.bot)
    info = await webhook_info(line.bot)
    assert (info.url, info.pending_update_count) == ("", 1)
    asked = [params for _, method, params in line.world.calls if method.endswith("Webhook")]
    assert all("drop_pending_updates" not in params for params in asked)


async def test_what_telegram_refuses(line: Line) -> None:
    """A bad address or secret is raised, and so is a network that is down; a server without webhooks has none to delete."""
    with pytest.raises(BadRequest):
        await set_webhook(line.bot, URL, "not allowed", 1)
    line.world.faults.add("deleteWebhook", ResetBefore())
    with pytest.raises(NetworkError):
        await delete_webhook(line.bot)
    line.world.faults.add("deleteWebhook", ErrorAnswer(404, "Not Found"))
    await delete_webhook(line.bot)
