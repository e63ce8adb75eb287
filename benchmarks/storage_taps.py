"""How long one transaction of 50 taps takes: chat, person and visit read; answer, visit, person, message, update id written.

python benchmarks/storage_taps.py [rounds]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.ids import SystemIds
from bot.ports.records import AnswerRow, Chat, Group, Lane, OutboxRow, Person, Programme, VisitRow
from bot.ports.stores import Unit
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage

TAPS = 50
BOT = 7001
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
IDS = SystemIds()
BODY = '{"step": "ST-05", "asking": "a1", "draft": [], "done": {"ST-01": "yes", "ST-02": "no", "ST-03": "alone"}}'


async def settle(unit: Unit) -> None:
    """A programme, a group, and fifty people who each have a chat and a visit."""
    programme, group = IDS.new(), IDS.new()
    await unit.programmes.save(
        Programme(programme, "north", "North", "zoom", "Europe/London", ("en",), "0800 1", "112")
    )
    await unit.programmes.save_group(Group(group, programme, "g1", "Group", "Europe/London"))
    for number in range(TAPS):
        person, visit = IDS.new(), IDS.new()
        await unit.people.add(
            Person(
                person,
                programme,
                group,
                "participant",
                "Alias",
                "en",
                "Europe/London",
                "testing",
                visit_id=visit,
            )
        )
        await unit.chats.add(Chat(IDS.new(), BOT, number, person))
        await unit.visits.add(VisitRow(visit, person, "self_test", 1, None, "open", BODY, NOW, NOW))


async def tap(unit: Unit, number: int, update_id: int) -> None:
    """What one pressed button reads and writes."""
    chat = await unit.chats.by_telegram(BOT, number)
    assert chat is not None
    person = await unit.people.get(chat.person_id)
    assert person is not None
    assert person.visit_id is not None
    visit = await unit.visits.get(person.visit_id)
    assert visit is not None
    await unit.answers.add(
        AnswerRow(
            IDS.new(), visit.id, person.id, None, "self_test", "ST-05", update_id, "one", ("yes",), "", NOW
        )
    )
    await unit.visits.save(replace(visit, touched_at=NOW))
    await unit.people.save(replace(person, open_until=NOW + timedelta(minutes=10)))
    rows = ((("Yes", "ST-06:yes"), ("No", "ST-06:no")),)
    await unit.outbox.add(
        OutboxRow(chat.id, Lane.REPLY, "question", "say", NOW, "Is your camera working?", rows, True, NOW)
    )
    await unit.seen.add(BOT, update_id, NOW)


async def one_round(storage: SqliteStorage, number: int) -> float:
    """Fifty taps in one transaction; milliseconds."""
    started = time.perf_counter()
    async with storage.unit() as unit:
        updates = range(number * TAPS, (number + 1) * TAPS)
        await unit.seen.known(BOT, updates)
        for place, update_id in enumerate(updates):
            await tap(unit, place, update_id)
        await unit.commit()
    return (time.perf_counter() - started) * 1000


async def main(rounds: int) -> None:
    """Print the median and the extremes."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestibule.db'}"
        migrate(url)
        storage = SqliteStorage(url, Keyring(Keyring.generate()), IDS)
        async with storage.unit() as unit:
            await settle(unit)
            await unit.commit()
        times = [await one_round(storage, number) for number in range(rounds)]
        await storage.close()
    median = statistics.median(times)
    print(
        f"{TAPS} taps in one transaction: median {median:.1f} ms, from {min(times):.1f} to {max(times):.1f} ms"
    )
    print(f"that is {TAPS / median * 1000:,.0f} taps a second, durable on disk")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
