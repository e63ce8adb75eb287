"""The order of what goes out, and what gives way to what."""

from dataclasses import replace

import pytest

from bot.ports.records import Lane, OutboxRow
from bot.ports.stores import Unit
from bot.storage.outbox import _DUE, _NEXT
from bot.storage.sqlite import SqliteStorage
from tests.bot.storage import rows as make
from tests.bot.storage.explained import explained
from tests.bot.storage.rows import NOW, at, named

pytestmark = pytest.mark.both_databases


async def due(unit: Unit, lane: Lane, minutes: float = 0, limit: int = 10) -> list[str]:
    """The texts that may go now."""
    return [row.text for row in await unit.outbox.due(at(minutes), lane, limit)]


async def test_a_row_comes_back_as_added(storage: SqliteStorage) -> None:
    """A row comes back with all it was added with, and the id that the store gave it."""
    row = make.message(sensitive=True, not_after=at(10), instead="Please continue", fresh=True, ref="K-101")
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.outbox.add(row)
        assert await unit.outbox.due(NOW, Lane.REPLY, 5) == [replace(row, id=1)]
        assert await unit.outbox.waiting(named("chat")) == [replace(row, id=1)]


async def test_an_unsent_say_gives_way_to_a_newer_one(storage: SqliteStorage) -> None:
    """An unsent say of the slot gives way, in this unit or an earlier one; other slots, chats and deeds stay."""
    async with storage.unit() as unit:
        await make.settle(unit, people=2)
        for row in (
            make.message(op="retract", text="retract"),
            make.message(text="one"),
            make.message("door", text="door"),
            make.message(text="two"),
            make.message(chat_id=named("chat", 2), text="other"),
        ):
            await unit.outbox.add(row)
        await unit.commit()
    async with storage.unit() as unit:
        await unit.outbox.add(make.message(text="three"))
        assert [row.text for row in await unit.outbox.waiting(named("chat"))] == ["retract", "door", "three"]
        assert [row.text for row in await unit.outbox.waiting(named("chat", 2))] == ["other"]
        assert await unit.outbox.counts() == {"waiting": 4, "superseded": 2}


async def test_cancel_takes_slots_all_or_the_sensitive_ones(storage: SqliteStorage) -> None:
    """S-06: what waits for a chat can be cancelled by slot, wholly, or as far as it is sensitive."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.outbox.add(make.message("a", text="a", sensitive=True))
        await unit.outbox.add(make.message("b", text="b"))
        await unit.commit()
    async with storage.unit() as unit:
        await unit.outbox.add(make.message("c", text="c", sensitive=True))
        await unit.outbox.add(make.message("d", op="retract", text="d"))
        await unit.outbox.cancel(named("chat"), ["*"], sensitive_only=True)
        assert [row.text for row in await unit.outbox.waiting(named("chat"))] == ["b", "d"]
        await unit.outbox.cancel(named("chat"), ["d", "x"])
        assert [row.text for row in await unit.outbox.waiting(named("chat"))] == ["b"]
        await unit.outbox.cancel(named("chat"), ["*"])
        await unit.outbox.add(make.message("e", text="e"))
        assert [row.text for row in await unit.outbox.waiting(named("chat"))] == ["e"]


async def test_rows_of_a_chat_keep_their_order_and_only_alerts_overtake(storage: SqliteStorage) -> None:
    """R-12: a chat's rows go in order, one at a time; an alert passes them; tidying comes last."""
    async with storage.unit() as unit:
        await make.settle(unit)
        for text, lane in (
            ("tidy", Lane.TIDY),
            ("reminder", Lane.REMINDER),
            ("one", Lane.REPLY),
            ("two", Lane.REPLY),
        ):
            await unit.outbox.add(make.message(text, text=text, lane=lane))
        await unit.outbox.add(make.message("alert", text="alert", lane=Lane.ALERT))
        assert await due(unit, Lane.ALERT) == ["alert"]
        assert await due(unit, Lane.REPLY) == []
        assert await due(unit, Lane.REMINDER) == ["reminder"]
        assert await due(unit, Lane.TIDY) == ["tidy"]
        for row in await unit.outbox.waiting(named("chat")):
            if row.text in ("reminder", "tidy"):
                await unit.outbox.save(replace(row, state="sent"))
        assert await due(unit, Lane.REPLY) == ["one"]
        first = (await unit.outbox.due(NOW, Lane.REPLY, 5))[0]
        await unit.outbox.save(replace(first, attempts=1, next_try_at=at(3), ambiguous=True))
        assert await due(unit, Lane.REPLY, 1) == []
        assert await due(unit, Lane.REPLY, 3) == ["one"]


async def test_rows_of_many_chats_come_oldest_first(storage: SqliteStorage) -> None:
    """R-18: each chat's first due row comes, the oldest first, within the limit; later ones wait their time."""
    async with storage.unit() as unit:
        await make.settle(unit, people=3)
        for number, minutes in ((1, 2), (2, 1), (3, 9)):
            await unit.outbox.add(
                make.message(chat_id=named("chat", number), text=f"{number}", due_at=at(minutes))
            )
        await unit.outbox.add(make.message("later", chat_id=named("chat", 3), text="now", due_at=at(0)))
        assert await due(unit, Lane.REPLY, 5) == ["now", "2", "1"]
        assert await due(unit, Lane.REPLY, 5, limit=1) == ["now"]
        assert await due(unit, Lane.REMINDER, 5) == []


async def test_the_next_time_is_that_of_a_row_nothing_holds_back(storage: SqliteStorage) -> None:
    """R-05: the sender learns when something may be tried, and does not spin on a row held back by another."""
    async with storage.unit() as unit:
        await make.settle(unit)
        assert await unit.outbox.next_due_at() is None
        await unit.outbox.add(make.message("one", text="one"))
        await unit.outbox.add(make.message("two", text="two"))
        assert await unit.outbox.next_due_at() == NOW
        first = (await unit.outbox.due(NOW, Lane.REPLY, 1))[0]
        await unit.outbox.save(replace(first, next_try_at=at(3)))
        assert await unit.outbox.next_due_at() == at(3)


async def test_a_row_superseded_while_being_tried_is_not_tried_again(storage: SqliteStorage) -> None:
    """A row that gave way while it was on its way stays superseded, unless it got through."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.outbox.add(make.message(text="one"))
        one: OutboxRow = (await unit.outbox.due(NOW, Lane.REPLY, 1))[0]
        await unit.outbox.add(make.message(text="two"))
        await unit.outbox.save(replace(one, attempts=1, next_try_at=at(1)))
        assert await unit.outbox.counts() == {"waiting": 1, "superseded": 1}
        await unit.outbox.save(replace(one, state="sent"))
        assert await unit.outbox.counts() == {"waiting": 1, "sent": 1}


async def test_ways_are_apart_and_are_cancelled_together(storage: SqliteStorage) -> None:
    """R-12: a mail neither replaces nor holds back what goes by Telegram, nor the other way round."""
    mail = make.message(text="mail", way="email", sensitive=True)
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.outbox.add(mail)
        await unit.outbox.add(make.message(text="chat"))
        await unit.commit()
    async with storage.unit() as unit:
        await unit.outbox.add(make.message(text="newer chat"))
        assert await due(unit, Lane.REPLY) == ["newer chat"]
        assert await unit.outbox.due(NOW, Lane.REPLY, 5, "email") == [replace(mail, id=1)]
        await unit.outbox.save(replace(mail, id=1, attempts=1, next_try_at=at(3)))
        assert await unit.outbox.due(NOW, Lane.REPLY, 5, "email") == []
        assert await due(unit, Lane.REPLY) == ["newer chat"]
        assert [await unit.outbox.next_due_at(way) for way in ("telegram", "email")] == [NOW, at(3)]
        await unit.outbox.add(make.message(text="newer mail", way="email"))
        assert [row.text for row in await unit.outbox.waiting(named("chat"))] == ["newer chat", "newer mail"]
        await unit.outbox.cancel(named("chat"), ["question"])
        assert await unit.outbox.waiting(named("chat")) == []


@pytest.mark.sqlite_only
async def test_an_alert_is_found_at_once_among_ten_thousand_reminders(
    storage: SqliteStorage, database_url: str
) -> None:
    """R-12: with 10,000 reminders waiting, an alert of the same chats is found through the index, not by a scan."""
    async with storage.unit() as unit:
        await make.settle(unit, people=10)
        for number in range(10_000):
            chat = named("chat", number % 10 + 1)
            await unit.outbox.add(make.message(f"r{number}", chat_id=chat, lane=Lane.REMINDER, op="retract"))
        await unit.outbox.add(make.message("alert", text="alert", lane=Lane.ALERT))
        await unit.commit()
    async with storage.unit() as unit:
        assert await due(unit, Lane.ALERT) == ["alert"]
        assert len(await unit.outbox.due(NOW, Lane.REMINDER, 100)) == 10
        assert await unit.outbox.next_due_at() == NOW
    for statement in (_DUE, _NEXT):
        values = {"now": NOW, "lane": "alert", "limit": 1} if statement is _DUE else {}
        plan = explained(database_url, statement, {**values, "way": "telegram"})
        assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], plan


async def test_a_clock_set_back(storage: SqliteStorage) -> None:
    """R-05 What was due by the old time is due by the new, tries wait no longer; the other way and the later stay."""
    async with storage.unit() as unit:
        await make.settle(unit, people=3)
        for number, minutes in ((1, 0), (2, 0), (3, 30)):
            row = make.message(chat_id=named("chat", number), text=f"{number}", due_at=at(minutes))
            await unit.outbox.add(row)
        tried = (await unit.outbox.due(NOW, Lane.REPLY, 5))[0]
        await unit.outbox.save(replace(tried, attempts=1, next_try_at=at(10)))
        await unit.commit()
    async with storage.unit() as unit:
        await unit.outbox.clock_set_back(at(5), at(-60), "email")
        assert await due(unit, Lane.REPLY, -60) == []
        await unit.outbox.clock_set_back(at(5), at(-60))
        assert sorted(await due(unit, Lane.REPLY, -60)) == ["1", "2"]
