"""A real PostgreSQL for the tests: where its programs are, a server of our own, and one that a whole run shares.

initdb and the server refuse to be root: as root they run as the system's `postgres`, or as `nobody`.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

ROLE = "vestibule"
GUARDED = "guarded"  # a role that is asked for its password; everybody else is let in
_ROOT = Path(__file__).parents[1]
_SECONDS = 60.0
_KEEPERS: list[subprocess.Popen[bytes]] = []  # they outlive whoever started them


def programs() -> Path | None:
    """The folder of PostgreSQL's programs: VESTIBULE_POSTGRES if set, else Debian's own, 15 before others, else the PATH's."""
    if named := os.environ.get("VESTIBULE_POSTGRES"):
        folders = [Path(named)]
    else:
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name != "15")
        found = shutil.which("initdb")
        folders = [*debian, *([Path(found).resolve().parent] if found else [])]
    return next(
        (each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None
    )


def required() -> bool:
    """Whether a missing PostgreSQL is a failure and not a skip."""
    return os.environ.get("VESTIBULE_REQUIRE_POSTGRES") == "1"


class Server:
    """A server in a folder of its own, reached by a socket there; it asks nobody for a password but GUARDED.

    `durable`: it waits for the disk, as it must where a test takes its power away.
    """

    def __init__(self, *, durable: bool = True) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is missing"
        self._programs = found
        # A socket's path may have 107 bytes at most, which is less than some temporary folders have.
        self.folder = Path(tempfile.mkdtemp(prefix="vestibule-pg-", dir="/tmp"))
        self._as: dict[str, Any] = {"cwd": self.folder, "stdin": subprocess.DEVNULL}
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._options = [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    def address(self, database: str, role: str = ROLE) -> str:
        """The database's address, as VESTIBULE_DATABASE_URL has it."""
        return address(self.folder, database, role)

    def start(self) -> None:
        """Start it, and return once it answers."""
        command = [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *self._options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", "listen_addresses=", "-c", "max_connections=200"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as,
            )
        until = time.monotonic() + _SECONDS
        while not _answers(self.folder):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT breaks off what runs; SIGQUIT leaves everything as after a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_SECONDS)
            self._process = None

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system, by all of its processes."""
        assert self._process is not None
        first, ticks = self._process.pid, 0
        for found in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = found.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile, and the first of them has its time
            if found.parent.name == str(first):
                ticks += sum(map(int, fields[11:15]))
            elif fields[1] == str(first):
                ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it that way, and start it again."""
        self.stop(how)
        self.start()

    def remove(self) -> None:
        """Stop it, and remove all it kept."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _make(self) -> None:
        command = [self._programs / "initdb", "-D", self.folder / "data", "-U", ROLE, "--auth=trust"]
        # A locale with an order of its own: what relies on the order of bytes has to say so.
        options = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"]
        made = subprocess.run(
            [*command, *options, "--no-sync"], capture_output=True, text=True, check=False, **self._as
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stderr}")
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n" + rules.read_text())


def address(folder: Path, database: str, role: str = ROLE) -> str:
    """The address of a database of the server whose socket is in that folder."""
    return f"postgresql://{role}@/{database}?host={folder}"


class Databases:
    """Databases on a running server, each as good as a server of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def address(self, database: str, role: str = ROLE) -> str:
        """Its address."""
        return address(self.folder, database, role)

    def make(self, name: str, template: str = "template1", options: str = "") -> str:
        """Make one, as a copy of another; its address."""
        self.run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} " + options).format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.address(name)

    def template(self, name: str, fill: Callable[[str], object]) -> None:
        """Make one to copy, filled once for all processes by what is given its address."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as one_at_a_time:
            one_at_a_time.execute("SELECT pg_advisory_lock(1)")
            if not self.has(name):
                self.drop("unfinished")
                fill(self.make("unfinished"))
                self.run(sql.SQL("ALTER DATABASE unfinished RENAME TO {}").format(sql.Identifier(name)))

    def drop(self, name: str) -> None:
        """Remove it, whoever is connected."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return bool(self.run(sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(name)))

    def run(self, command: sql.Composed | sql.SQL, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run something as the owner of everything; the rows it finds."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(command)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def shared(folder: Path) -> Iterator[Databases]:
    """The server of all processes that share that folder: started by the first, gone when the last is.

    It does not wait for the disk. Who uses it holds a lock, so that a process that is killed counts as gone.
    """
    with (folder / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with (folder / "starting").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not (folder / "server").is_symlink():
                _start_keeper(folder)
        yield Databases((folder / "server").readlink())


def _start_keeper(folder: Path) -> None:
    log = folder / "keeper.log"
    with log.open("ab") as says:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres", folder],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=says,
            stderr=says,
            start_new_session=True,
        )
    _KEEPERS.append(keeper)
    while not (folder / "server").is_symlink():
        if keeper.poll() is not None:
            raise RuntimeError(f"the server for the tests does not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)


def _keep(folder: Path) -> None:
    server = Server(durable=False)
    try:
        server.start()
        (folder / "server").symlink_to(server.folder)
        with (folder / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            (folder / "server").unlink()
    finally:
        server.remove()


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _answers(folder: Path) -> bool:
    try:
        psycopg.connect(address(folder, "postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
