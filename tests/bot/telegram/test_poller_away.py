"""What counts as time away for the poller besides Telegram out of reach (R-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
from telegram import Bot

from bot.clock import MovableClock
from bot.ports.inbound import Inbound, Malformed
from bot.ports.services import Away
from bot.ports.stores import StorageFault
from bot.telegram.poller import Poller
from tests.bot.deliveries import START, until


class Telegram:
    """Gives these answers to getUpdates, one each round, then none; `each` round it does what it is told."""

    base_url, read_timeout = "", 20.0

    def __init__(self, *answers: list[object], each: Callable[[int], None] = lambda _: None) -> None:
        self.answers, self.rounds, self._each = list(answers), 0, each
        self.request = self

    async def post(self, *_: Any, **__: Any) -> list[object]:
        """A round of long polling."""
        await asyncio.sleep(0)
        self.rounds += 1
        self._each(self.rounds)
        return self.answers.pop(0) if self.answers else []


async def kept(_: Sequence[Inbound | Malformed]) -> None:
    """Keeps everything."""


async def answered(_: str) -> None:
    """Stops no spinner."""


async def polled(poller: Poller, telegram: Telegram) -> None:
    """The poller goes some rounds."""
    task = asyncio.create_task(poller.run())
    await until(lambda: telegram.rounds > 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_database_that_keeps_nothing_is_an_outage() -> None:
    """R-11: from when a batch could not be kept to when it was is time away, told once, and not before the end."""
    clock, tries, during = MovableClock(START), [], []
    update = {"update_id": 5, "message": {"message_id": 1, "date": 5, "chat": {"id": 5, "type": "private"}, "text": "x"}}  # fmt: skip
    poller: Poller

    async def intake(_: Sequence[Inbound | Malformed]) -> None:
        tries.append(1)
        if len(tries) <= 5:
            raise StorageFault("disk full")

    async def pause(_: float) -> None:
        during.append((poller.is_away(), poller.was_away()))
        clock.advance(timedelta(seconds=50))
        await asyncio.sleep(0)

    telegram = Telegram([update])
    poller = Poller(cast(Bot, telegram), 1, intake, clock, answer=answered, pause=pause)
    await polled(poller, telegram)
    assert during == [(True, None)] * 5
    assert not poller.is_away()
    away = Away(START, START + timedelta(seconds=250))
    assert (poller.was_away(), poller.was_away()) == (away, None)


@pytest.mark.parametrize(("seconds", "outage"), [(149.9, False), (150.0, True), (1200.0, True)])
async def test_a_round_in_which_nothing_ran_is_an_outage(seconds: float, outage: bool) -> None:
    """R-11: a machine that slept for 150 s of real time or more was away, though no call failed; less is no outage."""
    clock, real = MovableClock(START), [0.0]

    def asleep(number: int) -> None:
        if number == 3:
            real[0] += seconds
            clock.advance(timedelta(seconds=seconds))

    telegram = Telegram(each=asleep)
    poller = Poller(cast(Bot, telegram), 1, kept, clock, answer=answered, ticks=lambda: real[0])
    await polled(poller, telegram)
    assert not poller.is_away()
    away = Away(START, START + timedelta(seconds=seconds)) if outage else None
    assert (poller.was_away(), poller.was_away()) == (away, None)


async def test_a_clock_that_is_moved_is_no_time_away() -> None:
    """R-05: hours that pass on the clock and not in real time are no outage."""
    clock = MovableClock(START)
    telegram = Telegram(each=lambda number: clock.advance(timedelta(hours=3 if number == 3 else 0)))
    poller = Poller(cast(Bot, telegram), 1, kept, clock, answer=answered, ticks=lambda: 0.0)
    await polled(poller, telegram)
    assert poller.was_away() is None
