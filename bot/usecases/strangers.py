"""Who is not enrolled gets one neutral line, at a limited pace; nothing about them is stored (S-44)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.ports.inbound import Inbound
from bot.ports.services import Clock, DeliveryFault, Messenger, Texts
from bot.texts import SOURCE, best_of
from bot.usecases import neutral
from bot.usecases.pace import Pace

AGAIN_AFTER = timedelta(hours=1)
REMEMBERED = 10_000
A_MINUTE = 60
WAITING = 60


class Strangers:
    """Remembers in memory only, and a bounded number of chats: when each was last answered.

    `offer` never waits; `run` sends one line after the other, within the same limits as everything else.
    """

    def __init__(
        self, messenger: Messenger, clock: Clock, pace: Pace, texts: Texts, languages: tuple[str, ...]
    ) -> None:
        self._messenger = messenger
        self._clock = clock
        self._pace = pace
        self._texts = texts
        self._languages = languages
        self._answered: OrderedDict[int, datetime] = OrderedDict()
        self._minute: tuple[datetime, int] = (clock.now(), 0)
        self._waiting: asyncio.Queue[tuple[int, str]] = asyncio.Queue(WAITING)

    def offer(self, strangers: Iterable[Inbound]) -> None:
        """Line up an answer for each to whom one is due. Beyond `WAITING` they go without."""
        for inbound in strangers:
            if not self._waiting.full() and self._allowed(inbound.telegram_chat):
                language = best_of(inbound.language_code, self._languages) or SOURCE
                self._waiting.put_nowait((inbound.telegram_chat, language))

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            chat, language = await self._waiting.get()
            await self._answer(chat, self._texts.line(language, neutral.STRANGER))

    async def _answer(self, chat: int, text: str) -> None:
        while seconds := self._pace.wait(chat):
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=seconds))
        self._pace.take(chat)
        try:
            await self._messenger.send(chat, text, (), protect=False)
        except DeliveryFault:
            return  # best effort: a stranger's line is not worth a second try

    def _allowed(self, chat: int) -> bool:
        now = self._clock.now()
        began, count = self._minute
        if now - began >= timedelta(minutes=1):
            began, count = now, 0
        last = self._answered.get(chat)
        if count >= A_MINUTE or (last is not None and now - last < AGAIN_AFTER):
            return False
        self._minute = (began, count + 1)
        self._answered[chat] = now
        self._answered.move_to_end(chat)
        while len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return True
