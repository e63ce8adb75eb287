"""What doctor looks at of the sessions to come: whether they start so early that lines come in quiet hours."""

from __future__ import annotations

from datetime import timedelta

from bot.clock import SystemClock
from bot.commands.examine import Finding
from bot.ids import SystemIds
from bot.ports.stores import StorageFault, Unreadable
from bot.settings import BadSettings, Settings
from bot.storage.sealing import BadKeys
from bot.usecases.import_sessions import early

AHEAD = timedelta(weeks=4)


async def session_findings(settings: Settings) -> list[Finding]:
    """A note for each programme with such sessions in the next four weeks."""
    from bot import wiring  # noqa: PLC0415 - doctor says what is wrong with the settings even where it does not load

    found: list[Finding] = []
    try:
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            desk = wiring.make_desk(settings, SystemClock(), SystemIds())
            now = desk.now()
            for programme in await unit.programmes.all():
                rows = await unit.sessions.of_programme(programme.id, now, now + AHEAD)
                planned = [session for session in rows if session.state == "planned"]
                if says := await early(unit, desk, programme, planned):
                    found.append(Finding("note", f"sessions of {programme.key}", says))
    except (StorageFault, BadSettings, BadKeys, Unreadable):
        return []  # `database` and `keys` say so
    return found
