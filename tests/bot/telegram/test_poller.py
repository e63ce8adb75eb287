"""Long polling against the simulated Telegram: confirmed only when kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError

from bot.ports.inbound import Command, Inbound, Malformed, Press, Text
from bot.ports.services import Away
from bot.ports.stores import StorageFault
from bot.simulator import ErrorAnswer, ResetBefore
from bot.simulator import Malformed as NotJson
from bot.telegram.poller import Poller
from bot.usecases.spinners import Spinners
from tests.bot.deliveries import until
from tests.bot.telegram.conftest import Line


class Intake:
    """Keeps what it is given; `failing` batches are refused first."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.given: list[list[int]] = []
        self.kept: list[Inbound | Malformed] = []

    async def __call__(self, batch: Sequence[Inbound | Malformed]) -> None:
        self.given.append([one.update_id for one in batch])
        if self.failing:
            self.failing -= 1
            raise StorageFault("disk full")
        self.kept += batch

    @property
    def whats(self) -> list[object]:
        return [one.what for one in self.kept if isinstance(one, Inbound)]


@asynccontextmanager
async def polling(line: Line, intake: Intake) -> AsyncIterator[list[float]]:
    """A poller at work; gives the pauses it made."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    poller = Poller(
        line.bot,
        line.bot.id,
        intake,
        line.clock,
        long_poll=0,
        pause=pause,
    )
    task = asyncio.create_task(poller.run())
    try:
        yield pauses
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError)


def offsets(line: Line) -> list[int]:
    """The offsets asked with, each once."""
    asked = [params.get("offset", 0) for _, method, params in line.world.calls if method == "getUpdates"]
    return list(dict.fromkeys(asked))


async def test_from_phone_to_intake_and_back(line: Line) -> None:
    """What a phone does arrives in order, taken apart, and a press is answered."""
    intake, spinners = Intake(), Spinners(line.messenger.answer_press)
    async with polling(line, intake):
        await line.phone.start("abc")
        await line.messenger.send(line.phone.id, "question", ((("Yes", "ST-01:yes:v1"),),), protect=False)
        line.phone.press("ST-01:yes")
        line.phone.write("a\nb")
        await until(lambda: len(intake.kept) == 3)
        spinners.stop_soon(intake.kept)
        await until(lambda: any(method == "answerCallbackQuery" for _, method, _ in line.world.calls))
    started, pressed, wrote = intake.whats
    assert started == Command("start", "abc")
    assert isinstance(pressed, Press)
    assert (pressed.step, pressed.choice, pressed.tail) == ("ST-01", "yes", "v1")
    assert wrote == Text("a\nb")


async def test_the_offset_moves_after_the_commit(line: Line) -> None:
    """R-01 While a batch cannot be kept, it is given again and Telegram is not told that it arrived."""
    asked: list[list[int]] = []

    class Watching(Intake):
        async def __call__(self, batch: Sequence[Inbound | Malformed]) -> None:
            asked.append(offsets(line))
            await super().__call__(batch)

    intake = Watching(failing=3)
    await line.phone.start()
    async with polling(line, intake) as pauses:
        await until(lambda: len(offsets(line)) == 2)
    assert asked == [[0]] * 4
    assert offsets(line) == [0, intake.given[0][0] + 1]
    assert intake.given == [intake.given[0]] * 4
    assert pauses == [0.25, 0.5, 1.0]


async def test_killed_before_the_commit(line: Line) -> None:
    """R-01 An update whose keeping was cut short comes again to the next poller."""
    kept = asyncio.Event()

    class Stuck(Intake):
        async def __call__(self, batch: Sequence[Inbound | Malformed]) -> None:
            kept.set()
            await asyncio.Event().wait()

    await line.phone.start()
    async with polling(line, Stuck()):
        await kept.wait()
    intake = Intake()
    async with polling(line, intake):
        await until(lambda: len(intake.kept) == 1)


async def test_malformed_ones_among_good_ones(line: Line) -> None:
    """S-23 A malformed update is handed over as such, and the good ones around it are handled."""
    await line.phone.start()
    body = b"""{"ok":true,"result":[
        {"update_id":900,"message":{"message_id":1,"date":5,"chat":{"id":5,"type":"private"},"text":"good"}},
        {"update_id":901,"message":{"message_id":2,"date":5,"chat":"broken","text":"secret"}},
        {"no":"id"}, 17,
        {"update_id":902,"message":{"message_id":3,"date":5,"chat":{"id":5,"type":"private"},"text":"better"}}]}"""
    line.world.faults.add("getUpdates", NotJson(body))
    intake = Intake()
    async with polling(line, intake):
        await until(lambda: bool(intake.kept))
        await until(lambda: 903 in offsets(line))
    assert [type(one) for one in intake.kept[:3]] == [Inbound, Malformed, Inbound]


async def test_a_batch_without_ids_is_no_hot_loop(line: Line) -> None:
    """Where nothing can be confirmed, the poller pauses before it asks again."""
    line.world.faults.add("getUpdates", NotJson(b'{"ok":true,"result":[{}]}'), times=2)
    line.world.faults.add("getUpdates", NotJson(b'{"ok":true,"result":{}}'))
    async with polling(line, Intake()) as pauses:
        await until(lambda: len(pauses) == 3)
    assert pauses == [1.0, 2.0, 4.0]


async def test_trouble_is_waited_out(line: Line) -> None:
    """A second instance, a reset, garbage and 429 only make it pause, longer each time up to 30 seconds."""
    for fault in (
        ErrorAnswer(409, "Conflict: terminated by other getUpdates request"),
        ResetBefore(),
        NotJson(),
        ErrorAnswer(429, "Too Many Requests", {"retry_after": 1}),
        ErrorAnswer(502, "Bad Gateway"),
        ErrorAnswer(401, "Unauthorized"),
        ErrorAnswer(500, "x"),
    ):
        line.world.faults.add("getUpdates", fault)
    intake = Intake()
    await line.phone.start()
    async with polling(line, intake) as pauses:
        await until(lambda: len(intake.kept) == 1)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


async def test_after_a_quiet_week_the_offset_is_dropped(line: Line) -> None:
    """R-03 Telegram numbers anew after a quiet week, so that an old offset must not hide new updates."""
    intake = Intake()
    await line.phone.start()
    async with polling(line, intake):
        await until(lambda: len(offsets(line)) == 2)
    line.clock.advance(timedelta(days=7))
    poller = Poller(line.bot, 1, intake, line.clock)
    poller._offset = 10**9
    line.clock.advance(timedelta(days=7))
    line.phone.write("back")
    await poller._take(await poller._fetch())
    assert intake.whats[-1] == Text("back")


async def test_an_outage_is_told_once_all_is_taken(line: Line) -> None:
    """R-11: since when Telegram could not be asked is told once, after what waited there has been taken."""
    intake, rounds = Intake(), []
    for _ in range(3):
        line.world.faults.add("getUpdates", ResetBefore())
    poller = Poller(
        line.bot,
        line.bot.id,
        intake,
        line.clock,
        long_poll=0,
        pause=lambda _: asyncio.sleep(0.01),
        turned=rounds.append,
    )
    line.phone.write("hello")
    since = line.clock.now()
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.is_away())
    assert poller.was_away() is None
    line.clock.advance(timedelta(seconds=200))
    await until(lambda: poller.caught_up.is_set())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not poller.is_away()
    assert intake.whats == [Text("hello")]
    back = line.clock.now()
    assert (poller.was_away(), poller.was_away()) == (Away(since, back), None)
    assert rounds[:4] == [False, False, False, True]


async def test_telegram_is_reached_first(line: Line) -> None:
    """R-11: until Telegram answers the poller is away and goes round; then that outage is told as any other."""
    intake, rounds, tries = Intake(), [], []

    async def reach() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise NetworkError("no network yet")

    poller = Poller(
        line.bot,
        1,
        intake,
        line.clock,
        reach=reach,
        long_poll=0,
        pause=lambda _: asyncio.sleep(0.01),
        turned=rounds.append,
    )
    line.phone.write("hello")
    since = line.clock.now()
    task = asyncio.create_task(poller.run())
    await until(lambda: poller.is_away())
    assert not poller.caught_up.is_set()
    await until(lambda: poller.caught_up.is_set() and bool(intake.kept))
    assert (rounds[:3], poller.was_away(), poller.is_away()) == (
        [False, False, True],
        Away(since, since),
        False,
    )
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("error", [InvalidToken("no"), BadRequest("no"), Forbidden("no")])
async def test_what_telegram_refuses_for_good_ends_the_poller(line: Line, error: Exception) -> None:
    """A token that is not known is no matter of waiting: it is raised at once."""

    async def reach() -> None:
        raise error

    poller = Poller(line.bot, 1, Intake(), line.clock, reach=reach)
    with pytest.raises(type(error)):
        await poller.run()
