"""Duty as rows: rotas rolled out into shifts, who is on duty, gaps, and taking over.

A rota of the programme file is kept in the programme's settings and rolled out for some weeks, again at every
import, enrolment and daily look at gaps. Shifts from other files are kept as they are. A take-over is a shift of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.ports.plan import Shift
from bot.ports.records import ROLE_OF_LETTER, Programme, StaffRole
from bot.ports.services import Ids
from bot.ports.stores import Unit
from bot.schedule.rota import Duty, Span, clipped, duties, gaps, handed_over, span_of
from bot.usecases.duty_file import RotaEntry
from bot.usecases.reach import serves, ways_to
from flows.values import Role

AHEAD = timedelta(days=35)
BACK = timedelta(days=2)
MOMENT = timedelta(microseconds=1)
GAPS_AHEAD = timedelta(days=7)
OVER = "over:"
"""The source of a take-over: this and the id of whoever was relieved."""
ROTA = "rota:"


def rotas_of(programme: Programme) -> list[RotaEntry]:
    """The programme file's rotas as they are kept, with ids in place of aliases."""
    return [RotaEntry.model_validate(rota) for rota in programme.settings.get("rotas", ())]


async def has_rota(unit: Unit, programme: Programme, role: StaffRole, now: datetime) -> bool:
    """Whether duty of the role goes by a rota: one of the programme file, or shifts a few weeks before or after."""
    if any(rota["role"] == role.value for rota in programme.settings.get("rotas", ())):
        return True
    return bool(await unit.shifts.between(programme.id, role, now - AHEAD, now + AHEAD))


async def current(unit: Unit, programme_id: str, role: StaffRole, at: datetime) -> list[Shift]:
    """The shifts that hold at that time; whoever was relieved is left out."""
    found = await unit.shifts.between(programme_id, role, at, at + MOMENT)
    on = {shift.person_id: shift for shift in found if not shift.source.startswith(OVER)}
    for shift in sorted((s for s in found if s.source.startswith(OVER)), key=lambda s: (s.starts_at, s.id)):
        on.pop(shift.source.removeprefix(OVER), None)
        on[shift.person_id] = shift
    return list(on.values())


async def on_duty(unit: Unit, programme_id: str, role: StaffRole, at: datetime) -> tuple[str, ...]:
    """Who is on duty for the role; a shift of somebody who has left, or has lost the role, is nobody's."""
    found = dict.fromkeys(shift.person_id for shift in await current(unit, programme_id, role, at))
    return tuple([person_id for person_id in found if await serves(unit, person_id, role)])


async def on_duty_for(unit: Unit, programme_id: str, role: Role, at: datetime) -> tuple[str, ...]:
    """Whom a ladder's duty rung asks: on shift for the role itself if it has a rota, else for duty."""
    programme = await unit.programmes.get(programme_id)
    own = ROLE_OF_LETTER[role]
    if programme is not None and await has_rota(unit, programme, own, at):
        return await on_duty(unit, programme_id, own, at)
    return await on_duty(unit, programme_id, StaffRole.DUTY, at)


async def roll_out(unit: Unit, ids: Ids, programme: Programme, now: datetime) -> None:
    """Bring the shifts of the programme's rotas up to date for the next 35 days. Who is not enrolled has none."""
    first, last = (now.astimezone(ZoneInfo(programme.timezone)).date() + days for days in (-BACK, AHEAD))
    rotas = {rota.role: rota for rota in rotas_of(programme)}
    for role in StaffRole:
        rota = rotas.get(role)
        found = (
            duties(rota.lines(programme.timezone), rota.overrides(programme.timezone), first, last)
            if rota
            else []
        )
        known = [duty for duty in found if await unit.people.get(duty.who) is not None]
        source = ROTA + role.value
        shifts = [shift_of(ids, programme.id, role, duty, source) for duty in handed_over(known)]
        await unit.shifts.replace_source(programme.id, source, shifts)


def shift_of(ids: Ids, programme_id: str, role: StaffRole, duty: Duty, source: str) -> Shift:
    """A new row."""
    return Shift(ids.new(), programme_id, role, duty.who, duty.starts_at, duty.ends_at, source)


async def keep_rotas(
    unit: Unit, ids: Ids, programme: Programme, rotas: Sequence[RotaEntry], who: dict[str, str], now: datetime
) -> bool:
    """Keep the file's rotas, with the ids of `who` (alias -> person, or invitation) for aliases; whether they changed."""
    kept = [rota.kept(who).model_dump(mode="json", by_alias=True) for rota in rotas]
    changed = kept != list(programme.settings.get("rotas", ()))
    if changed:
        programme = replace(programme, settings={**programme.settings, "rotas": kept})
        await unit.programmes.save(programme)
    await roll_out(unit, ids, programme, now)
    return changed


async def became(unit: Unit, ids: Ids, programme_id: str, old: str, new: str, now: datetime) -> None:
    """An invitation has become a person, or another invitation: so it has in the rotas."""
    programme = await unit.programmes.get(programme_id)
    if programme is None or all(old != who for rota in rotas_of(programme) for _, _, who in rota.people()):
        return
    await keep_rotas(unit, ids, programme, rotas_of(programme), {old: new}, now)


async def gaps_of(
    unit: Unit, programme: Programme, role: StaffRole, start: datetime, end: datetime
) -> list[Span]:
    """When nobody who can be reached is on duty between the two, by start; empty where there is no rota."""
    if not await has_rota(unit, programme, role, start):
        return []
    found = await unit.shifts.between(programme.id, role, start, end)
    there = {who for who in {shift.person_id for shift in found} if await _counts(unit, who, role)}
    covered = [(shift.starts_at, shift.ends_at) for shift in found if shift.person_id in there]
    expected = clipped(_expected(programme, role, start, end), start, end)
    return gaps(covered, expected)


async def _counts(unit: Unit, person_id: str, role: StaffRole) -> bool:
    ways = await ways_to(unit, person_id) if await serves(unit, person_id, role) else None
    return ways is not None and ways.counts


def _expected(programme: Programme, role: StaffRole, start: datetime, end: datetime) -> Iterable[Span]:
    rota = next((rota for rota in rotas_of(programme) if rota.role is role), None)
    if rota is None or rota.cover == "always":
        return [(start, end)]
    zone = ZoneInfo(programme.timezone)
    first, last = start.astimezone(zone).date() - BACK, end.astimezone(zone).date() + BACK
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        span_of(day, line.starts, line.ends, line.zone)
        for day in days
        for line in rota.lines(programme.timezone)
        if line.day == day.weekday()
    ]


async def take_over(unit: Unit, ids: Ids, shift: Shift, person_id: str, now: datetime) -> Shift:
    """The person is on duty in place of the shift's until its end."""
    taken = Shift(
        ids.new(), shift.programme_id, shift.role, person_id, now, shift.ends_at, OVER + shift.person_id
    )
    await unit.shifts.add(taken)
    return taken
