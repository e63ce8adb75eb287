from dataclasses import replace
from datetime import timedelta

from bot.ports.records import StaffRole
from bot.usecases.climb import unreachable
from flows.values import Role
from tests.bot.escalation.conftest import START, concern, data_of

F = Role.FACILITATOR


async def colleague(town):
    """A second facilitator of the group."""
    town.ids["colleague"] = town.desk.ids.new()
    async with town.unit() as unit:
        await town._add(unit, "colleague", "staff", "A", (StaffRole.FACILITATOR,))


async def test_an_acknowledgement_is_reminded_of_and_lapses(town):
    """R-09: after 2 hours whoever took it is asked whether they still have it; after 4 the ladder starts again."""
    case = await town.raises(concern("in_public", route="F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    part = await town.part(case, F)
    assert part.next_due_at == START + timedelta(hours=2)
    await town.passes(hours=1, minutes=59)
    assert await town.texts("facilitator") == ""
    await town.passes(minutes=1)
    assert "Is it still with you?" in await town.texts("facilitator")
    assert "CASE:keep:K-101" in data_of(await town.waiting("facilitator"))
    assert await town.alerted() == {"facilitator"}
    await town.passes(hours=2)
    part = await town.part(case, F)
    assert (part.state, part.taken_by, part.reminded) == ("asking", None, False)
    assert await town.audited(case) == ["case.opened", "case.take", "case.reminded", "case.lapsed"]


async def test_a_lapse_asks_at_once_when_that_cannot_wait(town):
    """R-09: what is needed now is asked again at once, from the first rung on, and says why."""
    await town.raises(concern("self_harm", "now", "F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    await town.passes(hours=2)
    assert await town.passes(hours=2) == {"facilitator"}
    assert "It is asked again." in await town.texts("facilitator")
    assert await town.passes(minutes=5) == {"facilitator", "other facilitator"}


async def test_before_a_session_the_reminder_comes_before_its_start(town):
    """R-09: a session in 45 minutes: reminded 10 minutes before it starts; in 8 minutes: half-way."""
    case = await town.raises(concern("in_public", route="F"))
    await town.presses("facilitator", "CASE:take:K-101")
    assert (await town.part(case, F)).next_due_at == START + timedelta(minutes=35)
    await town.passes(minutes=37)
    await town.presses("facilitator", "CASE:keep:K-101")
    part = await town.part(case, F)
    assert part.next_due_at == START + timedelta(minutes=41)
    assert not part.reminded


async def test_who_still_has_it_keeps_it(town):
    """R-09: the button or /ack once more begins the time anew; nobody else can do that."""
    case = await town.raises(concern("self_harm", "now", "F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    for again in ("button", "command"):
        await town.passes(hours=2)
        assert (await town.part(case, F)).reminded
        if again == "button":
            await town.presses("facilitator", "CASE:keep:K-101")
        else:
            await town.writes("facilitator", "/ack K-101")
        part = await town.part(case, F)
        assert (part.state, part.reminded, part.next_due_at) == (
            "taken",
            False,
            town.clock.now() + timedelta(hours=2),
        )
    await colleague(town)
    await town.presses("colleague", "CASE:keep:K-101")
    assert "Only whoever has taken this on can do that." in await town.texts("colleague")


async def test_a_reminder_that_comes_late_leaves_time_to_answer(town):
    """R-05, R-09: after a long outage it is reminded first, and lapses half an hour later."""
    case = await town.raises(concern("self_harm", "now", "F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    await town.passes(days=2)
    part = await town.part(case, F)
    assert part.reminded
    assert part.next_due_at == town.clock.now() + timedelta(minutes=30)


async def test_a_reminder_nobody_can_read_lapses_at_once(town):
    """R-07, R-09: whoever took it has blocked the bot since, known before or after the sending."""
    case = await town.raises(concern("self_harm", "now", "F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    await town.passes(hours=2)
    [row] = await town.waiting("facilitator", "case-K-101")
    await town.delivered()
    await town.block("facilitator")
    async with town.unit() as unit:
        await unreachable(unit, town.desk, row)
    assert await town.alerted() == {"other facilitator"}
    await town.presses("other facilitator", "CASE:take:K-101")
    await town.block("other facilitator")
    assert await town.passes(hours=2) == {"manager"}
    assert (await town.part(case, F)).state == "asking"


async def test_handing_over(town):
    """The colleagues by alias; the taker changes, both cards and the time are new, and it is audited."""
    await colleague(town)
    case = await town.raises(concern("self_harm", "now", "F"), session=False)
    await town.presses("facilitator", "CASE:take:K-101")
    town.clock.advance(timedelta(minutes=30))
    await town.delivered()
    await town.writes("facilitator", "/handover K-101")
    [row] = await town.waiting("facilitator", "case-K-101")
    labels = [label for line in row.rows for label, _ in line]
    assert labels == ["alias of colleague", "alias of other facilitator", "Back"]
    await town.delivered()
    await town.presses("facilitator", row.rows[0][0][1])
    part = await town.part(case, F)
    assert (part.state, part.taken_by) == ("taken", town.ids["colleague"])
    assert part.next_due_at == town.clock.now() + timedelta(hours=2)
    assert "A colleague has handed this over to you." in await town.texts("colleague")
    assert [row.lane for row in await town.waiting("colleague")] == ["alert"]
    assert "Taken on by a colleague." in await town.texts("facilitator")
    assert "case.handed_over" in await town.audited(case)
    await town.presses("colleague", "OUT:talked_to_them:K-101")
    assert (await town.part(case, F)).state == "done"


async def test_only_what_one_has_can_be_handed_over_and_to_somebody_there(town):
    """Nobody hands over what is not theirs, nor to somebody who cannot be reached; the other roles are left alone."""
    case = await town.raises(concern("partner_nearby"))
    await town.writes("facilitator", "/handover K-101")
    assert "Nobody has taken this on yet." in await town.texts("facilitator")
    await town.presses("facilitator", "CASE:take:K-101")
    await town.block("other facilitator")
    await town.writes("facilitator", "/handover K-101")
    assert "It stays with you." in await town.texts("facilitator")
    for forged in (town.ids["tech"], town.ids["other facilitator"], town.ids["facilitator"]):
        await town.presses("facilitator", f"HAND:{forged[-12:]}:K-101")
    part = await town.part(case, F)
    assert part.taken_by == town.ids["facilitator"]
    assert (await town.part(case, Role.PARTNER_SUPPORT)).state == "asking"


async def test_what_was_in_a_digest_is_reminded_of_on_working_mornings(town):
    """R-09: for review, two working days take the place of the hours."""
    case = await town.raises(concern("partner_at_home", "review", "F"))
    await town.passes(hours=15, minutes=5)  # Wednesday, 09:05
    await town.presses("facilitator", "CASE:take:K-101")
    part = await town.part(case, F)
    assert part.next_due_at == START + timedelta(days=1, hours=15)
    await town.passes(hours=24)
    assert (await town.part(case, F)).reminded
    await town.passes(hours=24)
    part = await town.part(case, F)
    assert part.state == "asking"
    assert replace(part, next_due_at=None).rung == 0
