"""`vestibule leave`: somebody leaves the programme."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.in_programme import in_programme
from bot.commands.terminal import FAULT, WRONG_USE, Told
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.find_person import NoSuchPerson, find_person
from bot.usecases.invite import OPERATOR
from bot.usecases.leave import REASONS, CannotLeave
from bot.usecases.leave import leave as let_go


def leave(
    alias: Annotated[str, typer.Argument(help="How staff know the person.")],
    reason: Annotated[str, typer.Option(help=f"One of: {', '.join(REASONS)}.")] = "ended",
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
) -> None:
    """Somebody leaves the programme: what is planned ends, and the chat is cleared and closed with one neutral line.

    Open cases stay open. Answers stay until their time is over; to take them away at once: vestibule erase.
    """
    if reason not in REASONS:
        raise Told(f"there is no reason {reason}; there are: {', '.join(REASONS)}", code=WRONG_USE)

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        person = await find_person(unit, chosen, alias)
        done = await let_go(unit, desk, person, reason, OPERATOR)
        lines = [f"{person.alias} has left {chosen.key}; the chat is being cleared and closed"]
        lines += [f"reminders cancelled: {done.reminders}"] if done.reminders else []
        lines += [f"session cancelled: {key}" for key in done.sessions]
        lines += (
            [f"still open: {', '.join(done.cases)}; they stay until staff resolve them"] if done.cases else []
        )
        return lines

    try:
        in_programme(programme, work)
    except NoSuchPerson as no:
        raise Told(str(no), code=WRONG_USE) from None
    except CannotLeave as no:
        raise Told(str(no), code=FAULT) from None
