"""`vestibule retention`: what is kept how long and why, and what goes when."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from bot.clock import SystemClock
from bot.commands.in_programme import in_programme
from bot.commands.terminal import say
from bot.ids import SystemIds
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.settings import load_settings
from bot.usecases.desk import Desk
from bot.usecases.expire import PULSE, Expirer, expiring
from bot.usecases.retention import BACKUPS, KEPT, TABLE, held_back, longest, time_of

_AHEAD = timedelta(days=30)


def retention(
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
    now: Annotated[
        bool,
        typer.Option("--now", help="First take away what is over; otherwise the running bot does, daily."),
    ] = False,
) -> None:
    """What is kept how long, why, and how many rows go: now, and in the next 30 days.

    Other times are set in the programme file, under settings: retention, by the names shown here. What an open
    case, an open visit or a legal hold needs stays longer, and is counted all the same unless it is under a hold.
    Exit code 0; 1 if there is no such programme.
    """
    if now:
        say(f"{asyncio.run(_expire())} rows have gone")
    in_programme(programme, _lines)


async def _expire() -> int:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    settings = load_settings()
    async with wiring.open_storage(settings) as storage:
        return await Expirer(storage, wiring.make_desk(settings, SystemClock(), SystemIds())).run()


async def _lines(unit: Unit, desk: Desk, programme: Programme) -> list[str]:
    at = desk.now()
    everybody = await unit.programmes.all()
    held = {one.id: await unit.expiry.held(one.id, held_back(one)) for one in everybody}
    lines: list[str] = []
    for kind in TABLE:
        time = longest(kind, everybody) if kind.shared else time_of(kind, programme)
        counts = []
        for when in (at, at + _AHEAD):
            found = expiring(kind, everybody, held, when)
            own = [what for what in found if what.programme_id in (None, programme.id)]
            counts.append(sum([await unit.expiry.count(what) for what in own]))
        scope = " (all programmes together)" if kind.shared else ""
        lines += [
            f"{kind.setting}: {time}{scope}, counted from when {kind.since}"
            if not kind.since.startswith("the end")
            else f"{kind.setting}: {time}{scope}, counted from {kind.since}",
            f"    why: {kind.reason} ({kind.hook})",
            f"    goes: {counts[0]} now, {counts[1]} within {_AHEAD.days} days",
        ]
    lines += [f"{table}: kept; {why}" for table, why in KEPT.items()]
    lines.append(f"backups: delete each after {BACKUPS} days; after restoring one: vestibule retention --now")
    if refs := held_back(programme):
        by = held[programme.id]
        people = "everybody" if by.everybody else f"{len(by.people)} people"
        lines.append(f"under a legal hold: {', '.join(refs)} ({people}); nothing of theirs goes")
    last = await unit.pulses.last(PULSE)
    lines.append(f"last run: {last:%Y-%m-%d %H:%M} UTC" if last else "last run: never")
    return lines
