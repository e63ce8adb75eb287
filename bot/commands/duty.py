"""`vestibule duty`: take in rotas, list shifts, and find gaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.clock import SystemClock
from bot.commands.duty_files import read_csv, read_ics
from bot.commands.in_programme import Work, in_programme
from bot.commands.terminal import WRONG_USE, Told
from bot.ports.records import Programme, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.import_duty import BadDuty, import_duty
from bot.usecases.rota import GAPS_AHEAD, gaps_of, has_rota, rotas_of

duty = typer.Typer(help="Duty: import rotas, list shifts, find gaps.", no_args_is_help=True)

OfProgramme = Annotated[
    str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
]
Days = Annotated[int, typer.Option(help="How many days ahead.", min=1, max=366)]


@duty.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .csv file (role,person,starts,ends,zone) or an .ics one.", exists=True, dir_okay=False
        ),
    ],
    role: Annotated[
        StaffRole, typer.Option(help="Whose duty the events of a calendar are, where they have no category.")
    ] = StaffRole.DUTY,
    programme: OfProgramme = None,
) -> None:
    """Take in shifts from CSV or iCalendar; the same file again replaces what it said before."""
    kind = file.suffix.lower()
    if kind not in (".csv", ".ics"):
        raise Told(f"{file}: it should end in .csv or .ics", code=WRONG_USE)
    planned = read_csv(file) if kind == ".csv" else read_ics(file, role, SystemClock().now())

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        count = await import_duty(unit, desk, chosen, file.name, planned)
        return [f"{file.name}: {count} shifts"]

    _run(programme, work)


@duty.command("list")
def list_(days: Days = 7, programme: OfProgramme = None) -> None:
    """The shifts of the next days, by role and start; and who of the rotas has not enrolled yet."""

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        lines: list[str] = []
        for role in StaffRole:
            for shift in await unit.shifts.between(
                chosen.id, role, desk.now(), desk.now() + timedelta(days=days)
            ):
                person = await unit.people.get(shift.person_id)
                span = _span(chosen, shift.starts_at, shift.ends_at)
                lines.append(f"{role}  {span}  {person.alias if person else 'nobody'}")
        lines = lines or [f"nobody is on duty by a rota in the next {days} days"]
        return lines + await _awaited(unit, chosen)

    _run(programme, work)


@duty.command("gaps")
def gaps(days: Days = GAPS_AHEAD.days, programme: OfProgramme = None) -> None:
    """When nobody who can be reached is on duty in the next days."""

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        lines: list[str] = []
        now = desk.now()
        for role in StaffRole:
            if await has_rota(unit, chosen, role, now):
                found = await gaps_of(unit, chosen, role, now, now + timedelta(days=days))
                lines += [f"{role}  {_span(chosen, *one)}" for one in found] or [f"{role}  no gaps"]
        return lines or [
            "there is no rota; write one into the programme file, or: vestibule duty import FILE"
        ]

    _run(programme, work)


async def _awaited(unit: Unit, programme: Programme) -> list[str]:
    """A line for each in the rotas who was invited and has not come: nothing of theirs is a shift yet."""
    invited = {one.id: one.alias for one in await unit.invitations.pending(programme.id)}
    found = [
        f"{rota.role}  has not enrolled yet: {invited[who]}; see: vestibule invite --again"
        for rota in rotas_of(programme)
        for _, _, who in rota.people()
        if who in invited
    ]
    return list(dict.fromkeys(found))


def _span(programme: Programme, start: datetime, end: datetime) -> str:
    local = [one.astimezone(ZoneInfo(programme.timezone)) for one in (start, end)]
    return f"{local[0]:%a %Y-%m-%d %H:%M} to {local[1]:%a %Y-%m-%d %H:%M} {programme.timezone}"


def _run(programme: str | None, work: Work) -> None:
    """Run the work; what makes no sense in it is said in a line."""
    try:
        in_programme(programme, work)
    except BadDuty as bad:
        raise Told(*bad.faults) from None
