"""`vestibule zone`: another time zone for a participant."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.in_programme import in_programme
from bot.commands.terminal import WRONG_USE, Told
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.usecases import zone as zones
from bot.usecases.desk import Desk
from bot.usecases.invite import OPERATOR


def zone(
    alias: Annotated[str, typer.Argument(help="The participant's alias.")],
    name: Annotated[str, typer.Argument(metavar="ZONE", help="Such as Europe/London.")],
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
) -> None:
    """Show a participant's times in another zone; reminders not yet sent keep to it."""
    found = zones.zone_named(name)
    if not found:
        raise Told(f"{name} is no time zone; it should look like Europe/London", code=WRONG_USE)

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        about = await zones.in_programme(unit, chosen.id, alias)
        if about is None:
            says = f"nobody is enrolled in {chosen.key} under this alias; set it once they have come"
            raise Told(says, code=WRONG_USE)
        count = await zones.set_zone(unit, desk, about, found, OPERATOR)
        return [f"{about.alias}: {about.timezone} -> {found}; {count} reminders planned anew"]

    in_programme(programme, work)
