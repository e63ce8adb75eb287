"""What doctor looks at of the database and the token together: whether both are one bot's."""

from __future__ import annotations

from bot.commands.examine import Finding
from bot.ports.stores import StorageFault
from bot.settings import BadSettings, Settings
from bot.storage.sealing import BadKeys
from bot.telegram.transport import number_in
from bot.usecases.own_bot import bot_of


async def own_bot_findings(settings: Settings) -> list[Finding]:
    """Whose the database is, by the number with which a bot's token begins."""
    from bot import wiring  # noqa: PLC0415 - doctor says what is wrong with the settings even where it does not load

    try:
        given = number_in(settings.token_text())
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            whose = await bot_of(unit)
    except (StorageFault, BadSettings, BadKeys):
        return []  # `database`, `token` and `keys` say so
    if given is None:
        return []  # no token; `token` says so
    what = "bot of the database"
    if whose is None:
        return [Finding("ok", what, f"none yet; the first that runs on it, with this token bot {given}")]
    if whose == given:
        return [Finding("ok", what, f"{whose}, as the token's")]
    says = (
        f"{whose}, but the token is that of bot {given}; run refuses. Another bot takes a database of its own"
    )
    return [Finding("fault", what, says)]
