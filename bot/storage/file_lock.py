"""One writer among all processes: a lock on a file beside the database.

SQLite before 3.51.3 can corrupt a WAL that two connections write and checkpoint at once, and `invite`
may run beside `run`. The lock is the kernel's: it goes when its process goes, however it goes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.storage.faults import DatabaseBusy, DatabaseMissing

_PAUSE = 0.005


class FileLock:
    """`<database>.lock`, held while something is written, checkpointed or closed; or one of another suffix.

    Asked for without waiting, again and again: no thread is left behind that gets it after its task has gone.
    """

    def __init__(
        self,
        database: Path,
        *,
        timeout: float = 10.0,
        suffix: str = ".lock",
        taken: str = "another process has held the database for {seconds:g} s; nothing was kept",
    ) -> None:
        self._path = database.with_name(database.name + suffix)
        self._timeout = timeout
        self._taken = taken
        self._file: int | None = None

    def _try(self) -> bool:
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise DatabaseMissing(f"{self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _given_up(self) -> DatabaseBusy:
        return DatabaseBusy(self._taken.format(seconds=self._timeout))

    async def take(self) -> None:
        """Take it without blocking the loop. Raises DatabaseBusy after the timeout (seconds)."""
        until = time.monotonic() + self._timeout
        while not self._try():
            if time.monotonic() > until:
                raise self._given_up()
            await asyncio.sleep(_PAUSE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it, waiting for it in this thread (migrations, checks). Raises DatabaseBusy after the timeout."""
        until = time.monotonic() + self._timeout
        try:
            while not self._try():
                if time.monotonic() > until:
                    raise self._given_up()
                time.sleep(_PAUSE)
            yield
        finally:
            self.close()

    def release(self) -> None:
        """Let others have it; harmless if it is not held."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release it and close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
