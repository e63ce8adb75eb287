"""Stories with the movable clock over HTTP and SMTP: the ladder, duty, a session that is moved, and an outage."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

from bot.ports.plan import Fate, Reminder, ReminderKind, Shift
from bot.ports.records import StaffRole
from bot.simulator.phone import Phone
from bot.usecases import hold, plan_sessions
from tests.acceptance.house import House
from tests.acceptance.stories import READY, asked, words
from tests.acceptance.test_mail import gives_address, mailed, with_mail
from tests.bot.mail.post import served

K = ReminderKind


async def on_shift(house: House, phone: Phone, hours: int = 4) -> None:
    """They are on duty from an hour ago."""
    now = house.clock.now()
    async with house.bot.storage.unit() as unit:
        shift = Shift(
            house.ids.new(), house.programme.id, StaffRole.DUTY, house.people[phone.id],
            now - timedelta(hours=1), now + timedelta(hours=hours), "a calendar",
        )  # fmt: skip
        await unit.shifts.add(shift)
        await unit.commit()


async def in_a_car(house: House, phone: Phone) -> None:
    """A test whose first answer is a concern for facilitators."""
    await house.selftest(phone)
    await house.press(phone, "ST-07:car")


async def planned(house: House, *kinds: ReminderKind) -> list[Reminder]:
    """The session's rows of these kinds, by due time."""
    assert house.session is not None
    async with house.unit() as unit:
        rows = await unit.reminders.of_session(house.session.id)
    return sorted((row for row in rows if row.kind in kinds), key=lambda row: (row.guard, row.due_at))


async def test_nobody_takes_it_on_until_the_manager_does(house: House) -> None:
    """R-06 R-08 S-31: the ladder climbs rung by rung and round again; the manager's yes stops it, once for all.

    Delivered is not taken on: each of them has read it. The manager is told by mail too, and answers in the chat.
    """
    async with served() as post:
        await with_mail(house, post)
        await house.plan_session(timedelta(hours=3))
        staff = await house.staff("facilitator", "duty", "manager")
        await on_shift(house, staff["duty"])
        await gives_address(house, staff["manager"], "both")
        await in_a_car(house, await house.member())
        climbed = [{role: len(words(phone)) for role, phone in staff.items()}]
        for _ in range(5):
            await house.later(minutes=15)
            climbed.append({role: len(words(phone)) for role, phone in staff.items()})
        first, *_ = climbed
        assert first == {"facilitator": 1, "duty": 0, "manager": 0}
        alerted = [{role for role in staff if b[role] > a[role]} for a, b in pairwise(climbed)]
        assert alerted == [{"duty"}, {"facilitator"}, {"manager"}, {"facilitator"}, {"facilitator"}]
        [subject] = await mailed(house, post, 1)
        assert subject.startswith("K-101 · ")
        assert "/ack K-101" in post.mails[0].get_content()

        await house.write(staff["manager"], "/ack K-101")
        [case] = await house.cases()
        part = (await house.roles(case))["F"]
        assert (part.state, part.taken_by) == ("taken", house.people[staff["manager"].id])
        assert "You have taken this on." in staff["manager"].screen()
        for role in ("facilitator", "duty"):
            assert "Taken on by a colleague" in words(staff[role])[-1], f"{role} reads that somebody has it"
        before = {role: len(words(phone)) for role, phone in staff.items()}
        await house.later(minutes=45)
        assert {role: len(words(phone)) for role, phone in staff.items()} == before
        assert (await house.roles(case))["F"] == part


async def test_the_duty_worker_has_blocked_the_bot(house: House) -> None:
    """R-07 S-31 S-20: the rung of whoever is on duty is passed at once, with a mail to them, and the next read why."""
    async with served() as post:
        await with_mail(house, post)
        await house.plan_session(timedelta(hours=3))
        staff = await house.staff("facilitator", "duty", "manager")
        await on_shift(house, staff["duty"])
        await gives_address(house, staff["duty"], address="duty@example.org")
        staff["duty"].block()
        await house.quiet()
        await in_a_car(house, await house.member())
        assert words(staff["manager"]) == []
        await house.later(minutes=15)
        assert (await mailed(house, post, 1))[0].startswith("K-101 · ")
        assert post.recipients == ["duty@example.org"]
        assert words(staff["duty"]) == []
        [case] = await house.cases()
        part = (await house.roles(case))["F"]
        assert part.rung == 3, "duty and the programme's facilitators at the same time"
        assert "Nobody could be reached before you." in words(staff["facilitator"])[-1]
        assert part.next_target == house.people[staff["manager"].id]
        await house.later(minutes=15)
        assert staff["manager"].shows("K-101")


async def test_the_session_is_moved_an_hour(house: House) -> None:
    """R-14 R-18 S-32: the result and the reminders of the old time are withdrawn; the plan is for the new time.

    At the old times nothing happens. At the new deadline a test done for the old time does not count.
    """
    session = await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.later(minutes=46)
    assert "Not begun (1)" in facilitator.screen()
    await house.selftest(phone)
    await house.walk(phone, READY)
    await house.later(seconds=6)
    assert "Ready (1)" in facilitator.screen()

    moved_to = session.starts_at + timedelta(hours=1)
    async with house.bot.storage.unit() as unit:
        change = await plan_sessions.move(unit, house.bot.desk, session, moved_to, "operator")
        await unit.commit()
    await house.later(minutes=1)
    assert facilitator.shows("has been moved from Mon 1 Mar, 18:30 to Mon 1 Mar, 19:30")
    rows = await planned(house, *K)
    old, new = ([row for row in rows if row.guard == guard] for guard in (1, 2))
    waited = [row for row in old if row.due_at > house.clock.now()]
    assert {row.fate for row in waited} <= {Fate.CANCELLED, Fate.SKIPPED}
    assert K.DEADLINE in {row.kind for row in waited if row.fate is Fate.CANCELLED}
    due = {(row.kind, moved_to - row.due_at) for row in new if row.fate is Fate.DUE and row.due_at < moved_to}
    assert (K.DEADLINE, timedelta(minutes=15)) in due
    assert (K.DEADLINE, timedelta(minutes=5)) in due
    assert (K.ROSTER, timedelta(minutes=5)) in due
    assert hold.counts(await house.readiness(phone), change.session) is False

    await house.later(minutes=43)
    assert house.clock.now() > session.starts_at
    assert await house.concerns() == [], "the old deadline and the old start do nothing"
    await house.later(minutes=46)
    assert await house.concerns() == ["check_not_done"]
    assert "Not begun (1)" in facilitator.screen()


async def test_away_before_a_session(house: House) -> None:
    """R-05 R-11 R-18: away for 20 minutes. Staff hear once from when to when, and which checks fell into it.

    The participant is asked again behind the door, and answers. What was overdue fires: of the ladder the current
    rung, once; of the checks the deadline, late.
    """
    await house.plan_session()
    staff = await house.staff("facilitator", "manager")
    phone, driver = await house.member(), await house.member("P-08")
    await house.later(minutes=60)
    await in_a_car(house, driver)
    await house.later(minutes=8)
    await house.selftest(phone)
    await house.later(minutes=1)
    async with asyncio.timeout(5):
        while await _beaten_at(house) != house.clock.now():
            await asyncio.sleep(0.01)
    before = (await house.roles((await house.cases())[0]))["F"]
    told = len(words(staff["facilitator"]))
    await house.stop()

    house.clock.advance(timedelta(minutes=20))
    await house.start()
    await staff["manager"].expect("The assistant was away", timeout=10)
    await house.quiet()
    said = words(staff["facilitator"], 0)[told:]
    [notice] = [text for text in said if "was away" in text]
    assert "was away from Mon 1 Mar, 18:09 to Mon 1 Mar, 18:29" in notice
    assert "Self-test not done · session Mon 1 Mar, 18:30" in notice
    assert "Last roster · session Mon 1 Mar, 18:30" in notice
    after = (await house.roles((await house.cases())[0]))["F"]
    assert after.rung == before.rung + 1, "the current rung once, however long overdue"
    assert [(row.key.split(":")[0], row.fate) for row in await planned(house, K.DEADLINE)] == [
        ("deadline", Fate.SENT),
        ("before_start", Fate.SKIPPED),
        ("at_start", Fate.DUE),
    ]

    assert phone.shows("this did not work for a while")
    assert asked(phone) == []
    await house.press(phone, "DOOR:yes")
    assert asked(phone)[0].startswith("ST-07")
    await house.press(phone, "ST-07:car")
    assert (await house.concerns()).count("in_public") == 2


async def _beaten_at(house: House) -> object:
    async with house.unit() as unit:
        return await unit.pulses.last("cycle")
