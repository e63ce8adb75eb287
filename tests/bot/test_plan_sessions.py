"""Sessions moved, cancelled and changed: what was timed by the old plan goes, and staff hear of it in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import Programme, Readiness, Session, StaffRole, VisitRow
from bot.ports.stores import Unit
from bot.storage.sealing import Keyring
from bot.usecases.hold import counts
from bot.usecases.plan_sessions import (
    CannotPlan,
    Change,
    Wanted,
    cancel,
    change,
    find,
    instance_key,
    move,
    plan,
)
from flows.read import load_library
from flows.values import Level
from tests.bot.desks import PARTICIPANT, STAFF, START, Room, open_room

BY = "operator"


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A room with one session of its group, 90 minutes on, and a test done for it."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


async def session_of(unit: Unit, room: Room, key: str = "s") -> Session:
    found = await unit.sessions.by_key(room.programme, key)
    assert found is not None
    return found


async def programme_of(unit: Unit, room: Room) -> Programme:
    found = await unit.programmes.get(room.programme)
    assert found is not None
    return found


async def prepare(unit: Unit, room: Room, session: Session) -> Readiness:
    """A test that counts, a reminder that is due, and one that went."""
    visit = room.desk.ids.new()
    await unit.visits.add(
        VisitRow(visit, room.participant, "self_test", 1, session.id, "done", "{}", START, START)
    )
    ready = Readiness(
        room.desk.ids.new(), session.id, room.participant, visit, Level.READY, True, (), START,
        session_version=session.version,
    )  # fmt: skip
    await unit.readiness.put(ready)
    for kind, fate in ((ReminderKind.TEST_OPENS, Fate.SENT), (ReminderKind.TEST_AGAIN, Fate.DUE)):
        key = f"{kind}:{session.id}:{session.version}"
        await unit.reminders.add(
            Reminder(
                room.desk.ids.new(), key, room.programme, kind, START, START + timedelta(hours=1), session.id,
                room.participant, session.version, fate,
            )
        )  # fmt: skip
    return ready


async def notices(unit: Unit, room: Room) -> dict[int, list[str]]:
    """What waits for whom, by Telegram chat."""
    found = {}
    for telegram in (PARTICIPANT, *STAFF.values()):
        chat = await unit.chats.by_telegram(7, telegram)
        assert chat is not None
        if rows := await unit.outbox.waiting(chat.id):
            found[telegram] = [row.text for row in rows]
    return found


async def individual(unit: Unit, room: Room) -> Session:
    """A session of the participant alone."""
    alone = replace(
        await session_of(unit, room),
        id=room.desk.ids.new(),
        key="alone",
        group_id=None,
        person_id=room.participant,
    )
    await unit.sessions.save(alone)
    return alone


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("gone", [False, True])
async def test_what_was_timed_by_the_old_plan_goes(room: Room, alone: bool, gone: bool) -> None:
    """R-14, S-32: a moved or cancelled session, of a group or one person, drops its test and its due reminders."""
    async with room.storage.unit() as unit:
        session = await individual(unit, room) if alone else await session_of(unit, room)
        ready = await prepare(unit, room, session)
        assert counts(ready, session)
        later = session.starts_at + timedelta(hours=1)
        done = (
            await cancel(unit, room.desk, session, BY)
            if gone
            else await move(unit, room.desk, session, later, BY)
        )
        await unit.commit()
    async with room.storage.unit() as unit:
        kept = await session_of(unit, room, session.key)
        assert kept == done.session
        assert kept.version == session.version + 1
        assert not counts(await unit.readiness.get(session.id, room.participant), kept)
        fates = {(r.kind, r.fate, r.reason) for r in await unit.reminders.of_session(session.id)}
        assert fates == {
            (ReminderKind.TEST_OPENS, Fate.SENT, ""),
            (ReminderKind.TEST_AGAIN, Fate.CANCELLED, f"session {'cancelled' if gone else 'moved'}"),
        }
        [entry] = await unit.audit.of_subject(session.id)
        assert entry.action == ("session.cancelled" if gone else "session.moved")


async def test_staff_of_the_group_are_told_when_it_is_soon(room: Room) -> None:
    """S-20: moved or cancelled within 48 hours, whoever has a role in the group reads one line with times, no more."""
    async with room.storage.unit() as unit:
        session = await session_of(unit, room)
        moved = await move(unit, room.desk, session, session.starts_at + timedelta(days=9), BY)
        told = await notices(unit, room)
        assert list(told) == [STAFF[StaffRole.FACILITATOR]]
        [text] = told[STAFF[StaffRole.FACILITATOR]]
        assert text.startswith("A session has been moved from Mon")
        assert text.count("18:30") == 2
        assert "alias" not in text
        # Now it is nine days away: nobody needs to hear at once.
        await cancel(unit, room.desk, moved.session, BY)
        assert await notices(unit, room) == told


async def test_a_session_that_comes_near_is_told_too(room: Room) -> None:
    """Moved from far away to tomorrow is as urgent; and one taken back from its cancelling takes place again."""
    async with room.storage.unit() as unit:
        programme, session = await programme_of(unit, room), await session_of(unit, room)
        far = replace(session, starts_at=START + timedelta(days=9))
        await unit.sessions.save(far)
        near = await move(unit, room.desk, far, START + timedelta(days=1), BY)
        gone = await cancel(unit, room.desk, near.session, BY)
        again = as_wanted(gone.session, state="planned")
        [back] = await plan(unit, room.desk, programme, "s", [again], BY)
        assert (back.what, back.session.version) == ("takes place", 4)
        texts = (await notices(unit, room))[STAFF[StaffRole.FACILITATOR]]
        said = ("has been moved from", "has been cancelled", "takes place after all")
        assert [words in text for words, text in zip(said, texts, strict=True)] == [True] * 3


async def test_without_anybody_in_the_group_the_managers_are_told(room: Room) -> None:
    """R-07: a group whose staff cannot be reached has its managers told."""
    async with room.storage.unit() as unit:
        session = await session_of(unit, room)
        chat = await unit.chats.by_telegram(7, STAFF[StaffRole.FACILITATOR])
        assert chat is not None
        await unit.chats.set_state(chat.id, "blocked")
        await cancel(unit, room.desk, session, BY)
        assert STAFF[StaffRole.MANAGER] in await notices(unit, room)


async def test_a_link_leaves_tests_standing(room: Room) -> None:
    """S-32: a new link, or a shorter session, keeps tests done; another platform or a longer one does not."""
    async with room.storage.unit() as unit:
        session = await session_of(unit, room)
        await prepare(unit, room, session)
        for new, stays in (
            ({"link": "https://other.example"}, True),
            ({"minutes": 60}, True),
            ({"minutes": 61}, False),
        ):
            done = await change(unit, room.desk, session, BY, **new)  # type: ignore[arg-type]  # one by one
            assert done.what == "changed"
            session = done.session
            assert counts(await unit.readiness.get(session.id, room.participant), session) is stays
        done = await change(unit, room.desk, session, BY, platform="teams")
        assert (done.what, done.session.version) == ("changed", 5)
        assert (await change(unit, room.desk, done.session, BY)).what == "as it was"
        assert await notices(unit, room) == {}


def as_wanted(session: Session, **more: object) -> Wanted:
    """What a session is, as it may be wanted."""
    wanted = Wanted(
        session.key, session.group_id, session.person_id, session.starts_at, session.minutes, session.platform,
        session.link, session.state,
    )  # fmt: skip
    return replace(wanted, **more)  # type: ignore[arg-type]  # the test's shorthand


async def test_a_series_is_brought_up_to_date_by_its_days(room: Room) -> None:
    """R-14: a series taken in again doubles nothing; a day it has no more is cancelled; what is over stays."""
    async with room.storage.unit() as unit:
        programme, session = await programme_of(unit, room), await session_of(unit, room)
        times = [START + timedelta(days=days) for days in (-7, 7, 14)]
        wanted = [as_wanted(session, key=instance_key("w", at.date()), starts_at=at) for at in times]
        assert whats(await plan(unit, room.desk, programme, "w", wanted, BY)) == ["over", "made", "made"]
        assert whats(await plan(unit, room.desk, programme, "w", wanted, BY)) == [
            "over",
            "as it was",
            "as it was",
        ]
        assert await unit.sessions.by_key(room.programme, wanted[0].key) is None
        assert whats(await plan(unit, room.desk, programme, "w", wanted[:2], BY)) == [
            "over",
            "as it was",
            "cancelled",
        ]
        assert [one.key for one in await find(unit, room.desk, programme, "w")] == [wanted[1].key]
        # The series becomes one session: its days go, and nothing else does.
        alone = as_wanted(session, key="w", starts_at=times[2])
        assert whats(await plan(unit, room.desk, programme, "w", [alone], BY)) == ["made", "cancelled"]
        assert (await session_of(unit, room)).state == "planned"


def whats(changes: list[Change]) -> list[str]:
    """What became of each."""
    return [change.what for change in changes]


async def test_what_is_over_or_gone_cannot_be_found(room: Room) -> None:
    """A session that is over, cancelled or unknown is not moved, and a time that has passed is not taken."""
    async with room.storage.unit() as unit:
        programme, session = await programme_of(unit, room), await session_of(unit, room)
        with pytest.raises(CannotPlan, match="has passed"):
            await move(unit, room.desk, session, START - timedelta(minutes=1), BY)
        with pytest.raises(CannotPlan, match="there is no session x"):
            await find(unit, room.desk, programme, "x")
        await cancel(unit, room.desk, session, BY)
        with pytest.raises(CannotPlan, match="is cancelled already"):
            await find(unit, room.desk, programme, "s")
        await unit.sessions.save(replace(session, starts_at=datetime(2027, 2, 1, tzinfo=UTC)))
        with pytest.raises(CannotPlan, match="is over already"):
            await find(unit, room.desk, programme, "s")


async def test_a_result_counts_for_its_own_session_only(room: Room) -> None:
    """S-32: no result, one for another session, or one for the session as it was does not count."""
    async with room.storage.unit() as unit:
        session = await session_of(unit, room)
        ready = await prepare(unit, room, session)
    assert counts(ready, session)
    assert not counts(None, session)
    assert not counts(replace(ready, session_id="another"), session)
    assert not counts(ready, replace(session, version=2))
    assert not counts(ready, replace(session, state="cancelled"))
