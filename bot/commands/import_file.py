"""`vestibule import`: a programme, its groups, staff and sessions from one file."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.bot_name import by_hand, name_for_links, refuse_other_links
from bot.commands.programme_yaml import fault_lines, read_programme
from bot.commands.terminal import Told, progress, say
from bot.ids import SystemIds
from bot.ports.records import Invitation
from bot.settings import Settings, load_settings
from bot.texts import languages
from bot.usecases.find_person import NoSuchPerson
from bot.usecases.import_programme import Imported, import_programme
from bot.usecases.import_sessions import BadSessions
from bot.usecases.invite import CannotInvite, link_of
from bot.usecases.programme_file import ProgrammeFile, Wrong

_WITHHELD = "a draft (VESTIBULE_DRAFTS=yes offers drafts), or left out by VESTIBULE_LANGUAGES"


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A file like docs/examples/programme.yaml.", exists=True, dir_okay=False)
    ],
) -> None:
    """Import a programme, its groups, staff and sessions; again, it brings them up to date."""
    read, settings = read_programme(file, SystemClock().now()), load_settings()
    try:
        done, named = asyncio.run(_import(settings, read))
    except (CannotInvite, NoSuchPerson) as no:
        raise Told(f"{file}: {no}") from None
    except BadSessions as bad:
        wrong = [Wrong(("sessions", one.index, one.field), one.says) for one in bad.misfits]
        raise Told(*fault_lines(file, wrong)) from None
    for line in done.lines:
        say(line)
    for language in sorted(set(read.programme.languages) - set(languages())):
        say(f"language {language}: there is no catalogue for it here yet, so it is not offered", "yellow")
    for language in sorted(set(read.programme.languages) & set(languages()) - set(settings.offered())):
        say(f"language {language}: {_WITHHELD}, so it is not offered", "yellow")
    if done.invitations:
        say()
        what = "link" if named else "token"
        say(f"Pass each {what} on to one person, by a safe way. It works once, and is shown only now:")
    for issued in done.invitations:
        where = f" ({issued.group})" if issued.group else ""
        say(f"{issued.guest.role} {issued.guest.alias}{where}, until {issued.expires:%Y-%m-%d %H:%M} UTC:")
        say(f"  {link_of(named, issued.token) if named else by_hand(issued.token)}")
    if done.waiting:
        say()
        say("Who is invited already and has lost the link gets a new one, in place of the old, with:")
    for invited in done.waiting:
        say(f"  {_new_link(read, invited)}")


def _new_link(read: ProgrammeFile, invited: Invitation) -> str:
    entry = next(one for one in read.staff if one.alias == invited.alias)
    group = entry.group or (read.groups[0].key if invited.group_id else None)
    given = {"role": invited.role, "alias": invited.alias, "language": invited.language}
    given |= {"timezone": invited.timezone, "programme": read.programme.key}
    given |= {"group": group} if group else {}
    return shlex.join(
        ["vestibule", "invite", *(part for n, v in given.items() for part in (f"--{n}", v)), "--again"]
    )


async def _import(settings: Settings, read: ProgrammeFile) -> tuple[Imported, str | None]:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    parts = len(read.groups) + len(read.staff) + len(read.sessions)
    with progress() as bar:
        task = bar.add_task("importing", total=parts)
        desk = wiring.make_desk(settings, SystemClock(), SystemIds())
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            await refuse_other_links(unit, settings)
            done = await import_programme(unit, desk, read, lambda: bar.advance(task))
            await unit.commit()
    return done, await name_for_links(settings) if done.invitations else None
