"""What a machine may ask over HTTP, the call to a monitor, and what systemd hears."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from structlog.testing import capture_logs

from bot.heartbeat import Heartbeat
from bot.settings import Settings
from bot.storage.sealing import Keyring
from bot.usecases.rounds import LEASE, LIMITS, Rounds
from bot.web.app import HEADERS, create_app
from bot.web.metrics import LABELS, Metrics
from bot.web.server import NoPlace, WebServer
from bot.web.systemd import notify
from bot.web.watch import Watch, pinger
from flows.read import load_library
from tests.bot.desks import Room, Tripwire, open_room
from tests.bot.watching.stopwatch import Stopwatch

FOUR = ("poll", "sender", "escalation", "schedule")


async def test_a_moved_clock_is_no_alarm(room: Room) -> None:
    """R-17: a clock set a day forward or back makes no loop late; only real time does."""
    rounds = Rounds(FOUR)
    for name in FOUR:
        rounds.teller(name)(True)
    for days in (1, -2):
        room.clock.advance(timedelta(days=days))
        assert (rounds.behind(), rounds.stuck()) == ((), ())
        watch = Watch(room.storage, room.desk, rounds, Metrics(rounds), lambda: None)
        with capture_logs() as logs:
            assert await watch.look(timedelta()) == []
            assert await Heartbeat(rounds, None, lambda _: None).beat() is True
        assert logs == []


@pytest.fixture
async def room(database_url: str, keyring: Keyring):
    """A programme with all its staff, and a participant at the self-test."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


async def asked(
    path: str, storage: Any, rounds: Rounds, metrics: Metrics | None = None
) -> tuple[int, str, Any]:
    """Status, body and headers of a GET over HTTP."""
    server = WebServer(create_app(storage, rounds, metrics or Metrics(rounds)), "127.0.0.1", 0)
    running = asyncio.create_task(server.run())
    try:
        while not server.address:
            await asyncio.sleep(0.005)
        async with aiohttp.ClientSession() as session, session.get(server.address + path) as response:
            return response.status, await response.text(), response.headers
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("missing", [None, *FOUR])
async def test_ready_only_when_every_loop_completed(room: Room, missing: str | None) -> None:
    """R-17: ready means that poll, sender, escalation and schedule each completed within their time."""
    rounds = Rounds(FOUR)
    for name in FOUR:
        rounds.teller(name)(name != missing)
    status, body, _ = await asked("/readyz", room.storage, rounds)
    assert status == (503 if missing else 200)
    assert (missing or '"late":[]') in body
    assert (await asked("/healthz", room.storage, rounds))[0] == 200


async def test_healthy_while_every_loop_goes_round(room: Room) -> None:
    """R-17: a loop that stands still is seen; one whose network is down needs no restart."""
    stopwatch = Stopwatch()
    rounds = Rounds(FOUR, stopwatch)
    for name in FOUR[:3]:
        rounds.teller(name)(False)
    stopwatch.seconds += LIMITS["sender"].total_seconds()
    assert (await asked("/healthz", room.storage, rounds))[0] == 200
    stopwatch.seconds += 300
    status, body, _ = await asked("/healthz", room.storage, rounds)
    assert status == 503
    assert "schedule" in body


async def test_what_is_looked_for_changes_with_the_role(room: Room) -> None:
    """R-17, R-15: a follower is healthy without cycles while the database answers it; who begins to lead gets its time."""
    stopwatch = Stopwatch()
    rounds = Rounds((LEASE, *FOUR), stopwatch)
    metrics = Metrics(rounds)
    for name in (LEASE, *FOUR):
        rounds.teller(name)(True)
    stopwatch.seconds += 1000
    rounds.expect((LEASE,), leads=False)
    assert (await asked("/healthz", room.storage, rounds))[
        0
    ] == 503  # even the lease was not looked at for long
    rounds.teller(LEASE)(True)
    for path in ("/healthz", "/readyz"):
        status, body, _ = await asked(path, room.storage, rounds)
        assert status == 200
        assert '"role":"follower"' in body
    _, figures, _ = await asked("/metrics", room.storage, rounds, metrics)
    assert "vestibule_leads 0.0" in figures
    assert 'vestibule_cycle_age_seconds{cycle="schedule"} 0.0' in figures
    stopwatch.seconds += 1
    rounds.teller(LEASE)(False)  # goes round; the database does not answer
    stopwatch.seconds += LIMITS[LEASE].total_seconds() - 0.5
    assert (await asked("/healthz", room.storage, rounds))[0] == 200
    assert (await asked("/readyz", room.storage, rounds))[0] == 503
    rounds.expect((LEASE, *FOUR), leads=True)
    rounds.teller(LEASE)(True)
    assert rounds.stuck() == ()
    status, body, _ = await asked("/readyz", room.storage, rounds)
    assert (status, '"role":"leader"' in body) == (503, True)
    for name in FOUR:
        rounds.teller(name)(True)
    assert (await asked("/readyz", room.storage, rounds))[0] == 200
    _, figures, _ = await asked("/metrics", room.storage, rounds, metrics)
    assert "vestibule_leads 1.0" in figures


async def test_security_headers(room: Room) -> None:
    """S-40: no answer is kept, framed or guessed at, a fault's neither, and the server says nothing about itself."""

    class Broken(Metrics):
        async def read(self, unit: Any) -> bytes:
            raise ValueError("as the test asks")

    rounds = Rounds(())
    for path, expected in (("/healthz", 200), ("/nothing", 404), ("/metrics", 200), ("/metrics", 500)):
        metrics = Broken(rounds) if expected == 500 else None
        status, body, headers = await asked(path, room.storage, rounds, metrics)
        assert status == expected
        assert HEADERS.items() <= dict(headers).items()
        assert len(headers.getall("X-Frame-Options")) == 1
        assert "Server" not in headers
        assert "as the test asks" not in body


async def test_what_is_no_http_gets_the_headers_too(room: Room) -> None:
    """S-40: the answer to garbage carries the headers, and none of the garbage."""
    rounds = Rounds(())
    server = WebServer(create_app(room.storage, rounds, Metrics(rounds)), "127.0.0.1", 0)
    running = asyncio.create_task(server.run())
    while not server.address:
        await asyncio.sleep(0.005)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.address.rpartition(":")[2]))
    writer.write(b"Zebulonia\x00Quixotry\r\n\r\n")
    said = (await reader.read()).decode()
    writer.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert said.startswith("HTTP/1.1 400")
    assert "Zebulonia" not in said
    assert "server:" not in said.lower()
    for name, value in HEADERS.items():
        assert f"{name}: {value}\r\n" in said


def test_this_machine_only_unless_told() -> None:
    """S-40: the web part answers on this machine's own address, and not at all, unless told otherwise."""
    assert (Settings.model_fields["web_host"].default, Settings.model_fields["web_port"].default) == (
        "127.0.0.1",
        0,
    )


async def test_figures_tell_nothing_about_anybody(room: Room) -> None:
    """S-20: metrics carry labels from the fixed lists only, and no name, id, reference or concern."""
    await room.begin()
    await room.play("ST-07:car")
    rounds = Rounds(FOUR)
    metrics = Metrics(rounds)
    metrics.updates(3, 1)
    status, body, _ = await asked("/metrics", room.storage, rounds, metrics)
    assert status == 200
    known = {value for values in LABELS.values() for value in values}
    labelled = re.findall(r'(\w+)="([^"]*)"', body)
    assert {name for name, _ in labelled} <= LABELS.keys()
    assert {value for _, value in labelled} <= known
    people = [room.participant, room.programme, *room.people.values()]
    case = (await room.cases())[0]
    raised = [one.concern for one in case.raised]
    for secret in (*people, "alias", case.id, case.ref, *raised, "car", "ST-07"):
        assert secret not in body
    assert 'vestibule_updates_total{result="faulty"} 1.0' in body
    assert re.search(r'vestibule_outbox_rows\{lane="alert",state="waiting"\} [1-9]', body)
    assert re.search(r'vestibule_open_case_parts\{part="asking",urgency="\w+"\} [1-9]', body)
    assert 'vestibule_reminders{fate="due"} 0.0' in body


async def test_no_figures_without_a_database(room: Room) -> None:
    """Where the database does not answer the figures are missing, and nothing else breaks."""
    status, _, _ = await asked("/metrics", Tripwire(room.storage, named="begin"), Rounds(()))
    assert status == 503


@pytest.mark.parametrize(("status", "well"), [(200, True), (404, False), (500, False), (302, False)])
async def test_the_monitor_is_called(status: int, well: bool) -> None:
    """R-17: the monitor gets a GET; what fails is logged, without its address, which is a secret."""
    calls = []

    async def heard(request: web.Request) -> web.Response:
        calls.append(request.method)
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/s3cret", heard)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    with capture_logs() as logs:
        assert await pinger(f"http://127.0.0.1:{port}/s3cret")() is well
        await runner.cleanup()
        assert await pinger(f"http://127.0.0.1:{port}/s3cret")() is False
    assert calls == ["GET"]
    assert "s3cret" not in str(logs)
    assert [one["event"] for one in logs] == ["watch.ping_failed"] * (1 if well else 2)


async def test_systemd_hears_while_all_goes_round(tmp_path: Path) -> None:
    """R-17: READY=1 at the start, WATCHDOG=1 and the file's time only while no loop is stuck."""
    stopwatch = Stopwatch()
    rounds = Rounds(("poll",), stopwatch)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        beating = Heartbeat(rounds, tmp_path / "alive", lambda state: notify(state, environment))
        running = asyncio.create_task(beating.run())
        while not (tmp_path / "alive").exists():
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [systemd.recv(99) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
        stopwatch.seconds += 300
        assert await beating.beat() is False
        with pytest.raises(BlockingIOError):
            systemd.recv(99)


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    """Elsewhere nobody is told, and a socket that is gone stops nothing."""
    assert notify("READY=1", {}) is False
    assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")}) is False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind("\0vestibule-test")
        assert notify("READY=1", {"NOTIFY_SOCKET": "@vestibule-test"}) is True
        assert abstract.recv(99) == b"READY=1"


async def test_a_port_that_is_taken_is_said_with_what_to_change() -> None:
    """R-17: where nothing can be served the message names the address and the variables, not a fault of ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = WebServer(Starlette(), "127.0.0.1", taken.getsockname()[1])
        with pytest.raises(NoPlace, match="VESTIBULE_WEB_PORT"):
            await server.run()
