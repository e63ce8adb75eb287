"""The auditor's loop, and the call to an outside monitor that only a clean look is followed by (R-17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
import structlog

from bot.ports.stores import Storage, StorageFault
from bot.usecases.audit_cases import Auditor, Finding, look
from bot.usecases.desk import Desk
from bot.usecases.rounds import AUDITOR, Rounds
from bot.web.metrics import Metrics

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
SURE = timedelta(seconds=10)
"""What is found has to be there still after this long: a loop may be about to do it."""

Ping = Callable[[], Awaitable[bool]]


def pinger(address: str) -> Ping:
    """A GET to the address; whether it was answered well. The address is a secret, and is not logged."""

    async def ping() -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.get(address, allow_redirects=False) as response,
            ):
                if response.status < 300:
                    return True
                log.warning("watch.ping_failed", code=response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("watch.ping_failed", fault=type(error).__name__)
        return False

    return ping


class Watch:
    """Looks every minute of the clock. `wake_sender` is called when there is something to tell."""

    def __init__(
        self,
        storage: Storage,
        desk: Desk,
        rounds: Rounds,
        metrics: Metrics,
        wake_sender: Callable[[], None],
        ping: Ping | None = None,
    ) -> None:
        self._storage = storage
        self._desk = desk
        self._rounds = rounds
        self._metrics = metrics
        self._wake_sender = wake_sender
        self._ping = ping
        self._auditor = Auditor(desk)
        self._turned = rounds.teller(AUDITOR)

    async def run(self) -> None:
        """Look for ever; ends by being cancelled."""
        while True:
            await self._desk.clock.sleep_until(self._desk.now() + EVERY)
            try:
                await self.look()
            except StorageFault as fault:
                log.warning("watch.storage_fault", fault=type(fault).__name__)
                self._turned(False)
            else:
                self._turned(True)

    async def look(self, sure: timedelta = SURE) -> list[Finding]:
        """One look; gives what should not be. The monitor hears of it by not being called."""
        findings = await self._find()
        if findings:
            await self._desk.clock.sleep_until(self._desk.now() + sure)
            again = set(await self._find())
            findings = [finding for finding in findings if finding in again]
        self._metrics.found(findings)
        if findings:
            await self._report(findings)
        elif behind := [name for name in self._rounds.behind() if name != AUDITOR]:
            log.warning("watch.behind", cycles=" ".join(behind))
        elif self._ping is not None:
            self._metrics.pinged(answered=await self._ping())
        return findings

    async def _report(self, findings: list[Finding]) -> None:
        try:
            async with self._storage.unit() as unit:
                await self._auditor.report(unit, findings)
                await unit.commit()
        except StorageFault:
            self._auditor = Auditor(
                self._desk
            )  # what it thinks it told was not kept: better twice than never
            raise
        self._wake_sender()

    async def _find(self) -> list[Finding]:
        async with self._storage.unit(beside=True) as unit:  # it only reads
            return await look(unit, self._desk.now())
