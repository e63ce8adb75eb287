import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from bot.escalation import ladder
from bot.escalation.cycle import Cycle
from bot.ports.stores import StorageFault
from bot.storage.audit import AuditStore
from bot.storage.cases import CaseStore
from bot.storage.unit_of_work import StoredUnit
from bot.usecases.climb import AT_ONCE, climb, unreachable
from bot.usecases.leave import close_chat
from flows.values import Role
from tests.bot.damage import damage
from tests.bot.escalation.conftest import START, concern


async def test_the_ladder_climbs_and_never_ends(town):
    """R-06, S-31: the group's facilitator, all facilitators, the managers, then all facilitators again, for ever."""
    case = await town.raises(concern("in_public", route="F"))
    assert await town.alerted() == {"facilitator"}
    assert await town.passes(minutes=14) == set()
    assert await town.passes(minutes=1) == {"facilitator", "other facilitator"}
    assert await town.passes(minutes=15) == {"manager"}
    for _ in range(5):
        assert await town.passes(minutes=15) == {"facilitator", "other facilitator"}
        part = await town.part(case, Role.FACILITATOR)
        assert part.next_target
        assert part.next_due_at == town.clock.now() + timedelta(minutes=15)


async def test_after_downtime_the_rung_fires_once(town):
    """R-05: three days late, the next rung is asked once and the time counts from now."""
    case = await town.raises(concern("in_public", route="F"))
    assert await town.passes(days=3) == {"facilitator", "other facilitator"}
    assert await town.passes() == set()
    assert (await town.part(case, Role.FACILITATOR)).rung == 2


async def test_late_rungs_still_come_before_the_session(town):
    """R-05: ten minutes late, the rungs left share what is left: managers and everybody again before the start."""
    case = await town.raises(concern("in_public", route="F"))  # the session is in 45 minutes
    assert await town.passes(minutes=25) == {"facilitator", "other facilitator"}
    assert await town.passes(minutes=9) == set()
    assert await town.passes(minutes=1) == {"manager"}
    assert await town.passes(minutes=10) == {"facilitator", "other facilitator"}
    assert town.clock.now() == START + timedelta(minutes=45)
    part = await town.part(case, Role.FACILITATOR)
    assert ladder.asked_all(ladder.read(part.ladder), part.rung)
    assert part.next_due_at == START + timedelta(minutes=60), "after the start it goes at its own pace"


async def test_a_ladder_in_time_is_left_as_it_is(town):
    """R-05: rungs that come when they are due keep their times."""
    case = await town.raises(concern("in_public", route="F"))
    before = (await town.part(case, Role.FACILITATOR)).ladder
    await town.passes(minutes=15)
    part = await town.part(case, Role.FACILITATOR)
    assert (part.rung, part.ladder) == (2, before)


async def test_a_session_that_cannot_be_read_stops_no_climb(town, database_url):
    """R-05, S-31: whether there is a start to be in time for cannot be told: the next are asked all the same."""
    case = await town.raises(concern("in_public", route="F"))
    damage(database_url, "sessions", "sealed_link", "id = ?", town.ids["session"])
    assert await town.passes(minutes=25) == {"facilitator", "other facilitator"}
    part = await town.part(case, Role.FACILITATOR)
    assert part.next_due_at == town.clock.now() + timedelta(minutes=15)


async def test_one_roles_acknowledgement_leaves_the_others_climbing(town):
    """S-30, R-08: only the role that took the case on stops being asked."""
    await town.raises(concern("partner_nearby"))
    await town.presses("facilitator", "CASE:take:K-101")
    assert await town.passes(minutes=16) == {"manager"}  # who stands in for partner support


async def test_a_blocked_chat_is_passed_at_once_and_said_so(town):
    """R-07, S-31: nobody of the first rung can be reached, so that the next is asked without waiting."""
    await town.block("facilitator")
    await town.raises(concern("in_public", route="F"))
    assert await town.alerted() == {"other facilitator"}
    assert "Nobody could be reached before you." in await town.texts("other facilitator")


async def test_a_failed_alert_is_passed_at_once(town):
    """R-07: the sender's news that an alert cannot be delivered asks the next rung at once."""
    await town.raises(concern("in_public", route="F"))
    [row] = await town.waiting("facilitator")
    await town.delivered()
    async with town.unit() as unit:
        await unreachable(unit, town.desk, row)
    assert await town.alerted() == {"other facilitator"}


async def test_failures_at_the_end_do_not_go_round_without_a_pause(town):
    """R-06, R-07: when the last one cannot be reached either, stand-ins are asked once, then it waits its time."""
    case = await town.raises(concern("in_public", route="F"))
    for name in ("facilitator", "other facilitator", "manager", "manager"):
        [row, *_] = [r for r in await town.waiting(name) if r.lane == "alert"] or [None]
        await town.delivered()
        await town.block(name)
        if row is not None:
            async with town.unit() as unit:
                await unreachable(unit, town.desk, row)
    assert await town.alerted() == set()
    assert (await town.part(case, Role.FACILITATOR)).next_due_at > town.clock.now()


async def test_with_a_role_nobody_has_managers_stand_in(empty_town):
    """S-31: nobody of the role anywhere: managers are asked at once, told so, and can take it on."""
    await empty_town.settle(["manager"])
    case = await empty_town.raises(concern("no_private_space", route="F"))
    assert await empty_town.alerted() == {"manager"}
    assert "Nobody could be reached before you." in await empty_town.texts("manager")
    await empty_town.presses("manager", "CASE:take:K-101")
    assert (await empty_town.part(case, Role.FACILITATOR)).state == "taken"


async def test_with_nobody_anywhere_it_is_looked_up_again(empty_town):
    """R-04, R-06: a case without anybody to ask keeps `all` and a due time, and finds whoever comes later."""
    await empty_town.settle([])
    case = await empty_town.raises(concern("self_harm", "now", "F"))
    part = await empty_town.part(case, Role.FACILITATOR)
    assert (part.next_target, part.next_due_at) == ("all", START + timedelta(minutes=5))
    empty_town.ids["facilitator"] = empty_town.desk.ids.new()
    async with empty_town.unit() as unit:
        from bot.ports.records import StaffRole

        await empty_town._add(unit, "facilitator", "staff", "A", (StaffRole.FACILITATOR,))
    assert await empty_town.passes(minutes=5) == {"facilitator"}


async def test_a_climb_overtaken_by_an_acknowledgement_does_nothing(town, monkeypatch):
    """R-08: a climb that read the part before it was taken finds it changed and leaves it."""
    case = await town.raises(concern("in_public", route="F"))
    old = await town.part(case, Role.FACILITATOR)
    await town.presses("facilitator", "CASE:take:K-101")
    await town.delivered()
    async with town.unit() as unit:

        async def due(now, limit=100):
            return [old]

        monkeypatch.setattr(unit.cases, "due", due)
        await climb(unit, town.desk, town.clock.now() + timedelta(hours=1))
    assert await town.alerted() == set()
    assert (await town.part(case, Role.FACILITATOR)).state == "taken"


STEPS = {
    "take": lambda town: town.presses("facilitator", "CASE:take:K-101"),
    "again": lambda town: town.presses("other facilitator", "CASE:take:K-101"),
    "resolve": lambda town: town.presses("facilitator", "OUT:talked_to_them:K-101"),
    "seen": lambda town: town.presses("partner support", "CASE:seen:K-101"),
    "climb": lambda town: town.passes(minutes=16),
}


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids="-".join)
async def test_whatever_the_order_only_an_acknowledgement_of_the_role_stops_its_climb(town, order):
    """R-08, R-04, S-30: acknowledgements, climbs and outcomes in any order leave each role to itself."""
    case = await town.raises(concern("partner_nearby"))
    done: set[str] = set()
    for step in order:
        alerted = await STEPS[step](town)
        facilitator, support = [await town.part(case, r) for r in (Role.FACILITATOR, Role.PARTNER_SUPPORT)]
        if step == "climb":
            stopped = bool({"take", "resolve"} & done)
            assert ("facilitator" in alerted) is not stopped
            assert ("manager" in alerted) is ("seen" not in done)  # next for partner support
        # The other group's facilitator was not asked before the climb, and can take nothing until then.
        done |= {step} if step != "again" or "climb" in done else set()
        assert (facilitator.state == "done") is ("resolve" in done)
        assert (facilitator.state == "asking") is not bool({"take", "resolve", "again"} & done)
        assert (support.state == "done") is ("seen" in done)
        for part in (facilitator, support):
            assert (part.state == "asking") is (part.next_target is not None and part.next_due_at is not None)


async def test_the_cycle_looks_every_five_seconds_and_survives_a_storage_fault(town):
    """R-05: a storage fault is tried again; what is due fires within ten seconds, and the sender is woken."""
    await town.raises(concern("in_public", route="F"))
    await town.delivered()
    woken, faults = [], [StorageFault("busy")]

    class Faulty:
        @asynccontextmanager
        async def unit(self, *, beside=False):
            if faults:
                raise faults.pop()
            async with town.storage.unit() as unit:
                yield unit

    task = asyncio.create_task(Cycle(Faulty(), town.desk, lambda: woken.append(1)).run())
    try:
        for step in (0, 5, 15 * 60, 5):
            town.clock.advance(timedelta(seconds=step))
            await asyncio.sleep(0.2)
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not faults
    assert woken == [1]
    assert await town.alerted() == {"facilitator", "other facilitator"}


async def test_many_that_are_due_climb_in_short_units(town, monkeypatch):
    """R-05, R-12: all that is due climbs in one round, a few parts in a unit each; a card's record is read once for all readers."""
    most = []
    of_subject, save_role, end = AuditStore.of_subject, CaseStore.save_role, StoredUnit.end
    counted = {"read": 0, "climbed": 0}

    async def reads(store, subject):
        counted["read"] += 1
        return await of_subject(store, subject)

    async def saves(store, role):
        counted["climbed"] += 1
        await save_role(store, role)

    def ends(unit):
        if counted["climbed"]:
            most.append(dict(counted))
        counted.update(read=0, climbed=0)
        end(unit)

    for number in range(3 * AT_ONCE):
        await town.enrols(f"participant {number}")
        await town.raises(concern("in_public", route="F"), of=f"participant {number}")
    town.clock.advance(timedelta(minutes=15))
    monkeypatch.setattr(AuditStore, "of_subject", reads)
    monkeypatch.setattr(CaseStore, "save_role", saves)
    monkeypatch.setattr(StoredUnit, "end", ends)
    assert await Cycle(town.storage, town.desk, lambda: None).look() == 3 * AT_ONCE
    assert [unit["climbed"] for unit in most] == [AT_ONCE] * 3
    assert max(unit["read"] for unit in most) == AT_ONCE, "two facilitators are asked of each"


def test_rounds_are_cut_small():
    """R-12: a unit of climbing is a matter of milliseconds: whoever makes it larger has to measure."""
    assert AT_ONCE <= 10


async def test_an_alert_is_passed_on_when_somebody_leaves(town):
    """R-07, S-31: what still waited for a member of staff who leaves is asked of the next at once."""
    await town.raises(concern("in_public", route="F"))
    assert await town.alerted() == {"facilitator"}
    async with town.unit() as unit:
        chat = await unit.chats.of_person(town.ids["facilitator"])
        person = await unit.people.get(town.ids["facilitator"])
        await close_chat(unit, town.desk, person, chat)
    assert await town.alerted() == {"other facilitator"}
