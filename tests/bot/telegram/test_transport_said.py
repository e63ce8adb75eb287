"""What a call says, to whom, and what it takes for an answer."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
from pathlib import Path

import pytest
from telegram.error import NetworkError

from bot.telegram import transport
from bot.telegram.transport import AiohttpRequest, Garbled
from tests.bot.telegram.raw import (
    GOOD,
    TOKEN,
    answer,
    closed_port,
    fault,
    hangs,
    pool,
    post,
    raw,
    says,
    says_good,
)


async def test_what_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A request says what is needed and no more, keeps no cookies, and asks the environment for no proxy or password."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, closed_port())
    passwords = tmp_path / "netrc"
    passwords.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(passwords))
    async with (
        raw(says(answer(GOOD, "200 OK", "Set-Cookie: a=b; Path=/"), then=None)) as server,
        pool() as fresh,
    ):
        for _ in range(2):
            assert await post(fresh, server.url) == (200, GOOD)
        first, *headers = server.heads[1].split("\r\n")
        assert first == f"POST /bot{TOKEN}/sendMessage HTTP/1.1"
        assert sorted(line.split(": ")[0] for line in headers if line) == [
            "Accept", "Accept-Encoding", "Content-Length", "Content-Type", "Host", "User-Agent",
        ]  # fmt: skip
        assert "Content-Type: application/json" in headers
        assert f"User-Agent: {AiohttpRequest.USER_AGENT}" in headers
        assert server.connections == 1


async def test_redirects(request_: AiohttpRequest) -> None:
    """A redirect is an answer like another: the token goes nowhere else."""
    async with raw(says_good) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            moved = answer(b"", status, f"Location: {elsewhere.url}")
            async with raw(says(moved, then=None)) as server:
                assert (await post(request_, server.url))[0] == int(status[:3])
                assert len(server.bodies) == 1
        assert elsewhere.bodies == []


async def test_a_packed_answer(monkeypatch: pytest.MonkeyPatch, request_: AiohttpRequest) -> None:
    """A packed answer is unpacked, up to the length of the largest; one that only says that it is packed is a fault."""
    monkeypatch.setattr(transport, "MOST_BYTES", 300_000)
    packed = "Content-Encoding: gzip"
    for body, outcome in (
        (gzip.compress(GOOD), GOOD),
        (gzip.compress(b" " * 300_000), b" " * 300_000),
        (gzip.compress(b" " * 300_001), Garbled),
        (gzip.compress(b" " * 100_000_000), Garbled),
        (GOOD, NetworkError),
    ):
        async with raw(says(answer(body, "200 OK", packed), then=None)) as server:
            if isinstance(outcome, bytes):
                assert await post(request_, server.url) == (200, outcome)
            else:
                assert type(await fault(request_, server.url)) is outcome


@pytest.mark.parametrize("length", [None, 10**15])
async def test_too_much_of_an_answer(monkeypatch: pytest.MonkeyPatch, length: int | None) -> None:
    """An answer larger than any of Telegram's is refused before its end, whatever length it says."""
    monkeypatch.setattr(transport, "MOST_BYTES", 300_000)
    head = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        if length is None
        else answer(b"", length=length)
    )
    piece = b"x" * 50_000 if length else b"c350\r\n" + b"x" * 50_000 + b"\r\n"
    written = 0

    async def endless(one, reader, writer):  # type: ignore[no-untyped-def]  # as Act
        nonlocal written
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            written += len(piece)

    async with pool(read_seconds=10) as request, raw(endless) as server:
        assert type(await fault(request, server.url)) is Garbled
        await asyncio.wait_for(server.left.wait(), 5)
    assert written < 20_000_000


async def test_addresses_that_are_none(request_: AiohttpRequest) -> None:
    """An address that cannot be one is a fault like others, and says nothing."""
    for address in (f"http://[x/bot{TOKEN}/x", f"bot{TOKEN}/x", f"ftp://x/bot{TOKEN}/x"):
        assert isinstance(await fault(request_, address), NetworkError)


async def test_no_log_tells(request_: AiohttpRequest, caplog: pytest.LogCaptureFixture) -> None:
    """S-20 Nothing that is logged of a call, good, bad or cancelled, names the address."""
    caplog.set_level(logging.NOTSET)
    async with raw(says_good) as server:
        await post(request_, server.url)
    async with raw(says(b"garbage\r\n\r\n")) as server:
        await fault(request_, server.url)
    async with raw(hangs) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await post(request_, server.url)
    await fault(request_, closed_port())
    gc.collect()
    assert "simulated-token" not in caplog.text
