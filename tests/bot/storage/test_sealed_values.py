"""Every sealed column: bound to its place, and sealed anew under another key."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports import records as r
from bot.ports.stores import Unit, Unreadable
from bot.storage.columns import metadata
from bot.storage.sealed_values import place_of, sealed_columns
from bot.storage.sealing import BadKeys, CannotOpen, Keyring
from bot.storage.sqlite import SqliteStorage
from bot.usecases import rotate_keys
from bot.usecases.rotate_keys import AnotherKeyInFront, rotate
from tests.bot.behind import ask, change
from tests.bot.conftest import TEST_KEYS, storage_at
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, named

pytestmark = pytest.mark.both_databases

OLD, NEW = (f"{name}:{letter * 43}" for name, letter in (("k1", "A"), ("k2", "E")))
BOTH = f"{NEW} {OLD}"


def agreement(number: int) -> r.Agreement:
    """One of two."""
    return r.Agreement(
        named("agreement", number), named("person", number), 1, "en", {"WE-01": f"agreed {number}"}, NOW
    )


async def fill(storage: SqliteStorage, people: int = 2) -> None:
    """As many rows as people in every table with a sealed column."""
    async with storage.unit() as unit:
        await make.settle(unit, people)
        for n in range(1, people + 1):
            await unit.invitations.add(make.invitation(n, alias=f"invited {n}"), f"token {n}")
            await unit.sessions.save(make.session(n))
            await unit.answers.add(replace(make.answer(n), version=n, text=f"text {n}"))
            await unit.agreements.add(agreement(n))
            await unit.readiness.put(
                make.readiness(id=named("readiness", n), person_id=named("person", n), holds=(f"hold {n}",))
            )
            await unit.cases.add(make.case(100 + n), [])
            await unit.outbox.add(make.message(f"slot {n}", chat_id=named("chat", n), text=f"message {n}"))
        await unit.commit()


def stored(url: str) -> list[tuple[tuple[str, str, str], bytes]]:
    """Every sealed value with its place."""
    found = []
    for column in sealed_columns():
        names = [each.name for each in column.table.columns]
        for values in ask(url, f"SELECT {', '.join(names)} FROM {column.table.name} ORDER BY id"):
            row = dict(zip(names, values, strict=True))
            if row[column.name]:
                found.append((place_of(column, row), bytes(row[column.name])))
    return found


async def opens(unit: Unit) -> list[Any]:
    """The first row of every sealed column, read as the software reads it: the value, or the refusal."""
    return [await _read(unit, name) for name in READERS]


async def _read(unit: Unit, name: str) -> Any:
    try:
        return await READERS[name](unit)
    except Unreadable as refusal:
        return refusal


async def _readable(found: Awaitable[Any]) -> Any:
    row = await found
    row = row[0] if isinstance(row, list) else row
    if row is not None and not row.readable:
        raise Unreadable("left out")
    return row


READERS: dict[str, Callable[[Unit], Awaitable[Any]]] = {
    "agreements.points": lambda unit: unit.agreements.of_person(named("person", 1)),
    "answers.body": lambda unit: unit.answers.of_visit(make.answer(1).visit_id),
    "cases.body": lambda unit: _readable(unit.cases.get(named("case", 101))),
    "chats.body": lambda unit: unit.chats.get(named("chat", 1)),
    "invitations.alias": lambda unit: unit.invitations.by_token("token 1"),
    "outbox.payload": lambda unit: _readable(unit.outbox.waiting(named("chat", 1))),
    "people.body": lambda unit: unit.people.get(named("person", 1)),
    "readiness.body": lambda unit: unit.readiness.get(make.readiness().session_id, named("person", 1)),
    "sessions.link": lambda unit: unit.sessions.get(make.session(1).id),
    "visits.body": lambda unit: unit.visits.get(named("visit", 1)),
}
S41 = {
    "people": {"body"},  # name and e-mail, in one
    "invitations": {"alias"},  # name and e-mail, in one
    "chats": {"body"},  # chat and person, in one
    "answers": {"body"},
    "agreements": {"points"},
    "visits": {"body"},
    "readiness": {"body"},
    "outbox": {"payload"},
    "cases": {"body"},
    "sessions": {"link"},
}


@pytest.fixture
async def full(storage: SqliteStorage) -> SqliteStorage:
    """A storage with two rows of everything that is sealed."""
    await fill(storage)
    return storage


def test_what_the_rules_name_is_sealed() -> None:
    """S-41: everything the rule lists has its sealed column, found in the tables, each with a reader in these tests."""
    found: dict[str, set[str]] = {}
    for column in sealed_columns():
        found.setdefault(column.table.name, set()).add(column.name.removeprefix("sealed_"))
        assert column.table.c.id.primary_key
    assert {table: found.get(table, set()) & names for table, names in S41.items()} == S41
    assert {f"{table}.{name}" for table, names in found.items() for name in names} == READERS.keys()


def test_no_readable_column_is_named_like_what_is_sealed() -> None:
    """S-40, S-41: no table has a readable column for a name, an address, a text or a place; programmes and groups have names."""
    telling = (
        "alias",
        "email",
        "phone",
        "address",
        "text",
        "telegram",
        "choices",
        "concern",
        "link",
        "latitude",
        "ip",
    )
    readable = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if not column.name.startswith("sealed_")
    }
    assert {name for name in readable if any(name.endswith(f".{word}") for word in telling)} == set()
    assert {name for name in readable if name.endswith(".name")} == {
        "counters.name", "groups.name", "leases.name", "programmes.name", "pulses.name",
    }  # fmt: skip


async def test_a_sealed_value_opens_in_its_place_only(
    full: SqliteStorage, database_url: str, keyring: Keyring
) -> None:
    """S-41: each value of each sealed column opens where it was sealed, and in no other row, column or table."""
    values = stored(database_url)
    assert {place[:2] for place, _ in values} == {tuple(name.split(".")) for name in READERS}
    assert len(values) >= 2 * len(READERS)
    for place, _ in values:
        for other, sealed in values:
            if place == other:
                keyring.open(*place, sealed)
            else:
                with pytest.raises(CannotOpen, match="moved or changed"):
                    keyring.open(*place, sealed)


@pytest.mark.parametrize("name", list(READERS))
async def test_swapped_values_do_not_open(full: SqliteStorage, database_url: str, name: str) -> None:
    """S-41: a value put into another row, and one of any other column put here, is refused by the store that reads it."""
    async with full.unit() as unit:
        before = await READERS[name](unit)
        assert before
    table, column = name.split(".")
    [(place, own), (_, next_row), *_] = [
        found for found in stored(database_url) if found[0][:2] == (table, column)
    ]
    strange = [sealed for found, sealed in stored(database_url) if found[:2] != (table, column)]
    where = "chat_id || '.' || seal_id" if table == "outbox" else "id"
    for sealed in (next_row, *strange, own[:-1] + bytes([own[-1] ^ 1]), own[:20], b""):
        change(
            database_url,
            f"UPDATE {table} SET sealed_{column} = ? WHERE {where} = ?",
            values=(sealed, place[2]),
        )
        async with full.unit() as unit:
            assert isinstance(await _read(unit, name), Unreadable)


def opened(url: str, keys: str) -> SqliteStorage:
    """The storage with these keys."""
    return storage_at(url, Keyring(keys), SystemIds())


async def turn(storage: SqliteStorage) -> rotate_keys.Rotated:
    """A rotation to its end."""
    return await rotate(storage, SystemClock(), SystemIds(), lambda *_: None)


@pytest.fixture
async def sealed_before(database_url: str) -> str:
    """A database with rows sealed with the old key."""
    storage = opened(database_url, OLD)
    await fill(storage)
    await storage.close()
    return database_url


def keys_of(url: str) -> set[str]:
    """The ids of the keys that values are under."""
    return {sealed[2 : 2 + sealed[1]].decode() for _, sealed in stored(url)}


async def test_after_a_rotation_the_old_key_can_go(sealed_before: str) -> None:
    """S-41: everything is sealed anew and opens with the new key alone, look-ups as before; twice changes nothing."""
    before = opened(sealed_before, OLD)
    async with before.unit() as unit:
        expected = await opens(unit)
    await before.close()
    both = opened(sealed_before, BOTH)
    rotated = await turn(both)
    assert rotated.done == len(stored(sealed_before))
    assert (rotated.counts["k1"], rotated.counts["?"], rotated.unread) == (0, 0, ())
    assert keys_of(sealed_before) == {"k2"}
    anew = stored(sealed_before)
    assert (await turn(both)).done == 0
    assert stored(sealed_before) == anew
    async with both.unit() as unit:
        assert [e.detail["count"] for e in await unit.audit.of_subject("keys")] == [str(rotated.done), "0"]
        assert (await unit.audit.verify()).faults == ()
    await both.close()
    after = opened(sealed_before, f"{NEW} lookup:{OLD.partition(':')[2]}")
    async with after.unit() as unit:
        assert await opens(unit) == expected
        assert await unit.chats.by_telegram(make.BOT, make.chat(1).telegram_id) == make.chat(1)
        assert await unit.chats.of_person(named("person", 2)) == make.chat(2)
    await after.close()


@pytest.mark.sqlite_only
async def test_nothing_under_the_old_key_is_left_in_the_files(sealed_before: str) -> None:
    """S-41: after a rotation no value that the old key opens lies in free places of the file or in its journal."""
    before = [sealed for _, sealed in stored(sealed_before)]
    storage = opened(sealed_before, BOTH)
    await turn(storage)
    file = Path(sealed_before.removeprefix("sqlite:///"))
    kept = await asyncio.to_thread(lambda: [one.read_bytes() for one in file.parent.glob(f"{file.name}*")])
    await storage.close()
    assert len(kept) >= 3
    assert [sealed for sealed in before if any(sealed in held for held in kept)] == []


async def test_a_value_that_does_not_open_stops_nothing(sealed_before: str) -> None:
    """S-41: what is damaged is named and left as it is; all the rest is sealed anew."""
    shortened = "UPDATE answers SET sealed_body = substr(sealed_body, 1, 30) WHERE id = ?"
    change(sealed_before, shortened, values=(named("answer", 1),))
    storage = opened(sealed_before, BOTH)
    rotated = await turn(storage)
    assert rotated.unread == (f"answers.body of {named('answer', 1)} does not open: it was moved or changed",)
    assert (rotated.counts["k1"], rotated.done) == (1, len(stored(sealed_before)) - 1)
    await storage.close()


async def test_a_bot_with_an_older_key_in_front_is_noticed(sealed_before: str) -> None:
    """S-41: nothing is sealed anew while the bot that was started last seals with another key."""
    for front, refused in ((OLD, True), (NEW, False)):
        storage = opened(sealed_before, front if front == OLD else BOTH)
        async with storage.unit() as unit:
            await rotate_keys.note_sealing(unit, SystemClock().now())
            await unit.commit()
        await storage.close()
        storage = opened(sealed_before, BOTH)
        async with storage.unit() as unit:
            if refused:
                with pytest.raises(AnotherKeyInFront):
                    await rotate_keys.refuse_another(unit, ["k2", "k1"])
            else:
                await rotate_keys.refuse_another(unit, ["k2", "k1"])
        await storage.close()


ROTATE = """
import asyncio, os, signal, sys
from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.usecases import rotate_keys
rotate_keys.BATCH = 3
batches = []
def told(column, done, todo):
    batches.append(column)
    if len(batches) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    storage = SqliteStorage(sys.argv[1], Keyring(sys.argv[2]), SystemIds())
    print((await rotate_keys.rotate(storage, SystemClock(), SystemIds(), told)).done)
    await storage.close()
asyncio.run(main())
"""


async def _run(url: str, dies_at: int) -> tuple[int, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ROTATE, url, BOTH, str(dies_at),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, int(out or 0)


@pytest.mark.sqlite_only
async def test_killed_in_the_middle_it_goes_on_beside_a_writer(database_url: str) -> None:
    """S-41, R-02: killed after any batch and run again, beside somebody who writes; at the end the old key is not needed."""
    before = opened(database_url, OLD)
    await fill(before, 12)
    await before.close()
    writer, written = opened(database_url, BOTH), 0
    stop = asyncio.Event()

    async def write() -> int:
        number = 0
        while not stop.is_set():
            number += 1
            async with writer.unit() as unit:
                await unit.people.save(make.person(1 + number % 12, alias=f"changed {number}"))
                await unit.outbox.add(make.message(f"more {number}"))
                await unit.commit()
            await asyncio.sleep(0.002)
        return number

    beside = asyncio.create_task(write())
    for dies_at in (2, 5, 9, 14):
        code, _ = await _run(database_url, dies_at)
        assert code == -signal.SIGKILL
        assert keys_of(database_url) == {"k1", "k2"}
    code, done = await _run(database_url, 10_000)
    stop.set()
    written = await beside
    await writer.close()
    assert (code, done > 0, written > 5) == (0, True, True)
    assert keys_of(database_url) == {"k2"}
    after = opened(database_url, f"{NEW} lookup:{OLD.partition(':')[2]}")
    async with after.unit() as unit:
        assert not [found for found in await opens(unit) if isinstance(found, Exception)]
        assert len(await unit.outbox.waiting(named("chat", 1))) == 1 + written
    await after.close()
    assert all(Keyring(NEW).open(*place, sealed) is not None for place, sealed in stored(database_url))
    with pytest.raises(BadKeys):
        await opened(database_url, OLD).open()


def test_the_keyring_names_its_keys_by_id_only() -> None:
    """S-20, S-41: a keyring tells the ids of its keys, the sealing one first, and which look-ups are made with."""
    assert (Keyring(BOTH).ids, Keyring(BOTH).lookup_id) == (("k2", "k1"), "k1")
    kept = Keyring(f"{NEW} lookup:{OLD.partition(':')[2]}")
    assert (kept.ids, kept.lookup_id) == (("k2",), "lookup")
    assert Keyring(TEST_KEYS).ids == ("new", "old")


@pytest.mark.sqlite_only
async def test_deleted_values_are_overwritten(storage: SqliteStorage, database_url: str) -> None:
    """S-42: what is deleted does not stay in free places of the file."""
    await fill(storage)
    sealed = next(value for place, value in stored(database_url) if place[:2] == ("agreements", "points"))
    await storage.close()
    assert sealed in bytes_of(database_url)
    await storage.open()
    assert storage._driver is not None
    storage._driver.connection.execute("DELETE FROM agreements")
    await storage.close()
    assert sealed not in bytes_of(database_url)


def bytes_of(url: str) -> bytes:
    """The database's file."""
    return Path(url.removeprefix("sqlite:///")).read_bytes()
