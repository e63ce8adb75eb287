"""The window of a self-test, and a week in which every reminder ends with its fate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Fate, ReminderKind
from bot.ports.records import Session
from bot.storage.sealing import Keyring
from bot.usecases import neutral
from tests.bot.desks import Room, open_room
from tests.bot.schedule.watching import AT, Watch, published

K = ReminderKind


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk whose session begins in 90 minutes."""
    async with open_room(database_url, keyring, published()) as room:
        yield room


@pytest.fixture
def watch(room: Room) -> Watch:
    """The schedule of the room."""
    return Watch(room)


async def test_before_its_window_the_test_is_not_open(room: Room) -> None:
    """S-32 /selftest before the window gets the neutral line; a setting for trials opens it at any time."""
    room.clock.advance(timedelta(minutes=-1))
    await room.ask(room.update(Command("selftest")))
    state = await room.state()
    assert state["outbox"][-1][3] == neutral.LATER.msgid
    async with room.storage.unit() as unit:
        programme = await unit.programmes.get(room.programme)
        assert programme is not None
        await unit.programmes.save(replace(programme, settings={"test_any_time": True}))
        await unit.commit()
    await room.begin()
    assert len((await room.state())["visits"]) == 1


async def test_a_test_begun_before_the_session_was_moved_is_begun_anew(room: Room, watch: Watch) -> None:
    """S-32 Half a test for the session as it was is not carried over into one that counts."""
    await room.begin()
    await room.play("ST-07:usual_room")
    session = await watch.session()
    await watch.put(replace(session, starts_at=AT + timedelta(hours=4), version=2))
    room.clock.advance(timedelta(hours=4))
    await room.begin()
    assert len((await room.state())["visits"]) == 2


async def test_every_row_is_accounted_for_after_a_week(room: Room, watch: Watch) -> None:
    """R-18 After a week of minutes with three sessions, over a clock change, each row due by then has its fate."""
    start = datetime(2027, 3, 24, 12, 0, tzinfo=UTC)  # clocks go forward on the 28th
    room.clock.advance(start - room.clock.now())
    async with room.storage.unit() as unit:
        programme = await unit.programmes.get(room.programme)
        [group] = await unit.programmes.groups(room.programme)
        assert programme is not None
        for number, at in enumerate(("2027-03-25T19:00", "2027-03-28T18:00", "2027-03-30T18:00")):
            when = datetime.fromisoformat(f"{at}+00:00")
            await unit.sessions.save(
                Session(
                    room.desk.ids.new(),
                    programme.id,
                    f"w{number}",
                    group.id,
                    None,
                    when,
                    90,
                    "zoom",
                    "https://m.example",
                )
            )
        await unit.commit()
    end = start + timedelta(days=7)
    await watch.until(end, timedelta(minutes=5))
    rows = await watch.rows()
    over = [row for row in rows if row.due_at <= end]
    assert [row for row in over if row.fate is Fate.DUE] == []
    assert all(row.done_at is not None for row in over)
    assert all(row.reason for row in over if row.fate not in (Fate.SENT,))
    mine = [row for row in over if row.person_id == room.participant]
    counted = {kind: sum(row.kind is kind for row in mine) for kind in K}
    assert [
        counted[kind] for kind in (K.DAY_BEFORE, K.TEST_OPENS, K.TEST_AGAIN, K.CONFIRM, K.HOLD_STANDS)
    ] == [3] * 5
    assert (counted[K.AFTER_SESSION], counted[K.CHECK_IN], counted[K.REFLECTION]) == (3, 1, 2)
    # Nothing delivers here, so that each line is overtaken by the next one in its place.
    told = [(r.fate, r.reason) for r in mine if r.kind is K.DAY_BEFORE]
    assert set(told) <= {(Fate.SENT, ""), (Fate.SKIPPED, "overtaken")}
    assert len(await room.cases()) == 3
