"""One queue for the poller and the webhooks: kept together, in order, and nobody goes on before the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.ports.inbound import Inbound, Malformed, Press, Text, What
from bot.ports.stores import StorageFault
from bot.usecases.intake import AT_ONCE, Intake, NotTaken
from bot.usecases.spinners import WAITING as SPINNERS_WAITING
from bot.usecases.spinners import Spinners
from tests.bot.deliveries import START, until


def update(number: int, what: What | None = None) -> Inbound:
    return Inbound(7, number, 1000, True, "en", what or Text("x"), 1, START)


class Keeper:
    """Keeps batches, each only when it is let; `faults` come first."""

    def __init__(self, *faults: Exception) -> None:
        self.batches: list[list[int]] = []
        self.begun = 0
        self.faults = list(faults)
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, updates: Sequence[Inbound | Malformed]) -> None:
        self.begun += 1
        await self.may_end.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.batches.append([one.update_id for one in updates])


@asynccontextmanager
async def taking(intake: Intake) -> AsyncIterator[asyncio.Task[None]]:
    """The intake at work."""
    task = asyncio.create_task(intake.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_gathers_is_kept_together_and_in_order() -> None:
    """S-30, R-01: webhooks that come while a batch is being kept make up the next one, as they came, and wait for it."""
    keeper = Keeper()
    keeper.may_end.clear()
    intake = Intake(keeper)
    async with taking(intake):
        first = asyncio.create_task(intake([update(0)]))
        await until(lambda: keeper.begun == 1)
        more = [asyncio.create_task(intake([update(number)])) for number in range(1, 31)]
        await asyncio.sleep(0.02)
        assert not first.done()
        assert not any(task.done() for task in more)
        keeper.may_end.set()
        await asyncio.gather(first, *more)
    assert keeper.batches == [[0], list(range(1, 31))]


async def test_a_batch_has_as_many_as_telegram_gives_at_once() -> None:
    """S-30: at most a hundred go together; what a poller brought stays together."""
    keeper = Keeper()
    intake = Intake(keeper)
    brought = [[update(number)] for number in range(60)]
    brought.append([update(number) for number in range(60, 160)])
    brought += [[update(160)]]
    waiting = [asyncio.create_task(intake(updates)) for updates in brought]
    await asyncio.sleep(0)
    async with taking(intake):
        await asyncio.gather(*waiting)
    assert [len(batch) for batch in keeper.batches] == [60, AT_ONCE, 1]
    assert [number for batch in keeper.batches for number in batch] == list(range(161))


async def test_a_storage_fault_reaches_everybody_who_waits_for_it() -> None:
    """R-01: whoever brought one of a batch that was not kept hears it, and what comes then is tried anew."""
    keeper = Keeper(StorageFault("disk full"))
    intake = Intake(keeper)
    waiting = [asyncio.create_task(intake([update(number)])) for number in range(3)]
    await asyncio.sleep(0)
    async with taking(intake):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageFault] * 3
        await intake([update(0)])
    assert keeper.batches == [[0]]


async def test_a_full_queue_refuses_at_once() -> None:
    """S-30: beyond so many that wait, what comes is refused without waiting, and all that waits is still kept."""
    keeper = Keeper()
    intake = Intake(keeper, waiting=5)
    waiting = [asyncio.create_task(intake([update(number)])) for number in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(NotTaken):
        await asyncio.wait_for(intake([update(5)]), 0.5)
    async with taking(intake):
        await asyncio.gather(*waiting)
        await intake([update(5)])
    assert keeper.batches == [[0, 1, 2, 3, 4], [5]]


async def test_who_stops_waiting_changes_nothing_for_others() -> None:
    """R-01: an update whose bringer has gone is kept all the same, and the loop goes on."""
    keeper = Keeper()
    keeper.may_end.clear()
    intake = Intake(keeper)
    async with taking(intake):
        gone, waits = (asyncio.create_task(intake([update(number)])) for number in (1, 2))
        await until(lambda: keeper.begun == 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        keeper.may_end.set()
        await waits
    assert keeper.batches == [[1, 2]]


async def test_when_it_ends_nobody_waits_for_ever() -> None:
    """R-01: whoever waits when the process ends hears that nothing was kept: the batch at hand and the queue alike."""
    keeper = Keeper()
    keeper.may_end.clear()
    intake = Intake(keeper)
    async with taking(intake) as task:
        waiting = [asyncio.create_task(intake([update(0)]))]
        await until(lambda: keeper.begun == 1)
        waiting += [asyncio.create_task(intake([update(number)])) for number in (1, 2)]
        await asyncio.sleep(0)
        task.cancel()
        outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)
    assert [type(outcome) for outcome in outcomes] == [NotTaken] * 3
    with pytest.raises(NotTaken):
        await intake([update(3)])


async def test_a_fault_of_our_own_ends_it() -> None:
    """R-01: what nobody expected ends the loop, and so the process, instead of leaving updates unanswered."""
    intake = Intake(Keeper(ZeroDivisionError()))
    async with taking(intake) as task:
        with pytest.raises(NotTaken):
            await intake([update(0)])
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, ZeroDivisionError)


async def test_spinners_are_stopped_beside_everything_else() -> None:
    """S-30: presses are answered without anybody waiting for it, and a mass of them beyond the bound is let go."""
    asked: list[str] = []
    never = asyncio.Event()

    async def answer(callback_id: str) -> None:
        asked.append(callback_id)
        await never.wait()

    spinners = Spinners(answer)
    presses = [update(n, Press("S", "c", "t", f"q{n}")) for n in range(SPINNERS_WAITING + 50)]
    spinners.stop_soon([update(0), *presses])
    await until(lambda: len(asked) == 16)
    assert len(spinners._answers) == SPINNERS_WAITING
    await asyncio.wait_for(spinners.close(), 1)
