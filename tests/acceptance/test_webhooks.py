"""Updates brought by Telegram, to one process and to several behind a load balancer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot import wiring
from bot.usecases.lead import LEASE, Elected
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
        await house.plan_session()
        phone = await house.participant()
        assert phone.shows("Vestibule") or phone.last
        called = [method for _, method, _ in house.world.calls]
        assert called.index("deleteWebhook") < called.index("getUpdates")


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
        self.front.ports.remove(port)
        self.bots.pop(port)
        task = self.running.pop(port)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def health(self, port: int, path: str = "/healthz") -> tuple[int, str]:
        """Status and role as it says."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            return response.status, (await response.json())["role"]


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


async def test_two_processes_one_conversation(replicas: Replicas) -> None:
    """R-15, S-30: two processes take updates in turn, one sends; nothing is lost, out of order or said twice."""
    house = replicas.house
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.participant()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-08": ("partner", "done"), "ST-09": ("maybe",)})
    assert phone.last.text.endswith("Please wait for a message from us before you join.")
    assert await house.concerns() == ["partner_nearby"] or len(await house.cases()) == 1
    assert len([one for one in facilitator.messages() if "K-101" in one.text]) == 1
    assert min(replicas.front.taken.values()) > 10
    assert len(replicas.front.taken) == 2
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
    """R-15: once another leads, what the paused one still wants to write is refused, cycles and sender alike."""
    house, leading = replicas.house, replicas.leader
    assert leading is not None
    stale = replicas.bots[leading]
    elected = stale.leadership
    assert isinstance(elected, Elected)
    old = elected.lease()
    await house.plan_session()
    phone = await house.participant()
    replicas.running[leading].cancel()  # stands for SIGSTOP: the lease is not given back
    elected._lease = None
    await asyncio.gather(replicas.running[leading], return_exceptions=True)
    replicas.front.ports.remove(leading)
    replicas.bots.pop(leading)
    elected._lease = old
    house.clock.advance(LEASE + timedelta(seconds=1))
    await until(lambda: replicas.leader is not None)
    before = house.tables()
    sent = len(house.world.calls)
    with pytest.raises(Exception, match="another process leads"):
        await stale.schedule.look()
    with pytest.raises(Exception, match="another process leads"):
        await stale.cycle.look()
    assert await stale.sender.step() == 0
    assert house.tables().keys() == before.keys()
    assert len([one for one in house.world.calls[sent:] if one[1] == "sendMessage"]) == 0
    assert phone is not None
