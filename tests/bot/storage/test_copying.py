"""All data from one database into another: the same afterwards to the bit, whatever broke off in between."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from bot.ids import CountingIds
from bot.ports.stores import StorageFault
from bot.storage import copying
from bot.storage.address import database_file, postgres_conninfo
from bot.storage.copy_compare import NotTheSame
from bot.storage.copying import NotSure, SameDatabase, copy, undo
from bot.storage.faults import DatabaseAway, DatabaseBusy, DatabaseCopied, DatabaseMissing, DatabaseOlder
from bot.storage.file_lock import FileLock
from bot.storage.postgres import PostgresStorage
from bot.storage.revisions import check_revision, migrate
from bot.storage.sealing import BadKeys, Keyring
from bot.storage.sqlite import SqliteStorage
from bot.storage.tables import outbox
from tests.bot.storage.copied import FAR, Broken, change, contents, taken
from tests.bot.storage.rows import named
from tests.postgres import Databases

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@KINDS
@pytest.mark.parametrize("first", ["sqlite", "postgresql"])
def test_all_of_it_arrives_as_it_was_stored(
    source: str, empty: Callable[[str], str], keyring: Keyring, first: str, kind: str
) -> None:
    """R-02: between databases of each kind every value of every table comes over as it was: sealed bytes, times, text, numbers."""
    before = contents(source)
    assert all(before.values()), "every table should have rows, or nothing is shown for it"
    here, there = empty(first), empty(kind)
    one, two = taken(source, here, keyring), taken(here, there, keyring)
    assert (one.digest, one.rows, one.audit) == (two.digest, two.rows, two.audit)
    assert one.rows == sum(map(len, before.values()))
    assert one.audit.whole
    assert not one.audit.faults
    assert contents(there) == before


@KINDS
async def test_the_copy_goes_on_where_the_source_ended(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-16: numbers go on past the highest that was ever given, cases and audit too, and all triggers are at work again."""
    target = empty(kind)
    await asyncio.to_thread(taken, source, target, keyring)
    check_revision(target)
    end = copying.end_at(target)
    with end.held():
        assert end.highest(outbox) == FAR
    for sql in (
        "DELETE FROM audit",
        "UPDATE audit_anchors SET seq = 1",
        "INSERT INTO audit_anchors VALUES ('y', 99, 'h', 1, 1)",
    ):
        with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
            change(target, sql)
    make = PostgresStorage if kind == "postgresql" else SqliteStorage
    storage = make(target, keyring, CountingIds(10**7))
    async with storage.unit() as unit:
        assert (await unit.audit.verify()).faults == ()
        assert await unit.cases.next_number() == 4712
        assert await unit.people.get(named("person")) is not None
    await storage.close()


@KINDS
@pytest.mark.parametrize(
    ("table", "sql", "says"),
    [
        ("ledger", "UPDATE ledger SET message_id = message_id + 1 WHERE id LIKE '%3'", r"ledger l0*3 differs in message_id"),
        ("people", "UPDATE people SET sealed_body = body.s FROM (SELECT sealed_payload AS s FROM outbox LIMIT 1) AS body", r"people person0*1 differs in sealed_body"),
        ("ledger", "DELETE FROM ledger WHERE id LIKE '%5'", r"ledger: 8 rows to copy, 7 in the copy; ledger l0*5 is not in the copy"),
        ("seen", "INSERT INTO seen VALUES (1, 1, 1, '')", r"seen: .*; seen 1, 1 is in the copy only"),
    ],
)  # fmt: skip
def test_a_row_that_was_tampered_with_is_found(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str, table: str, sql: str, says: str
) -> None:
    """R-02: a value changed, a row lost or a row too many in the copy is named, and the copy stays unusable."""
    target, done = empty(kind), set()

    def told(what: str, _done: int, _total: int) -> None:
        if what == "counters" and not done:
            done.add(what)
            raise Broken

    with pytest.raises(Broken):
        copy(source, target, keyring, "one", told)
    change(target, sql)
    with pytest.raises(NotTheSame, match=says):
        taken(source, target, keyring)
    with pytest.raises(DatabaseCopied):
        check_revision(target)


def test_nothing_runs_on_what_was_copied(source: str, empty: Callable[[str], str], keyring: Keyring) -> None:
    """R-15: a database that was copied is refused by everything and names the new one, until that is taken back by hand."""
    target = empty("sqlite")
    taken(source, target, keyring)
    with pytest.raises(DatabaseCopied, match=f"copied into {database_file(target)}"):
        check_revision(source)
    with pytest.raises(DatabaseCopied, match="copied into"):
        taken(source, empty("sqlite"), keyring)
    with pytest.raises(DatabaseCopied, match="another copy"):
        taken(target, source, keyring)
    with pytest.raises(NotSure, match="only there"):
        undo(source)
    assert undo(source, target)
    check_revision(source)
    assert not undo(source)
    with pytest.raises(StorageFault, match="is in use: there are rows in"):
        taken(source, target, keyring)


@KINDS
def test_half_a_copy_is_nobodys_database(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-02: half a copy is not taken for a whole one: not by another source, not as a source, not by taking it back."""
    target, other = empty(kind), empty("sqlite")

    def told(what: str, _done: int, _total: int) -> None:
        if what == "people":
            raise Broken

    with pytest.raises(Broken):
        copy(source, target, keyring, "one", told)
    with pytest.raises(DatabaseCopied, match="not finished"):
        taken(target, other, keyring)
    with pytest.raises(DatabaseCopied, match="half a copy"):
        undo(target)
    undo(source)
    with pytest.raises(DatabaseCopied, match="another copy"):
        taken(source, target, keyring, "two")
    taken(source, other, keyring, "three")


@KINDS
@pytest.mark.parametrize(
    "done",
    [
        "UPDATE pulses SET at = at + 60000000",
        "INSERT INTO audit SELECT 'later', seq + 1, at, actor, action, subject, detail, hash, 'h' FROM audit ORDER BY seq DESC LIMIT 1",
    ],
)
def test_a_copy_that_was_used_is_not_undone(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str, done: str
) -> None:
    """R-02, R-15: where the bot has run on the copy, what was done since is only there: the old one stays shut."""
    target = empty(kind)
    change(source, "INSERT INTO pulses (name, at) VALUES ('clock', 1)")
    taken(source, target, keyring)
    change(target, done)
    with pytest.raises(DatabaseCopied, match="is not as it was copied"):
        undo(source, target)
    with pytest.raises(DatabaseCopied):
        check_revision(source)
    with pytest.raises(SameDatabase):
        undo(source, source)


@KINDS
def test_migrate_does_not_touch_what_was_copied(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-15: `migrate` refuses a database whose data have gone elsewhere, and says where to; an older one can be taken back."""
    here, there = empty(kind), empty("sqlite")
    taken(source, here, keyring)
    taken(here, there, keyring)
    change(here, "UPDATE alembic_version SET version_num = '0005'")
    change(here, "DELETE FROM works_with")
    with pytest.raises(DatabaseCopied, match=r"was copied into .*target\d+.db.* vestibule copy --undo"):
        migrate(here)
    assert undo(here, sure=True)
    with pytest.raises(DatabaseOlder, match="vestibule migrate"):
        check_revision(here)


async def test_beside_a_bot_on_sqlite_it_is_refused(
    source: str, empty: Callable[[str], str], keyring: Keyring
) -> None:
    """R-15: while a bot runs on the source or on the target nothing is copied; while it is copied nothing else writes."""
    target = empty("sqlite")
    migrate(target)
    for url in (source, target):
        bot = SqliteStorage(url, keyring, CountingIds())
        await bot.open(sole=True)
        with pytest.raises(DatabaseBusy, match="runs the bot"):
            await asyncio.to_thread(taken, source, target, keyring)
        await bot.close()

    def told(_what: str, _done: int, _total: int) -> None:
        for url in (source, target):
            with pytest.raises(DatabaseBusy), FileLock(database_file(url), timeout=0).held():
                pass

    await asyncio.to_thread(copy, source, target, keyring, "one", told)


@pytest.mark.parametrize("end", ["from", "into"])
async def test_beside_a_bot_on_postgres_it_is_refused(
    source: str, empty: Callable[[str], str], keyring: Keyring, end: str
) -> None:
    """R-15: while a process of the bot is connected to PostgreSQL, or holds its lease, nothing is copied from or into it."""
    first, second = empty("postgresql"), empty("postgresql")
    await asyncio.to_thread(taken, source, first, keyring)
    migrate(second)
    used = first if end == "from" else second
    bot = PostgresStorage(used, keyring, CountingIds())
    await bot.open()
    with pytest.raises(DatabaseBusy, match="bot runs on"):
        await asyncio.to_thread(taken, first, second, keyring)
    await bot.close()
    change(used, f"INSERT INTO leases VALUES ('leader', 'x', 1, {2**62})")
    with pytest.raises(DatabaseBusy, match="bot runs on"):
        await asyncio.to_thread(taken, first, second, keyring)
    change(used, "DELETE FROM leases")
    storage = PostgresStorage(second, keyring, CountingIds(), lock_timeout=0.2)
    with copying.end_at(second).held(), pytest.raises(DatabaseBusy):
        async with storage.unit():
            pass
    await storage.close()
    await asyncio.to_thread(taken, first, second, keyring)


async def test_a_bot_that_waited_for_the_lock_finds_the_mark(
    source: str, empty: Callable[[str], str], keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-15: a bot that had looked at a SQLite file before it was copied, and then waited, does not start on it."""
    await asyncio.to_thread(taken, source, empty("sqlite"), keyring)
    monkeypatch.setattr("bot.storage.sqlite.check_revision", lambda _: None)  # it was good then
    bot = SqliteStorage(source, keyring, CountingIds())
    with pytest.raises(DatabaseCopied):
        await bot.open(sole=True)
    await bot.close()


@pytest.mark.parametrize("end", ["from", "into"])
def test_a_bot_that_came_meanwhile_is_noticed(
    source: str, empty: Callable[[str], str], keyring: Keyring, end: str
) -> None:
    """R-15: a process that looked at the database just before it was marked keeps the copy from being finished."""
    first, second = empty("postgresql"), empty("postgresql")
    taken(source, first, keyring)
    used = first if end == "from" else second
    with ExitStack() as connected:

        def told(what: str, done: int, _total: int) -> None:
            if what == "people" and done:
                connected.enter_context(
                    psycopg.connect(postgres_conninfo(used), application_name="vestibule")
                )

        with pytest.raises(DatabaseBusy, match="bot runs on"):
            copy(first, second, keyring, "one", told)
    for url in (first, second):
        with pytest.raises(DatabaseCopied, match="not finished"):
            check_revision(url)
    taken(first, second, keyring)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE programmes SET name = 'a' || char(0) || 'b'", "programmes.name of programme0*1"),
        ("UPDATE counters SET value = 2147483648", "counters.value of "),
        ("UPDATE visits SET script = CAST('x' AS BLOB)", "visits.script of visit"),
        ("UPDATE programmes SET settings = '{'", "programmes.settings of "),
        ("UPDATE ledger SET sensitive = 2", "ledger.sensitive of "),
        ("UPDATE pulses SET name = printf('%065d', 1)", "pulses.name of 0"),
        ("UPDATE answers SET sealed_body = 'text'", "answers.sealed_body of "),
    ],
)  # fmt: skip
def test_what_postgres_does_not_keep_is_found_before(
    source: str, empty: Callable[[str], str], keyring: Keyring, sql: str, says: str
) -> None:
    """R-02: a value that only SQLite keeps (NUL in a text, a number too large) is named before anything is copied."""
    target = empty("postgresql")
    change(source, sql)
    with pytest.raises(StorageFault, match=says):
        taken(source, target, keyring)
    check_revision(source)
    check_revision(target)


@KINDS
def test_a_damaged_source_is_named(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-02: a row that points nowhere is refused by the copy as it should have been before, and named by table alone."""
    change(source, "UPDATE ledger SET chat_id = 'nowhere' WHERE id LIKE '%4'")
    with pytest.raises(StorageFault, match=r"^ledger: .* refuses a row of it \((fk_|SQLITE_).*\)$"):
        taken(source, empty(kind), keyring)


@KINDS
def test_a_text_that_is_none_is_named(
    source: str, empty: Callable[[str], str], keyring: Keyring, kind: str
) -> None:
    """R-02: bytes in the place of a text, which nothing of ours writes, end the copy with the table's name."""
    change(source, "UPDATE ledger SET kept = CAST(x'ff' AS TEXT) WHERE id LIKE '%4'")
    with pytest.raises(StorageFault, match="ledger holds a text that cannot be read, among its first rows"):
        taken(source, empty(kind), keyring)


def test_what_cannot_be_begun_changes_nothing(
    source: str, empty: Callable[[str], str], keyring: Keyring, tmp_path: Path, postgres_server: Databases
) -> None:
    """R-02: another's keys, one database twice, a database that is not there or cannot be reached: refused in clear words."""
    target = empty("postgresql")
    with pytest.raises(BadKeys, match="this database was sealed with"):
        taken(source, target, Keyring("new:" + "B" * 42 + "A"))
    with pytest.raises(SameDatabase):
        taken(source, f"sqlite+aiosqlite:///{tmp_path}/./source.db", keyring)
    with pytest.raises(SameDatabase):
        taken(target, target.replace("postgresql:", "postgresql+psycopg:"), keyring)
    with pytest.raises(DatabaseMissing, match="createdb"):
        taken(source, postgres_server.address("copy_nowhere"), keyring)
    with pytest.raises(DatabaseAway, match="cannot be reached"):
        taken(source, "postgresql://nobody@127.0.0.1:1/nowhere", keyring)
    with pytest.raises(DatabaseMissing, match="--to"):
        taken(source, postgres_server.address("postgres", "guarded_nobody"), keyring)
    with pytest.raises(DatabaseMissing):
        taken(f"sqlite:///{tmp_path}/none.db", target, keyring)
    check_revision(source)


def test_an_audit_log_that_was_not_whole_is_copied_as_it_is(
    source: str, empty: Callable[[str], str], keyring: Keyring
) -> None:
    """R-16: what an audit log says of itself is the same after a copy, a fault too."""
    change(source, "DROP TRIGGER audit_no_update")
    change(source, "UPDATE audit SET actor = 'operator' WHERE seq = 5")
    change(
        source, "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    found = taken(source, empty("postgresql"), keyring)
    assert found.audit.faults == ("entry 5 was changed",)
