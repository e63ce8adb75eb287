"""Strangers are answered beside everything else, never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from bot.clock import MovableClock
from bot.parts import keeping
from bot.ports.inbound import Inbound, Text
from bot.ports.services import SendLimits, Unreachable
from bot.texts import GettextTexts
from bot.usecases import neutral
from bot.usecases.pace import Pace
from bot.usecases.rounds import Rounds
from bot.usecases.spinners import Spinners
from bot.usecases.strangers import A_MINUTE, Strangers
from bot.usecases.take_updates import Taken
from bot.web.metrics import Metrics
from tests.bot.deliveries import START, FakeMessenger, once, until


class Street:
    """Strangers, a clock, and a messenger to look at."""

    def __init__(self, limits: SendLimits | None = None) -> None:
        self.clock = MovableClock(START)
        self.messenger = FakeMessenger()
        self.pace = Pace(self.clock, limits or SendLimits())
        self.strangers = Strangers(self.messenger, self.clock, self.pace, GettextTexts(), ("en", "de"))

    def writes(self, *chats: int, language: str = "en") -> None:
        self.strangers.offer(stranger(chat, language) for chat in chats)

    @property
    def answered(self) -> list[int]:
        return [chat for _, chat, _ in self.messenger.calls]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.strangers.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def stranger(chat: int, language: str = "en") -> Inbound:
    return Inbound(7, chat, chat, True, language, Text("hello"), 1, START)


async def test_a_messenger_that_hangs_holds_up_no_update() -> None:
    """S-44: the intake is over when the updates are kept, whatever becomes of the answers to strangers."""
    street, never = Street(), asyncio.Event()

    async def hang(*_: Any, **__: Any) -> int:
        await never.wait()
        return 1

    street.messenger.send = hang  # type: ignore[method-assign]  # a server that does not answer

    class Take:
        async def __call__(self, batch: Any) -> Taken:
            return Taken(strangers=list(batch))

    class Sender:
        def wake(self) -> None:
            return None

    class Lists:
        def note(self, taken: Iterable[Any]) -> None:
            assert not list(taken), "a stranger has no list of commands"

    spinners = Spinners(street.messenger.answer_press)
    intake = keeping(Take(), Sender().wake, street.strangers, spinners, Lists(), Metrics(Rounds(())))  # type: ignore[arg-type]  # doubles
    async with street.open():
        for first in range(0, 300, 100):
            await asyncio.wait_for(intake([stranger(chat) for chat in range(first, first + 100)]), 1)


async def test_each_gets_one_line_an_hour_in_their_language() -> None:
    """S-44: one neutral line, however often they write, in a language that is offered."""
    street = Street()
    street.writes(1, 1)
    street.writes(2, language="de-AT")
    street.writes(3, language="xx")
    async with street.open():
        await until(lambda: len(street.answered) == 3)
        street.clock.advance(timedelta(hours=1))
        street.writes(1)
        await until(lambda: street.answered == [1, 2, 3, 1])
    line = GettextTexts().line
    assert street.messenger.texts(1)[0] == line("en", neutral.STRANGER)
    assert street.messenger.texts(2) == [line("de", neutral.STRANGER)]
    assert street.messenger.texts(3) == [line("en", neutral.STRANGER)]


async def test_a_crowd_is_answered_in_part() -> None:
    """S-44: beyond so many a minute, and so many waiting, strangers go without an answer."""
    street = Street(SendLimits(off=True))
    street.writes(*range(500))
    async with street.open():
        await until(lambda: len(street.answered) == A_MINUTE)
        street.writes(*range(500, 600))
        await asyncio.sleep(0.05)
        assert street.answered == list(range(A_MINUTE))
        street.clock.advance(timedelta(minutes=1))
        street.writes(600)
        await until(lambda: street.answered[-1] == 600)


async def test_strangers_keep_to_the_limits() -> None:
    """S-44, R-12: their lines count among all messages and wait while those have used up what may go."""
    street = Street()
    for chat in range(1, 31):
        street.pace.take(chat)
    street.writes(100)
    async with street.open():
        await asyncio.sleep(0.05)
        assert street.answered == []
        street.clock.advance(timedelta(seconds=1))
        await until(lambda: street.answered == [100])
    assert street.pace.room() == 29


async def test_one_who_cannot_be_reached_stops_nobody() -> None:
    """S-44: a line that does not go out is not tried again, and the next is sent."""
    street = Street()
    street.messenger.before = once("send", Unreachable(), 1)
    street.writes(1, 2)
    async with street.open():
        await until(lambda: street.answered == [2])
