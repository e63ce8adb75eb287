from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.ports.plan import Shift
from bot.ports.records import StaffRole
from bot.usecases.climb import climb, unreachable
from bot.usecases.duty import tell_gaps
from bot.usecases.duty_file import RotaEntry
from bot.usecases.facts import facts_for
from bot.usecases.import_duty import BadDuty, Planned, import_duty
from bot.usecases.reach import ways_to
from bot.usecases.rota import became, current, gaps_of, keep_rotas, on_duty
from flows.values import Role
from tests.bot.escalation.conftest import START, concern, data_of

HOUR = timedelta(hours=1)


async def second_duty(town):
    """One more duty worker."""
    town.ids["second duty"] = town.desk.ids.new()
    async with town.unit() as unit:
        await town._add(unit, "second duty", "staff", None, (StaffRole.DUTY,))


async def shift(town, name, start, end, role=StaffRole.DUTY, source="test"):
    """Somebody is on duty; times from START."""
    async with town.unit() as unit:
        row = Shift(
            town.desk.ids.new(),
            town.ids["programme"],
            role,
            town.ids[name],
            START + start,
            START + end,
            source,
        )
        await unit.shifts.add(row)


async def programme_with(town, **settings):
    """The programme's settings."""
    from dataclasses import replace

    async with town.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        await unit.programmes.save(replace(programme, settings={**programme.settings, **settings}))


async def facts(town):
    async with town.storage.unit() as unit:
        person = await unit.people.get(town.ids["participant"])
        programme = await unit.programmes.get(town.ids["programme"])
        return await facts_for(unit, town.desk, person, programme, None)


async def on_now(town, role=StaffRole.DUTY):
    """Names of those on duty."""
    names = {value: name for name, value in town.ids.items()}
    async with town.storage.unit() as unit:
        return {names[one] for one in await on_duty(unit, town.ids["programme"], role, town.clock.now())}


async def test_a_duty_rung_asks_whoever_is_on_shift_when_it_is_reached(town):
    """The ladder is fixed, the shift is not: at the handover the one who has come is asked."""
    await second_duty(town)
    await shift(town, "duty", -HOUR, timedelta(minutes=10))
    await shift(town, "second duty", timedelta(minutes=10), HOUR)
    case = await town.raises(concern("in_public", route="F"))
    assert (await town.part(case, Role.FACILITATOR)).next_target == "duty"
    await town.passes(minutes=11, seconds=15)  # four rungs in 45 minutes
    assert "K-101" in await town.texts("second duty")
    assert await town.texts("duty") == ""
    await town.presses("second duty", "CASE:take:K-101")
    assert (await town.part(case, Role.FACILITATOR)).taken_by == town.ids["second duty"]


async def test_a_gap_in_duty_is_passed_at_once_and_said(town):
    """R-07: nobody on duty by the rota: the next rung without waiting, and it says so."""
    await shift(town, "duty", -9 * HOUR, -HOUR)
    await town.raises(concern("in_public", route="F"))
    assert await town.passes(minutes=12) == {"facilitator", "other facilitator"}
    assert "Nobody could be reached before you." in await town.texts("other facilitator")


async def test_a_role_with_a_rota_of_its_own_asks_its_shift_first(town):
    """`duty` means the role's own rota where it has one."""
    await shift(town, "other facilitator", -HOUR, HOUR, StaffRole.FACILITATOR)
    await town.raises(concern("in_public", route="F"))
    assert await town.alerted() == {"other facilitator"}


async def test_an_alert_to_duty_that_fails_asks_the_next_at_once(town):
    """R-07: the duty worker has blocked the bot."""
    await shift(town, "duty", -HOUR, HOUR)
    await town.raises(concern("in_public", route="D"))
    [row] = await town.waiting("duty")
    await town.delivered()
    await town.block("duty")
    async with town.unit() as unit:
        await unreachable(unit, town.desk, row)
    assert await town.alerted() == {"manager"}


async def test_without_cover_by_the_rota_the_participant_is_told(town):
    """S-07: with a rota somebody on shift who can be reached counts; without a rota anybody of the role."""
    assert (await facts(town))["duty"] == "on"
    await shift(town, "duty", HOUR, 2 * HOUR)
    assert (await facts(town))["duty"] == "off"
    town.clock.advance(HOUR)
    assert (await facts(town))["duty"] == "on"
    await town.block("duty")
    assert (await facts(town))["duty"] == "off"


async def test_taking_over(town):
    """/duty shows who is on now and next by alias; taking over lasts to the shift's end, is audited, and told."""
    await second_duty(town)
    await shift(town, "duty", -HOUR, HOUR)
    await shift(town, "second duty", HOUR, 2 * HOUR)
    await town.writes("second duty", "/duty")
    text = await town.texts("second duty", "duty")
    assert "duty, now: alias of duty, until Tue 9 Jun, 19:00." in text
    assert "duty, next: alias of second duty, from Tue 9 Jun, 19:00." in text
    [data] = data_of(await town.waiting("second duty", "duty"))
    await town.presses("second duty", data)
    assert await on_now(town) == {"second duty"}
    assert "Somebody has taken over your duty (duty)." in await town.texts("duty")
    assert "alias" not in await town.texts("duty")
    async with town.storage.unit() as unit:
        entries = await unit.audit.of_subject(town.ids["duty"])
    assert [entry.action for entry in entries] == ["duty.taken_over"]
    await town.presses("duty", f"DUTY:duty:{town.ids['second duty'][-12:]}")
    assert await on_now(town) == {"duty"}
    await town.presses("second duty", f"DUTY:duty:{town.ids['duty'][-12:]}")
    assert await on_now(town) == {"second duty"}
    await town.presses("second duty", f"DUTY:duty:{town.ids['duty'][-12:]}")
    assert "/duty shows how it is now" in await town.texts("second duty", "notice")


async def test_duty_of_another_role_is_not_open(town):
    """S-21: nobody takes over what is not their role's, nor sees it."""
    await shift(town, "duty", -HOUR, HOUR)
    await town.presses("facilitator", f"DUTY:duty:{town.ids['duty'][-12:]}")
    assert "That is not open to you here." in await town.texts("facilitator")
    assert await on_now(town) == {"duty"}
    await town.writes("facilitator", "/duty")
    assert "alias of duty" not in await town.texts("facilitator", "duty")


async def test_who_is_told_of_gaps_sees_every_rota(town):
    """R-07: a manager's `/duty` says who is on duty in each rota there is, without taking over another role's."""
    await town.writes("manager", "/duty")
    assert await town.texts("manager", "duty") == "There is no rota yet."
    await shift(town, "duty", -HOUR, HOUR)
    await shift(town, "tech", HOUR, 2 * HOUR, StaffRole.TECH)
    await town.delivered()
    await town.writes("manager", "/duty")
    assert await town.texts("manager", "duty") == (
        "technical help, now: nobody.\ntechnical help, next: alias of tech, from Tue 9 Jun, 19:00.\n"
        "duty, now: alias of duty, until Tue 9 Jun, 19:00."
    )
    assert data_of(await town.waiting("manager", "duty")) == []


WEEK = [
    {"day": day, "from": "09:00", "to": "17:00", "who": "Duty worker"}
    for day in ("mon", "tue", "wed", "thu", "fri")
]


async def rota(town, who, **more):
    """Keep a rota of the programme file."""
    entry = RotaEntry.model_validate({"role": "duty", "weekly": WEEK, **more})
    async with town.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        await keep_rotas(unit, town.desk.ids, programme, [entry], {"Duty worker": who}, town.clock.now())


async def gap_hours(town, days=7):
    async with town.storage.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        now = town.clock.now()
        found = await gaps_of(unit, programme, StaffRole.DUTY, now, now + timedelta(days=days))
    return [round((end - start) / HOUR, 2) for start, end in found]


async def test_a_rota_is_rolled_out_and_names_no_alias(town):
    """S-41: what is kept of a rota holds ids; shifts follow the local hours of the programme."""
    await rota(town, town.ids["duty"])
    async with town.storage.unit() as unit:
        programme = await unit.programmes.get(town.ids["programme"])
        shifts = await unit.shifts.between(
            town.ids["programme"], StaffRole.DUTY, START, START + timedelta(days=3)
        )
    assert "Duty worker" not in str(programme.settings)
    assert [(s.starts_at.hour, s.ends_at.hour) for s in shifts] == [(8, 16), (8, 16), (8, 16)]


async def test_who_is_invited_has_their_shifts_once_they_enrol(town):
    """A rota can name somebody who is only invited: a gap until then, and theirs from then on."""
    await rota(town, "f" * 32)
    assert await gap_hours(town) == [7 * 24]
    async with town.unit() as unit:
        await became(unit, town.desk.ids, town.ids["programme"], "f" * 32, "e" * 32, town.clock.now())
        await became(unit, town.desk.ids, town.ids["programme"], "e" * 32, town.ids["duty"], town.clock.now())
    assert len(await gap_hours(town)) > 1


async def test_gaps_are_told_to_managers_and_administrators(town):
    """R-07: every day the gaps of the next 7 days; a day with nobody, and whoever cannot be reached, are gaps."""
    off = [{"date": "2026-06-11"}]
    await rota(town, town.ids["duty"], cover="weekly", exceptions=off)
    assert await gap_hours(town) == [8]
    async with town.unit() as unit:
        assert (await tell_gaps(unit, town.desk, town.ids["programme"])).people == 1
    assert "Nobody is on duty in the next 7 days:\nduty: Thu 11 Jun, 09:00 to Thu 11 Jun, 17:00" in (
        await town.texts("manager")
    )
    assert await town.texts("duty") == ""
    await town.block("duty")
    assert await gap_hours(town) == [8] * 5


async def test_without_gaps_nobody_is_told(town):
    """No news is no message."""
    await rota(town, town.ids["duty"], cover="weekly")
    async with town.unit() as unit:
        assert (await tell_gaps(unit, town.desk, town.ids["programme"])).found == 0


async def test_an_imported_file_replaces_itself_only(town):
    """The same file again brings it up to date; another file's shifts and the rota stay."""
    await second_duty(town)

    def line(alias, hour, role=StaffRole.DUTY):
        day = datetime(2026, 6, 9, hour)  # noqa: DTZ001 - local, as files say it
        return Planned("f:2", role, alias, day, day + HOUR)

    async def take(source, *lines):
        async with town.unit() as unit:
            programme = await unit.programmes.get(town.ids["programme"])
            return await import_duty(unit, town.desk, programme, source, lines)

    assert await take("a.csv", line("alias of duty", 18), line("alias of second duty", 19)) == 2
    assert await take("b.csv", line("alias of second duty", 18)) == 1
    assert await on_now(town) == {"duty", "second duty"}
    assert await take("a.csv") == 0
    assert await on_now(town) == {"second duty"}
    with pytest.raises(BadDuty) as bad:
        await take("b.csv", line("nobody", 18), line("alias of duty", 18, StaffRole.TECH))
    assert len(bad.value.faults) == 2


async def test_the_programmes_own_ladder_is_asked(town):
    """A policy of the programme for an urgency and role, with its minutes and repeats."""
    policy = {
        "session": {"facilitator": [{"ask": "programme", "minutes": 7, "times": 2}, {"ask": "manager"}]}
    }
    await programme_with(town, ladder=policy)
    case = await town.raises(concern("in_public", route="F"))
    assert await town.alerted() == {"facilitator", "other facilitator"}
    assert await town.passes(minutes=7) == {"facilitator", "other facilitator"}
    await programme_with(town, ladder={})  # what is open keeps the ladder it was opened with
    assert await town.passes(minutes=7) == {"manager"}
    assert (await town.part(case, Role.FACILITATOR)).next_target == "all"


async def test_the_last_rung_is_asked_before_the_session_starts(town):
    """A session in 20 minutes: group, programme and managers have all been asked when it starts."""
    town.clock.advance(timedelta(minutes=25))
    case = await town.raises(concern("in_public", route="F"))
    asked = set()
    for _ in range(20 * 12):
        town.clock.advance(timedelta(seconds=5))
        async with town.unit() as unit:
            await climb(unit, town.desk, town.clock.now())
        asked = set((await town.part(case, Role.FACILITATOR)).asked)
        if town.ids["manager"] in asked:
            break
    assert town.clock.now() < START + timedelta(minutes=45)
    assert asked == {town.ids[name] for name in ("facilitator", "other facilitator", "manager")}


async def test_current_leaves_out_whom_somebody_relieved(town):
    """Two on duty: taking over from one leaves the other."""
    await second_duty(town)
    await shift(town, "duty", -HOUR, HOUR)
    await shift(town, "second duty", -HOUR, HOUR)
    await shift(town, "manager", timedelta(), HOUR, source=f"over:{town.ids['duty']}")
    async with town.storage.unit() as unit:
        found = await current(unit, town.ids["programme"], StaffRole.DUTY, START)
    assert {one.person_id for one in found} == {town.ids["second duty"], town.ids["manager"]}


async def test_who_has_left_is_not_reached(town):
    """R-07, S-31: a ladder and a shift kept from before ask somebody else at once, not who serves no more."""
    case = await town.raises(concern("in_public", route="F"))
    async with town.unit() as unit:
        for name in ("other facilitator", "duty"):
            person = await unit.people.get(town.ids[name])
            await unit.people.save(replace(person, state="left"))
        shift = Shift(
            town.desk.ids.new(), town.ids["programme"], StaffRole.DUTY, town.ids["duty"],
            START - timedelta(days=1), START + timedelta(days=1), "csv:old",
        )  # fmt: skip
        await unit.shifts.add(shift)
        assert await on_duty(unit, town.ids["programme"], StaffRole.DUTY, town.clock.now()) == ()
        assert await ways_to(unit, town.ids["other facilitator"]) is None
        assert await unit.people.in_role(town.ids["programme"], StaffRole.DUTY) == []
    alerted = await town.passes(minutes=15)
    assert alerted
    assert not alerted & {"other facilitator", "duty"}
    part = await town.part(case, Role.FACILITATOR)
    assert not {town.ids["other facilitator"], town.ids["duty"]} & set(part.asked)
