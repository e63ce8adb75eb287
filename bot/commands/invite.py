"""`vestibule invite`: a single-use link for one person."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.bot_name import by_hand, name_for_links
from bot.commands.terminal import WRONG_USE, Told, say
from bot.ids import SystemIds
from bot.settings import Settings, load_settings
from bot.usecases.invite import ROLES, CannotInvite, Guest, Issued, choose_group, choose_programme, link_of
from bot.usecases.invite import invite as issue


def invite(
    role: Annotated[str, typer.Option(help=f"One of: {', '.join(ROLES)}.")],
    alias: Annotated[str, typer.Option(help="How staff know the person; never a full name.")],
    language: Annotated[str, typer.Option(help="The language to begin in, such as en.")],
    timezone: Annotated[str, typer.Option(help="The person's time zone, such as Europe/London.")],
    group: Annotated[str | None, typer.Option(help="The group's key, where there is more than one.")] = None,
    programme: Annotated[
        str | None, typer.Option(help="The programme's key, where there is more than one.")
    ] = None,
    days: Annotated[
        int, typer.Option(help="Days until the link opens nothing any more.", min=1, max=90)
    ] = 14,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="A new link for who is invited already; the old one opens nothing then."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print link, token and expires as JSON.")] = False,
) -> None:
    """Invite one person, participant or staff; prints the link. It works once."""
    guest = Guest(role, alias.strip(), language, timezone)
    try:
        issued, named = asyncio.run(_issue(load_settings(), guest, programme, group, days, again))
    except CannotInvite as no:
        raise Told(str(no), code=WRONG_USE) from None
    if as_json:
        link = link_of(named or "", issued.token)
        say(json.dumps({"link": link, "token": issued.token, "expires": issued.expires.isoformat()}))
        return
    say(f"link     {link_of(named, issued.token)}" if named else f"use      {by_hand(issued.token)}")
    say(f"token    {issued.token}")
    say(f"expires  {issued.expires:%Y-%m-%d %H:%M} UTC")


async def _issue(
    settings: Settings, guest: Guest, programme: str | None, group: str | None, days: int, again: bool
) -> tuple[Issued, str | None]:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    async with wiring.open_storage(settings) as storage, storage.unit() as unit:
        chosen = await choose_programme(unit, programme)
        into = await choose_group(unit, chosen, guest.role, group)
        issued = await issue(unit, SystemClock(), SystemIds(), chosen, into, guest, days, again=again)
        await unit.commit()
    return issued, await name_for_links(settings)
