"""Backups: taken under load, opened only whole and with their key, and put back without doubling anything."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import CountingIds
from bot.ports.records import AuditEntry
from bot.ports.stores import StorageFault
from bot.storage import backup as backups
from bot.storage import backup_file
from bot.storage.backup import InTheWay
from bot.storage.backup_file import MAGIC, PIECE, BadBackup
from bot.storage.faults import DatabaseBusy, DatabaseMissing, DatabaseNewer, NotADatabase
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage

MADE_AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
RING, OTHER = Keyring("one:" + "B" * 42 + "A"), Keyring("one:" + "C" * 42 + "A")
FEW = 40


def take(url: str, file: Path, *, force: bool = False) -> Path:
    backups.take(url, file, RING, lambda _: None, software="1", now=MADE_AT, force=force)
    return file


def sealed(plain: bytes) -> bytes:
    out = io.BytesIO()
    backup_file.write(io.BytesIO(plain), out, RING, software="1", made_at=MADE_AT, revision="r")
    return out.getvalue()


def opened(data: bytes, *rings: Keyring) -> bytes:
    return b"".join(backup_file.pieces(io.BytesIO(data), rings or [RING]))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_what_is_sealed_opens(size: int) -> None:
    """S-41: a backup opens to what it was made of, whatever its length, and holds none of it readably."""
    plain = b"somebody's story " * (size // 17 + 1)
    data = sealed(plain[:size])
    assert opened(data) == plain[:size]
    assert b"somebody" not in data


@given(st.data())
def test_an_altered_backup_is_refused(data: st.DataObject) -> None:
    """S-41: cut off anywhere, lengthened, or with any bit changed, a backup does not open to its end."""
    whole = sealed(b"x" * 300)
    if data.draw(st.booleans()):
        bad = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        bad = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    with pytest.raises(BadBackup):
        opened(bad)
    with pytest.raises(BadBackup):
        opened(whole + b"x")


def test_pieces_keep_their_places() -> None:
    """S-41: a piece left out, doubled, put elsewhere or taken from another backup does not open."""
    whole, other = sealed(b"a" * (3 * PIECE)), sealed(b"b" * (3 * PIECE))
    start = len(whole) - 3 * (PIECE + 16)
    head, cut = whole[:start], [whole[start + n * (PIECE + 16) :][: PIECE + 16] for n in range(3)]
    foreign = other[-(PIECE + 16) :]
    for wrong in (
        cut[:2],
        cut[1:],
        [cut[0], cut[0], cut[2]],
        [cut[1], cut[0], cut[2]],
        [*cut[:2], foreign],
        cut[:0],
    ):
        with pytest.raises(BadBackup):
            opened(head + b"".join(wrong))
    assert opened(head + b"".join(cut)) == b"a" * (3 * PIECE)


def test_another_key_opens_nothing() -> None:
    """S-41: without its key a backup is refused, and one of several keys is enough."""
    data = sealed(b"x")
    with pytest.raises(BadBackup, match="no key opens"):
        opened(data, OTHER)
    assert opened(data, OTHER, RING) == b"x"


@pytest.mark.parametrize(
    "head", [b"", b"SQLite format 3\0", MAGIC, MAGIC + b"\xff\xff\xff\xff{", MAGIC + b"\0\0\0\2[]"]
)
def test_what_is_no_backup(head: bytes) -> None:
    """What is no backup is refused without reading on."""
    with pytest.raises(BadBackup):
        backup_file.read_header(io.BytesIO(head))


async def test_under_load_nothing_is_lost(storage: SqliteStorage, database_url: str, tmp_path: Path) -> None:
    """R-01: whatever was committed before a backup began is in it, each transaction whole, while others go on writing."""
    ids, kept, stop = CountingIds(1000), 0, asyncio.Event()

    async def write() -> None:
        nonlocal kept
        while not stop.is_set():
            async with storage.unit() as unit:
                await unit.seen.add(7, kept + 1, MADE_AT)
                await unit.audit.add(AuditEntry(ids.new(), MADE_AT, "clock", "noted", ids.new()))
                await unit.commit()
            kept += 1

    writing = asyncio.create_task(write())
    counts = []
    for number in range(3):
        while kept < (number + 1) * FEW:
            await asyncio.sleep(0.002)
        before = kept
        file = await asyncio.to_thread(take, database_url, tmp_path / f"{number}.vestibule")
        folder = tmp_path / f"out{number}"
        folder.mkdir()
        _, copy = await asyncio.to_thread(backups.unpack, file, [RING], folder)
        with closing(sqlite3.connect(copy)) as connection:
            seen = [row[0] for row in connection.execute("SELECT update_id FROM seen ORDER BY update_id")]
            noted = connection.execute("SELECT count(*) FROM audit").fetchone()[0]
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) == noted >= before
        counts.append(len(seen))
    stop.set()
    await writing
    assert kept > counts[0], "somebody wrote meanwhile"


def test_a_backup_is_its_owners_and_whole(database_url: str, tmp_path: Path) -> None:
    """S-41: a backup is readable for its owner only, leaves nothing unsealed behind, and replaces no file unasked."""
    file = take(database_url, tmp_path / "b.vestibule")
    assert file.stat().st_mode & 0o777 == 0o600
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]
    with pytest.raises(InTheWay, match="there already"):
        take(database_url, file)
    take(database_url, file, force=True)
    with pytest.raises(InTheWay, match="no backup"):
        take(database_url, tmp_path / "vestibule.db", force=True)
    with pytest.raises(DatabaseMissing):
        take(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "c.vestibule")
    with pytest.raises(StorageFault, match="cannot be written"):
        take(database_url, tmp_path / "none" / "c.vestibule")
    assert not (tmp_path / "c.vestibule").exists()


def test_a_backup_that_does_not_restore_is_none(database_url: str, tmp_path: Path) -> None:
    """A backup is there only once it was restored and looked at: a damaged database gives none."""
    file = tmp_path / "vestibule.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("INSERT INTO person_roles (person_id, role) SELECT 'nobody', 'duty'")
    with pytest.raises(NotADatabase, match="damaged"):
        take(database_url, tmp_path / "b.vestibule")

    def refuse(_: str) -> None:
        raise BadBackup("as the test asks")

    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM person_roles")
    with pytest.raises(BadBackup):
        backups.take(
            database_url, tmp_path / "b.vestibule", RING, refuse, software="1", now=MADE_AT, force=False
        )
    assert sorted(one.name for one in tmp_path.glob("*b.vestibule*")) == []


def test_a_later_softwares_backup_is_refused(database_url: str, tmp_path: Path) -> None:
    """A backup of tables this software does not know is refused, and an older one is brought up to date."""
    with closing(sqlite3.connect(tmp_path / "vestibule.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseNewer):
        take(database_url, tmp_path / "b.vestibule")


async def test_putting_back_refuses_a_database_in_use(
    storage: SqliteStorage, database_url: str, tmp_path: Path
) -> None:
    """R-01: a backup goes onto no database that is there unless told, and never onto one that is in use."""
    await storage.open()
    with pytest.raises(InTheWay):
        backups.refuse_database(database_url, force=False)
    with pytest.raises(DatabaseBusy, match="stop the bot"):
        await asyncio.to_thread(
            backups.put_in_place, Path(tmp_path / "none.db"), database_url, force=True, now=MADE_AT
        )
    async with storage.unit() as unit:
        await unit.seen.add(7, 1, MADE_AT)
        await unit.commit()
    await storage.close()
    file, folder = take(database_url, tmp_path / "b.vestibule"), tmp_path / "out"
    folder.mkdir()
    _, copy = backups.unpack(file, [RING], folder)
    (tmp_path / "vestibule.db").write_bytes(b"damaged" * 1000)
    (tmp_path / "vestibule.db-wal").write_bytes(b"of the former one")
    aside = backups.put_in_place(copy, database_url, force=True, now=MADE_AT)
    assert aside is not None
    assert aside.read_bytes().startswith(b"damaged")
    assert not (tmp_path / "vestibule.db-wal").exists()
    async with storage.unit() as unit:
        assert await unit.seen.known(7, [1, 2]) == {1}
    await storage.close()


def test_the_head_is_bound_to_the_rest() -> None:
    """S-41: a head that speaks of another time does not open what follows it."""
    data = sealed(b"x")
    header = backup_file.read_header(io.BytesIO(data))
    assert replace(header, made_at="x") != header
    with pytest.raises(BadBackup):
        opened(data.replace(b"2026-03-02", b"2026-03-03"))
