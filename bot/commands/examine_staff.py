"""What doctor looks at of the people: whether anybody of staff can be told when Telegram fails."""

from __future__ import annotations

from bot.commands.examine import Finding
from bot.ports.records import Person, Programme, StaffRole
from bot.ports.stores import StorageFault, Unit, Unreadable
from bot.settings import BadSettings, Settings
from bot.storage.sealing import BadKeys


async def staff_findings(settings: Settings) -> list[Finding]:
    """A note for each programme whose staff have no way but Telegram, or chose mail that cannot go out."""
    from bot import wiring  # noqa: PLC0415 - doctor says what is wrong with the settings even where it does not load

    try:
        async with wiring.open_storage(settings) as storage, storage.unit() as unit:
            found = [await _of(unit, settings, programme) for programme in await unit.programmes.all()]
    except (StorageFault, BadSettings, BadKeys, Unreadable):
        return []  # `database` and `keys` say so
    return [finding for finding in found if finding is not None]


async def _of(unit: Unit, settings: Settings, programme: Programme) -> Finding | None:
    people: dict[str, Person] = {}
    for role in StaffRole:
        people |= {one.id: one for one in await unit.people.in_role(programme.id, role)}
    wished = sum(bool(one.email) and one.reach != "telegram" for one in people.values())
    what = f"staff of {programme.key}"
    if settings.smtp_url is None and wished:
        says = f"{wished} want to be told by mail, but no mail goes out; set VESTIBULE_SMTP_URL"
    elif people and (settings.smtp_url is None or not any(one.email for one in people.values())):
        says = "nobody can be told but by Telegram; set VESTIBULE_SMTP_URL and write addresses into the programme file"
    else:
        return None
    return Finding("note", what, says)
