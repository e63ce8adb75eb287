"""Updates that Telegram brings over HTTP: who may bring them, what is answered, and when."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.ports.inbound import Inbound, Malformed
from bot.ports.stores import StorageFault
from bot.storage.sealing import Keyring
from bot.telegram.inbound import parse
from bot.usecases.intake import Intake, Update
from bot.usecases.rounds import Rounds
from bot.web.app import HEADERS, create_app
from bot.web.metrics import Metrics
from bot.web.server import WebServer
from bot.web.webhook import MOST_BYTES, SECRET_HEADER, WebhookDoor
from flows.read import load_library
from tests.bot.deliveries import START, until
from tests.bot.desks import BOT, PARTICIPANT, Room, Tripwire, open_room

SECRET = "a-Secret_of-Telegrams"
PATH = "/telegram"


def message(update_id: int, text: str = "hello", chat: Any = None) -> dict[str, Any]:
    """An update as Telegram posts it."""
    chat = chat or {"id": PARTICIPANT, "type": "private"}
    return {"update_id": update_id, "message": {"message_id": 5, "date": 5, "chat": chat, "text": text}}


class Door:
    """The webhook over HTTP, and what went through it."""

    def __init__(self) -> None:
        self.taken: list[Update] = []
        self.unreadable = 0
        self.faults: list[Exception] = []
        self.ticks = 0.0
        self.address = ""

    async def take(self, updates: Sequence[Update]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.taken += updates

    def count(self) -> None:
        self.unreadable += 1

    @asynccontextmanager
    async def open(self, take: Any = None) -> AsyncIterator[aiohttp.ClientSession]:
        door = WebhookDoor(
            SECRET,
            lambda raw: parse(BOT, raw, START),
            take or self.take,
            self.count,
            ticks=lambda: self.ticks,
        )
        rounds = Rounds(())
        app = create_app(Tripwire(None, named="begin"), rounds, Metrics(rounds), door.route(PATH))  # type: ignore[arg-type]  # nothing asks it
        server = WebServer(app, "127.0.0.1", 0, more_at_once=100)
        running = asyncio.create_task(server.run())
        await until(lambda: bool(server.address))
        self.address = server.address + PATH
        try:
            async with aiohttp.ClientSession() as session:
                yield session
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def post(self, session: aiohttp.ClientSession, body: Any, secret: str | None = SECRET) -> int:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with session.post(self.address, data=data, headers=headers) as response:
            assert HEADERS.items() <= dict(response.headers).items()
            return response.status


async def test_an_update_goes_in_and_200_comes_back() -> None:
    """S-30: what Telegram posts with the secret is taken as the poller takes it, and only POST is answered."""
    door = Door()
    async with door.open() as session:
        assert await door.post(session, message(1)) == 200
        async with session.get(door.address) as response:
            assert response.status == 405
    [taken] = door.taken
    assert taken == parse(BOT, message(1), START)


@pytest.mark.parametrize("secret", [None, "", "a-Secret_of-Telegram", SECRET + "s", SECRET.lower(), "\xe9"])
async def test_without_the_secret_nothing_is_taken(secret: str | None) -> None:
    """S-30: a wrong or missing secret is 401, whatever the body is."""
    door = Door()
    async with door.open() as session:
        assert await door.post(session, message(1), secret) == 401
        assert await door.post(session, message(2)) == 200
    assert [one.update_id for one in door.taken] == [2]


async def test_the_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-30: how long the answer takes says nothing about how much of a guessed secret is right."""
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(given: bytes, right: bytes) -> bool:
        compared.append((given, right))
        return real(given, right)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    door = Door()
    async with door.open() as session:
        await door.post(session, message(1), "guess")
    assert compared == [(b"guess", SECRET.encode())]


async def raw(address: str, head: str, *parts: bytes) -> bytes:
    """What the server answers to a request written by hand, of which no more is ever sent."""
    host, _, rest = address.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /{path} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(3):
            return await reader.read()
    finally:
        writer.close()


async def test_the_secret_comes_before_the_body() -> None:
    """S-30: a stranger is refused before a byte of the body has come, and the connection is closed."""
    door = Door()
    async with door.open():
        answer = await raw(door.address, "Content-Length: 1000\r\n")
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_body_has_a_bound() -> None:
    """S-30: what is longer than any update is refused: by what it says of its length, or as it streams."""
    door = Door()
    secret = f"{SECRET_HEADER}: {SECRET}\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    async with door.open() as session:
        said = await raw(door.address, f"{secret}Content-Length: {MOST_BYTES + 1}\r\n")
        streamed = await raw(door.address, f"{secret}Transfer-Encoding: chunked\r\n", *([chunk] * 17))
        assert said.startswith(b"HTTP/1.1 413")
        assert streamed.startswith(b"HTTP/1.1 413")
        padded = json.dumps(message(1)).encode()
        assert await door.post(session, padded + b" " * (MOST_BYTES - len(padded))) == 200
    assert len(door.taken) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"17",
        b"{}",
        b'{"update_id":"9"}',
        b'{"update_id":true}',
    ],
    ids=["empty", "bytes", "cut", "deep", "list", "number", "object", "text id", "bool id"],
)
async def test_what_has_no_number_is_answered_once_and_counted(body: bytes) -> None:
    """S-23: where not even the number can be read the answer is 200, or it would come for ever; logged and counted."""
    door = Door()
    with capture_logs() as logs:
        async with door.open() as session:
            assert await door.post(session, body) == 200
    assert (door.taken, door.unreadable) == ([], 1)
    assert [line["event"] for line in logs] == ["webhook.unreadable"]


async def test_a_malformed_one_is_recorded_as_the_poller_does() -> None:
    """S-23: what has a number and cannot be read is handed on as malformed; none of our business is answered at once."""
    door = Door()
    async with door.open() as session:
        assert await door.post(session, message(8, chat={"id": "secret"})) == 200
        assert await door.post(session, {"update_id": 9, "poll": {}}) == 200
    assert [(type(one), one.update_id) for one in door.taken] == [(Malformed, 8)]
    assert door.unreadable == 0


async def test_callers_without_the_secret_do_not_fill_the_log() -> None:
    """S-20: a line at most once a minute, with how many there were, and nothing of what they sent."""
    door = Door()
    with capture_logs() as logs:
        async with door.open() as session:
            for _ in range(5):
                await door.post(session, message(1, "Zebulonia"), "Zebulonia")
            door.ticks = 61.0
            await door.post(session, message(1), None)
    assert [(line["event"], line["count"]) for line in logs] == [
        ("webhook.refused", 1),
        ("webhook.refused", 5),
    ]
    assert "Zebulonia" not in str(logs)


async def test_what_is_not_kept_is_not_confirmed() -> None:
    """R-01: 503 while the database does not take it, so that Telegram brings it again; then 200."""
    door = Door()
    door.faults = [StorageFault("disk full")]
    async with door.open() as session:
        assert await door.post(session, message(1)) == 503
        assert await door.post(session, message(1)) == 200
    assert len(door.taken) == 1


@pytest.fixture
async def room(database_url: str, keyring: Keyring):
    """A programme with all its staff, and a participant at the self-test."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


async def seen(room: Room, *ids: int) -> set[int]:
    async with room.storage.unit() as unit:
        return await unit.seen.known(BOT, ids)


@pytest.mark.parametrize("point", ["begin", "before commit", "after commit"])
async def test_200_only_after_the_commit(room: Room, point: str) -> None:
    """S-30, R-01: failing before the commit or at it is 503 and nothing of the batch is kept; repeated it is, once."""
    real, door = room.storage, Door()
    room.storage = Tripwire(real, named=point)

    async def keep(updates: Sequence[Inbound | Malformed]) -> None:
        await room.take(updates)

    intake = Intake(keep)
    running = asyncio.create_task(intake.run())
    async with door.open(intake) as session:
        post = partial(door.post, session)
        assert await asyncio.gather(*(post(message(number)) for number in (1, 2, 3))) == [503] * 3
        room.storage = real
        assert await seen(room, 1, 2, 3) == (set() if point != "after commit" else {1, 2, 3})
        assert await asyncio.gather(*(post(message(number)) for number in (1, 2, 3))) == [200] * 3
        assert await seen(room, 1, 2, 3) == {1, 2, 3}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_while_the_commit_hangs_nobody_is_told(room: Room) -> None:
    """S-30: no answer goes out before the transaction is on the disk, and none if the process ends before."""
    committing, may_end, door = asyncio.Event(), asyncio.Event(), Door()

    async def keep(updates: Sequence[Inbound | Malformed]) -> None:
        committing.set()
        await may_end.wait()
        await room.take(updates)

    intake = Intake(keep)
    running = asyncio.create_task(intake.run())
    async with door.open(intake) as session:
        posting = asyncio.create_task(door.post(session, message(1)))
        await committing.wait()
        await asyncio.sleep(0.05)
        assert not posting.done()
        running.cancel()
        assert await asyncio.wait_for(posting, 2) == 503
    assert await seen(room, 1) == set()
