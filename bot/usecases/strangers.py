"""Who is not enrolled gets one neutral line, at a limited pace; nothing about them is stored (S-44)."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from bot.ports.inbound import Inbound
from bot.ports.services import Clock, DeliveryFault, Messenger, Texts
from bot.usecases import neutral

AGAIN_AFTER = timedelta(hours=1)
REMEMBERED = 10_000
A_MINUTE = 60


class Strangers:
    """Remembers in memory only, and a bounded number of chats: when each was last answered."""

    def __init__(self, clock: Clock, texts: Texts, languages: tuple[str, ...]) -> None:
        self._clock = clock
        self._texts = texts
        self._languages = languages
        self._answered: OrderedDict[int, datetime] = OrderedDict()
        self._minute: tuple[datetime, int] = (clock.now(), 0)

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

    async def answer(self, messenger: Messenger, inbound: Inbound) -> bool:
        """Send the line, best effort; False when it was not due or did not go out."""
        if not self._allowed(inbound.telegram_chat):
            return False
        code = inbound.language_code.split("-")[0]
        language = code if code in self._languages else "en"
        try:
            text = self._texts.line(language, neutral.STRANGER)
            await messenger.send(inbound.telegram_chat, text, (), protect=False)
        except DeliveryFault:
            return False  # best effort: a stranger's line is not worth a second try
        return True
