"""`vestibule keys`: make keys, see whether the ones set can be used, and seal everything anew with the newest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.terminal import Told, progress, say
from bot.ids import SystemIds
from bot.ports.stores import Storage
from bot.settings import load_settings
from bot.storage.key_file import put_in_front
from bot.storage.opening import is_there, storage_at
from bot.storage.sealing import BadKeys, Keyring
from bot.usecases import rotate_keys
from bot.usecases.rotate_keys import AnotherKeyInFront, Rotated

_SAID_EVERY = 10 * rotate_keys.BATCH

keys = typer.Typer(help="The keys that seal what is stored.", no_args_is_help=True)


@keys.command()
def new(
    file: Annotated[
        Path | None, typer.Option(help="Put it in front in this file, mode 600, instead of printing it.")
    ] = None,
) -> None:
    """Print a fresh entry for VESTIBULE_KEYS, or put it into a file of keys.

    Printed, it is kept nowhere: store it yourself. In front of the others it
    seals from the next start on; then run: vestibule keys rotate
    """
    if file is None:
        say(Keyring.generate())
        return
    entries = put_in_front(file, Keyring.generate())
    say(f"{file} holds {_several(entries, 'key')} now, the new one in front; keep a copy elsewhere")
    if entries > 1:
        say("next: start the bot anew, so that it has the new key too; then: vestibule keys rotate")


@keys.command()
def check() -> None:
    """Say whether the keys can be used, whether they are those of the database, and what is under which of them."""
    settings = load_settings()
    ring = _ring(settings.keys_text())
    probe = ring.seal("probe", "probe", "1", b"probe")
    if ring.open("probe", "probe", "1", probe) != b"probe":
        raise Told("VESTIBULE_KEYS does not open what it seals")
    if not is_there(settings.database_url):
        say("VESTIBULE_KEYS can be used; there is no database yet to try them on")
        return
    counts = asyncio.run(_counted(settings.database_url, ring))
    if lost := counts.pop("?"):
        raise Told(f"{_several(lost, 'value')} in the database cannot be opened with any of the keys")
    say("VESTIBULE_KEYS can be used, and opens what the database holds")
    _say_keys(ring, counts)


@keys.command()
def rotate(
    stopped: Annotated[
        bool, typer.Option("--stopped", help="The bot does not run; whatever key it had in front last.")
    ] = False,
) -> None:
    """Seal everything anew with the key in front; afterwards the older ones can go.

    First put the new key in front (vestibule keys new) and start the bot anew.
    It may run meanwhile. Broken off, run it again: it goes on with what is left.
    """
    settings = load_settings()
    ring = _ring(settings.keys_text())
    try:
        rotated = asyncio.run(_rotate(settings.database_url, ring, stopped))
    except AnotherKeyInFront as other:
        raise Told(
            f"the bot that was started last seals with {other}, not with {ring.ids[0]}; nothing was changed. "
            "Start it anew with the same keys first, or say --stopped if it does not run"
        ) from None
    say(f"{_several(rotated.done, 'value')} sealed anew with {ring.ids[0]}")
    if rotated.unread:
        raise Told("these values do not open, and stay as they are:", *rotated.unread[:20])
    if behind := rotated.behind(ring.ids[0]):
        raise Told(
            f"{_several(behind, 'value')} came under an older key meanwhile: start the bot anew, run this again"
        )
    _say_keys(ring, rotated.counts)


async def _rotate(url: str, ring: Keyring, stopped: bool) -> Rotated:
    storage = storage_at(url, ring, SystemIds())
    try:
        await storage.open()
        if not stopped:
            async with storage.unit() as unit:
                await rotate_keys.refuse_another(unit, ring.ids)
        with progress() as bar:
            tasks = {name: bar.add_task(name, total=None, visible=False) for name in await _columns(storage)}

            def told(column: str, done: int, todo: int) -> None:
                bar.update(tasks[column], completed=done, total=todo, visible=True)
                if bar.disable and (done == todo or done % _SAID_EVERY == 0):
                    say(f"{column}: {done} of {todo}")

            return await rotate_keys.rotate(storage, SystemClock(), SystemIds(), told)
    finally:
        await storage.close()


async def _columns(storage: Storage) -> list[str]:
    async with storage.unit() as unit:
        return unit.sealed.columns()


async def _counted(url: str, ring: Keyring) -> dict[str, int]:
    storage = storage_at(url, ring, SystemIds())
    try:
        await storage.open()
        async with storage.unit() as unit:
            return await rotate_keys.count_all(unit)
    finally:
        await storage.close()


def _say_keys(ring: Keyring, counts: dict[str, int]) -> None:
    """A line for each key: what it is for, and whether it can go. Ids only."""
    for key in ring.ids:
        under = counts[key]
        if key == ring.ids[0]:
            says = f"seals; {_several(under, 'value')}"
        elif under:
            says = f"opens {_several(under, 'value')} still; to seal them anew: vestibule keys rotate"
        elif key == ring.lookup_id:
            says = f"opens nothing any more; look-ups need its bytes: write lookup: instead of {key}: before them"
        else:
            says = "not needed any more; take it out when no backup from its time is kept"
        say(f"{key}: {says}")
    if ring.lookup_id == "lookup":
        say("lookup: look-ups need it for ever")


def _ring(text: str) -> Keyring:
    try:
        return Keyring(text)
    except BadKeys as fault:
        raise Told(str(fault)) from None


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def try_on(url: str, ring: Keyring) -> None:
    """Open the database with the keys and look (bot.storage.key_check). Raises BadKeys, or StorageFault."""
    storage = storage_at(url, ring, SystemIds())
    try:
        await storage.open()
    finally:
        await storage.close()
