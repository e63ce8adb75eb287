"""What the shell tells a visit: facts its conditions ask about, and what its placeholders stand for."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, format_time
from babel.units import format_unit

from bot.ports.records import Person, Programme, Readiness, Session, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk


def is_held(readiness: Readiness | None) -> bool:
    """A hold that no person has lifted (S-08)."""
    return readiness is not None and readiness.level == "hold" and readiness.lifted is None


async def facts_for(
    unit: Unit, desk: Desk, person: Person, programme: Programme, session: Session | None
) -> dict[str, str]:
    """The facts for a visit that is opened or resumed now."""
    facts = {
        "platform": session.platform if session else programme.platform,
        "session": "none" if session is None else "individual" if session.person_id else "group",
        "free_text": "on" if programme.free_text else "off",
        "duty": "on" if await unit.people.in_role(programme.id, StaffRole.DUTY) else "off",
        "per_sitting": str(desk.numbers.per_sitting),
        "language": person.language,
        "released": " ".join(person.released),
    }
    if session and is_held(await unit.readiness.get(session.id, person.id)):
        facts["held"] = "yes"
    return facts


def params_for(person: Person, programme: Programme, session: Session | None) -> dict[str, str]:
    """What the placeholders in a script's texts stand for, in the person's language and zone."""
    return {
        "service": programme.name,
        "service_number": programme.service_number,
        "emergency_number": programme.emergency_number,
        "platform": {"zoom": "Zoom", "teams": "Teams"}[session.platform if session else programme.platform],
        "session_time": time_of(person, session.starts_at) if session else "",
        "session_minutes": str(session.minutes) if session else "",
        "retention": _months(person, int(programme.settings.get("retention_months", 12))),
    }


def _months(person: Person, months: int) -> str:
    return str(format_unit(months, "duration-month", locale=person.language.replace("-", "_")))


def time_of(person: Person, when: datetime) -> str:
    """Weekday, date and time as the person's language and zone write them."""
    local, locale = when.astimezone(ZoneInfo(person.timezone)), person.language.replace("-", "_")
    return f"{format_skeleton('MMMEd', local, locale=locale)}, {format_time(local, 'short', locale=locale)}"
