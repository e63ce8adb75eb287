"""Seal everything anew with the key in front (S-41), beside a running bot, and from wherever an earlier run ended.

Nothing is kept about how far it is: each value names its key. Batches are short transactions, and between them the
database is left to others for as long as the batch took.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.ports.records import AuditEntry
from bot.ports.services import Clock, Ids
from bot.ports.stores import Storage, Unit
from bot.usecases.invite import OPERATOR

BATCH = 200
_PAUSE = 0.02
_ROUNDS = 5

Told = Callable[[str, int, int], None]
"""Called with the column, how many of its values are done in this run, and how many there are to do."""


class AnotherKeyInFront(Exception):
    """The bot that was started last seals with another key: it may not be able to open what is sealed anew."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a run came to. `counts`: key id -> values under it now; `unread` names values that do not open."""

    done: int
    counts: dict[str, int]
    unread: tuple[str, ...]

    def behind(self, sealing: str) -> int:
        """How many values are not under the key that seals."""
        return sum(count for key, count in self.counts.items() if key != sealing)


def _name(key: str) -> str:
    return f"seals {key}"


async def note_sealing(unit: Unit, now: datetime) -> None:
    """Keep with which key a bot seals that starts now."""
    await unit.pulses.beat(_name(unit.sealed.sealing_key()), now)


async def refuse_another(unit: Unit, keys: Iterable[str]) -> None:
    """Raises AnotherKeyInFront when the bot that was started last had another of these keys in front."""
    noted = {key: at for key in keys if (at := await unit.pulses.last(_name(key)))}
    last = max(noted, key=noted.__getitem__, default=None)
    if last is not None and last != unit.sealed.sealing_key():
        raise AnotherKeyInFront(last)


async def count_all(unit: Unit) -> dict[str, int]:
    """Key id -> how many values are under it, `?` for those under none of the keys there are."""
    counts: Counter[str] = Counter()
    for column in unit.sealed.columns():
        counts.update(await unit.sealed.count(column))
    return dict(counts)


async def rotate(storage: Storage, clock: Clock, ids: Ids, told: Told) -> Rotated:
    """Until nothing is left under another key, but for what does not open. Raises StorageFault; then run it again."""
    done, unread = 0, dict[str, None]()
    for _ in range(_ROUNDS):  # a bot with an older key in front may write meanwhile
        before = done
        for column in await _columns(storage):
            resealed, broken = await _reseal(storage, column, told)
            done += resealed
            unread |= dict.fromkeys(broken)
        if done == before:
            break
    async with storage.unit() as unit:
        counts = await count_all(unit)
        detail = {"key": unit.sealed.sealing_key(), "count": str(done)}
        await unit.audit.add(AuditEntry(ids.new(), clock.now(), OPERATOR, "keys.rotated", "keys", detail))
        await unit.commit()
    await storage.empty_journal()  # what was under the old key lies there still
    return Rotated(done, counts, tuple(unread))


async def _columns(storage: Storage) -> list[str]:
    async with storage.unit() as unit:
        return unit.sealed.columns()


async def _reseal(storage: Storage, column: str, told: Told) -> tuple[int, list[str]]:
    """One column; how many values were sealed anew, and which do not open."""
    async with storage.unit() as unit:
        counts = await unit.sealed.count(column)
        todo = sum(counts.values()) - counts[unit.sealed.sealing_key()]
    done, unread, after = 0, list[str](), None
    now = asyncio.get_running_loop().time
    while todo:
        began = now()
        async with storage.unit() as unit:
            batch = await unit.sealed.reseal(column, after, BATCH)
            await unit.commit()
        done, after = done + batch.done, batch.after
        unread += batch.unread
        told(column, done, max(todo, done))
        if after is None:
            break
        await asyncio.sleep(max(_PAUSE, now() - began))
    return done, unread
