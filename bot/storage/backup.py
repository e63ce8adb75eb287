"""Backups of a database in use, and putting one back. Blocks: from a coroutine run it in a thread.

The unsealed copy lies only in a folder of its own beside the database, where the same people can read it, and is
gone when the work is.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from bot.ports.stores import StorageFault
from bot.storage import backup_file
from bot.storage.address import database_file
from bot.storage.backup_file import MAGIC, BadBackup, Header
from bot.storage.faults import DatabaseBusy, DatabaseMissing, NotADatabase, clear_faults
from bot.storage.file_lock import FileLock
from bot.storage.revisions import current_revision, migrate
from bot.storage.sealing import Keyring

_FOLDER = ".vestibule-copy-"
_LEFT_BEHIND_SECONDS = 24 * 3600
_NAME = "copy.db"


class InTheWay(StorageFault):
    """Something is where the result should go."""


@contextmanager
def room_beside(url: str) -> Iterator[Path]:
    """A folder for unsealed copies beside the database, its owner's alone, gone at the end.

    What a killed process left there is removed after a day.
    """
    parent = database_file(url).absolute().parent
    if not parent.is_dir():
        raise DatabaseMissing(f"the folder {parent} for the database is not there")
    for old in parent.glob(f"{_FOLDER}*"):
        if time.time() - old.stat().st_mtime > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=parent) as folder:
        yield Path(folder)


def take(
    url: str,
    target: Path,
    keys: Keyring,
    check: Callable[[str], None],
    *,
    software: str,
    now: datetime,
    force: bool,
) -> None:
    """Write a sealed copy of the database as it is at one moment after `now`, while others write to it.

    The target is its owner's alone. It is there whole or not at all: only after it was restored in a temporary
    place, looked over and passed to `check` (the address; it raises if the keys of the data do not open it).
    Raises StorageFault; InTheWay if the target is there already and `force` is not set.
    """
    _refuse_target(url, target, force=force)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with room_beside(url) as folder:
            copy = _copy_of(database_file(url), folder / _NAME)
            revision = current_revision(url_of(copy))
            if revision is None:
                raise NotADatabase(f"{database_file(url)} has no tables yet; there is nothing to back up")
            made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(made, "wb") as sealed, copy.open("rb") as plain:
                backup_file.write(plain, sealed, keys, software=software, made_at=now, revision=revision)
                sealed.flush()
                os.fsync(made)
        with room_beside(url) as folder:
            check(url_of(unpack(part, [keys], folder)[1]))
        _refuse_target(url, target, force=force)
        part.replace(target)
        _keep_name(target)
    except OSError as error:
        raise StorageFault(f"the backup cannot be written: {error.strerror}; nothing was kept") from error
    finally:
        part.unlink(missing_ok=True)


def unpack(file: Path, rings: Sequence[Keyring], folder: Path) -> tuple[Header, Path]:
    """Open a backup into the folder, look it over and bring it to this software's tables.

    Raises BadBackup or another StorageFault; whether the keys of the data open it is for the caller to see.
    """
    opened = folder / _NAME
    try:
        with file.open("rb") as source:
            header = backup_file.read_header(source)
            source.seek(0)
            made = os.open(opened, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(made, "wb") as plain:
                for piece in backup_file.pieces(source, rings):
                    plain.write(piece)
                plain.flush()
                os.fsync(made)
    except OSError as error:
        raise StorageFault(f"{file} cannot be opened: {error.strerror}") from error
    if current_revision(url_of(opened)) != header.revision:
        raise BadBackup("the tables in the backup are not those its head speaks of")
    migrate(url_of(opened))
    _look_over(opened)
    return header, opened


def put_in_place(opened: Path, url: str, *, force: bool, now: datetime) -> Path | None:
    """Make an opened backup the database; gives where the former one was put aside, if there was one.

    Raises InTheWay if there is one and `force` is not set, DatabaseBusy if somebody has it open.
    """
    target = database_file(url)
    with clear_faults(), closing(sqlite3.connect(opened, isolation_level=None)) as connection:
        # Out of WAL: the one file is then all there is.
        connection.execute("PRAGMA journal_mode = DELETE")
    aside = None
    with FileLock(target).held():
        refuse_database(url, force=force)
        _refuse_in_use(target)
        if target.exists():
            aside = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
            target.rename(aside)
        for end in ("-wal", "-shm", "-journal"):
            # Left from the former database they would be taken for this one's.
            target.with_name(target.name + end).unlink(missing_ok=True)
        opened.replace(target)
        _keep_name(target)
    return aside


def refuse_database(url: str, *, force: bool) -> None:
    """Return if there is no database, or `force` is set. Raises InTheWay."""
    target = database_file(url)
    if target.exists() and not force:
        raise InTheWay(
            f"there is a database at {target}; nothing was changed. With --force it is put aside, not removed"
        )


def _refuse_in_use(target: Path) -> None:
    if not target.exists():
        return
    try:
        with closing(sqlite3.connect(target, timeout=1, isolation_level=None)) as connection:
            # Leaving WAL takes everybody else to have gone, and writes the log into the file.
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseBusy(f"{target} is in use; stop the bot first. Nothing was changed") from error
        raise StorageFault(f"{target} cannot be looked at ({error.sqlite_errorname})") from error
    except sqlite3.DatabaseError:
        return  # damaged, which may be why a backup is put back


def _copy_of(file: Path, copy: Path) -> Path:
    """All at one moment: the backup is one read transaction, which holds up no writer."""
    if not file.exists():
        raise DatabaseMissing(f"there is no database at {file}")
    copy.touch(mode=0o600)
    source = f"{file.absolute().as_uri()}?mode=ro"  # read only: it never writes or empties the log
    with (
        clear_faults(),
        closing(sqlite3.connect(source, uri=True, timeout=10)) as here,
        closing(sqlite3.connect(copy)) as there,
    ):
        here.backup(there)
    return copy


def _look_over(file: Path) -> None:
    with clear_faults(), closing(sqlite3.connect(file)) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if whole != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise NotADatabase("the database in the backup is damaged; take another backup")


def _refuse_target(url: str, target: Path, *, force: bool) -> None:
    if not target.exists():
        return
    if not force:
        raise InTheWay(
            f"{target} is there already; nothing was changed. Another name, or --force to replace it"
        )
    with target.open("rb") as found:
        if found.read(len(MAGIC)) != MAGIC:
            raise InTheWay(f"{target} is no backup, so it is not replaced; choose another name")


def _keep_name(file: Path) -> None:
    """A new name outlives a loss of power only once its folder is written."""
    folder = os.open(file.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def url_of(file: Path) -> str:
    """The address of a database file."""
    return f"sqlite:///{file}"
