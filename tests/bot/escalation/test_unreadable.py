"""One row that does not open stops nothing else."""

import asyncio
from datetime import timedelta

import pytest

from bot.escalation import cycle as cycling
from bot.escalation.cycle import Cycle
from bot.ports.records import StaffRole, VisitRow
from bot.ports.stores import Unreadable
from bot.usecases import climb as climbing
from bot.usecases import staff_texts
from bot.usecases.climb import climb
from bot.usecases.undelivered import UNDELIVERED, on_fault
from flows.values import Role
from tests.bot.damage import damage, stored
from tests.bot.escalation.conftest import START, concern, data_of, hold

pytestmark = pytest.mark.both_databases


async def test_a_case_that_cannot_be_read_is_still_asked_about(town, database_url):
    """S-31, R-04: the next people are asked without its content, with a next due time, and other cases climb too."""
    broken = await town.raises(concern("self_harm", "session", "F"))
    await town.raises(concern("in_public", route="F"), visit=await hold(town))
    damage(database_url, "cases", "sealed_body", "id = ?", broken.id)
    assert await town.passes(minutes=15) == {"facilitator", "other facilitator"}
    part = await town.part(broken, Role.FACILITATOR)
    assert (part.rung, part.next_due_at) == (2, town.clock.now() + timedelta(minutes=15))
    text = await town.texts("other facilitator", "case-K-101")
    assert "Case K-101 · safety" in text
    assert staff_texts.UNREADABLE.msgid in text
    assert "self_harm" not in text
    assert staff_texts.UNREADABLE.msgid not in await town.texts("other facilitator", "case-K-102")


async def test_the_cycle_goes_on_over_a_case_that_cannot_be_read(town, database_url):
    """S-31: the loop itself keeps running, look after look."""
    broken = await town.raises(concern("in_public", route="F"))
    damage(database_url, "cases", "sealed_body", "id = ?", broken.id)
    await town.delivered()
    task = asyncio.create_task(Cycle(town.storage, town.desk, lambda: None).run())
    for seconds in (15 * 60, 15 * 60):
        town.clock.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0.2)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await town.part(broken, Role.FACILITATOR)).rung == 3


async def test_what_cannot_be_read_is_not_written_over(town, database_url):
    """S-33, S-41: people can take it on and close it, a new concern opens its own case, and the sealed value stays."""
    broken = await town.raises(concern("partner_nearby"))
    sealed = damage(database_url, "cases", "sealed_body", "id = ?", broken.id)
    await town.delivered()
    second = await town.raises(concern("recording", route="F"))
    assert (second.ref, [r.concern for r in second.raised]) == ("K-102", ["recording"])
    await town.writes("facilitator", "/case")
    assert data_of(await town.waiting("facilitator", "menu")) == ["CASE:open:K-102", "CASE:open:K-101"]
    await town.presses("facilitator", "CASE:details:K-101")
    assert staff_texts.UNREADABLE.msgid in await town.texts("facilitator", "details-K-101")
    await town.presses("facilitator", "CASE:take:K-101")
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    await town.presses("partner support", "CASE:seen:K-101")
    async with town.storage.unit() as unit:
        assert (await unit.cases.get(broken.id)).state == "closed"
    assert stored(database_url, "cases", "sealed_body", "id = ?", broken.id) == sealed


@pytest.mark.parametrize("table", ["people", "chats"])
async def test_staff_who_cannot_be_read_are_passed(town, database_url, table):
    """R-07, S-30: a staff member's row or chat that does not open keeps no case from opening; the next are asked."""
    row = town.ids["facilitator" if table == "people" else "chat of facilitator"]
    damage(database_url, table, "sealed_body", "id = ?", row)
    await town.raises(concern("in_public", route="F"))
    async with town.storage.unit() as unit:
        assert await unit.outbox.waiting(town.ids["chat of facilitator"]) == []
    assert await town.texts("other facilitator")


async def test_an_alert_goes_without_a_session_that_cannot_be_read(town, database_url):
    """S-31: the session's time is left out, the alert is not."""
    await town.raises(concern("in_public", route="F"))
    damage(database_url, "sessions", "sealed_link", "id = ?", town.ids["session"])
    assert await town.passes(minutes=15) == {"facilitator", "other facilitator"}
    assert "Session:" not in await town.texts("facilitator")


async def test_a_fault_in_one_climb_leaves_the_others(town, monkeypatch):
    """S-31: whatever of one part cannot be read, the others due are asked."""
    broken = await town.raises(concern("in_public", route="F"))
    await town.raises(concern("equipment_fault", route="T"), visit=await hold(town))
    await town.delivered()
    town.clock.advance(timedelta(minutes=15))
    async with town.unit() as unit:
        get = unit.cases.get

        async def failing(case_id):
            if case_id == broken.id:
                raise Unreadable("cases.body")
            return await get(case_id)

        monkeypatch.setattr(unit.cases, "get", failing)
        assert await climb(unit, town.desk, town.clock.now()) == 2
    assert await town.alerted() == {"manager"}


async def test_an_alert_to_a_chat_that_cannot_be_read_is_passed_on(town, database_url):
    """R-07: the alert was staged, then its chat does not open any more: the next are asked at once."""
    await town.raises(concern("in_public", route="F"))
    [row] = await town.waiting("facilitator")
    await town.delivered()
    damage(database_url, "chats", "sealed_body", "id = ?", row.chat_id)
    async with town.unit() as unit:
        await on_fault(unit, town.desk, row, "unreachable")
    assert "Nobody could be reached before you." in await town.texts("other facilitator")


async def test_a_message_to_a_chat_that_cannot_be_read_is_told(empty_town, database_url):
    """S-31: whose message it was is not known, so that the administrators of all programmes are told."""
    await empty_town.settle(["manager"])
    await empty_town.writes("manager", "/help")
    [row] = await empty_town.waiting("manager")
    empty_town.ids["administrator"] = empty_town.desk.ids.new()
    async with empty_town.unit() as unit:
        await empty_town._add(unit, "administrator", "staff", None, (StaffRole.ADMINISTRATOR,))
    damage(database_url, "chats", "sealed_body", "id = ?", row.chat_id)
    async with empty_town.unit() as unit:
        await on_fault(unit, empty_town.desk, row, "unreachable")
    assert await empty_town.texts("administrator") == UNDELIVERED.msgid


async def test_a_result_that_cannot_be_read_solves_nothing(town, database_url):
    """S-31 What was to be solved before the session is alerted at the deadline if the result does not open."""
    await town.raises(concern("no_camera", "roster", "F"), visit=await hold(town))
    damage(database_url, "readiness", "sealed_body", "person_id = ?", town.ids["participant"])
    assert await town.passes(minutes=30) == {"facilitator"}


async def test_many_that_fail_keep_nobody_from_the_next(town, monkeypatch):
    """S-31 The round ends, each part is looked at once, and the youngest is reached behind those that do not open."""
    monkeypatch.setattr(climbing, "AT_ONCE", 2)
    monkeypatch.setattr(cycling, "AT_ONCE", 2)
    broken = [await town.raises(concern("in_public", route="F"), visit=None) for _ in range(1)]
    for number in range(3):
        visit = await hold_visit(town, number)
        broken.append(await town.raises(concern("in_public", route="F"), visit=visit))
    whole = await town.raises(concern("recording", route="F"), visit=await hold_visit(town, 9))
    failing, look, looked = {case.id for case in broken}, climbing._look, []

    async def fails(unit, desk, case, part, now):
        looked.append(case.id)
        if case.id in failing:
            raise Unreadable(f"cases/body/{case.id}")
        await look(unit, desk, case, part, now)

    monkeypatch.setattr(climbing, "_look", fails)
    await town.delivered()
    town.clock.advance(timedelta(minutes=15))
    await asyncio.wait_for(Cycle(town.storage, town.desk, lambda: None).look(), 20)
    assert sorted(looked) == sorted([*failing, whole.id])
    assert (await town.part(whole, Role.FACILITATOR)).rung == 2


async def hold_visit(town, number):
    """Another visit of the participant."""
    visit = town.desk.ids.new()
    async with town.unit() as unit:
        row = VisitRow(visit, town.ids["participant"], "check_in", 1, None, "done", "{}", START, START)
        await unit.visits.add(row)
    return visit
