"""Limits what somebody nobody knows can cost: tries at a link, for each chat and overall (S-44)."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.ports.services import Clock

log = structlog.get_logger(__name__)

A_CHAT: Final = 5
WITHIN: Final = timedelta(minutes=10)
OVERALL: Final = 60
"""Tries of all chats together that may come at once; one more each second."""
REMEMBERED: Final = 10_000
SAID_EVERY: Final = timedelta(minutes=1)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Gate:
    """Which tokens are looked up at all. In memory only, and a bounded number of chats; nothing of it is stored.

    A token that has not the right shape costs nothing. The others are far too many to be guessed (128 random
    bits): the limit keeps guessing from costing those who are enrolled anything.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[int, tuple[datetime, int]] = OrderedDict()
        self._room = float(OVERALL)
        self._at = clock.now()
        self._refused = 0
        self._said_at = clock.now() - SAID_EVERY

    def may_try(self, chat: int, token: str) -> bool:
        """Whether this chat's token may be looked up now; counts the try."""
        if not _TOKEN.fullmatch(token):
            return False
        now = self._clock.now()
        self._refill(now)
        began, tries = self._tries.get(chat, (now, 0))
        if not timedelta() <= now - began < WITHIN:
            began, tries = now, 0
        if tries >= A_CHAT or self._room < 1:
            self._refused += 1
            return False
        self._room -= 1
        self._tries[chat] = (began, tries + 1)
        self._tries.move_to_end(chat)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        return True

    def _refill(self, now: datetime) -> None:
        """A second's time gives one more try; a clock set back gives none and takes none."""
        passed = (now - self._at).total_seconds()
        self._at = now
        self._room = min(float(OVERALL), self._room + max(0.0, passed))
        if self._refused and not timedelta() <= now - self._said_at < SAID_EVERY:
            log.warning("gate.refused", count=self._refused)
            self._refused, self._said_at = 0, now
