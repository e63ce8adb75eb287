"""`vestibule invite`: a single-use link for one person; moving somebody to another account; taking a link back."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.bot_name import by_hand, name_for_links, refuse_other_links
from bot.commands.terminal import WRONG_USE, Told, say
from bot.ids import SystemIds
from bot.settings import Settings, load_settings
from bot.usecases.find_person import NoSuchPerson, find_person
from bot.usecases.invite import (
    ROLES,
    CannotInvite,
    Guest,
    Issued,
    choose_group,
    choose_programme,
    invite_again,
    link_of,
    revoke,
)
from bot.usecases.invite import invite as issue

DAYS, DAYS_TO_MOVE = 14, 2


def invite(
    role: Annotated[str | None, typer.Option(help=f"One of: {', '.join(ROLES)}.")] = None,
    alias: Annotated[str | None, typer.Option(help="How staff know the person; never a full name.")] = None,
    language: Annotated[str | None, typer.Option(help="The language to begin in, such as en.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The person's time zone, such as Europe/London.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="The group's key, where there is more than one.")] = None,
    programme: Annotated[
        str | None, typer.Option(help="The programme's key, where there is more than one.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            help=f"Days until the link opens nothing any more; {DAYS}, or {DAYS_TO_MOVE} with --replace.",
            min=1,
            max=90,
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="A new link for who is invited already; the old one opens nothing then."
        ),
    ] = False,
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replace",
            metavar="ALIAS",
            help="A link by which somebody enrolled goes on in another Telegram account. Make sure who is asking: "
            "the old chat is cleared and closed as soon as the link is opened.",
        ),
    ] = None,
    revoked: Annotated[
        str | None,
        typer.Option(
            "--revoke", metavar="ALIAS", help="The unused link of this alias opens nothing any more."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print link, token and expires as JSON.")] = False,
) -> None:
    """Invite one person, participant or staff; prints the link. It works once.

    With --replace ALIAS the link moves somebody enrolled to another Telegram account; with --revoke ALIAS a link that
    is still unused is taken back.
    """
    for_new = {"--role": role, "--alias": alias, "--language": language, "--timezone": timezone}
    _refuse_mixture(for_new, group, replaces, revoked)
    settings = load_settings()
    try:
        if revoked is not None:
            count = asyncio.run(_revoke(settings, programme, revoked.strip()))
            say(f"{count} {'link' if count == 1 else 'links'} of {revoked.strip()} taken back")
            return
        if replaces is not None:
            moving = _issue_move(settings, replaces, programme, days or DAYS_TO_MOVE, again)
            issued, named = asyncio.run(moving)
        else:
            guest = Guest(role or "", (alias or "").strip(), language or "", timezone or "")
            issued, named = asyncio.run(_issue(settings, guest, programme, group, days or DAYS, again))
    except (CannotInvite, NoSuchPerson) as no:
        raise Told(str(no), code=WRONG_USE) from None
    _tell(issued, named, as_json=as_json)


def _refuse_mixture(
    for_new: dict[str, str | None], group: str | None, replaces: str | None, revoked: str | None
) -> None:
    other = "--replace" if replaces is not None else "--revoke" if revoked is not None else None
    if replaces is not None and revoked is not None:
        raise Told("give --replace or --revoke, not both", code=WRONG_USE)
    given = [name for name, value in {**for_new, "--group": group}.items() if value is not None]
    if other and given:
        raise Told(f"{other} takes no {', '.join(given)}", code=WRONG_USE)
    missing = [name for name, value in for_new.items() if value is None]
    if not other and missing:
        raise Told(f"an invitation needs {', '.join(missing)}", code=WRONG_USE)


def _tell(issued: Issued, named: str | None, *, as_json: bool) -> None:
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
        await refuse_other_links(unit, settings)
        chosen = await choose_programme(unit, programme)
        into = await choose_group(unit, chosen, guest.role, group)
        issued = await issue(
            unit,
            SystemClock(),
            SystemIds(),
            chosen,
            into,
            guest,
            days,
            again=again,
            languages=settings.offered(),
        )
        await unit.commit()
    return issued, await name_for_links(settings)


async def _issue_move(
    settings: Settings, alias: str, programme: str | None, days: int, again: bool
) -> tuple[Issued, str | None]:
    from bot import wiring  # noqa: PLC0415 - as above

    async with wiring.open_storage(settings) as storage, storage.unit() as unit:
        await refuse_other_links(unit, settings)
        chosen = await choose_programme(unit, programme)
        person = await find_person(unit, chosen, alias)
        issued = await invite_again(unit, SystemClock(), SystemIds(), chosen, person, days, again=again)
        await unit.commit()
    return issued, await name_for_links(settings)


async def _revoke(settings: Settings, programme: str | None, alias: str) -> int:
    from bot import wiring  # noqa: PLC0415 - as above

    async with wiring.open_storage(settings) as storage, storage.unit() as unit:
        count = await revoke(unit, SystemClock(), SystemIds(), await choose_programme(unit, programme), alias)
        await unit.commit()
    return count
