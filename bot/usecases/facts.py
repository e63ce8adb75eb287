"""What the shell tells a visit: facts its conditions ask about, and what its placeholders stand for."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.escalation.office import SATURDAY
from bot.forms import date_at, day_and_time, lasting, name_of_zone
from bot.ports.records import Person, Programme, Session, StaffRole
from bot.ports.stores import Unit
from bot.usecases.ask_role import reachable
from bot.usecases.desk import Desk
from bot.usecases.hold import is_held
from bot.usecases.retention import OF_KIND
from bot.usecases.retention import time_of as time_of_kind
from bot.usecases.rota import has_rota, on_duty


async def programme_of(unit: Unit, person: Person) -> Programme:
    """The person's programme; raises LookupError without one."""
    programme = await unit.programmes.get(person.programme_id)
    if programme is None:
        raise LookupError(f"person {person.id} belongs to no programme")
    return programme


async def facts_for(
    unit: Unit, desk: Desk, person: Person, programme: Programme, session: Session | None
) -> dict[str, str]:
    """The facts for a visit that is opened or resumed now."""
    facts = {
        "platform": session.platform if session else programme.platform,
        "session": "none" if session is None else "individual" if session.person_id else "group",
        "free_text": "on" if programme.free_text else "off",
        "duty": "on" if await _on_duty(unit, programme, desk.now()) else "off",
        "staffed": "on" if is_staffed(programme, desk.now()) else "off",
        "per_sitting": str(desk.numbers.per_sitting),
        "language": person.language,
        "released": " ".join(person.released),
    }
    held = session is not None and is_held(await unit.readiness.get(session.id, person.id))
    return {**facts, "held": "yes" if held else "no", **await _allowed(unit, desk, person, session)}


async def _allowed(unit: Unit, desk: Desk, person: Person, session: Session | None) -> dict[str, str]:
    """What staff have allowed for the time of the session; a phone in a session alone with staff only (ST-01, ST-05)."""
    when = max(desk.now(), session.starts_at) if session else desk.now()
    allowed = {allowance.what for allowance in await unit.allowances.current(person.id, when)}
    alone = session is not None and session.person_id is not None
    return {
        "headphones_allowed": "yes" if "no_headphones" in allowed else "no",
        "phone_allowed": "yes" if "phone" in allowed and alone else "no",
    }


async def _on_duty(unit: Unit, programme: Programme, now: datetime) -> bool:
    """Whether a duty worker can be reached (S-07): one who is on duty by the rota, if there is one."""
    if await has_rota(unit, programme, StaffRole.DUTY, now):
        return bool(await reachable(unit, await on_duty(unit, programme.id, StaffRole.DUTY, now)))
    people = await unit.people.in_role(programme.id, StaffRole.DUTY)
    return bool(await reachable(unit, [person.id for person in people]))


def is_staffed(programme: Programme, now: datetime) -> bool:
    """Whether it is the programme's staffed time: Monday to Friday between the hours set, in its zone (S-12)."""
    local = now.astimezone(ZoneInfo(programme.timezone))
    start, end = (int(programme.settings.get(k, d)) for k, d in (("staffed_from", 9), ("staffed_until", 17)))
    return local.weekday() < SATURDAY and start <= local.hour < end


def params_for(person: Person, programme: Programme, session: Session | None) -> dict[str, str]:
    """What the placeholders in a script's texts stand for, in the person's language and zone."""
    return {
        "service": programme.name,
        "service_number": programme.service_number,
        "emergency_number": programme.emergency_number,
        "platform": {"zoom": "Zoom", "teams": "Teams"}[session.platform if session else programme.platform],
        "session_time": time_of(person, session.starts_at) if session else "",
        "session_minutes": str(session.minutes) if session else "",
        "timezone": name_of_zone(person.language, person.timezone),
        "retention": months(
            person, max(time_of_kind(OF_KIND[kind], programme) for kind in ("answers", "reflections"))
        ),
    }


def months(person: Person, number: int) -> str:
    """So many months in words, in the person's language."""
    return lasting(person.language, number, "month")


def date_of(person: Person, when: datetime) -> str:
    """The whole date as the person's language and zone write it."""
    return date_at(person.language, person.timezone, when)


def time_of(person: Person, when: datetime) -> str:
    """Weekday, date and time as the person's language and zone write them."""
    return day_and_time(person.language, person.timezone, when)
