"""`/duty`: who is on duty now and next, and taking over. And the daily news of gaps (R-07)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.ports.inbound import Press
from bot.ports.plan import Shift
from bot.ports.records import Chat, Person, Programme, StaffRole
from bot.ports.stores import Unit
from bot.schedule.rota import Span
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import audit, say
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import time_of
from bot.usecases.reach import ways_to
from bot.usecases.rota import GAPS_AHEAD, current, gaps_of, has_rota, roll_out, rotas_of, take_over
from bot.usecases.staff_notice import Told, tell_person
from flows.effects import Line

STEP = "DUTY"
"""A button `DUTY:<role>:<end of a person's id>` relieves that person."""
SLOT = "duty"
TAIL = 12
NEXT_WITHIN = timedelta(days=7)
LISTED = 10
OVERSEE = frozenset({StaffRole.MANAGER, StaffRole.ADMINISTRATOR})

ROLES = {
    StaffRole.FACILITATOR: Line("staff", "facilitators"),
    StaffRole.TECH: Line("staff", "technical help"),
    StaffRole.PARTNER_SUPPORT: Line("staff", "partner support"),
    StaffRole.DUTY: Line("staff", "duty"),
    StaffRole.MANAGER: Line("staff", "managers"),
    StaffRole.ADMINISTRATOR: Line("staff", "administrators"),
}
ON_NOW = Line("staff", "{role}, now: {alias}, until {time}.")
NOBODY_NOW = Line("staff", "{role}, now: nobody.")
NEXT = Line("staff", "{role}, next: {alias}, from {time}.")
NO_ROTAS = Line("staff", "There is no rota yet.")
NO_ROTA = Line("staff", "{role}: no rota.")
TAKE_OVER = Line("staff", "I take over ({role}, from {alias})")
TAKEN_OVER = Line("staff", "You are on duty ({role}) until {time}.")
RELIEVED = Line("staff", "Somebody has taken over your duty ({role}). You are relieved until {time}.")
NOT_ON_DUTY = Line("staff", "That duty is over or has changed hands. /duty shows how it is now.")
GAP = Line("staff", "{role}: {start} to {end}")
GAPS = Line("staff", "Nobody is on duty in the next 7 days:\n{gaps}")


async def show_duty(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """Who is on duty for the person's own roles, by alias, with a button for each they can relieve.

    Managers and administrators, who are told of gaps, read it of every role that has a rota.
    """
    programme = await unit.programmes.get(person.programme_id)
    lines: list[str] = []
    rows: list[tuple[tuple[str, str], ...]] = []
    for role in await _shown(unit, desk, person, programme) if programme else ():
        assert programme is not None, "no roles without one"
        on = await current(unit, programme.id, role, desk.now())
        lines += await _lines(unit, desk, person, programme, role, on)
        if role in person.roles:
            others = [shift for shift in on if shift.person_id != person.id]
            rows += [(await _button(unit, desk, person, shift),) for shift in others]
    none = NO_ROTAS if OVERSEE & set(person.roles) else texts.NOT_OPEN_TO_YOU
    text = "\n".join(lines) or desk.texts.line(person.language, none)
    await post(unit, desk, chat, Message(SLOT, text, tuple(rows), fresh=True))


async def _shown(unit: Unit, desk: Desk, person: Person, programme: Programme) -> Sequence[StaffRole]:
    if not OVERSEE & set(person.roles):
        return person.roles
    return [role for role in StaffRole if await has_rota(unit, programme, role, desk.now())]


async def _lines(
    unit: Unit, desk: Desk, reader: Person, programme: Programme, role: StaffRole, on: Sequence[Shift]
) -> list[str]:
    def line(text: Line, **params: str) -> str:
        named = {"role": desk.texts.line(reader.language, ROLES[role]), **params}
        return desk.texts.line(reader.language, text, named)

    now = desk.now()
    if not on and not await has_rota(unit, programme, role, now):
        return [line(NO_ROTA)]
    lines = [
        line(ON_NOW, alias=await _alias(unit, shift.person_id), time=time_of(reader, shift.ends_at))
        for shift in on
    ] or [line(NOBODY_NOW)]
    coming = await unit.shifts.between(programme.id, role, now, now + NEXT_WITHIN)
    after = next((shift for shift in coming if shift.starts_at > now), None)
    if after is not None:
        lines.append(
            line(NEXT, alias=await _alias(unit, after.person_id), time=time_of(reader, after.starts_at))
        )
    return lines


async def _alias(unit: Unit, person_id: str) -> str:
    person = await unit.people.get(person_id)
    return person.alias if person else "…"


async def _button(unit: Unit, desk: Desk, reader: Person, shift: Shift) -> tuple[str, str]:
    role = desk.texts.line(reader.language, ROLES[shift.role])
    params = {"role": role, "alias": await _alias(unit, shift.person_id)}
    label = desk.texts.line(reader.language, TAKE_OVER, params)
    return label, f"{STEP}:{shift.role.value}:{shift.person_id[-TAIL:]}"


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    """Relieve somebody of one's own role until the end of their shift; the other is told, and it is recorded."""
    role = next((role for role in person.roles if role.value == press.choice), None)
    if role is None or len(press.tail) != TAIL:
        await audit(unit, desk, person, "duty.refused", person.id)
        await say(unit, desk, person, chat, texts.NOT_OPEN_TO_YOU)
        return
    on = await current(unit, person.programme_id, role, desk.now())
    shift = next((s for s in on if s.person_id.endswith(press.tail) and s.person_id != person.id), None)
    if shift is None:
        await say(unit, desk, person, chat, NOT_ON_DUTY)
        return
    await take_over(unit, desk.ids, shift, person.id, desk.now())
    await audit(unit, desk, person, "duty.taken_over", shift.person_id, role=role.value)

    def told(reader: Person) -> dict[str, str]:
        name = desk.texts.line(reader.language, ROLES[role])
        return {"role": name, "time": time_of(reader, shift.ends_at)}

    await say(unit, desk, person, chat, TAKEN_OVER, **told(person))
    relieved = await unit.people.get(shift.person_id)
    if relieved is not None:
        await tell_person(unit, desk, relieved, RELIEVED, told(relieved))


async def tell_gaps(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """Managers and administrators read when nobody is on duty in the next 7 days; how many gaps, and how many were told.

    The rotas are rolled out further first, so that what is far away is known in time.
    """
    programme = await unit.programmes.get(programme_id)
    if programme is None:
        return Told(0)
    now = desk.now()
    if rotas_of(programme):
        await roll_out(unit, desk.ids, programme, now)
    found = [
        (role, span)
        for role in StaffRole
        for span in await gaps_of(unit, programme, role, now, now + GAPS_AHEAD)
    ]
    if not found:
        return Told(0)
    people = {
        person.id: person
        for role in (StaffRole.MANAGER, StaffRole.ADMINISTRATOR)
        for person in await unit.people.in_role(programme_id, role)
    }
    told = 0
    for person in people.values():
        await tell_person(unit, desk, person, GAPS, {"gaps": gap_lines(desk, person, found)})
        told += await ways_to(unit, person.id) is not None
    return Told(len(found), told)


def gap_lines(desk: Desk, reader: Person, found: Sequence[tuple[StaffRole, Span]]) -> str:
    """The gaps in the reader's language and zone, the first ten."""
    line, language = desk.texts.line, reader.language
    lines: list[str] = []
    for role, (start, end) in sorted(found, key=lambda one: one[1])[:LISTED]:
        times = {"start": time_of(reader, start), "end": time_of(reader, end)}
        lines.append(line(language, GAP, {"role": line(language, ROLES[role]), **times}))
    if len(found) > LISTED:
        lines.append(line(language, texts.MORE, {"number": len(found) - LISTED}))
    return "\n".join(lines)
