"""All or nothing: rollback, crashes, a second process, a full disk."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.ids import CountingIds
from bot.ports import records as r
from bot.ports.stores import StorageFault
from bot.storage.address import database_file, is_postgres
from bot.storage.faults import DatabaseBusy, DatabaseFull
from bot.storage.file_lock import FileLock
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.behind import REFUSED, ask, change
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, at, named

pytestmark = pytest.mark.both_databases

ROOT = Path(__file__).parents[3]


async def count(storage: SqliteStorage) -> int:
    """How many updates are known."""
    async with storage.unit() as unit:
        return len(await unit.seen.known(make.BOT, range(2000)))


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own, with the storage at the address given first."""
    head = (
        "import asyncio, sys\n"
        "from bot.ids import CountingIds\n"
        "from bot.storage.sealing import Keyring\n"
        "from tests.bot.conftest import storage_at\n"
        "from tests.bot.storage import rows as make\n"
        f"storage = storage_at(sys.argv[1], Keyring({TEST_KEYS!r}), CountingIds(10**6))\n"
    )
    command = [sys.executable, "-c", head + program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def test_without_commit_nothing_is_kept(storage: SqliteStorage) -> None:
    """R-02: a unit that ends without commit, by itself or by an error, keeps nothing, staged or not."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.seen.add(make.BOT, 1, NOW)

    async def mistaken() -> None:
        async with storage.unit() as unit:
            await make.settle(unit)
            await unit.seen.add(make.BOT, 1, NOW)
            await unit.seen.known(make.BOT, [1])
            raise KeyError("some mistake")

    with pytest.raises(KeyError):
        await mistaken()
    async with storage.unit() as unit:
        assert await unit.programmes.all() == []
        assert await unit.seen.known(make.BOT, [1]) == set()


async def test_a_cancelled_unit_keeps_nothing_and_frees_the_next(storage: SqliteStorage) -> None:
    """R-02: a task cancelled in the middle of its unit leaves nothing behind and holds nobody up."""
    begun = asyncio.Event()

    async def slow() -> None:
        async with storage.unit() as unit:
            await make.settle(unit)
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), storage.unit() as unit:
        assert await unit.programmes.all() == []


async def test_a_unit_is_over_after_its_commit(storage: SqliteStorage) -> None:
    """What comes after the commit, or after the unit, is refused: it would be in somebody else's transaction."""
    async with storage.unit() as unit:
        await unit.commit()
        with pytest.raises(RuntimeError, match="over"):
            await unit.programmes.all()
    with pytest.raises(RuntimeError, match="over"):
        await unit.seen.add(make.BOT, 1, NOW)


async def test_units_come_one_after_the_other(storage: SqliteStorage) -> None:
    """R-08: units of many tasks do not mix; each sees what those before it committed."""

    async def count_up() -> None:
        async with storage.unit() as unit:
            number = await unit.cases.next_number()
            await asyncio.sleep(0)
            await unit.seen.add(make.BOT, number, NOW)
            await unit.commit()

    await asyncio.gather(*(count_up() for _ in range(20)))
    async with storage.unit() as unit:
        assert await unit.seen.known(make.BOT, range(100, 130)) == set(range(101, 121))


async def test_the_same_update_twice_is_refused(storage: SqliteStorage) -> None:
    """R-03: the database refuses an update id a second time, and the whole unit with it."""
    async with storage.unit() as unit:
        await unit.seen.add(make.BOT, 1, NOW)
        await unit.seen.add(make.BOT, 1, NOW)
        with pytest.raises(REFUSED):
            await unit.commit()
    assert await count(storage) == 0


@pytest.mark.parametrize("sql", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_audit_log_only_grows(storage: SqliteStorage, database_url: str, sql: str) -> None:
    """R-16: the database itself refuses to change or delete an entry of the audit log."""
    async with storage.unit() as unit:
        await unit.audit.add(r.AuditEntry(named("audit"), NOW, named("staff"), "take", "K-101"))
        await unit.commit()
    with pytest.raises(REFUSED, match="only grows"):
        change(database_url, sql)


@pytest.mark.sqlite_only
async def test_what_is_durable_is_asked_for_and_checked(storage: SqliteStorage) -> None:
    """R-01: WAL, full synchronisation and foreign keys are on when the storage is open."""
    await storage.open()
    assert storage._driver is not None
    asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    connection = storage._driver.connection
    found = {pragma: connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in asked}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 0}


@pytest.mark.sqlite_only
async def test_a_pragma_not_followed_stops_the_start(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-01: if SQLite does not do as asked, the storage does not open."""
    from bot.storage import sqlite

    pragmas: dict[str, tuple[str, Any]] = {"synchronous": ("NORMAL", 2)}
    monkeypatch.setattr(sqlite, "_PRAGMAS", pragmas)
    with pytest.raises(StorageFault, match="synchronous"):
        await storage.open()


@pytest.mark.sqlite_only
async def test_a_full_disk_is_a_fault_and_loses_nothing(storage: SqliteStorage) -> None:
    """R-02: when no room is left the unit fails with a clear fault, and what stood before stands."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.seen.add(make.BOT, 1, NOW)
        await unit.commit()
    assert storage._driver is not None
    connection = storage._driver.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    async with storage.unit() as unit:
        for number in range(2, 40):
            await unit.seen.add(make.BOT, number, NOW)
            await unit.answers.add(make.answer(number, at=at(number), text="x" * 2000))
        with pytest.raises(DatabaseFull, match="no room"):
            await unit.commit()
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await count(storage) == 1


@pytest.mark.sqlite_only
async def test_one_process_runs_on_a_database(database_url: str, keyring: Keyring) -> None:
    """R-15: a second bot on the same database is refused, a command beside it is not, and after the first's end one runs again."""
    first, second, beside = (
        SqliteStorage(database_url, keyring, CountingIds(), lock_timeout=0.1) for _ in range(3)
    )
    await first.open(sole=True)
    with pytest.raises(DatabaseBusy, match="another process runs the bot on this database"):
        await second.open(sole=True)
    await beside.open()
    async with beside.unit() as unit:
        assert await unit.programmes.all() == []
    await first.close()
    await second.open(sole=True)
    await second.close()
    await beside.close()


@pytest.mark.sqlite_only
async def test_another_process_holding_the_lock_is_waited_for_and_then_a_fault(
    database_url: str, keyring: Keyring
) -> None:
    """A unit waits for another process without blocking the loop, and gives up with a fault after a while."""
    storage = SqliteStorage(database_url, keyring, CountingIds(), lock_timeout=0.2)
    await storage.open()
    lock = FileLock(database_file(database_url))
    await lock.take()
    with pytest.raises(DatabaseBusy, match="another process"):
        async with storage.unit():
            pytest.fail("the unit began under somebody else's lock")
    asyncio.get_running_loop().call_later(0.05, lock.release)
    async with storage.unit() as unit:
        assert await unit.programmes.all() == []
    lock.close()
    await storage.close()
    await storage.close()


WRITE = """
async def main():
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 40):
        async with storage.unit() as unit:
            await unit.cases.next_number()
            await unit.seen.add(make.BOT, number, make.NOW)
            await unit.commit()
    await storage.close()
asyncio.run(main())
"""


@pytest.mark.slow
async def test_two_processes_write_in_turns(storage: SqliteStorage, database_url: str) -> None:
    """Processes that write at once take turns: nothing is lost, no number is given out twice."""
    others = [start(WRITE, database_url, first) for first in ("0", "100")]
    for number in range(200, 240):
        async with storage.unit() as unit:
            await unit.seen.add(make.BOT, number, NOW)
            await unit.commit()
        await asyncio.sleep(0.002)
    for other in others:
        assert await asyncio.to_thread(other.wait, 60) == 0
        assert other.stdout is not None
        other.stdout.close()
    assert await count(storage) == 120
    async with storage.unit() as unit:
        assert await unit.cases.next_number() == 181


BATCHES = """
async def main():
    for batch in range(1000):
        async with storage.unit() as unit:
            for number in range(batch * 10, batch * 10 + 10):
                await unit.seen.add(make.BOT, number, make.NOW)
                await unit.audit.add(make.r.AuditEntry(make.named("a", number), make.NOW, "clock", "tick", "K-1"))
                if number % 3 == 0:
                    await unit.seen.known(make.BOT, [number])
            if batch == int(sys.argv[2]):
                print("now", flush=True)
                await asyncio.sleep(60)
            await unit.commit()
        print(batch, flush=True)
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("stops_in", [0, 3, 2000])
async def test_a_killed_process_leaves_whole_units_only(
    storage: SqliteStorage, database_url: str, stops_in: int
) -> None:
    """R-02: killed before a commit, or anywhere, a process leaves every unit wholly or not at all."""
    process = start(BATCHES, database_url, str(stops_in))
    assert process.stdout is not None
    committed = -1
    for line in process.stdout:
        if line == "now\n" or committed == 20:
            os.kill(process.pid, signal.SIGKILL)
            break
        committed = int(line)
    process.wait(10)
    process.stdout.close()
    kept = await count(storage)
    async with storage.unit() as unit:
        audited = len(await unit.audit.of_subject("K-1"))
    assert kept == audited
    assert kept % 10 == 0
    assert kept >= (committed + 1) * 10
    if stops_in < 2000:
        assert kept == stops_in * 10
    if not is_postgres(database_url):
        assert ask(database_url, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_a_process_that_never_closes_still_ends(database_url: str) -> None:
    """A process that ends by an error before it closed the storage ends all the same, and holds no lock."""
    program = "async def main():\n    await storage.open()\n    raise SystemExit(3)\nasyncio.run(main())\n"
    process = start(program, database_url)
    assert process.wait(20) == 3
    assert process.stdout is not None
    process.stdout.close()
