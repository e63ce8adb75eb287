from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.ports.records import Readiness, VisitRow
from bot.schedule.due import for_programme
from bot.schedule.times import Times
from bot.usecases.digest import send_digest, send_weekly
from bot.usecases.remind import remind
from flows.values import Level, Role
from tests.bot.escalation.conftest import START, concern, data_of

MORNING = timedelta(hours=15)  # from 18:00 on Tuesday to 09:00 on Wednesday


async def digest(town):
    """The digest of the morning; gives how many were told."""
    async with town.unit() as unit:
        return (await send_digest(unit, town.desk, town.ids["programme"])).people


async def weekly(town):
    async with town.unit() as unit:
        return (await send_weekly(unit, town.desk, town.ids["programme"])).people


async def said(town, name):
    """The digests or lists somebody reads."""
    return [row.text for row in await town.waiting(name) if row.slot.startswith("digest-")]


async def test_a_digest_is_one_message_each(town):
    """Facilitators and managers read references and kinds of what is for review, and nothing of what they are about (S-20)."""
    await town.raises(concern("home_changed", "review", "F"), visit=None)
    town.clock.advance(MORNING)
    assert await digest(town) == 2
    for name in ("facilitator", "manager"):
        assert await said(town, name) == ["For review:\nK-101 · safety"]
        assert "alias" not in (await said(town, name))[0]
    assert data_of([r for r in await town.waiting("facilitator") if r.rows]) == ["CASE:open:K-101"]
    assert data_of([r for r in await town.waiting("manager") if r.rows]) == []
    assert await digest(town) == 0


async def test_the_ladder_sends_a_digest_that_nobody_else_has_sent(town):
    """R-05, S-31: five minutes after its hour the cycle does it; nobody is alerted one by one."""
    await town.raises(concern("home_changed", "review", "F"))
    await town.passes(hours=15)
    assert await said(town, "facilitator") == []
    assert await town.passes(minutes=5) == set()
    assert len(await said(town, "facilitator")) == 1
    await town.passes(minutes=5)
    assert await said(town, "facilitator") == []


async def test_a_digest_climbs_each_working_morning_for_ever(town):
    """R-06: the group, then all facilitators, then the managers, and all again, until somebody takes it on."""
    case = await town.raises(concern("home_changed", "review", "F"))
    told = []
    town.clock.advance(MORNING)
    for _ in range(6):
        await digest(town)
        told.append({n for n in ("facilitator", "other facilitator", "manager") if await said(town, n)})
        await town.delivered()
        part = await town.part(case, Role.FACILITATOR)
        assert part.next_target
        town.clock.advance(part.next_due_at - timedelta(minutes=5) - town.clock.now())
        assert town.clock.now().weekday() < 5
    everybody = {"facilitator", "other facilitator", "manager"}
    assert told == [{"facilitator", "manager"}, *[everybody] * 5]
    await town.presses("facilitator", "CASE:take:K-101")
    town.clock.advance(timedelta(days=1))
    await town.delivered()
    assert await digest(town) == 0


async def test_something_urgent_leaves_the_digest(town):
    """S-33: what cannot wait is alerted at once though the role waits for the digest, the very same concern too."""
    await town.raises(concern("partner_at_home", "review", "F"))
    await town.raises(concern("partner_at_home", "session", "F"))
    assert await town.alerted() == {"facilitator"}


async def ready(town, level=Level.READY, after=timedelta(minutes=5)):
    """The participant's test for the session has come to this."""
    async with town.unit() as unit:
        ids = town.ids
        await unit.readiness.put(
            Readiness(
                town.desk.ids.new(), ids["session"], ids["participant"], await visit(town, unit), level, True, (),
                START + after,
            )
        )  # fmt: skip


async def visit(town, unit):
    row = VisitRow(
        town.desk.ids.new(),
        town.ids["participant"],
        "self_test",
        1,
        town.ids["session"],
        "done",
        "{}",
        START,
        START,
    )
    await unit.visits.add(row)
    return row.id


async def test_what_is_solved_before_the_session_alerts_nobody(town):
    """`roster` is alerted only if unsolved at the deadline; what is solved stays open, for the digest."""
    case = await town.raises(concern("no_headphones", "roster", "T"))
    await ready(town)
    assert await town.passes(minutes=30) == set()
    part = await town.part(case, Role.TECH)
    assert part.state == "asking"
    assert part.next_target
    town.clock.advance(START + MORNING - town.clock.now())
    assert await digest(town) == 2
    assert "K-101 · equipment" in (await said(town, "tech"))[0]


async def test_what_is_not_solved_is_alerted_at_the_deadline(town):
    """S-32: to fix, or ready before it came up: the tech helper is alerted 15 minutes before the session."""
    await town.raises(concern("no_headphones", "roster", "T"))
    await ready(town, Level.TO_FIX)
    assert await town.passes(minutes=30) == {"tech"}


async def test_a_fault_that_comes_back_after_the_deadline_is_alerted(town):
    """S-32, S-33: solved, put off to the digest, and there again before the session."""
    await town.raises(concern("no_headphones", "roster", "T"))
    await ready(town)
    await town.passes(minutes=30)
    await town.raises(concern("no_headphones", "roster", "T"))
    assert await town.alerted() == {"tech"}


async def test_the_weekly_list(town):
    """Managers read of every open case, facilitators of those that came to them; partner support's part is not shown."""
    await town.raises(concern("home_changed", "session", "F"), concern("partner_nearby", "session", "P"))
    await town.delivered()
    town.clock.advance(timedelta(days=6))
    assert await weekly(town) == 2
    text = "Open cases this week:\nK-101 · safety · open for 6 days"
    assert await said(town, "manager") == [text]
    assert await said(town, "facilitator") == [text]
    assert await said(town, "partner support") == []
    await town.presses("facilitator", "OUT:talked_to_them:K-101")
    await town.delivered()
    assert await weekly(town) == 1
    assert await said(town, "manager") == ["No case is open."]


async def test_changes_in_the_home_stand_first_and_unmarked(town):
    """S-20: a later case with a change in the home stands before an earlier without, and no word says why."""
    await town.enrols("neighbour")
    await town.raises(concern("no_headphones", "session", "F"))
    await town.raises(concern("home_changed", "session", "F"), of="neighbour")
    await town.delivered()
    await weekly(town)
    [text] = await said(town, "manager")
    heading, first, second = text.splitlines()
    assert (heading, first, second) == (
        "Open cases this week:",
        "K-102 · safety · open since yesterday or today",
        "K-101 · equipment · open since yesterday or today",
    )


async def test_partner_supports_digest_is_theirs_alone(town):
    """S-22: what waits for partner support is not in the managers' digest, until it comes to them."""
    await town.raises(concern("partner_at_home", "review", "P"))
    town.clock.advance(MORNING)
    assert await digest(town) == 1
    assert len(await said(town, "partner support")) == 1


@pytest.mark.parametrize(
    ("day", "kinds"),
    [
        (date(2026, 6, 8), {"gaps", "digest", "weekly"}),
        (date(2026, 6, 9), {"gaps", "digest"}),
        (date(2026, 6, 13), {"gaps"}),
    ],
)
def test_what_staff_are_told_on_a_day(day, kinds):
    """R-18: gaps every day, the digest on working days, the list on Mondays; each a row of the ledger, due at 09:00."""
    rows = for_programme(day, "p", Times(zone="Europe/London"))
    assert {row.kind.value for row in rows} == kinds
    assert {row.due_at.hour for row in rows} == {8}


async def test_reminders_send_digest_and_list(town):
    """R-18: a digest with nothing in it is skipped, with the reason; the weekly list says so."""
    async with town.unit() as unit:
        for row in for_programme(date(2026, 6, 15), town.ids["programme"], Times(zone="Europe/London")):
            await unit.reminders.add(replace(row, id=town.desk.ids.new()))
    town.clock.advance(timedelta(days=5, hours=15))
    async with town.unit() as unit:
        await remind(unit, town.desk, town.clock.now())
        rows = await unit.reminders.between(town.ids["programme"], START, START + timedelta(days=9))
    fates = {row.kind.value: (row.fate.value, row.reason) for row in rows}
    assert fates == {
        "gaps": ("skipped", "no_gaps"),
        "digest": ("skipped", "nothing_for_review"),
        "weekly": ("sent", ""),
    }
    assert await said(town, "manager") == ["No case is open."]
