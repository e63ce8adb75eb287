"""`vestibule import`: a programme, its groups, staff and sessions from one file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.bot_name import links
from bot.commands.programme_yaml import read_programme
from bot.commands.terminal import progress, say
from bot.ids import SystemIds
from bot.settings import Settings, load_settings
from bot.texts import languages
from bot.usecases.import_programme import Imported, import_programme
from bot.usecases.programme_file import ProgrammeFile


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A file like docs/examples/programme.yaml.", exists=True, dir_okay=False)
    ],
) -> None:
    """Import a programme, its groups, staff and sessions; again, it brings them up to date."""
    read = read_programme(file, SystemClock().now())
    done, addresses = asyncio.run(_import(load_settings(), read))
    for line in done.lines:
        say(line)
    for language in sorted(set(read.programme.languages) - set(languages())):
        say(f"language {language}: there is no catalogue for it here yet, so it is not offered", "yellow")
    if done.invitations:
        say()
        say("Pass each link on to one person, by a safe way. It works once, and is shown only now:")
    for issued, address in zip(done.invitations, addresses, strict=True):
        where = f" ({issued.group})" if issued.group else ""
        say(f"{issued.guest.role} {issued.guest.alias}{where}, until {issued.expires:%Y-%m-%d %H:%M} UTC:")
        say(f"  {address}")


async def _import(settings: Settings, read: ProgrammeFile) -> tuple[Imported, list[str]]:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    parts = len(read.groups) + len(read.staff) + len(read.sessions)
    with progress() as bar:
        task = bar.add_task("importing", total=parts)
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            done = await import_programme(unit, SystemClock(), SystemIds(), read, lambda: bar.advance(task))
            await unit.commit()
    return done, await links(settings, done.invitations)
