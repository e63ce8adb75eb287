"""The daily run (S-42): counted, cut short, held up by nothing, and what is left on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table

from bot.ports.records import AuditEntry, StaffRole
from bot.storage.expiry import WINDOW, ExpiryStore
from bot.storage.expiry_rules import RULES, Rule
from bot.storage.sqlite import SqliteStorage
from bot.usecases.expire import FAILED, PULSE, Expirer
from tests.bot import expiring
from tests.bot.counted import Counted
from tests.bot.expiring import ROWS, Expiring, due_at
from tests.bot.storage import rows
from tests.bot.storage.rows import NOW, named

SECOND = timedelta(seconds=1)
YEARS = timedelta(days=366 * 30)


@pytest.fixture
def house(storage: SqliteStorage, database_url: str) -> Expiring:
    """A database to fill."""
    return Expiring(storage, database_url)


async def test_it_is_counted_and_recorded_once(house: Expiring) -> None:
    """R-16 S-42 One entry for a run, with counts only, also when it took many looks; none when nothing went."""
    await house.add(expiring.answers("self_test"), expiring.seen)
    await house.run(NOW + timedelta(days=400))
    await house.run(NOW + timedelta(days=401))
    async with house.storage.unit() as unit:
        [entry] = await unit.audit.of_subject("database")
        assert (entry.actor, entry.action, entry.detail) == (
            PULSE, "retention.ran", {"gone": "answers:3,updates:1"},
        )  # fmt: skip
        assert (await unit.audit.verify()).faults == ()


async def test_a_run_cut_short_goes_on_and_counts_all(
    house: Expiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-42 R-16 In windows of one row, with a crash after each few, everything goes and is counted once."""
    monkeypatch.setattr("bot.storage.expiry.WINDOW", 1)
    monkeypatch.setattr("bot.storage.expiry._window_end", _uncached())
    await house.add(
        *(ROWS[key] for key in (("messages", "outbox"), ("invitations", "invitations"))), expiring.seen
    )
    house.clock.advance(timedelta(days=400))
    for _ in range(60):
        await Expirer(house.storage, house.desk).look(9)  # its place in memory is lost each time
    await Expirer(house.storage, house.desk).run()
    assert [house.count(table) for table in ("outbox", "invitations", "seen")] == [0, 0, 0]
    async with house.storage.unit() as unit:
        entries = await unit.audit.of_subject("database")
    counted = ",".join(entry.detail["gone"] for entry in entries)
    assert sorted(counted.split(",")) == ["invitations:4", "messages:2", "updates:1"]


def _uncached() -> object:
    from bot.storage import expiry

    return expiry._window_end.__wrapped__


async def test_many_rows_go_in_short_transactions(house: Expiring) -> None:
    """S-42 No transaction takes more than a window, and none of a look's work waits for another's."""
    await house.add()
    async with house.storage.unit() as unit:
        for number in range(1, 1001):
            await unit.reminders.add(rows.reminder(number, due_at=NOW, fate="sent"))
        await unit.commit()
    house.clock.advance(timedelta(days=91))
    expirer = Expirer(house.storage, house.desk)
    most, left = 0, house.count("reminders")
    while left:
        most, left = max(most, await expirer.look(1)), house.count("reminders")
    assert 0 < most <= WINDOW


async def test_a_run_begins_without_reading_everybody(
    house: Expiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-42, R-12 Who is under a legal hold is looked up by name, so that a run begins as fast for many as for one."""
    await house.add(legal_hold=[named("person"), "K-104"])
    counted = Counted(monkeypatch)
    few = await counted.of(lambda: Expirer(house.storage, house.desk).look(0))
    async with house.storage.unit() as unit:
        for number in range(2, 300):
            await unit.people.add(rows.person(number))
        await unit.commit()
    assert await counted.of(lambda: Expirer(house.storage, house.desk).look(0)) == few


async def test_it_runs_once_a_day(house: Expiring) -> None:
    """S-42 A look between two runs does nothing; a restart does not begin anew; a clock set back does no harm."""
    await house.add(expiring.seen)
    expirer = Expirer(house.storage, house.desk)
    house.clock.advance(timedelta(days=3))
    assert await expirer.look(99) == 1
    async with house.storage.unit() as unit:
        await unit.seen.add(rows.BOT, 2, NOW)
        await unit.commit()
    house.clock.advance(timedelta(hours=23))
    assert await expirer.look(99) == await Expirer(house.storage, house.desk).look(99) == 0
    house.clock.advance(timedelta(hours=1))
    assert await expirer.look(99) == 1


async def test_a_hold_set_during_a_run_counts_at_once(
    house: Expiring,
) -> None:
    """S-42 Whoever comes under a legal hold while a run is under way loses nothing from then on."""
    await house.add(expiring.answers("self_test"))
    house.clock.advance(timedelta(days=400))
    expirer = Expirer(house.storage, house.desk)
    await expirer.look(1)
    async with house.storage.unit() as unit:
        await unit.programmes.save(rows.programme(settings={"legal_hold": [named("person")]}))
        await unit.commit()
    assert await expirer.look(99) == 0
    assert house.count("answers") == 2


async def test_what_cannot_go_stops_nothing_and_is_told(
    house: Expiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-42 R-05 One table that fails holds up neither the others nor the loop; administrators read of it."""
    await house.add(expiring.reminders, expiring.shifts)
    async with house.storage.unit() as unit:
        await unit.people.add_role(named("staff"), StaffRole.ADMINISTRATOR, None)
        await unit.chats.add(rows.chat(2, person_id=named("staff")))
        await unit.commit()
    rule = RULES["reminders", "reminders"]
    monkeypatch.setattr(ExpiryStore, "_rows", _failing(ExpiryStore._rows, rule.table))
    await house.run(due_at("reminders") + SECOND)
    assert (house.count("reminders"), house.count("shifts")) == (2, 0)
    async with house.storage.unit() as unit:
        assert [row.text for row in await unit.outbox.waiting(named("chat", 2))] == [FAILED.msgid]


def _failing(real: Callable[..., Awaitable[None]], table: Table) -> Callable[..., Awaitable[None]]:
    async def rows(self: ExpiryStore, rule: Rule, ids: Sequence[str]) -> None:
        if rule.table is table:
            raise sqlite3.IntegrityError("FOREIGN KEY constraint failed")
        await real(self, rule, ids)

    return rows


async def test_the_audit_log_leaves_by_whole_months(house: Expiring) -> None:
    """R-16 A closed month goes behind an anchor with its last hash; the rest of the chain is proved by it."""
    await house.add()
    for month in range(1, 6):
        async with house.storage.unit() as unit:
            for day in (1, 28):
                at = datetime(2027, month, day, tzinfo=UTC)
                entry = AuditEntry(named("audit", month * 100 + day), at, "operator", "looked", "database")
                await unit.audit.add(entry)
            await unit.commit()
    with sqlite3.connect(house.file) as connection:
        hashes = dict(connection.execute("SELECT seq, hash FROM audit").fetchall())
        await house.run(datetime(2030, 4, 15, tzinfo=UTC))
        kept = [
            seq for (seq,) in connection.execute("SELECT seq FROM audit WHERE action = 'looked' ORDER BY seq")
        ]
        anchors = connection.execute("SELECT seq, hash FROM audit_anchors").fetchall()
    connection.close()
    assert kept == [7, 8, 9, 10]
    assert anchors == [(6, hashes[6])]
    async with house.storage.unit() as unit:
        assert (await unit.audit.verify()).faults == ()


@pytest.mark.parametrize("many", [1, 400])
async def test_the_bytes_are_gone(house: Expiring, many: int) -> None:
    """S-42 S-41 The sealed bytes of what went are in neither the file nor its journal any more."""
    await house.add(expiring.answers("self_test"))
    async with house.storage.unit() as unit:
        for number in range(many):
            text = f"{number} words" * 40
            await unit.answers.add(
                rows.answer(
                    100 + number,
                    visit_id=expiring.DONE,
                    step=f"Y{number}",
                    text=text,
                    at=NOW + number * SECOND,
                )
            )
        await unit.commit()
    with sqlite3.connect(house.file) as connection:
        sealed = [
            value[-40:] for (value,) in connection.execute("SELECT sealed_body FROM answers ORDER BY at")
        ]
    connection.close()
    assert any(part in _bytes(house) for part in sealed)
    half = NOW + timedelta(seconds=many / 2)
    await house.run(due_at("answers", half))
    gone, kept = sealed[: many // 2], sealed[-(many // 2) + 1 :] if many > 1 else []
    there = _bytes(house)
    assert not [part for part in gone if part in there]
    assert all(part in there for part in kept)
    await house.run(NOW + YEARS)
    there = _bytes(house)
    assert not [part for part in sealed if part in there]


def _bytes(house: Expiring) -> bytes:
    files = [house.file, house.file.with_name(house.file.name + "-wal")]
    return b"".join(file.read_bytes() for file in files if file.exists())
