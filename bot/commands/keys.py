"""`vestibule keys`: make keys, and see whether the ones set can be used."""

from __future__ import annotations

import asyncio

import typer

from bot.commands.terminal import Told, say
from bot.ids import SystemIds
from bot.settings import load_settings
from bot.storage.revisions import database_file
from bot.storage.sealing import BadKeys, Keyring
from bot.storage.unit_of_work import SqliteStorage

keys = typer.Typer(help="The keys that seal what is stored.", no_args_is_help=True)


@keys.command()
def new() -> None:
    """Print a fresh entry for VESTIBULE_KEYS. It is kept nowhere: store it yourself."""
    say(Keyring.generate())


@keys.command()
def check() -> None:
    """Say whether VESTIBULE_KEYS can be used, and whether they are those of the database if there is one."""
    settings = load_settings()
    try:
        ring = Keyring(settings.keys_text())
    except BadKeys as fault:
        raise Told(str(fault)) from None
    probe = ring.seal("probe", "probe", "1", b"probe")
    if ring.open("probe", "probe", "1", probe) != b"probe":
        raise Told("VESTIBULE_KEYS does not open what it seals")
    if not database_file(settings.database_url).exists():
        say("VESTIBULE_KEYS can be used; there is no database yet to try them on")
        return
    asyncio.run(try_on(settings.database_url, ring))
    say("VESTIBULE_KEYS can be used, and opens what the database holds")


async def try_on(url: str, ring: Keyring) -> None:
    """Open the database with the keys and look (bot.storage.key_check). Raises BadKeys, or StorageFault."""
    storage = SqliteStorage(url, ring, SystemIds())
    try:
        await storage.open()
    finally:
        await storage.close()
