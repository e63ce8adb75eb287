"""The plan in slices: short units, only for whom it is needed, and never less than a plan of everybody would give."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.ports.plan import Reminder
from bot.ports.records import Group, Person, Session
from bot.ports.stores import Unit
from bot.storage.people import PersonStore
from bot.storage.plan import ReminderStore
from bot.storage.sealing import Keyring
from bot.storage.statements import Statement
from bot.storage.work import Work
from bot.usecases import plan as planning
from bot.usecases import timekeeper
from bot.usecases.plan import AT_ONCE, Planned, plan
from bot.usecases.timekeeper import Timekeeper
from tests.bot import behind
from tests.bot.behind import ask
from tests.bot.counted import Counted
from tests.bot.damage import damage
from tests.bot.desks import Room, open_room
from tests.bot.schedule.watching import published

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk whose session begins in 90 minutes."""
    async with open_room(database_url, keyring, published()) as room:
        yield room


async def more_people(room: Room, number: int, group_id: str | None = None) -> list[str]:
    """So many participants like the first, in a group of their own or that one."""
    async with room.storage.unit() as unit:
        first = await unit.people.get(room.participant)
        assert first is not None
        if group_id is None:
            group = Group(room.desk.ids.new(), room.programme, room.desk.ids.new(), "More", "Europe/London")
            await unit.programmes.save_group(group)
            group_id = group.id
        found = [replace(first, id=room.desk.ids.new(), group_id=group_id) for _ in range(number)]
        for one in found:
            await unit.people.add(one)
        await unit.commit()
    return [one.id for one in found]


async def planned(room: Room, **more: int) -> Planned:
    """What needs it is planned."""
    return await plan(room.storage, room.desk, room.clock.now(), **more)


def marks(room: Room, table: str = "people") -> dict[str, int]:
    """Id -> until when it is planned."""
    return dict(ask(room.url, f"SELECT id, planned_until FROM {table}"))


def forget(room: Room) -> None:
    """Nobody counts as planned."""
    behind.change(room.url, *(f"UPDATE {table} SET planned_until = 0" for table in ("people", "sessions")))


async def change(room: Room, do: Callable[[Unit], Any]) -> None:
    """In a unit of its own."""
    async with room.storage.unit() as unit:
        await do(unit)
        await unit.commit()


async def test_a_minute_without_changes_reads_the_same_for_six_or_for_many(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-12 Where nothing has changed nobody is read, however many people and sessions there are."""
    await planned(room)
    counted = Counted(monkeypatch)
    room.clock.advance(MINUTE)
    few = await counted.of(lambda: planned(room))
    await more_people(room, 3 * AT_ONCE)
    await planned(room)
    room.clock.advance(MINUTE)
    assert await counted.of(lambda: planned(room)) == few


async def test_no_unit_plans_for_more_than_a_slice(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-05, R-12 No unit of work reads or writes more than one slice, and a look ends after its share of units."""
    most: dict[str, int] = {"people": 0, "rows": 0}
    to_plan, add_all = PersonStore.to_plan, ReminderStore.add_all

    async def counted_people(store: PersonStore, now: datetime, limit: int) -> list[Person | str]:
        found = await to_plan(store, now, limit)
        most["people"] = max(most["people"], len(found))
        return found

    async def counted_rows(store: ReminderStore, rows: list[Reminder]) -> None:
        most["rows"] = max(most["rows"], len(rows))
        await add_all(store, rows)

    monkeypatch.setattr(PersonStore, "to_plan", counted_people)
    monkeypatch.setattr(ReminderStore, "add_all", counted_rows)
    first = await group_of(room)
    everybody = await more_people(room, 3 * AT_ONCE, first)
    looks = [await planned(room, slices=2)]
    while not looks[-1].all:
        looks.append(await planned(room, slices=2))
    assert len(looks) == 4, "one unit for sessions, one for people, in each"
    assert most["people"] == AT_ONCE
    assert most["rows"] <= AT_ONCE * 11, "seven for a session, a week's few"
    async with room.storage.unit() as unit:
        assert all([await unit.reminders.of_person(one) for one in everybody])
    assert (await planned(room)).written == 0


async def group_of(room: Room) -> str:
    """The first participant's group."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
    assert person is not None
    assert person.group_id is not None
    return person.group_id


async def test_whoever_waits_comes_between_two_slices(room: Room) -> None:
    """R-12 An alert or a tap that comes while everybody is planned waits for one slice, not for all."""
    await more_people(room, 4 * AT_ONCE)
    waited: list[int] = []

    async def tap() -> None:
        async with room.storage.unit() as unit:
            waited.append(sum(until == 0 for until in marks(room).values()))
            await unit.programmes.all()

    async def taps() -> None:
        for _ in range(4):
            await tap()
            await asyncio.sleep(0)

    await asyncio.gather(planned(room), taps())
    assert len(set(waited)) >= 3, "not all before or after: in between, more people were planned each time"


async def test_what_cannot_be_read_stops_no_other_and_is_tried_again(room: Room) -> None:
    """S-32 More damaged people than a slice holds: everybody else is planned, and who can be read again is too."""
    damaged = await more_people(room, AT_ONCE + 1)
    for one in damaged:
        damage(room.url, "people", "sealed_body", "id = ?", one)
    await planned(room)
    [late] = await more_people(room, 1)
    await planned(room)
    async with room.storage.unit() as unit:
        assert await unit.reminders.of_person(late)
        assert not await unit.reminders.of_person(damaged[0])
    damage(room.url, "people", "sealed_body", "id = ?", damaged[0])  # the bit turned back
    room.clock.advance(MINUTE)
    await planned(room)
    async with room.storage.unit() as unit:
        assert await unit.reminders.of_person(damaged[0])


LASTING: dict[str, dict[str, Any]] = {
    "zone": {"timezone": "Asia/Tokyo"},
    "safe times": {"safe_times": ("morning",)},
    "check-in day": {"check_in_day": 5},
    "group": {"group_id": None},
    "left": {"state": "left"},
}


@pytest.mark.parametrize("what", LASTING)
async def test_a_person_who_changes_is_planned_anew(room: Room, what: str) -> None:
    """R-18 Whatever bears on a person's plan asks for it anew as it is saved, so that no use case can forget."""
    await planned(room)
    assert marks(room)[room.participant]
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, **LASTING[what]))
        await unit.commit()
    assert marks(room)[room.participant] == 0
    await planned(room)
    assert marks(room)[room.participant]


async def test_a_tap_asks_for_no_plan(room: Room) -> None:
    """R-12 What every tap writes leaves the plan as it is."""
    await planned(room)
    before = marks(room)
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        later = room.clock.now() + MINUTE
        await unit.people.save(replace(person, open_until=later, pending={"do": "menu"}, visit_id="f" * 32))
        await unit.commit()
    assert marks(room) == before


async def test_other_times_of_a_programme_plan_everybody_anew(room: Room) -> None:
    """R-18 A programme's times count within a minute; its rotas, which change with each enrolment, do not."""
    await planned(room)
    before = marks(room)

    async def save(**settings: Any) -> None:
        async with room.storage.unit() as unit:
            programme = await unit.programmes.get(room.programme)
            assert programme is not None
            await unit.programmes.save(replace(programme, settings={**programme.settings, **settings}))
            await unit.commit()

    await save(rotas=[{"role": "duty"}])
    assert marks(room) == before
    await save(reminders={"check_in_day": (room.clock.now().weekday() + 1) % 7})
    assert marks(room)[room.participant] == 0
    assert (await planned(room)).written > 0


async def test_a_clock_set_back_plans_anew(room: Room) -> None:
    """R-05, R-18 What was planned by a clock that ran ahead is planned again once it is right, sessions among it."""
    keeper = Timekeeper(room.storage, room.desk, lambda: None)
    for days in (0, 300, -300):
        room.clock.advance(days * DAY)
        await keeper()
        if days:
            await planned(room)
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        assert await unit.reminders.of_session(session.id)
        kinds = {row.kind for row in await unit.reminders.of_person(room.participant) if row.session_id}
    assert len(kinds) == 7


async def test_a_clock_set_back_plans_anew_in_short_units(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-12, R-18 A clock set back asks for a few rows' plan in each unit, and for all of them over a restart in between."""
    monkeypatch.setattr(timekeeper, "AT_ONCE", 2)
    monkeypatch.setattr(timekeeper, "SLICES", 2)
    others = await more_people(room, 7)
    keeper = Timekeeper(room.storage, room.desk, lambda: None)
    await keeper()
    await planned(room)
    changed: list[int] = []
    run = Work.run

    async def counted(work: Work, statement: Statement, values: dict[str, Any]) -> int:
        count = await run(work, statement, values)
        changed.append(count if statement.tables & {"people", "sessions"} else 0)
        return count

    monkeypatch.setattr(Work, "run", counted)
    room.clock.advance(-60 * MINUTE)
    await keeper()
    served = [room.participant, *others]
    assert 0 < sum(marks(room)[one] == 0 for one in served) < len(served)
    assert not any(marks(room, "sessions").values())
    keeper = Timekeeper(room.storage, room.desk, lambda: None)  # a process that begins knows of it
    for _ in range(6):
        await keeper()
    assert not any(marks(room)[one] for one in served)
    assert max(changed) == 2
    await planned(room)
    done = marks(room)
    await Timekeeper(room.storage, room.desk, lambda: None)()
    assert marks(room) == done, "and once it is done, no more"


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_missing_that_a_plan_of_everybody_would_write(room: Room, seed: int) -> None:
    """R-18, S-32 After any changes, what is planned of what needs it is all that there is to plan for the next two days."""
    chance = random.Random(seed)
    await more_people(room, 5)
    for _ in range(25):
        await _something(room, chance)
        await planned(room)
        kept = room.clock.now()
        before = await _keys(room, kept)
        if chance.random() < 0.3:
            forget(room)
            await planned(room)
            assert await _keys(room, kept) == before


async def _keys(room: Room, now: datetime) -> set[str]:
    async with room.storage.unit() as unit:
        rows = await unit.reminders.between(room.programme, now - 9 * DAY, now + 2 * DAY)
    return {row.key for row in rows}


async def _something(room: Room, chance: random.Random) -> None:
    async with room.storage.unit() as unit:
        groups = await unit.programmes.groups(room.programme)
        people = [one for group in groups for one in await unit.people.in_group(group.id)]
        now = room.clock.now()
        sessions = await unit.sessions.of_programme(room.programme, now, now + 60 * DAY)
        await chance.choice((_person, _session, _programme))(unit, room, chance, people, sessions, groups)
        await unit.commit()
    room.clock.advance(chance.choice((MINUTE, 90 * MINUTE, DAY, 4 * DAY)))


async def _person(
    unit: Unit, room: Room, chance: random.Random, people: list[Person], _: list[Session], groups: list[Group]
) -> None:
    one = chance.choice(people)
    more: dict[str, Any] = chance.choice(
        (
            {"timezone": chance.choice(("Asia/Tokyo", "America/New_York", "Europe/London"))},
            {"safe_times": chance.choice(((), ("morning",), ("evening",)))},
            {"check_in_day": chance.randrange(7)},
            {"group_id": chance.choice(groups).id},
            {"state": chance.choice(("welcome", "orientation", "active"))},
        )
    )
    await unit.people.save(replace(one, **more))


async def _session(
    unit: Unit,
    room: Room,
    chance: random.Random,
    people: list[Person],
    sessions: list[Session],
    groups: list[Group],
) -> None:
    starts = room.clock.now() + chance.choice((MINUTE, 5 * MINUTE, 70 * MINUTE, DAY, 3 * DAY, 8 * DAY))
    if sessions and chance.random() < 0.6:
        one = chance.choice(sessions)
        state = chance.choice(("planned", "planned", "cancelled"))
        one = replace(one, starts_at=starts, state=state, version=one.version + 1)  # type: ignore[arg-type]  # one of the two
    else:
        new = room.desk.ids.new()
        own = chance.random() < 0.3
        group, person = (None, chance.choice(people).id) if own else (chance.choice(groups).id, None)
        one = Session(new, room.programme, new, group, person, starts, 90, "zoom", "https://m.example")
    await unit.sessions.save(one)


async def _programme(
    unit: Unit, room: Room, chance: random.Random, people: list[Person], _: list[Session], groups: list[Group]
) -> None:
    programme = await unit.programmes.get(room.programme)
    assert programme is not None
    settings = {**programme.settings, "reminders": {"check_in_day": chance.randrange(7)}}
    await unit.programmes.save(replace(programme, settings=settings))


def test_slices_are_small() -> None:
    """R-12 A slice is a matter of milliseconds: whoever makes it larger has to measure (docs/performance.md)."""
    assert planning.AT_ONCE <= 25
