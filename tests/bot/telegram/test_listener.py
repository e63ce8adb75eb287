"""Outages where Telegram brings the updates: none fails here, so Telegram is asked how it gets on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from telegram.error import InvalidToken, NetworkError

from bot.clock import MovableClock
from bot.ports.services import Away
from bot.telegram.listener import EVERY, SOON, STALLED, Listener, Webhook
from tests.bot.deliveries import START

ADDRESS = "https://bot.example.org/telegram"


def second(number: float) -> datetime:
    return START + timedelta(seconds=number)


class Scene:
    """Telegram as it answers, a clock, and a listener that goes round when told."""

    def __init__(self) -> None:
        self.clock = MovableClock(START)
        self.real = 0.0
        self.answer: Webhook | Exception = Webhook(ADDRESS, 0, None)
        self.reached = 0
        self.turns: list[bool] = []
        self.paused: list[float] = []
        self._may = asyncio.Semaphore(0)
        self._done = asyncio.Event()
        self.listener = Listener(
            self.clock,
            ADDRESS,
            reach=self.reach,
            look=self.look,
            pause=self.pause,
            turned=self.turns.append,
            ticks=lambda: self.real,
        )

    async def reach(self) -> None:
        self.reached += 1

    async def look(self) -> Webhook:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self._done.set()
        await self._may.acquire()

    async def looked(self, answer: Webhook | Exception, after: float = 0) -> None:
        """One more look, so many seconds later."""
        self.clock.advance(timedelta(seconds=after))
        self.real += after
        self.answer = answer
        self._done.clear()
        self._may.release()
        await asyncio.wait_for(self._done.wait(), 1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Listener]:
        task = asyncio.create_task(self.listener.run())
        try:
            await asyncio.wait_for(self._done.wait(), 1)
            yield self.listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def well() -> Webhook:
    return Webhook(ADDRESS, 0, None)


def failing(waiting: int, at: float) -> Webhook:
    return Webhook(ADDRESS, waiting, second(at))


async def test_updates_that_telegram_cannot_bring_are_an_outage() -> None:
    """R-11: from the failure that Telegram tells to the last look at which updates waited; told once they are brought."""
    scene = Scene()
    async with scene.running() as listener:
        assert listener.caught_up.is_set()
        await scene.looked(failing(3, 40), after=60)
        assert listener.is_away()
        await scene.looked(failing(9, 170), after=120)
        assert (listener.is_away(), listener.was_away()) == (True, None)
        await scene.looked(failing(0, 230), after=60)
        assert not listener.is_away()
        away = Away(second(40), second(180))
        assert (listener.was_away(), listener.was_away()) == (away, None)
        assert scene.turns == [True] * 4


async def test_slow_to_try_again_is_not_back() -> None:
    """R-11: while as many wait as before, no new failure is no good sign; that fewer wait, or one was kept, is."""
    for came in ("fewer", "kept"):
        scene = Scene()
        async with scene.running() as listener:
            await scene.looked(failing(5, 50), after=60)
            await scene.looked(failing(5, 50), after=100)
            await scene.looked(failing(6, 50), after=100)
            assert listener.is_away()
            if came == "kept":
                listener.kept()
            await scene.looked(failing(6 if came == "kept" else 4, 50), after=2)
            assert (listener.is_away(), listener.was_away()) == (False, Away(second(50), second(260)))


async def test_an_old_failure_is_no_outage() -> None:
    """R-11: Telegram tells the last failure for ever; only a new one, with updates waiting, counts."""
    scene = Scene()
    scene.answer = failing(0, -86_400)
    async with scene.running() as listener:
        await scene.looked(failing(5, -86_400), after=60)
        assert not listener.is_away()
        await scene.looked(failing(0, 70), after=60)
        assert (listener.is_away(), listener.was_away()) == (False, None)


@pytest.mark.parametrize(("ago", "away"), [(30, True), (600, False)])
async def test_at_the_start_a_recent_failure_counts(ago: float, away: bool) -> None:
    """R-11: who begins to lead in the middle of an outage sees it; what waits then is waited for, and looked at soon."""
    scene = Scene()
    scene.answer = failing(4, -ago)
    async with scene.running() as listener:
        assert listener.is_away() is away
        assert not listener.caught_up.is_set()
        assert scene.paused == [SOON]
        await scene.looked(well(), after=SOON)
        assert listener.caught_up.is_set()
        assert scene.paused == [SOON, EVERY]


async def test_a_database_that_keeps_nothing_is_an_outage() -> None:
    """R-11: from when this process refused an update, until one was kept or nothing waits."""
    scene = Scene()
    async with scene.running() as listener:
        scene.clock.advance(timedelta(seconds=10))
        listener.not_kept()
        assert listener.is_away()
        await scene.looked(Webhook(ADDRESS, 2, None), after=60)
        assert listener.is_away()
        scene.clock.advance(timedelta(seconds=150))
        listener.not_kept()
        listener.kept()
        await scene.looked(Webhook(ADDRESS, 1, None), after=2)
        assert not listener.is_away()
        assert listener.was_away() == Away(second(10), second(220))


async def test_telegram_out_of_reach_is_an_outage() -> None:
    """R-11: while Telegram cannot be asked nothing is known to come, and the loop goes round without completing."""
    scene = Scene()
    async with scene.running() as listener:
        await scene.looked(NetworkError("no network"), after=60)
        assert (listener.is_away(), scene.turns, scene.paused[-1]) == (True, [True, False], SOON)
        await scene.looked(NetworkError("no network"), after=180)
        await scene.looked(well(), after=2)
        assert not listener.is_away()
        assert listener.was_away() == Away(second(60), second(240))


async def test_a_machine_that_slept_was_away() -> None:
    """R-11: a look that comes minutes late, though nothing failed, tells of a process that did not run."""
    for late, away in ((STALLED - 1, None), (STALLED, Away(second(0), second(EVERY + STALLED)))):
        scene = Scene()
        async with scene.running() as listener:
            await scene.looked(well(), after=EVERY + late)
            assert listener.was_away() == away


async def test_a_webhook_that_was_taken_away_is_set_again() -> None:
    """S-30: where Telegram posts elsewhere, or nowhere, the webhook is set once more."""
    scene = Scene()
    async with scene.running():
        assert scene.reached == 1
        await scene.looked(Webhook("", 4, None), after=60)
        assert scene.reached == 2


async def test_telegram_is_reached_first_again_and_again() -> None:
    """R-11: while the network is down at the start it is tried again, as time away; a token refused ends it."""
    clock, tries = MovableClock(START), []

    async def reach() -> None:
        tries.append(clock.now())
        if len(tries) < 3:
            raise NetworkError("no network yet")

    async def look() -> Webhook:
        return well()

    def listening(pause: Callable[[float], object]) -> Listener:
        return Listener(clock, ADDRESS, reach=reach, look=look, pause=pause)  # type: ignore[arg-type]  # one that is awaited

    async def pause(seconds: float) -> None:
        if len(tries) > 2:
            await asyncio.Event().wait()
        assert listener.is_away()
        clock.advance(timedelta(seconds=100))

    listener = listening(pause)
    task = asyncio.create_task(listener.run())
    await asyncio.wait_for(listener.caught_up.wait(), 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (listener.is_away(), listener.was_away()) == (False, Away(second(0), second(100)))

    async def refused() -> None:
        raise InvalidToken("no")

    with pytest.raises(InvalidToken):
        await Listener(clock, ADDRESS, reach=refused, look=look).run()
