"""Cases and their roles' parts."""

from dataclasses import replace
from typing import Any

import pytest

from bot.ports.stores import Stale
from bot.storage.cases import _DUE
from bot.storage.sqlite import SqliteStorage
from flows.values import Role
from tests.bot.behind import REFUSED
from tests.bot.storage import rows as make
from tests.bot.storage.explained import explained
from tests.bot.storage.rows import NOW, at, named

pytestmark = pytest.mark.both_databases


async def test_case_numbers_begin_at_101_and_never_repeat(storage: SqliteStorage) -> None:
    """A case's number is given out once."""
    async with storage.unit() as unit:
        assert [await unit.cases.next_number() for _ in range(3)] == [101, 102, 103]
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.cases.next_number() == 104


async def test_a_case_comes_back_with_its_parts(storage: SqliteStorage) -> None:
    """S-30: a case and each role's part come back as written, and closed ones are no longer open."""
    parts = [make.case_role(1), make.case_role(2, role=Role.DUTY, next_due_at=at(1))]
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.people.add(make.staff())
        await unit.cases.add(make.case(), parts)
        assert await unit.cases.get(named("case", 101)) == make.case()
        assert await unit.cases.by_number(101) == make.case()
        assert await unit.cases.by_number(999) is None
        assert await unit.cases.open_for(named("person")) == [make.case()]
        assert await unit.cases.open_in(named("programme")) == [make.case()]
        assert await unit.cases.roles(named("case", 101)) == parts
        await unit.cases.save(make.case(state="closed", closed_at=at(9)))
        assert await unit.cases.open_for(named("person")) == []
        assert await unit.cases.open_in(named("programme")) == []


async def test_what_is_due_comes_oldest_first(storage: SqliteStorage) -> None:
    """R-05, R-09: parts asking or taken come when their time has come, the oldest first; done ones never."""
    parts = [make.case_role(1), make.case_role(2, role=Role.DUTY, next_due_at=at(1))]
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.people.add(make.staff())
        await unit.cases.add(make.case(), parts)
        assert await unit.cases.due(at(0.5)) == []
        assert await unit.cases.due(at(5)) == [parts[1], parts[0]]
        assert await unit.cases.due(at(5), limit=1) == [parts[1]]
        taken = replace(parts[1], state="taken", taken_by=named("staff"), taken_at=at(2), next_due_at=at(4))
        await unit.cases.save_role(replace(taken, next_target=None, reminded=True))
        assert await unit.cases.due(at(3)) == []
        taken = replace(taken, next_target=None, reminded=True, version=2)
        assert await unit.cases.due(at(5)) == [taken, parts[0]]
        await unit.cases.save_role(replace(taken, state="done", outcome="solved"))
        assert await unit.cases.due(at(5)) == [parts[0]]


async def test_cases_and_parts_are_saved_only_over_the_version_read(storage: SqliteStorage) -> None:
    """R-08: a case or a part that somebody else changed meanwhile is not overwritten."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.cases.add(make.case(), [make.case_role()])
        await unit.cases.save(make.case())
        await unit.cases.save_role(make.case_role())
        with pytest.raises(Stale):
            await unit.cases.save(make.case())
        with pytest.raises(Stale):
            await unit.cases.save_role(make.case_role())
        assert await unit.cases.get(named("case", 101)) == make.case(version=2)


@pytest.mark.parametrize("lacking", [{"next_target": None}, {"next_due_at": None}])
async def test_asking_without_a_next_step_is_refused(storage: SqliteStorage, lacking: dict[str, Any]) -> None:
    """R-04: the database refuses a part that asks without a next target or a due time."""
    async with storage.unit() as unit:
        await make.settle(unit)
        with pytest.raises(REFUSED, match="asking_has_next"):
            await unit.cases.add(make.case(), [make.case_role(**lacking)])


async def test_taken_without_a_due_time_is_refused(storage: SqliteStorage) -> None:
    """R-09: the database refuses a part that is taken and would never be looked at again."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.people.add(make.staff())
        taken = make.case_role(state="taken", taken_by=named("staff"), taken_at=NOW, next_due_at=None)
        with pytest.raises(REFUSED, match="taken_has_next"):
            await unit.cases.add(make.case(), [taken])


@pytest.mark.sqlite_only
async def test_what_is_due_is_found_through_the_index(storage: SqliteStorage, database_url: str) -> None:
    """R-05: looking for due parts does not read those that are done."""
    await storage.open()
    plan = explained(database_url, _DUE, {"now": NOW, "limit": 100})
    assert plan[0] == "SEARCH case_roles USING INDEX ix_case_roles_due (next_due_at<?)"
