"""Updates brought by Telegram, to one process and to several behind a load balancer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import aiohttp
import pytest

from bot import wiring
from bot.telegram import listener
from bot.usecases.lead import LEASE, Elected, NotLeading
from bot.usecases.outage import PULSE
from bot.usecases.take_updates import nothing_along
from tests.acceptance.front import PATH, SECRET, Front, Shared, Wire, free_port
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import READY
from tests.bot.deliveries import until


async def test_a_conversation_over_a_webhook(database: Path) -> None:
    """S-30: with a webhook the bot asks for no updates; what is brought is answered, spinners too, in order."""
    port = free_port()
    more = {"webhook_url": f"http://127.0.0.1:{port}{PATH}", "webhook_secret": SECRET, "web_port": port}
    async with open_house(database, more=more) as house:
        await house.plan_session()
        phone = await house.participant()
        await house.selftest(phone)
        await house.walk(phone, READY, until="ST-16")
        assert phone.shows("everything is in place")
        called = [method for _, method, _ in house.world.calls]
        assert "getUpdates" not in called
        assert {"setWebhook", "answerCallbackQuery"} <= set(called)
        assert "deleteWebhook" not in called


async def test_from_a_webhook_back_to_asking(database: Path) -> None:
    """S-30: without the setting the webhook is taken away at the start, and what waits is asked for."""
    async with open_house(database) as house:
        await house.participant()
        called = [method for _, method, _ in house.world.calls]
        assert (
            house.bot.take._along is not nothing_along
        )  # alone on SQLite: one commit before an answer (0017)
        assert called.index("deleteWebhook") < called.index("getUpdates")


async def signs_of_life(house: House) -> bool:
    """Whether one was ever kept."""
    async with house.bot.storage.unit() as unit:
        return await unit.pulses.last(PULSE) is not None


async def test_an_outage_of_the_webhook(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-11: Telegram could not bring anything for 200 s: staff are told from when to when, and what is open is asked again."""
    monkeypatch.setattr(listener, "EVERY", 0.05)
    monkeypatch.setattr(listener, "SOON", 0.02)
    port = free_port()
    async with Front(port).open() as front:
        more = {"webhook_url": front.url, "webhook_secret": SECRET, "web_port": port}
        async with open_house(database, more=more) as house:
            await house.plan_session()
            duty = (await house.staff("duty"))["duty"]
            phone = await house.member()
            await house.selftest(phone)
            assert phone.shows("ST-07:car")
            inlet = house.bot.duties.inlet
            async with asyncio.timeout(10):
                while not await signs_of_life(house):  # there can be no outage before the first
                    await asyncio.sleep(0.02)
            front.ports.clear()
            await phone.tap("ST-07:car")
            duty.write("/help")  # waits on: Telegram keeps a press for 150 s only
            await until(inlet.is_away)
            for _ in range(4):
                house.clock.advance(timedelta(seconds=50))
                await asyncio.sleep(0.3)
            front.ports.append(port)
            async with asyncio.timeout(10):
                while not duty.shows("The assistant was away"):
                    house.clock.advance(timedelta(seconds=1))
                    await asyncio.sleep(0.1)
            assert not inlet.is_away()
            assert "The assistant was away from Mon 1 Mar, 17:00 to Mon 1 Mar, 17:03" in duty.screen()
            async with asyncio.timeout(5):
                while not phone.shows("DOOR:yes"):
                    await asyncio.sleep(0.05)


@dataclass
class Replicas:
    """Several processes of one bot on one database, behind a front."""

    house: House
    front: Front
    bots: dict[int, wiring.Vestibule] = field(default_factory=dict)
    running: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def leader(self) -> int | None:
        """The port of the process that leads by its own account and by the lease."""
        return next((port for port, bot in self.bots.items() if bot.rounds.leads), None)

    def other(self, port: int | None) -> int:
        """The port of one that is not that one."""
        return next(each for each in self.bots if each != port)

    async def stop(self, port: int) -> None:
        """As SIGTERM does."""
        _, task = self._taken_out(port)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def freeze(self, port: int) -> wiring.Vestibule:
        """As SIGSTOP does: it does nothing any more, and gives nothing back. Gives the process as it stood."""
        bot, task = self._taken_out(port)
        elected = bot.leadership
        assert isinstance(elected, Elected)
        with patch.object(elected, "_give_back", _nothing):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return bot

    def _taken_out(self, port: int) -> tuple[wiring.Vestibule, asyncio.Task[None]]:
        self.front.ports.remove(port)
        out = self.bots.pop(port), self.running.pop(port)
        # The house looks through one that still runs.
        [self.house._bot], [self.house._running] = self.bots.values(), self.running.values()
        return out

    async def health(self, port: int, path: str = "/healthz") -> tuple[int, str]:
        """Status and role as it says."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            return response.status, (await response.json())["role"]


async def _nothing() -> None:
    return None


@pytest.fixture
async def replicas(database: Path) -> AsyncIterator[Replicas]:
    """Two processes at work, one of them leading."""
    async with opened(database) as replicas:
        yield replicas


@asynccontextmanager
async def opened(database: Path) -> AsyncIterator[Replicas]:
    wire, ports = Wire(), (free_port(), free_port())
    async with AsyncExitStack() as stack:
        front = await stack.enter_async_context(Front(*ports).open())
        more = {"webhook_url": front.url, "webhook_secret": SECRET, "web_port": ports[0]}
        house = await stack.enter_async_context(
            open_house(database, more=more, wrap=lambda inner: Shared(inner, wire))
        )
        replicas = Replicas(house, front)
        assert house._running is not None
        replicas.bots[ports[0]], replicas.running[ports[0]] = house.bot, house._running
        storage = wiring.make_storage(house.settings, house.ids)
        stack.push_async_callback(storage.close)
        settings = house.settings.model_copy(
            update={"web_port": ports[1], "heartbeat_file": database.with_name("beside")}
        )
        beside = await stack.enter_async_context(
            wiring.open_bot(settings, clock=house.clock, ids=house.ids, storage=Shared(storage, wire))
        )
        replicas.bots[ports[1]] = beside
        task = replicas.running[ports[1]] = asyncio.create_task(beside.run())
        await until(lambda: replicas.leader is not None and bool(beside.web and beside.web.address))
        yield replicas
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_several_processes_pick_nothing_along(replicas: Replicas) -> None:
    """R-15: where several processes write, what may go is picked by the leader's sender in its own fenced units alone."""
    assert [bot.take._along for bot in replicas.bots.values()] == [nothing_along, nothing_along]


async def test_two_processes_one_conversation(replicas: Replicas) -> None:
    """R-15, S-30: two processes take updates in turn, one sends; nothing is lost, out of order or said twice."""
    house = replicas.house
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-08": ("partner", "done"), "ST-09": ("maybe",)})
    assert phone.last.text.endswith("Please wait for a message from us before you join.")
    assert len(await house.cases()) == 1
    told = [
        call for _, method, call in house.world.calls if method == "sendMessage" and "K-101" in call["text"]
    ]
    assert [call["chat_id"] for call in told] == [facilitator.id]
    assert len(replicas.front.taken) == 2
    assert min(replicas.front.taken.values()) > 10
    leading = replicas.leader
    assert leading is not None
    assert await replicas.health(leading) == (200, "leader")
    assert await replicas.health(replicas.other(leading)) == (200, "follower")
    assert await replicas.health(replicas.other(leading), "/readyz") == (200, "follower")


async def test_when_the_leader_stops_the_other_goes_on(replicas: Replicas) -> None:
    """R-15: a clean stop of the leader hands over at once; answers given meanwhile are kept and answered."""
    house, leading = replicas.house, replicas.leader
    assert leading is not None
    await house.plan_session()
    phone = await house.participant()
    await replicas.stop(leading)
    phone.write("/selftest")
    await until(lambda: replicas.leader is not None)
    assert replicas.leader != leading
    await until(lambda: bool(phone.shows("DOOR:yes")))


async def test_a_leader_paused_past_its_lease_writes_nothing(replicas: Replicas) -> None:
    """R-15: once another leads, what the paused one still wants to write is refused, and it sends nothing."""
    house, leading = replicas.house, replicas.leader
    assert leading is not None
    await house.plan_session()
    phone = await house.participant()
    stale = await replicas.freeze(leading)
    house.clock.advance(LEASE * 2)
    await until(lambda: replicas.leader is not None)
    await house.write(phone, "/selftest")
    assert phone.shows("DOOR:yes")
    for look in (stale.schedule.look, stale.cycle.look, stale.duties.watch.look):
        with pytest.raises(NotLeading):
            await look()
    await house.write(phone, "/help")
    calls = len(house.world.calls)
    assert await stale.sender.step() == 0
    assert len(house.world.calls) == calls
