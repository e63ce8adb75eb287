"""A webhook: what waits is sent to the bot's address until the bot takes it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.clock import MovableClock
from bot.simulator import Phone, World
from tests.bot.deliveries import until

SECRET = "s3cret_-"


class Ear:
    """The bot's end: keeps what arrives, and answers as `answers` says."""

    def __init__(self) -> None:
        self.url = ""
        self.came: list[dict[str, Any]] = []
        self.headers: list[str | None] = []
        self.at_once = self.most_at_once = 0
        self.answers: Callable[[dict[str, Any]], Awaitable[int]] = self.fine

    async def fine(self, update: dict[str, Any]) -> int:
        return 200

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        update = await request.json()
        self.headers.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.came.append(update)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return web.Response(status=await self.answers(update))
        finally:
            self.at_once -= 1

    @property
    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.came]


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    heard = Ear()
    runner = web.ServerRunner(web.Server(heard.take, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield heard
    finally:
        await runner.cleanup()


def said(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda update: bool(update["message"]["text"] == text)


async def test_updates_are_sent(api: Any, phone: Phone, ear: Ear) -> None:
    """R-01: what waited and what comes is sent in order, with the secret, and waits no longer once it was taken."""
    phone.write("one")
    assert await api.ok("setWebhook", url=ear.url, secret_token=SECRET, max_connections=7) is True
    await until(lambda: ear.texts == ["one"])
    phone.write("two")
    phone.write("three")
    await until(lambda: ear.texts == ["one", "two", "three"])
    assert ear.headers == [SECRET] * 3
    await until(lambda: not len(api.world.updates))
    info = await api.ok("getWebhookInfo")
    assert (info["url"], info["pending_update_count"], info["max_connections"]) == (ear.url, 0, 7)
    assert "last_error_message" not in info


async def test_get_updates_is_refused(api: Any, phone: Phone, ear: Ear) -> None:
    """A set webhook ends a waiting getUpdates and refuses others, until it is deleted; nothing is lost by that."""
    waiting = asyncio.create_task(api.refused("getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    await api.ok("setWebhook", url=ear.url)
    assert await waiting == (409, "Conflict: terminated by setWebhook request")
    assert await api.refused("getUpdates") == (
        409,
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first",
    )
    assert await api.ok("deleteWebhook") is True
    phone.write("one")
    (update,) = await api.ok("getUpdates")
    assert update["message"]["text"] == "one"
    assert ear.came == []


async def test_an_empty_address_deletes(api: Any, ear: Ear) -> None:
    """setWebhook without an address is deleteWebhook."""
    await api.ok("setWebhook", url=ear.url)
    await api.ok("setWebhook", url="")
    assert await api.ok("getUpdates") == []
    assert (await api.ok("getWebhookInfo"))["url"] == ""


async def test_a_refusal_is_tried_again(api: Any, phone: Phone, ear: Ear, clock: MovableClock) -> None:
    """R-01: anything but a 2xx brings the update again before the chat's next; the error is told with its time."""
    answers = iter([500, 403, 302])

    async def reluctant(update: dict[str, Any]) -> int:
        return next(answers, 204)

    ear.answers = reluctant
    await api.ok("setWebhook", url=ear.url)
    phone.write("one")
    phone.write("two")
    await until(lambda: ear.texts == ["one"] * 4 + ["two"])
    assert len({update["update_id"] for update in ear.came}) == 2
    info = await api.ok("getWebhookInfo")
    assert info["last_error_message"] == "Wrong response from the webhook: 302 Found"
    assert info["last_error_date"] == int(clock.now().timestamp())


async def test_nobody_there(api: Any, phone: Phone, ear: Ear) -> None:
    """Where nobody answers updates wait, and are counted, until somebody does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    await api.ok("setWebhook", url=f"http://127.0.0.1:{port}/")
    phone.write("one")
    webhook = api.world.webhook
    await until(lambda: webhook.last_error is not None)
    info = await api.ok("getWebhookInfo")
    assert (info["pending_update_count"], info["last_error_message"]) == (1, "Connection refused")
    await api.ok("setWebhook", url=ear.url)
    await until(lambda: ear.texts == ["one"])


async def test_what_is_too_old_is_given_up(api: Any, phone: Phone, ear: Ear, clock: MovableClock) -> None:
    """An update is tried for 24 hours, and then no longer."""

    async def never(update: dict[str, Any]) -> int:
        return 500

    ear.answers = never
    await api.ok("setWebhook", url=ear.url)
    phone.write("one")
    await until(lambda: len(ear.came) > 1)
    clock.advance(timedelta(hours=24))
    tries = len(ear.came)
    await until(lambda: len(ear.came) > tries)
    clock.advance(timedelta(seconds=1))
    assert (await api.ok("getWebhookInfo"))["pending_update_count"] == 0
    ear.answers = ear.fine
    phone.write("two")
    await until(lambda: ear.texts[-1] == "two")


async def test_chats_go_side_by_side(api: Any, world: World, ear: Ear) -> None:
    """A chat that is stuck holds up no other; at most `max_connections` requests are on their way."""
    phones = [Phone(world) for _ in range(6)]
    go = asyncio.Event()

    async def slow(update: dict[str, Any]) -> int:
        if said("stuck")(update):
            return 500
        await go.wait()
        return 200

    ear.answers = slow
    phones[0].write("stuck")
    for phone in phones[1:]:
        phone.write("hello")
    await api.ok("setWebhook", url=ear.url, max_connections=3)
    await until(lambda: ear.at_once == 3)
    go.set()
    await until(lambda: ear.texts.count("hello") == 5)
    assert ear.most_at_once == 3


async def test_only_what_is_asked_for(api: Any, phone: Phone, ear: Ear) -> None:
    """allowed_updates holds for webhooks too, and drop_pending_updates forgets what waits."""
    phone.write("dropped")
    await api.ok("setWebhook", url=ear.url, allowed_updates=["message"], drop_pending_updates=True)
    edited = phone.write("one")
    phone.edit(edited, "changed")
    phone.write("two")
    api.world.updates.add_raw({"message": "no chat"})
    await until(lambda: len(ear.came) == 3)
    assert sorted(str(update["message"])[:9] for update in ear.came)[0] == "no chat"
    assert (await api.ok("getWebhookInfo"))["allowed_updates"] == ["message"]


async def test_a_certificate_is_refused(api: Any) -> None:
    """The simulator says that it takes no certificate rather than leave one out."""
    import aiohttp

    form = aiohttp.FormData({"url": "https://example.org"})
    form.add_field("certificate", b"x", filename="cert.pem")
    status, answer = await api.post(f"{api.address.base_url}{api.world.token}/setWebhook", data=form)
    assert (status, answer["description"]) == (
        400,
        "Bad Request: bad webhook: the simulator takes no certificate",
    )
