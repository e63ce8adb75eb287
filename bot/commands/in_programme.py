"""Work of the command line on one programme: all of it in one transaction, said once it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.clock import SystemClock
from bot.commands.terminal import Told, say
from bot.ids import SystemIds
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.settings import load_settings
from bot.usecases.desk import Desk
from bot.usecases.invite import CannotInvite, choose_programme

Work = Callable[[Unit, Desk, Programme], Awaitable[list[str]]]


def in_programme(programme: str | None, work: Work) -> None:
    """Run the work, commit, and say its lines. Raises Told when there is no such programme, and what `work` raises."""

    async def run() -> list[str]:
        from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

        settings = load_settings()
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            desk = wiring.make_desk(settings, SystemClock(), SystemIds())
            lines = await work(unit, desk, await choose_programme(unit, programme))
            await unit.commit()
        return lines

    try:
        lines = asyncio.run(run())
    except CannotInvite as no:
        raise Told(str(no)) from None
    for line in lines:
        say(line)
