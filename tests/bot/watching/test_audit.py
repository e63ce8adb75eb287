"""The auditor and the call to an outside monitor that follows a clean look only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports.records import CaseRole, OpenPart, Person, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases.audit_cases import KINDS, NO_LAPSE, NO_PART, NO_TARGET, OVERDUE, UNSENT, look, of_part
from bot.usecases.climb import climb
from bot.usecases.rounds import LIMITS, Rounds
from bot.usecases.staff_notice import is_notice
from bot.web.metrics import Metrics
from bot.web.watch import Watch
from flows.read import load_library
from flows.values import Role, Urgency
from tests.bot.desks import START, Room, open_room
from tests.bot.watching.stopwatch import Stopwatch

PART = CaseRole("r", "c", Role.DUTY, "asking", 1, (), "p", START)
AT_ONCE = timedelta()


@pytest.fixture
async def room(database_url: str, keyring: Keyring):
    """A programme with all its staff, and a participant at the self-test."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


class Monitor:
    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> bool:
        self.calls += 1
        return True


def watch(room: Room, monitor: Monitor) -> Watch:
    """The watch as it runs, with no loop that is late."""
    rounds = Rounds(())
    return Watch(room.storage, room.desk, rounds, Metrics(rounds), lambda: None, monitor)


async def worried(room: Room) -> None:
    """An answer opens a case."""
    await room.begin()
    await room.play("ST-07:car")
    assert await room.cases()


async def sent(room: Room) -> None:
    """All that waits counts as sent."""
    async with room.storage.unit() as unit:
        for person in (room.participant, *room.people.values()):
            chat = await unit.chats.of_person(person)
            for row in await unit.outbox.waiting(chat.id) if chat else []:
                await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()


async def told(room: Room, role: StaffRole) -> list[str]:
    """The notices that wait for one of staff."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[role])
        return [row.text for row in await unit.outbox.waiting(chat.id) if is_notice(row)] if chat else []


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (None, NO_PART),
        (replace(PART, next_target=None), NO_TARGET),
        (replace(PART, next_due_at=None), NO_TARGET),
        (replace(PART, next_due_at=START - timedelta(seconds=61)), OVERDUE),
        (replace(PART, next_due_at=START - timedelta(seconds=59)), None),
        (replace(PART, state="taken", next_target=None, next_due_at=None), NO_LAPSE),
        (replace(PART, state="taken", next_due_at=START - timedelta(hours=1)), OVERDUE),
        (replace(PART, state="taken", next_target=None), None),
        (replace(PART, state="done", next_target=None, next_due_at=None), None),
    ],
)
def test_what_should_never_be(part: CaseRole | None, kind: str | None) -> None:
    """R-04, R-17: a part asks somebody at a time that is not past, or lapses at one; an open case has a part."""
    found = of_part(OpenPart("c", 101, "p", Urgency.NOW, part), START)
    assert (found.kind if found else None) == kind


async def test_a_clean_look_is_followed_by_a_call(room: Room) -> None:
    """R-17: with open cases that are asked about and alerts that went out the monitor is called."""
    monitor = Monitor()
    await worried(room)
    await sent(room)
    room.clock.advance(timedelta(minutes=2))
    assert await watch(room, monitor).look(AT_ONCE) == []
    assert monitor.calls == 1


async def test_a_stopped_cycle_is_found(room: Room) -> None:
    """R-17: nobody climbs any more: found by case, told to the administrators, and the monitor is not called."""
    monitor = Monitor()
    await worried(room)
    await sent(room)
    room.clock.advance(timedelta(days=1))
    found = await watch(room, monitor).look(AT_ONCE)
    assert {(finding.kind, finding.ref) for finding in found} == {(OVERDUE, "K-101")}
    [notice] = await told(room, StaffRole.ADMINISTRATOR)
    assert notice.startswith("Nobody was asked in time about K-101.")
    assert monitor.calls == 0


async def test_alerts_that_do_not_go_out(room: Room) -> None:
    """R-17: alerts that wait for over a minute are found; one line for all of them, without what is in them."""
    monitor = Monitor()
    await worried(room)
    room.clock.advance(timedelta(seconds=59))
    assert await watch(room, monitor).look(AT_ONCE) == []
    room.clock.advance(timedelta(seconds=2))
    found = await watch(room, monitor).look(AT_ONCE)
    assert {finding.kind for finding in found} == {UNSENT}
    assert len(await told(room, StaffRole.ADMINISTRATOR)) == 1
    assert monitor.calls == 1


async def test_told_once_an_hour(room: Room) -> None:
    """R-17: what is found again is told again after an hour, not each minute."""
    await worried(room)
    await sent(room)
    room.clock.advance(timedelta(days=1))
    looking = watch(room, Monitor())
    counts = []
    for minutes in (0, 1, 58, 2):
        room.clock.advance(timedelta(minutes=minutes))
        await looking.look(AT_ONCE)
        counts.append(len(await told(room, StaffRole.ADMINISTRATOR)))
        await sent(room)
    assert counts == [1, 0, 0, 1]


async def test_what_a_loop_is_about_to_do_is_no_finding(room: Room) -> None:
    """R-17: only what is still there ten seconds later counts."""
    monitor = Monitor()
    await worried(room)
    room.clock.advance(timedelta(minutes=2))
    looking = asyncio.create_task(watch(room, monitor).look())
    await asyncio.sleep(0.05)
    await sent(room)
    room.clock.advance(timedelta(seconds=10))
    assert await looking == []
    assert monitor.calls == 1


async def test_a_ladder_that_has_gone_on_is_no_finding(room: Room) -> None:
    """R-17: overdue at two looks, but climbed in between, is two moments of a loop at work."""
    monitor = Monitor()
    await worried(room)
    await sent(room)
    room.clock.advance(timedelta(days=1))
    looking = asyncio.create_task(watch(room, monitor).look())
    await asyncio.sleep(0.05)
    async with room.storage.unit() as unit:
        await climb(unit, room.desk, room.clock.now())
        await unit.commit()
    await sent(room)
    room.clock.advance(timedelta(days=1))
    assert await looking == []


async def test_alerts_that_telegram_holds_up_are_mailed(room: Room) -> None:
    """S-31: after a minute an alert that Telegram does not take goes by mail to who has an address, once."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.people[StaffRole.FACILITATOR])
        assert isinstance(person, Person)
        await unit.people.save(replace(person, email="one@service.example"))
        await unit.commit()
    await worried(room)
    looking = watch(room, Monitor())
    for _ in range(3):
        room.clock.advance(timedelta(minutes=2))
        await looking.look(AT_ONCE)
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
        mailed = [row for row in await unit.outbox.waiting(chat.id) if row.way == "email"] if chat else []
    assert [row.text.split(" · ")[0] for row in mailed if not is_notice(row)] == ["K-101"]


async def test_a_loop_that_is_behind(room: Room) -> None:
    """R-17: a look that finds nothing is not clean while a loop does not complete its work."""
    monitor, rounds = Monitor(), Rounds(("poll",))
    looking = Watch(room.storage, room.desk, rounds, Metrics(rounds), lambda: None, monitor)
    assert await looking.look(AT_ONCE) == []
    assert monitor.calls == 0
    rounds.teller("poll")(True)
    await looking.look(AT_ONCE)
    assert monitor.calls == 1


def test_going_round_and_completing(tmp_path: Path) -> None:
    """R-17: a loop whose work fails goes round and is behind; one that does neither is stuck."""
    stopwatch = Stopwatch()
    rounds = Rounds(("poll", "sender"), stopwatch)
    assert rounds.behind() == ("poll", "sender")
    assert rounds.stuck() == ()
    for _ in range(3):
        rounds.teller("sender")(True)
        rounds.teller("poll")(False)
        stopwatch.seconds += 25
    assert (rounds.behind(), rounds.stuck()) == (("poll",), ())
    stopwatch.seconds += LIMITS["poll"].total_seconds()
    assert rounds.stuck() == ("poll", "sender")
    assert rounds.age("sender") == 25 + LIMITS["poll"].total_seconds()


async def test_every_kind_of_finding_has_words(room: Room) -> None:
    """S-20: whatever is found is told in words that name a case at most."""
    from bot.usecases.audit_cases import FOUND

    assert set(FOUND) == set(KINDS)
    async with room.storage.unit() as unit:
        assert await look(unit, room.clock.now()) == []
