"""`vestibule backup` and `vestibule restore`: sealed copies of the database, and putting one back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.keys import try_on
from bot.commands.moment import past
from bot.commands.terminal import WRONG_USE, Told, say
from bot.ids import SystemIds
from bot.settings import Settings, load_settings
from bot.storage import backup as backups
from bot.storage.address import database_file, is_postgres, shown
from bot.storage.copying import end_at
from bot.storage.opening import storage_at
from bot.storage.sealing import BadKeys, Keyring
from bot.usecases.expire import Expirer
from bot.usecases.restored import Settled, settle


def backup(
    file: Annotated[Path, typer.Argument(help="Where the backup goes, as /backups/2026-01-31.vestibule.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier backup of that name.")] = False,
) -> None:
    """Write a sealed backup while the bot runs, and restore it in a temporary place to see that it is good.

    Everything kept before the command began is in it. It takes VESTIBULE_BACKUP_KEYS to open it (or, where
    those are not set, VESTIBULE_KEYS): keep a copy of the keys, and never beside the backups.
    """
    settings, now = load_settings(), SystemClock().now()
    if is_postgres(settings.database_url):
        raise Told(
            "vestibule backup is for SQLite. On PostgreSQL use pg_dump --format=custom or pg_basebackup, and seal what "
            "they write: see docs/postgresql.md",
            code=WRONG_USE,
        )
    data = Keyring(settings.keys_text())

    def check(url: str) -> None:
        asyncio.run(try_on(url, data))

    backups.take(
        settings.database_url, file, _rings(settings)[0], check,
        software=version("vestibule"), now=now, force=force,
    )  # fmt: skip
    say(
        f"{file} holds everything up to {now:%Y-%m-%d %H:%M:%S} UTC; it was restored for a look, and is whole"
    )


def restore(
    file: Annotated[
        Path | None, typer.Argument(help="A backup (SQLite).", exists=True, dir_okay=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Though there is a database: it is put aside, not removed.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="PostgreSQL: pg_restore has put it back as it was then (UTC, as 2026-01-31T18:00, or with an offset).",
        ),
    ] = None,
) -> None:
    """Put a backup back, with the bot stopped: looked over first, brought up to date, and in place whole or not at all.

    What the bot did after the backup is not known to it any more. Alerts that waited then go out again;
    whatever else waited is withheld, open invitations are closed, and staff are told to look at all open cases.
    On PostgreSQL only this second part is done, after pg_restore. See docs/privacy/restore-drill.md.
    """
    settings = load_settings()
    if is_postgres(settings.database_url):
        _settle_postgres(settings, file, as_of)
        return
    if file is None or as_of is not None:
        raise typer.BadParameter("it takes a backup; --as-of is for PostgreSQL")
    url = settings.database_url
    backups.refuse_database(url, force=force)
    data = Keyring(settings.keys_text())
    with backups.room_beside(url) as folder:
        header, opened = backups.unpack(file, _rings(settings), folder)
        settled = asyncio.run(_settle(settings, backups.url_of(opened), data, header.at))
        aside = backups.put_in_place(opened, url, force=force, now=SystemClock().now())
    say(f"{database_file(url)} is as it was at {header.at:%Y-%m-%d %H:%M:%S} UTC")
    _say_settled(settled)
    if aside is not None:
        say(
            f"the former database is {aside}; remove it once all is well, with its -wal and -shm if there are any"
        )


def _settle_postgres(settings: Settings, file: Path | None, as_of: str | None) -> None:
    if file is not None or as_of is None:
        raise Told(
            "on PostgreSQL put the database back with pg_restore, then say as of when it is, before the bot starts: "
            "vestibule restore --as-of 2026-01-31T18:00. See docs/postgresql.md",
            code=WRONG_USE,
        )
    url, made_at = settings.database_url, past(as_of, "--as-of", SystemClock().now())
    with end_at(url).held():
        pass  # nobody runs on it
    settled = asyncio.run(_settle(settings, url, Keyring(settings.keys_text()), made_at))
    say(f"{shown(url)} is taken as it was at {made_at:%Y-%m-%d %H:%M:%S} UTC")
    _say_settled(settled)


def _say_settled(settled: Settled) -> None:
    say(f"messages withheld: {settled.withheld}, reminders withheld: {settled.reminders}")
    say(f"invitations closed: {settled.invitations}; invite anew whoever still needs one: vestibule invite")
    say(f"staff to be told when the bot runs: {settled.told}")
    say("Before the bot runs, do again what was done since then, or it is undone:")
    say("  people erased are there again: vestibule erase")
    say("  whoever left is a participant or staff again: vestibule leave")
    say(
        "  an account that was moved is on its old phone again: vestibule invite --replace, or leave until then"
    )
    say("  texts struck out are there again: vestibule strike")


def _rings(settings: Settings) -> list[Keyring]:
    """The keys for backups; those of the data open what was made before there were any of their own."""
    try:
        rings = [Keyring(settings.backup_keys_text())]
    except BadKeys as fault:
        if settings.backup_keys is None:
            raise
        raise BadKeys(str(fault).replace("VESTIBULE_KEYS", "VESTIBULE_BACKUP_KEYS")) from None
    return rings if settings.backup_keys is None else [*rings, Keyring(settings.keys_text())]


async def _settle(settings: Settings, url: str, keys: Keyring, made_at: datetime) -> Settled:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    desk = wiring.make_desk(settings, SystemClock(), SystemIds())
    storage = storage_at(url, keys, desk.ids)
    try:
        # What should be gone by now goes before anything of it can be sent (S-42).
        await Expirer(storage, desk).run()
        async with storage.unit() as unit:
            settled = await settle(unit, desk, made_at)
            await unit.commit()
    finally:
        await storage.close()
    return settled
