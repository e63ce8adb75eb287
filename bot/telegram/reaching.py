"""The first call to Telegram, again and again until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog
from telegram.error import BadRequest, NetworkError, RetryAfter

from bot.ports.services import Clock
from bot.telegram.transport import Flood, Garbled

_LONGEST_PAUSE: Final = 30.0

log = structlog.get_logger(__name__)


async def reached(
    reach: Callable[[], Awaitable[None]],
    clock: Clock,
    failed: Callable[[datetime], None],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Return once Telegram has answered; `failed` hears when each try that was in vain began.

    What Telegram refuses for good is raised (InvalidToken, BadRequest, Forbidden).
    """
    seconds = 1.0
    while True:
        began = clock.now()
        try:
            return await reach()
        except BadRequest:
            raise
        except (NetworkError, RetryAfter, Flood, Garbled) as error:
            log.warning("telegram.unreachable", fault=type(error).__name__, seconds=seconds)
        failed(began)
        await pause(seconds)
        seconds = min(seconds * 2, _LONGEST_PAUSE)
