"""A session is moved while people are asked because of it: they are asked sooner, and nobody later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from bot.escalation import ladder
from bot.escalation.ladder import Rung
from bot.escalation.office import Hours
from bot.ports.stores import Stale
from bot.storage.cases import CaseStore
from bot.usecases.plan_sessions import cancel, change, move
from flows.values import Role
from tests.bot.escalation.conftest import START, concern

F = Role.FACILITATOR
OFFICE = Hours("Europe/London")
BY = "operator"


async def session_of(unit, town):
    """The town's session."""
    found = await unit.sessions.get(town.ids["session"])
    assert found is not None
    return found


async def starts(town, **at):
    """It is planned for that long after the start of the test, before anything happens."""
    async with town.unit() as unit:
        await unit.sessions.save(replace(await session_of(unit, town), starts_at=START + timedelta(**at)))


async def moves(town, **to):
    """It is moved to that long from now."""
    async with town.unit() as unit:
        starts_at = town.clock.now() + timedelta(**to)
        await move(unit, town.desk, await session_of(unit, town), starts_at, BY)
    return starts_at


async def test_a_running_ladder_reaches_its_end_before_the_new_start(town):
    """R-04, R-05, R-14: a ladder of the working day, running, is over before a session moved to in an hour begins."""
    await starts(town, days=4)
    case = await town.raises(concern("in_public", route="F"))
    await town.passes(hours=17)  # the next working morning asks the first
    before = await town.part(case, F)
    assert (before.rung, before.next_due_at) == (1, START + timedelta(hours=19))
    starts_at = await moves(town, minutes=60)
    part = await town.part(case, F)
    assert part.next_due_at <= before.next_due_at
    assert part.version == before.version + 1
    asked_all_at = None
    while town.clock.now() < starts_at:
        await town.passes(seconds=5)
        part = await town.part(case, F)
        assert part.next_target
        assert part.next_due_at
        if asked_all_at is None and ladder.asked_all(ladder.read(part.ladder), part.rung):
            asked_all_at = town.clock.now()
    assert asked_all_at is not None
    assert asked_all_at <= starts_at
    assert "case.hastened" in await town.audited(case)


async def test_what_waits_for_a_later_time_is_asked_for_the_new_start(town):
    """R-05, R-14: what waited for the morning is asked at once when the session is this evening after all."""
    await starts(town, days=4)
    case = await town.raises(concern("in_public", route="F"))
    assert (await town.part(case, F)).rung == 0
    await moves(town, hours=2)
    assert (await town.part(case, F)).next_due_at == START
    assert await town.passes(seconds=5) == {"facilitator"}


async def test_what_is_on_the_roster_comes_at_the_new_deadline(town):
    """R-14, S-32: an equipment fault waits for the deadline, as long before the start as the programme says."""
    async with town.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        await unit.programmes.save(replace(programme, settings={"reminders": {"deadline": 25}}))
    await starts(town, hours=5)
    case = await town.raises(concern("no_headphones", "roster", "T"))
    assert (await town.part(case, Role.TECH)).next_due_at == START + timedelta(hours=5, minutes=-25)
    await moves(town, hours=2)
    assert (await town.part(case, Role.TECH)).next_due_at == START + timedelta(hours=2, minutes=-25)


async def test_moved_away_or_cancelled_changes_nothing_of_the_ladder(town):
    """R-14, S-31: nothing is ever asked later; a cancelled or otherwise changed session leaves the ladder alone."""
    case = await town.raises(concern("in_public", route="FP"))
    before = [await town.part(case, role) for role in (F, Role.PARTNER_SUPPORT)]
    await moves(town, days=3)
    async with town.unit() as unit:
        await change(unit, town.desk, await session_of(unit, town), BY, minutes=30)
        await cancel(unit, town.desk, await session_of(unit, town), BY)
    assert [await town.part(case, role) for role in (F, Role.PARTNER_SUPPORT)] == before
    assert "case.hastened" not in await town.audited(case)


async def test_whoever_took_it_is_reminded_before_the_new_start(town):
    """R-09, R-14: the reminder of an acknowledgement comes before the new start, and never later than it would."""
    await starts(town, hours=20)
    case = await town.raises(concern("in_public", route="F"))
    await town.presses("facilitator", "CASE:take:K-101")
    assert (await town.part(case, F)).next_due_at == START + timedelta(hours=2)
    await moves(town, minutes=40)
    assert (await town.part(case, F)).next_due_at == START + timedelta(minutes=30)
    await moves(town, hours=20)
    assert (await town.part(case, F)).next_due_at == START + timedelta(minutes=30)


async def test_other_cases_and_digests_stay(town):
    """R-14: what belongs to no session, or is read in a digest, keeps its time."""
    await starts(town, days=4)
    alone = await town.raises(concern("in_public", route="F"), visit=None, session=False)
    quiet = await town.raises(concern("partner_at_home", "review", "P"))
    parts = {role: await town.part(alone, role) for role in (F,)}
    digest = await town.part(quiet, Role.PARTNER_SUPPORT)
    await moves(town, hours=1)
    assert await town.part(alone, F) == parts[F]
    assert await town.part(quiet, Role.PARTNER_SUPPORT) == digest


async def test_a_part_changed_meanwhile_is_left_to_them(town):
    """R-08: where somebody was faster the session is moved all the same, and their change stands."""
    await starts(town, days=4)
    case = await town.raises(concern("in_public", route="F"))
    before = await town.part(case, F)
    with patch.object(CaseStore, "save_role", side_effect=Stale("as the test asks")):
        await moves(town, hours=1)
    assert await town.part(case, F) == before
    async with town.unit() as unit:
        assert (await session_of(unit, town)).starts_at == START + timedelta(hours=1)


NOW = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
RUNGS = st.lists(st.integers(1, 7200).map(lambda after: Rung(("a",), after, "group", None)), max_size=5)


@given(RUNGS, st.booleans(), st.integers(0, 8), st.integers(0, 9000), st.integers(60, 200_000))
def test_any_ladder_is_over_in_time_and_never_later(own, office, rung, due_in, start_in):
    """R-04, R-05, S-31: from wherever it stands, everybody is asked by the start, and no time is later than before."""
    hours = OFFICE if office else None
    rungs = tuple(replace(one, hours=hours) for one in (*own, Rung((), 900, "all")))
    due, starts_at = NOW + timedelta(seconds=due_in), NOW + timedelta(seconds=start_in)
    found, sooner = ladder.hastened(rungs, rung, NOW, due, starts_at, 15)
    assert len(found) == len(rungs)
    assert sooner <= due
    assert all(
        new.after <= old.after and new.people == old.people for new, old in zip(found, rungs, strict=True)
    )
    at = sooner
    for one in found[rung:]:
        at = at if one.kind == "all" else at + timedelta(seconds=one.after)
    if rung and start_in >= 15 * (len(own) + 1):
        assert (
            at <= max(starts_at, sooner) or (hours and not ladder.is_soon(NOW, starts_at)) or rung > len(own)
        )
    assert ladder.hastened(found, rung, NOW, sooner, starts_at, 15)[1] <= sooner


async def test_the_record_says_who_and_when(town):
    """R-16: the entry names the role and the new due time, and who moved the session, by ids only."""
    await starts(town, days=4)
    case = await town.raises(concern("in_public", route="F"))
    await moves(town, hours=1)
    async with town.storage.unit() as unit:
        [entry] = [e for e in await unit.audit.of_subject(case.id) if e.action == "case.hastened"]
    assert (entry.actor, entry.detail) == (BY, {"role": "F", "due": START.isoformat()})


async def test_cards_say_the_new_time(town):
    """R-14: cards that stand say when the session is now, to everybody who was asked, quietly and in place."""
    await town.raises(concern("partner_nearby"))
    await town.passes(minutes=15)
    names = ("facilitator", "other facilitator", "partner support")
    assert "18:45" in await town.texts("other facilitator")
    await town.delivered()
    await moves(town, hours=3)  # 21:15 in the programme's zone
    for name in names:
        [row] = [row for row in await town.waiting(name) if row.op == "say" and "K-101" in row.text]
        assert "21:15" in row.text, name
        assert "18:45" not in row.text
        assert not row.fresh, "an edit, no second alert"
    assert await town.waiting("tech") == []
