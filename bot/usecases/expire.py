"""Takes away what is over, a window of rows at a time (S-42). A run goes over everything, once a day.

Where it stands is kept in memory only: begun anew after a restart, it finds what is left. What has gone is counted
in the transaction in which it goes, so that the one audit entry of the run is true after a crash as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from bot.ports.expiry import Expiring, Held, Swept
from bot.ports.records import AuditEntry, Programme
from bot.ports.stores import Storage, StorageFault, Unit
from bot.usecases.desk import Desk
from bot.usecases.retention import (
    EVERY,
    TABLE,
    Kind,
    before,
    held_back,
    longest,
    settings_of,
    time_of,
)
from bot.usecases.staff_notice import tell_administrators
from bot.usecases.timekeeper import LEAPT
from flows.effects import Line

FAILED = Line(
    "staff", "Something that should be deleted by now could not be. Please tell whoever runs the software."
)
log = structlog.get_logger(__name__)
PULSE = "retention"
"""When the last whole run began; also who acts in the audit log."""
WINDOWS = 20
"""At most so many transactions at a look: reminders are not to wait (R-05)."""


class Expirer:
    """The daily run, in as many looks as it takes."""

    def __init__(self, storage: Storage, desk: Desk) -> None:
        self._storage = storage
        self._desk = desk
        self._todo: list[tuple[Expiring, str]] = []
        self._after = ""
        self._running = False
        self._one_at_a_time = asyncio.Lock()
        self._began = desk.now()
        self._failed = False
        self._basis: list[Any] = []
        self._next_look: datetime | None = None

    async def look(self, windows: int = WINDOWS) -> int:
        """Go on with the run, or begin it where the last one ended a day ago; how many rows went. Raises StorageFault."""
        async with self._one_at_a_time:
            return await self._look(windows)

    async def _look(self, windows: int) -> int:
        if not (await self._goes_on() if self._running else await self._is_due()):
            return 0
        gone = 0
        for _ in range(windows):
            if not self._todo:
                break
            gone += await self._window()
        if not self._todo:
            await self._end()
        return gone

    async def run(self) -> int:
        """A whole run now, whenever the last was: after a backup was put back, or asked for at the command line."""
        await self._begin()
        gone = 0
        while self._running:
            gone += await self.look()
        return gone

    async def _is_due(self) -> bool:
        now = self._desk.now()
        if self._next_look is not None and now < self._next_look and self._next_look - now <= EVERY:
            return False
        async with self._storage.unit() as unit:
            last, leapt = await unit.pulses.last(PULSE), await unit.pulses.last(LEAPT)
        if leapt is not None and leapt <= now < leapt + EVERY:
            return (
                False  # if the clock is wrong, there is a day to notice it: nothing that is gone comes back
            )
        if last is not None and last <= now < last + EVERY:
            self._next_look = last + EVERY
            return False
        await self._begin()
        return True

    async def _goes_on(self) -> bool:
        """Begin anew where a time or a legal hold has been set meanwhile: it counts at once."""
        async with self._storage.unit() as unit:
            same = await _basis_of(unit) == self._basis
        if not same:
            await self._begin()
        return True

    async def _begin(self) -> None:
        now = self._desk.now()
        async with self._storage.unit() as unit:
            await unit.expiry.note_left(now)
            self._basis, self._todo = await _basis_of(unit), await work_of(unit, now)
            await unit.commit()
        self._began, self._after, self._running, self._failed = now, "", True, False

    async def _window(self) -> int:
        what, part = self._todo[0]
        try:
            async with self._storage.unit() as unit:
                swept = await unit.expiry.sweep(what, part, self._after)
                if swept.gone:
                    await unit.commit()
        except StorageFault:
            raise
        except Exception as fault:  # what cannot go must not stop reminders; people are told
            log.exception("retention.failed", reason=what.kind, fault=type(fault).__name__)
            swept, self._failed = Swept(0, None), True
        self._after = swept.after or ""
        if swept.after is None:
            self._todo.pop(0)
        return swept.gone

    async def _end(self) -> None:
        """One entry with the counts, no ids; then the old pages are overwritten in the journal too."""
        now = self._desk.now()
        async with self._storage.unit() as unit:
            counts = await unit.expiry.counted()
            if counts:
                detail = {"gone": ",".join(f"{kind}:{count}" for kind, count in sorted(counts.items()))}
                entry = AuditEntry(self._desk.ids.new(), now, PULSE, "retention.ran", "database", detail)
                await unit.audit.add(entry)
            for programme in await unit.programmes.all() if self._failed else ():
                await tell_administrators(unit, self._desk, programme.id, FAILED)
            await unit.pulses.beat(PULSE, self._began)
            await unit.commit()
        self._running, self._next_look = False, self._began + EVERY
        if counts:
            log.info("retention.ran", count=sum(counts.values()))
            await self._storage.empty_journal()


async def _basis_of(unit: Unit) -> list[Any]:
    """What a run goes by: times and legal holds."""
    return [
        (one.id, settings_of(one), held_back(one), await unit.expiry.held(one.id, held_back(one)))
        for one in await unit.programmes.all()
    ]


async def work_of(unit: Unit, now: datetime) -> list[tuple[Expiring, str]]:
    """What there is to look through at `now`, in order."""
    programmes = await unit.programmes.all()
    held = {one.id: await unit.expiry.held(one.id, held_back(one)) for one in programmes}
    found: list[tuple[Expiring, str]] = []
    for kind in TABLE:
        for what in expiring(kind, programmes, held, now):
            found += [(what, part) for part in unit.expiry.parts(kind.name)]
    return found


def expiring(
    kind: Kind, programmes: Sequence[Programme], held: dict[str, Held], now: datetime
) -> list[Expiring]:
    """What of this kind may go at `now`: for each programme, or once for all.

    Nothing of a programme in which everybody is under a legal hold. Of the audit log nothing while anybody is: it
    may tell about them.
    """
    if not kind.shared:
        return [
            Expiring(kind.name, now, before(kind, time_of(kind, one), now), one.id, held[one.id].people)
            for one in programmes
            if not held[one.id].everybody
        ]
    people = frozenset[str]().union(*(one.people for one in held.values()))
    whole = any(one.everybody for one in held.values())
    if kind.name != "updates" and (whole or (kind.name == "audit" and any(map(held_back, programmes)))):
        return []
    return [Expiring(kind.name, now, before(kind, longest(kind, programmes), now), None, people)]
