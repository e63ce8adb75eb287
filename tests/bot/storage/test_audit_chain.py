"""The audit log: chained, grows only, tells when it was changed, and holds pseudonymous ids only."""

import ast
import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import CountingIds
from bot.ports import records as r
from bot.ports.audit import DETAIL, FIRST, AuditHead, AuditVerdict, NotPseudonymous
from bot.storage.address import database_file, is_postgres
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.behind import REFUSED, ask, change
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage import at_0001 as old
from tests.bot.storage.rows import at, named

BOT = Path(__file__).parents[3] / "bot"
ROWS = 6
COLUMNS = ("id", "seq", "at", "actor", "action", "subject", "detail", "prev", "hash")
TRIGGERS = ("audit_no_update", "audit_no_delete", "audit_no_insert_between", "audit_count")


def entry(number: int, **detail: str) -> r.AuditEntry:
    """One of several."""
    shown = detail or {"role": "F"}
    return r.AuditEntry(named("audit", number), at(number), named("staff"), "case.take", named("case"), shown)


LATER = 400 * 24 * 60
# An anchor as the retention makes one: 400 days later, for all before that entry's next microsecond.
ANCHOR = "INSERT INTO audit_anchors SELECT '{name}', seq, hash, at + 34560000000000, at + 1 FROM audit WHERE seq = {seq}"


async def write(storage: SqliteStorage, *numbers: int) -> None:
    """These entries, two in a transaction."""
    for start in range(0, len(numbers), 2):
        async with storage.unit() as unit:
            for number in numbers[start : start + 2]:
                await unit.audit.add(entry(number))
            await unit.commit()


async def verdict(storage: SqliteStorage, *args: Any) -> AuditVerdict:
    """What a look over the chain finds."""
    async with storage.unit() as unit:
        return await unit.audit.verify(*args)


def without_triggers(url: str) -> None:
    """What somebody does who has the database and wants to change the log."""
    on = " ON audit" if is_postgres(url) else ""
    change(url, *(f"DROP TRIGGER {name}{on}" for name in TRIGGERS))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with a log of six entries and no triggers any more."""
    file = tmp_path_factory.mktemp("log") / "log.db"
    migrate(f"sqlite:///{file}")

    async def fill() -> None:
        storage = SqliteStorage(f"sqlite:///{file}", Keyring(TEST_KEYS), CountingIds())
        await write(storage, *range(1, ROWS + 1))
        await storage.close()

    asyncio.run(fill())
    without_triggers(f"sqlite:///{file}")
    return file.read_bytes()


@pytest.mark.both_databases
async def test_each_entry_carries_the_hash_of_the_one_before(
    storage: SqliteStorage, database_url: str
) -> None:
    """R-16: entries are numbered from 1 without a gap, each names the hash before it, over units and restarts."""
    await write(storage, 1, 2, 3)
    await storage.close()
    await write(storage, 4)
    assert await verdict(storage) == AuditVerdict(4, (await verdict(storage)).head)
    rows = ask(database_url, "SELECT seq, prev, hash FROM audit ORDER BY seq")
    counted = ask(database_url, "SELECT value FROM counters WHERE name = 'audit'")
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    assert [row[1] for row in rows] == [FIRST, *(row[2] for row in rows[:-1])]
    assert counted == [(4,)]


@pytest.mark.both_databases
async def test_a_unit_that_is_rolled_back_leaves_no_entry(storage: SqliteStorage) -> None:
    """R-16: an entry is in the transaction of what it records: rolled back it leaves neither itself nor a gap."""
    await write(storage, 1)
    async with storage.unit() as unit:
        await unit.audit.add(entry(2))
    await write(storage, 3)
    assert (await verdict(storage)).checked == 2
    assert (await verdict(storage)).faults == ()


@pytest.mark.both_databases
async def test_an_empty_log_is_whole(storage: SqliteStorage) -> None:
    """R-16: a log without entries has nothing wrong with it."""
    assert await verdict(storage) == AuditVerdict(0, AuditHead())


@pytest.mark.both_databases
async def test_a_long_log_can_be_looked_over_in_parts(storage: SqliteStorage) -> None:
    """R-16: a look may stop and go on from the place it reached; the parts together find what one look does."""
    await write(storage, *range(1, 8))
    first = await verdict(storage, None, 3)
    assert (first.checked, first.head.seq, first.whole) == (3, 3, False)
    rest = await verdict(storage, first.head, 100)
    assert (rest.checked, rest.head, rest.whole) == (4, (await verdict(storage)).head, True)
    wrong = await verdict(storage, AuditHead(3, FIRST))
    assert wrong.faults


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET action = 'x' WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 2",
        "INSERT OR REPLACE INTO audit SELECT id, 9, at, actor, 'x', subject, detail, prev, hash FROM audit WHERE seq = 1",
        "INSERT OR REPLACE INTO audit SELECT 'x', seq, at, actor, 'x', subject, detail, prev, hash FROM audit WHERE seq = 1",
        "UPDATE OR REPLACE audit SET seq = 1 WHERE seq = 2",
        "INSERT INTO audit_anchors VALUES ('a', 1, 'no such hash', 0, 0)",
        "INSERT INTO audit_anchors SELECT 'a', 9, hash, 0, 0 FROM audit WHERE seq = 1",
        "INSERT INTO audit_anchors SELECT 'a', seq, hash, at + 1, at + 1 FROM audit WHERE seq = 2",
        "INSERT INTO audit_anchors SELECT 'a', seq, hash, at + 34560000000000, at FROM audit WHERE seq = 2",
    ],
)
async def test_the_database_refuses_what_is_not_growing(
    storage: SqliteStorage, database_url: str, statement: str
) -> None:
    """R-16: triggers refuse to change, delete, replace or put in an entry, and an anchor that names none."""
    await write(storage, 1, 2)
    with pytest.raises(REFUSED, match="audit log"):
        change(database_url, statement)
    assert (await verdict(storage)).checked == 2


@pytest.mark.both_databases
async def test_closed_months_leave_below_an_anchor_only(storage: SqliteStorage, database_url: str) -> None:
    """R-16: old entries up to an anchor may go, in steps; the chain holds on to its hash; a younger one stays."""
    await write(storage, *range(1, 6), LATER)
    change(database_url, ANCHOR.format(name="a", seq=3))
    with pytest.raises(REFUSED, match="only grows"):
        change(database_url, "DELETE FROM audit WHERE seq <= 4")
    for statement in ("DELETE FROM audit_anchors", "UPDATE audit_anchors SET seq = 5"):
        with pytest.raises(REFUSED, match="stays as it is"):
            change(database_url, statement)
    for upto, left in ((1, 5), (3, 3)):
        change(database_url, f"DELETE FROM audit WHERE seq <= {upto}")
        found = await verdict(storage)
        assert (found.checked, found.head.seq, found.faults) == (left, 6, ())
    change(database_url, ANCHOR.format(name="b", seq=5))
    with pytest.raises(REFUSED, match="only grows"):
        change(database_url, "DELETE FROM audit")
    change(database_url, "DELETE FROM audit WHERE seq <= 5")
    found = await verdict(storage)
    assert (found.checked, found.head.seq, found.faults) == (1, 6, ())


@pytest.mark.both_databases
async def test_an_anchor_that_no_run_has_made_is_found(storage: SqliteStorage, database_url: str) -> None:
    """R-16: who makes an anchor of their own, so that all may be deleted, is found: no run of the retention wrote of it."""
    await write(storage, 1, 2, 3)
    change(database_url, ANCHOR.format(name="a", seq=3), "DELETE FROM audit")
    [fault] = (await verdict(storage)).faults
    assert "no run of the retention" in fault


async def test_what_is_cut_off_behind_an_anchor_is_found(storage: SqliteStorage, database_url: str) -> None:
    """R-16: a log that ends before its newest anchor, or before its count, or begins without an anchor, is not whole."""
    await write(storage, *range(1, 5), LATER)
    await storage.close()
    change(database_url, ANCHOR.format(name="a", seq=3))
    without_triggers(database_url)
    file = database_file(database_url)
    whole = file.read_bytes()
    for says, statements in {
        "an anchor stands for entry 3": ("DELETE FROM audit WHERE seq > 2", "UPDATE counters SET value = 2"),
        "the count says 5": ("DELETE FROM audit WHERE seq > 4",),
        "no anchor stands for": ("DELETE FROM audit WHERE seq <= 4",),
        "is not the one the anchor": (
            "DROP TRIGGER audit_anchors_no_update",
            "UPDATE audit_anchors SET hash = 'x'",
        ),
        "the count is lost": ("DELETE FROM counters WHERE name = 'audit'",),
    }.items():
        file.write_bytes(whole)
        change(database_url, *statements)
        [fault] = (await verdict(storage)).faults
        assert says in fault
        await storage.close()


@pytest.mark.both_databases
async def test_a_log_that_was_tampered_with_goes_on(storage: SqliteStorage, database_url: str) -> None:
    """R-16, S-30: a cut log stops nobody's work; what follows is kept, and the cut still shows."""
    await write(storage, 1, 2, 3, 4)
    await storage.close()
    without_triggers(database_url)
    change(database_url, "DELETE FROM audit WHERE seq >= 3")
    await write(storage, 5)
    assert (await verdict(storage)).faults == ("entry 3 is missing: after it comes 5",)


def _look(written: bytes, folder: Path, *statements: tuple[str, tuple[Any, ...]]) -> tuple[str, ...]:
    file = folder / "mutated.db"
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    file.write_bytes(written)
    for statement, values in statements:
        change(f"sqlite:///{file}", statement, values=values)

    async def look() -> tuple[str, ...]:
        storage = SqliteStorage(f"sqlite:///{file}", Keyring(TEST_KEYS), CountingIds())
        try:
            return (await verdict(storage)).faults
        finally:
            await storage.close()

    return asyncio.run(look())


@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from(COLUMNS),
    value=st.one_of(
        st.integers(-(2**62), 2**62), st.text(max_size=70), st.binary(max_size=5), st.floats(allow_nan=False)
    ),
)
def test_any_changed_value_is_found(
    written: bytes, tmp_path_factory: pytest.TempPathFactory, seq: int, column: str, value: object
) -> None:
    """R-16: whatever value of whatever entry is written over with whatever else, the look over the log finds it."""
    folder = tmp_path_factory.mktemp("changed")
    file = folder / "before.db"
    file.write_bytes(written)
    with closing(sqlite3.connect(file)) as database:
        query = f"SELECT {column} FROM audit WHERE seq = ?"
        (was,) = database.execute(query, (seq,)).fetchone()
        others = database.execute("SELECT seq, id FROM audit WHERE seq <> ?", (seq,)).fetchall()
    # SQLite keeps 5.0 in a column of numbers as 5, and 5 in one of words as '5': those are no change.
    if was in (value, str(value)) or any(value in other or str(value) in other for other in others):
        return
    statement = f"UPDATE audit SET {column} = ? WHERE seq = ?"
    assert _look(written, folder, (statement, (value, seq)))


def _mutations() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for seq in range(1, ROWS + 1):
        yield "DELETE FROM audit WHERE seq = ?", (seq,)
        copied = (
            "SELECT 'x' || id, ?2, at, actor, action, subject, detail, prev, hash FROM audit WHERE seq = ?1"
        )
        for place in (-1, 0, ROWS + 1, ROWS + 2):
            yield f"INSERT INTO audit {copied}", (seq, place)


@pytest.mark.parametrize(("statement", "values"), list(_mutations()))
def test_any_entry_taken_out_or_put_in_is_found(
    written: bytes, tmp_path: Path, statement: str, values: tuple[Any, ...]
) -> None:
    """R-16: each entry taken out, the last one too, and a copy put in at either end is found."""
    assert _look(written, tmp_path, (statement, values))


@pytest.mark.parametrize("first", range(1, ROWS))
@pytest.mark.parametrize("second", range(2, ROWS + 1))
def test_any_two_entries_that_change_places_are_found(
    written: bytes, tmp_path: Path, first: int, second: int
) -> None:
    """R-16: entries in another order are found, whichever two."""
    if first >= second:
        return
    swap = [(first, -1), (second, first), (-1, second)]
    moves = [("UPDATE audit SET seq = ?2 WHERE seq = ?1", pair) for pair in swap]
    assert _look(written, tmp_path, *moves)


@pytest.mark.parametrize("column", ["detail", "at", "action"])
def test_text_that_is_none_is_found(written: bytes, tmp_path: Path, column: str) -> None:
    """R-16: bytes that are no text are a fault of the log, not of the software."""
    change = f"UPDATE audit SET {column} = CAST(x'ff' AS TEXT) WHERE seq = 2"
    assert _look(written, tmp_path, (change, ()))


def test_what_is_left_alone_is_whole(written: bytes, tmp_path: Path) -> None:
    """R-16: the log of these tests has no fault before it is changed."""
    assert _look(written, tmp_path) == ()


async def test_entries_of_before_are_chained_by_the_upgrade(tmp_path: Path, keyring: Keyring) -> None:
    """R-16: an upgrade chains what was there, and what comes after joins on."""
    file = tmp_path / "old.db"
    old.upgrade_to(file, "0001")
    old.fill(file, keyring)
    more = (
        "INSERT INTO audit SELECT ? || substr(id, 2), at, actor, action, subject, detail FROM audit LIMIT 1"
    )
    for letter in "zyx":  # not in the order of their ids
        change(f"sqlite:///{file}", more, values=(letter,))
    migrate(f"sqlite:///{file}")
    storage = SqliteStorage(f"sqlite:///{file}", keyring, CountingIds(10**6))
    await write(storage, 7)
    assert ((await verdict(storage)).checked, (await verdict(storage)).faults) == (5, ())
    await storage.close()


@pytest.mark.both_databases
async def test_between_gives_a_time_in_order(storage: SqliteStorage) -> None:
    """R-16: the entries of a time come in the order they were made, its start included, its end not."""
    await write(storage, 1, 2, 3, 4)
    async with storage.unit() as unit:
        assert await unit.audit.between(at(2), at(4)) == [entry(2), entry(3)]


@pytest.mark.parametrize(
    "detail",
    [
        {"name": "Anna"},
        {"role": "Anna Example"},
        {"why": "she said he was there"},
        {"taken_by": "anna"},
        {"people": f"{named('person')},anna"},
        {"step": "in the summer house"},
        {"to": "anna@service.example"},
        {"by": "+447700900123"},
        {"count": "five"},
        {"what": "phone\nand more"},
    ],
)
@pytest.mark.both_databases
async def test_names_and_free_text_are_refused(storage: SqliteStorage, detail: dict[str, str]) -> None:
    """S-20, R-16: an entry whose detail has a key or a shape that is not allowed is refused, and the value unsaid."""
    async with storage.unit() as unit:
        with pytest.raises(NotPseudonymous) as refused:
            await unit.audit.add(entry(1, **detail))
    assert not any(value in str(refused.value) for value in detail.values())


@pytest.mark.parametrize("field", ["actor", "subject", "action"])
@pytest.mark.parametrize("value", ["Anna", "anna", "5550001", "anna@service.example", "", "two words"])
@pytest.mark.both_databases
async def test_who_and_what_are_ids(storage: SqliteStorage, field: str, value: str) -> None:
    """S-20, R-16: actor and subject are ids, references or the software's own parts; a deed is a word of ours."""
    if (field, value) == ("action", "anna"):
        return  # one plain word: a deed is written in the code, never typed
    made: dict[str, str] = {
        "actor": "clock",
        "subject": named("case"),
        "action": "case.take",
        field: value,
    }
    async with storage.unit() as unit:
        with pytest.raises(NotPseudonymous):
            await unit.audit.add(r.AuditEntry(named("audit"), at(1), **made))


def test_every_deed_is_written_in_the_code() -> None:
    """S-20, R-16: wherever an entry is made, its keys are literal and allowed: none comes from what somebody typed."""
    made = 0
    for file in sorted(BOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called == "AuditEntry":
                made += 1
                keys = [
                    k.value
                    for d in node.args
                    if isinstance(d, ast.Dict)
                    for k in d.keys
                    if isinstance(k, ast.Constant)
                ]
            elif called == "audit" and "usecases" in file.parts:
                keys = [keyword.arg for keyword in node.keywords if keyword.arg]
            else:
                continue
            assert set(keys) <= DETAIL.keys(), f"{file.name}:{node.lineno}"
    assert made > 10, "the entries should be found, or this looks in the wrong place"
