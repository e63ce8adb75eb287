"""The poller's counterpart where Telegram brings the updates itself: sets the webhook, and notices outages (R-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from telegram import Bot
from telegram.error import BadRequest, NetworkError, TelegramError

from bot.clock import ticking
from bot.ports.services import Away, Clock
from bot.telegram.reaching import reached
from bot.telegram.webhook import set_webhook, webhook_info

EVERY: Final = 60.0
SOON: Final = 2.0
"""Real seconds between two looks: as a rule, and while something waits or fails."""
STALLED: Final = 150.0
"""Seconds without a look that no pause explains: nothing ran meanwhile, and a button pressed can be lost."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Webhook:
    """What Telegram says of the webhook: where it posts, how many updates wait, when one could not be brought last."""

    address: str
    waiting: int
    failed_at: datetime | None


class WebhookRefused(NetworkError):
    """Telegram does not take the address now. It says so also where it cannot find the host at that moment."""


async def listen_at(bot: Bot, address: str, secret: str, at_once: int) -> None:
    """Set the webhook; `at_once`: requests at a time. Raises a TelegramError, WebhookRefused for a refusal."""
    try:
        await set_webhook(bot, address, secret, at_once)
    except BadRequest as error:
        raise WebhookRefused(type(error).__name__) from error


async def look_at(bot: Bot) -> Webhook:
    """What Telegram says of it now. Raises a TelegramError."""
    info = await webhook_info(bot)
    return Webhook(info.url, info.pending_update_count, info.last_error_date)


class Listener:
    """Reaches Telegram (`reach` sets the webhook), then asks how it gets on (`look`), until cancelled.

    Away is: updates wait and bringing one has failed since the last look, this process could not keep one
    (`not_kept`), or Telegram cannot be asked; until none waits, or some have come through. `caught_up` is set once
    nothing waits at Telegram any more.
    """

    def __init__(
        self,
        clock: Clock,
        address: str,
        *,
        reach: Callable[[], Awaitable[None]],
        look: Callable[[], Awaitable[Webhook]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        turned: Callable[[bool], None] = lambda _: None,
        ticks: Callable[[], float] = ticking,
    ) -> None:
        self._clock = clock
        self._address = address
        self._reach = reach
        self._look = look
        self._pause = pause
        self._turned = turned
        self._ticks = ticks
        self.caught_up = asyncio.Event()
        self._failing_since: datetime | None = None
        self._failed_last: datetime | None = None
        self._was_away: Away | None = None
        self._unkept = self._kept = False
        self._waited = 0
        self._seen_failure: datetime | None = None
        self._looked: tuple[datetime, float] | None = None

    def is_away(self) -> bool:
        """Whether updates cannot be brought now, as far as is known."""
        return self._failing_since is not None

    def was_away(self) -> Away | None:
        """From when to when they could not, told once after all that waited has been brought."""
        away, self._was_away = self._was_away, None
        return away

    def not_kept(self) -> None:
        """This process refused an update, as the database did not take it."""
        self._unkept = True
        self._failed(self._clock.now())

    def kept(self) -> None:
        """This process kept an update."""
        self._unkept, self._kept = False, True

    async def run(self) -> None:
        """Raises InvalidToken when Telegram does not know the token."""
        await reached(self._reach, self._clock, self._unreached, self._pause)
        while True:
            well = await self._looks_well()
            self._turned(well)
            busy = self.is_away() or not self.caught_up.is_set()
            await self._pause(SOON if busy or not well else EVERY)

    def _unreached(self, began: datetime) -> None:
        self._failed(began)
        self._turned(False)

    def _failed(self, at: datetime) -> None:
        self._failing_since = min(self._failing_since or at, at)
        self._failed_last = max(self._failed_last or at, at)

    async def _looks_well(self) -> bool:
        """One look; whether Telegram answered."""
        began = self._clock.now()
        self._note_stall(began)
        try:
            webhook = await self._look()
            if webhook.address != self._address:
                log.warning("webhook.elsewhere")  # somebody took it away, or polls with the same token
                await self._reach()
        except TelegramError as error:
            log.warning("webhook.unreachable", fault=type(error).__name__)
            self._failed(began)
            return False
        self._judge(webhook, began)
        return True

    def _note_stall(self, now: datetime) -> None:
        ticks = self._ticks()
        if self._looked is not None and ticks - self._looked[1] >= EVERY + STALLED:
            self._failed(self._looked[0])
            self._failed_last = now
        self._looked = now, ticks

    def _judge(self, webhook: Webhook, now: datetime) -> None:
        failure, before = webhook.failed_at, self._seen_failure
        # Telegram tells the last failure for ever; at the first look only a recent one is news.
        first = before is None and not self.caught_up.is_set()
        news = failure is not None and failure != before
        if failure is not None and first and (now - failure).total_seconds() > EVERY:
            news = False
        self._seen_failure = failure
        if webhook.waiting and (news or self._unkept or self._nothing_moves(webhook.waiting)):
            self._failed(min(failure, now) if news and failure is not None else now)
            self._failed(now)
            self._kept = False
        else:
            self._is_back()
        self._waited = webhook.waiting
        if not webhook.waiting:
            self.caught_up.set()

    def _nothing_moves(self, waiting: int) -> bool:
        """Away before, and no sign since that anything came through: Telegram may only be slow to try again."""
        return self.is_away() and not self._kept and waiting >= self._waited

    def _is_back(self) -> None:
        """Outages not told of yet are told as one, from the first on."""
        if self._failing_since is None or self._failed_last is None:
            return
        since = self._was_away.since if self._was_away else self._failing_since
        self._was_away = Away(since, self._failed_last)
        self._failing_since = self._failed_last = None
        self._unkept = False
