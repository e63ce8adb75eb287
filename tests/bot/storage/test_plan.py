"""Reminders, shifts, allowances and pulses: what is kept, and what is found again."""

import sqlite3
from dataclasses import replace

import pytest

from bot.ports.plan import Fate
from bot.ports.records import StaffRole
from bot.ports.stores import Unit
from bot.storage import expiry, people, plan, programmes
from bot.storage.sqlite import SqliteStorage
from bot.storage.statements import Row, Statement
from tests.bot.storage import rows as make
from tests.bot.storage.explained import explained
from tests.bot.storage.rows import NOW, at, named

PROGRAMME = named("programme")
DUTY = StaffRole.DUTY


async def settle(unit: Unit) -> None:
    """Two participants, two staff, two sessions, and a second programme."""
    await make.settle(unit, people=2)
    for number in (1, 2):
        await unit.people.add(make.staff(number))
        await unit.sessions.save(make.session(number))
    await unit.programmes.save(make.programme(id=named("programme", 2), key="south"))


async def test_planning_again_adds_nothing(storage: SqliteStorage) -> None:
    """R-18: a reminder whose key is there is not added again, whatever became of the first, in any unit."""
    first = make.reminder()
    async with storage.unit() as unit:
        await settle(unit)
        assert await unit.reminders.add(first)
        assert not await unit.reminders.add(make.reminder(2, key=first.key))
        await unit.commit()
    async with storage.unit() as unit:
        sent = replace(first, fate=Fate.SENT, done_at=at(1))
        await unit.reminders.save(sent)
        assert not await unit.reminders.add(make.reminder(3, key=first.key))
        assert await unit.reminders.of_person(named("person")) == [sent]


async def test_reminders_that_are_due_come_longest_overdue_first(storage: SqliteStorage) -> None:
    """R-05: those still due whose time has come are found, the longest overdue first, within the limit."""
    rows = [make.reminder(n, due_at=at(minutes)) for n, minutes in ((1, 3), (2, 1), (3, 9))]
    async with storage.unit() as unit:
        await settle(unit)
        for row in rows:
            await unit.reminders.add(row)
        assert await unit.reminders.due(at(0.5)) == []
        assert await unit.reminders.due(at(3)) == [rows[1], rows[0]]
        assert await unit.reminders.due(at(9), limit=1) == [rows[1]]
        put_off = replace(rows[1], due_at=at(5), reason="quiet hours")
        await unit.reminders.save(put_off)
        assert await unit.reminders.due(at(3)) == [rows[0]]
        assert await unit.reminders.due(at(5)) == [rows[0], put_off]


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.DUE])
async def test_a_final_fate_stays(storage: SqliteStorage, fate: Fate) -> None:
    """R-18: what has become of a reminder is kept with its reason, and is not changed by somebody later."""
    done = make.reminder(fate=fate, reason="because", done_at=at(2))
    async with storage.unit() as unit:
        await settle(unit)
        await unit.reminders.add(make.reminder())
        await unit.reminders.save(done)
        await unit.reminders.save(make.reminder(fate=Fate.CANCELLED, reason="too late", done_at=at(3)))
        await unit.reminders.save(make.reminder())
        assert await unit.reminders.between(PROGRAMME, NOW, at(60)) == [done]
        assert await unit.reminders.due(at(60)) == []


async def test_reminders_are_found_by_session_person_and_span(storage: SqliteStorage) -> None:
    """R-18: every reminder is found by its session, its person, and the time it was due, whatever its fate."""
    rows = [
        make.reminder(1, session_id=named("session"), person_id=None, due_at=at(30)),
        make.reminder(2, session_id=named("session"), person_id=named("person", 2)),
        make.reminder(3, session_id=None, fate=Fate.WITHHELD, reason="blocked", done_at=at(9)),
        make.reminder(4, programme_id=named("programme", 2), session_id=named("session", 2)),
    ]
    async with storage.unit() as unit:
        await settle(unit)
        for row in rows:
            assert await unit.reminders.add(row)
        assert await unit.reminders.of_session(named("session")) == [rows[1], rows[0]]
        assert await unit.reminders.of_person(named("person", 2)) == [rows[1]]
        assert await unit.reminders.of_person("nobody") == []
        assert await unit.reminders.between(PROGRAMME, at(2), at(31)) == [rows[1], rows[2], rows[0]]
        assert await unit.reminders.between(PROGRAMME, at(2), at(30)) == [rows[1], rows[2]]


async def test_who_is_on_duty_at_a_time(storage: SqliteStorage) -> None:
    """R-13: at a handover both are on duty; a shift includes its start and not its end; gaps are empty."""
    async with storage.unit() as unit:
        await settle(unit)
        for shift in (
            make.shift(1),
            make.shift(2),
            make.shift(3, person_id=named("staff", 2), starts_at=at(130), source="by hand"),
            make.shift(4, person_id=named("staff", 1), role=StaffRole.TECH, starts_at=NOW),
            make.shift(5, person_id=named("staff", 1), programme_id=named("programme", 2), starts_at=NOW),
        ):
            await unit.shifts.add(shift)
        one, two = named("staff", 1), named("staff", 2)
        found = {
            minutes: await unit.shifts.on_duty(PROGRAMME, DUTY, at(minutes)) for minutes in (59, 60, 119)
        }
        assert found == {59: [], 60: [one], 119: [one]}
        assert await unit.shifts.on_duty(PROGRAMME, DUTY, at(130)) == [one, two]
        assert await unit.shifts.on_duty(PROGRAMME, DUTY, at(135)) == [two]
        assert await unit.shifts.on_duty(PROGRAMME, DUTY, at(255)) == []
        assert await unit.shifts.on_duty(PROGRAMME, StaffRole.TECH, at(130)) == [one]


async def test_shifts_of_a_span_come_by_start(storage: SqliteStorage) -> None:
    """R-13: a span has the shifts of which some part lies in it, and not those that end where it begins."""
    async with storage.unit() as unit:
        await settle(unit)
        for number in (2, 1):
            await unit.shifts.add(make.shift(number))
        assert await unit.shifts.between(PROGRAMME, DUTY, NOW, at(300)) == [make.shift(1), make.shift(2)]
        assert await unit.shifts.between(PROGRAMME, DUTY, at(100), at(110)) == [make.shift(1)]
        assert await unit.shifts.between(PROGRAMME, DUTY, at(135), at(300)) == [make.shift(2)]
        assert await unit.shifts.between(PROGRAMME, DUTY, NOW, at(60)) == []


async def test_a_rota_is_replaced_as_a_whole(storage: SqliteStorage) -> None:
    """R-13: importing a rota again leaves exactly its shifts, and those of other sources as they are."""
    by_hand = make.shift(3, person_id=named("staff"), source="by hand")
    changed = make.shift(2, person_id=named("staff", 1))
    async with storage.unit() as unit:
        await settle(unit)
        await unit.shifts.add(by_hand)
        await unit.shifts.replace_source(PROGRAMME, "rota.csv", [make.shift(1), make.shift(2)])
        await unit.shifts.replace_source(PROGRAMME, "rota.csv", [changed])
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.shifts.between(PROGRAMME, DUTY, NOW, at(999)) == [changed, by_hand]
        for stranger in (make.shift(source="other.csv"), make.shift(programme_id=named("programme", 2))):
            with pytest.raises(ValueError, match=r"not of the rota rota\.csv"):
                await unit.shifts.replace_source(PROGRAMME, "rota.csv", [stranger])
        await unit.shifts.replace_source(PROGRAMME, "rota.csv", [])
        assert await unit.shifts.between(PROGRAMME, DUTY, NOW, at(999)) == [by_hand]


async def test_a_shift_that_ends_before_it_starts_is_refused(storage: SqliteStorage) -> None:
    """R-13: the database refuses a shift without length: nobody would be on duty in it."""
    async with storage.unit() as unit:
        await settle(unit)
        await unit.shifts.add(make.shift(ends_at=at(60)))
        with pytest.raises(sqlite3.IntegrityError, match="starts_before_end"):
            await unit.commit()


async def test_an_allowance_counts_until_it_ends(storage: SqliteStorage) -> None:
    """S-32: a dated exception counts for its person until its end, and no longer."""
    first, second = make.allowance(1), make.allowance(2, what="no_headphones")
    async with storage.unit() as unit:
        await settle(unit)
        for row in (second, first, make.allowance(3, person_id=named("person", 2))):
            await unit.allowances.add(row)
        assert await unit.allowances.current(named("person"), NOW) == [first, second]
        assert await unit.allowances.current(named("person"), at(60)) == [second]
        assert await unit.allowances.current(named("person"), at(120)) == []


async def test_a_pulse_is_the_last_beat(storage: SqliteStorage) -> None:
    """R-17: each part's last beat is kept over a restart, and none is made up for a part that never beat."""
    async with storage.unit() as unit:
        assert await unit.pulses.last("auditor") is None
        for minutes in (1, 3, 2):
            await unit.pulses.beat("auditor", at(minutes))
        await unit.pulses.beat("sender", at(9))
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.pulses.last("auditor") == at(2)
        assert await unit.pulses.last("sender") == at(9)


@pytest.mark.parametrize(
    ("table", "statement"), [("people", people._TO_PLAN), ("sessions", programmes._TO_PLAN)]
)
async def test_who_is_to_be_planned_for_is_found_through_an_index(
    storage: SqliteStorage, database_url: str, table: str, statement: Statement
) -> None:
    """R-12: whoever is planned already is not read to find who is not, nor anybody sorted."""
    await storage.open()
    steps = explained(database_url, statement, {"now": NOW, "limit": 20})
    assert steps == [f"SEARCH {table} USING INDEX ix_{table}_planned_until_id (planned_until<?)"]


async def test_a_slice_reads_only_what_is_its_own(storage: SqliteStorage, database_url: str) -> None:
    """R-12: keys, and the sessions of a slice of people, are found through indexes, not by reading a programme's."""
    await storage.open()
    keys = explained(database_url, plan._KNOWN, {f"key{n}": str(n) for n in range(100)})
    assert keys == ["SEARCH reminders USING COVERING INDEX sqlite_autoindex_reminders_2 (key=?)"]
    asked: Row = {"start": NOW, "end": at(60)}
    asked |= {f"{name}{n}": str(n) for name in ("group", "person") for n in range(25)}
    steps = explained(database_url, programmes._OF_PEOPLE, asked)
    assert "SEARCH sessions USING INDEX ix_sessions_group_id_ends_at (group_id=? AND ends_at>?)" in steps
    assert "SEARCH sessions USING INDEX ix_sessions_person_id_ends_at (person_id=? AND ends_at>?)" in steps
    assert not any("SCAN" in step for step in steps)


async def test_expiry_finds_whom_it_asks_for_through_an_index(
    storage: SqliteStorage, database_url: str
) -> None:
    """S-42, R-12: neither a legal hold nor who left without a time makes it read everybody."""
    await storage.open()
    asked = {"programme_id": PROGRAMME, **{f"id{n}": str(n) for n in range(100)}}
    assert explained(database_url, expiry._PEOPLE, asked) == [
        "SEARCH people USING INDEX sqlite_autoindex_people_1 (id=?)"
    ]
    [step] = explained(database_url, expiry._NOTE_LEFT, {"left_at": NOW})
    assert (
        "USING INDEX ix_people_left_unnoted" in step or "USING COVERING INDEX ix_people_left_unnoted" in step
    )


async def test_what_is_asked_often_is_found_through_an_index(
    storage: SqliteStorage, database_url: str
) -> None:
    """R-05: neither reminders already done nor shifts already over are read to find what counts now."""
    await storage.open()
    due = explained(database_url, plan._DUE, {"now": NOW, "limit": 100})
    assert due == ["SEARCH reminders USING INDEX ix_reminders_due (due_at<?)"]
    asked = {"programme_id": PROGRAMME, "role": DUTY.value, "at": NOW}
    on_duty = explained(database_url, plan._ON_DUTY, asked)
    assert on_duty[0].startswith(
        "SEARCH shifts USING INDEX ix_shifts_programme_id_role_ends_at (programme_id=? AND role=? AND ends_at>?"
    )
