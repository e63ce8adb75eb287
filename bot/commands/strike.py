"""`vestibule strike`: take away what somebody typed although it was not asked for (S-40)."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.in_programme import in_programme
from bot.commands.terminal import FAULT, WRONG_USE, Told
from bot.ports.records import AnswerRow, Programme
from bot.ports.stores import Unit
from bot.usecases import strike_person
from bot.usecases.desk import Desk
from bot.usecases.find_person import NoSuchPerson, find_person


def strike(
    person: Annotated[str, typer.Option("--person", metavar="ALIAS", help="How staff know the person.")],
    step: Annotated[str, typer.Option("--step", help="The step at which it was typed, such as RS-A1.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this it is only said what would go.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Read the texts too; that is written into the audit log.")
    ] = False,
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
) -> None:
    """List where somebody typed something, and strike it out with --step and --yes; what was chosen stays.

    Also what raised no case, such as texts to reflection questions. A backup holds the text until it is deleted itself.
    """
    if yes and not step:
        raise Told("--yes needs --step", code=WRONG_USE)

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        who = await find_person(unit, chosen, person)
        if yes:
            count = await strike_person.strike(unit, desk, who, step)
            return [
                f"struck out at {step}: {count}; it is in the audit log. Backups hold it until they are deleted"
            ]
        if show:
            rows, damaged = await strike_person.show(unit, desk, who)
        else:
            rows, damaged = await strike_person.typed(unit, who)
        rows = [row for row in rows if step in ("", row.step)]
        unread = [f"answers that cannot be opened: {damaged}; see vestibule keys check"] if damaged else []
        if not rows:
            return [*unread, "nothing typed stands there"]
        return [*unread, *(_line(row, show=show) for row in rows), "to strike out: --step STEP --yes"]

    try:
        in_programme(programme, work)
    except NoSuchPerson as no:
        raise Told(str(no), code=WRONG_USE) from None
    except (strike_person.NothingTyped, strike_person.OnHold) as no:
        raise Told(str(no), code=FAULT) from None


def _line(row: AnswerRow, *, show: bool) -> str:
    head = f"{row.step}  version {row.version}  {row.at:%Y-%m-%d %H:%M} UTC"
    return f"{head}  {row.text}" if show else f"{head}  (text)"
