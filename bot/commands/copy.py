"""`vestibule copy`: all data into another database, as from SQLite to PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from bot.commands.terminal import WRONG_USE, Told, complain, progress, say
from bot.ids import SystemIds
from bot.ports.stores import StorageFault
from bot.settings import load_settings
from bot.storage import copying
from bot.storage.address import is_postgres, shown
from bot.storage.copy_compare import NotTheSame
from bot.storage.copying import Copied, NotSure, SameDatabase
from bot.storage.sealing import Keyring


def copy(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where to, as postgresql://role@host/vestibule; leave the password to ~/.pgpass or PGPASSWORD. "
            "With --undo: where the copy is, to see that nothing was done on it.",
        ),
    ] = None,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            help="Use the database again though it was copied; only if the bot never ran on the copy.",
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="With --undo: you are certain that nothing was done on the copy, or it is gone."
        ),
    ] = False,
) -> None:
    """Copy all data into an empty database and compare both, with the bot stopped: from SQLite to PostgreSQL, or back.

    Broken off, run it again: it goes on. Afterwards nothing runs any more on the
    database that was copied. See docs/postgresql.md.
    """
    settings = load_settings()
    if undo:
        _undo(settings.database_url, to, sure=yes)
        return
    if to is None or yes:
        raise typer.BadParameter("either --to and an address, or --undo (with --to or --yes)")
    try:
        is_postgres(to)
        shown(to)
        copying.refuse_same(settings.database_url, to)
    except SameDatabase as fault:
        raise Told(str(fault), code=WRONG_USE) from None
    except StorageFault as fault:
        raise Told(f"--to: {fault}", code=WRONG_USE) from None
    ring = Keyring(settings.keys_text())
    try:
        with progress() as bar:
            done = copying.copy(settings.database_url, to, ring, SystemIds().new(), _Shown(bar))
    except SameDatabase as fault:
        raise Told(str(fault), code=WRONG_USE) from None
    except NotTheSame as fault:
        raise Told(
            "the copy is not the same; it is not to be used:",
            *fault.faults,
            "Something wrote meanwhile, or a disk is failing. Take an empty database, after: vestibule copy --undo",
        ) from None
    _say_next(done)


def _undo(url: str, to: str | None, *, sure: bool) -> None:
    try:
        done = copying.undo(url, to, sure=sure)
    except NotSure as fault:
        raise Told(str(fault), code=WRONG_USE) from None
    if not done:
        say(f"{shown(url)} was not copied; nothing was changed")
        return
    say(f"{shown(url)} can be used again, and nothing may run on its copy any more")


def _say_next(done: Copied) -> None:
    say(
        f"{done.target} holds all of {done.source}: {done.tables} tables, {done.rows} rows, the same on both sides"
    )
    say(f"SHA-256 of the rows: {done.digest}")
    if done.audit.faults:
        complain(
            [f"the audit log was not whole, and is copied as it is: {fault}" for fault in done.audit.faults]
        )
    say("next:")
    say("  1. set VESTIBULE_DATABASE_URL to the new address, for the bot and for whoever runs commands")
    say("  2. vestibule doctor")
    say(f"  3. vestibule audit verify --head {done.audit.head}")
    say("  4. start the bot")
    say(
        f"Nothing runs any more on {done.source}. Keep it until the bot has run well for some days and a backup of"
    )
    say(
        "the new database is made; then erase it and its backups, as it holds personal data. To go back before the"
    )
    say(
        "bot has run on the new one: vestibule copy --undo --to the new address, with the old one set. Afterwards: copy into an empty one."
    )


class _Shown:
    """The progress of a copy: a bar for the table under way in a terminal, elsewhere a line when a table is done."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total, visible=done < total)
        if self._bar.disable and done == total and total:
            say(f"{what}: {done} of {total}")
