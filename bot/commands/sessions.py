"""`vestibule sessions`: take in, list, move, cancel and change sessions, one by one or a series."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import typer

from bot.commands.in_programme import Work, in_programme
from bot.commands.sessions_csv import Read, placed_fault, read_csv
from bot.commands.sessions_ics import read_ics
from bot.commands.terminal import WRONG_USE, Told, progress
from bot.ports.records import Programme, Session
from bot.ports.stores import Unit
from bot.schedule.series import utc_of
from bot.usecases import plan_sessions
from bot.usecases.desk import Desk
from bot.usecases.import_sessions import (
    FIRST_MINUTES,
    LAST_MINUTES,
    BadSessions,
    import_sessions,
    line_of,
    local_time,
    zone_of,
)
from bot.usecases.invite import OPERATOR, CannotInvite
from bot.usecases.plan_sessions import CannotPlan, Change, find
from bot.usecases.programme_file import WrongTime, is_relative, start_of

sessions = typer.Typer(help="Sessions: import, list, move, cancel, change.", no_args_is_help=True)

OfProgramme = Annotated[
    str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
]
Key = Annotated[
    str, typer.Argument(help="A session's key, such as tuesday/2030-01-08, or a series', such as tuesday.")
]
_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
_AHEAD = timedelta(weeks=4)
_FILE_TOO = "Write it into the file it came from, too: the next import brings back what stands there."


@sessions.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(help="A .csv or .ics file, like those in docs/examples.", exists=True, dir_okay=False),
    ],
    group: Annotated[str | None, typer.Option(help="The key of the group whose sessions they are.")] = None,
    participant: Annotated[
        str | None, typer.Option(help="The alias of the participant whose individual sessions they are.")
    ] = None,
    programme: OfProgramme = None,
) -> None:
    """Take in sessions from CSV or iCalendar; again, it brings them up to date by their keys."""
    if group is not None and participant is not None:
        raise Told("sessions are of a group or of one participant; give one of the two", code=WRONG_USE)
    readers = {".csv": read_csv, ".ics": read_ics}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise Told(
            f"{file}: it should end in .csv or .ics; a programme file goes to: vestibule import",
            code=WRONG_USE,
        )

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        groups = await unit.programmes.groups(chosen.id)
        only = groups[0].key if len(groups) == 1 and participant is None else None
        read: Read = reader(file, group or only, participant)
        if reader is read_ics and not (group or only or participant):
            keys = ", ".join(one.key for one in groups)
            raise Told(
                f"whose sessions are they? Add --group with one of {keys}, or --participant", code=WRONG_USE
            )
        with progress() as bar:
            task = bar.add_task("importing", total=len(read.meetings))
            faults = list(read.faults)
            try:
                lines = await import_sessions(unit, desk, chosen, read.meetings, lambda: bar.advance(task))
            except BadSessions as bad:
                faults += [placed_fault(file, read.places[m.index], m.field, m.says) for m in bad.misfits]
            if faults:  # all of them at once; nothing is committed
                raise Told(*(line for _, line in sorted(faults)))
            return lines

    _run(programme, work)


@sessions.command("list")
def list_(
    first: Annotated[
        str | None, typer.Option("--from", help="A day such as 2030-01-31; today without it.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day; four weeks on without it.")] = None,
    programme: OfProgramme = None,
) -> None:
    """The sessions of a span of days, each in the local time of its group."""

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        zone = ZoneInfo(chosen.timezone)
        begins = _day(first) if first else desk.now().astimezone(zone).date()
        ends = _day(last) if last else begins + _AHEAD
        span = [utc_of(datetime.combine(day, time.min), zone) for day in (begins, ends + timedelta(days=1))]
        found = await unit.sessions.of_programme(chosen.id, span[0], span[1])
        return [await _row(unit, chosen, one) for one in found] or [f"no sessions from {begins} to {ends}"]

    _run(programme, work)


@sessions.command("move")
def move(
    key: Key,
    when: Annotated[
        str,
        typer.Argument(
            help="The group's time: 2030-01-31 18:30; or 18:30, on the day it has. As list says it, with its zone, too."
        ),
    ],
    programme: OfProgramme = None,
) -> None:
    """Move a session; or all that is to come of a series, to another hour (18:30)."""

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        found = await find(unit, desk, chosen, key)
        at, named = _zone_in(when)
        if not _HOUR.match(at) and found[0].key != key:
            raise CannotPlan(
                f"{key} is a series: give an hour such as 18:30, or one session's key: {found[0].key}"
            )
        changes = []
        for one in found:
            starts = _start(at, one, named or await zone_of(unit, chosen, one), desk.now())
            changes.append(await plan_sessions.move(unit, desk, one, starts, OPERATOR))
        return await _told(unit, chosen, changes)

    _run(programme, work)


@sessions.command("cancel")
def cancel(key: Key, programme: OfProgramme = None) -> None:
    """Cancel a session, or all that is to come of a series."""

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        found = await find(unit, desk, chosen, key)
        changes = [await plan_sessions.cancel(unit, desk, one, OPERATOR) for one in found]
        return await _told(unit, chosen, changes)

    _run(programme, work)


@sessions.command("change")
def change(
    key: Key,
    minutes: Annotated[
        int | None, typer.Option(help="The length.", min=FIRST_MINUTES, max=LAST_MINUTES)
    ] = None,
    platform: Annotated[str | None, typer.Option(help="zoom or teams.")] = None,
    link: Annotated[str | None, typer.Option(help="The meeting's address, https://...")] = None,
    programme: OfProgramme = None,
) -> None:
    """Give a session, or all that is to come of a series, another length, platform or link."""
    if minutes is None and platform is None and link is None:
        raise Told(
            "say what to change: --minutes, --platform or --link; another time: vestibule sessions move",
            code=WRONG_USE,
        )
    if platform not in (None, "zoom", "teams"):
        raise Told("the platform should be zoom or teams", code=WRONG_USE)
    if link is not None and not (link.startswith("https://") and len(link) <= 500):
        raise Told("a link should begin with https://, and have at most 500 characters", code=WRONG_USE)
    named: Literal["zoom", "teams"] | None = "zoom" if platform == "zoom" else "teams" if platform else None

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        changes = []
        for one in await find(unit, desk, chosen, key):
            changes.append(
                await plan_sessions.change(
                    unit, desk, one, OPERATOR, minutes=minutes, platform=named, link=link
                )
            )
        return await _told(unit, chosen, changes)

    _run(programme, work)


def _run(programme: str | None, work: Work) -> None:
    """Run the work; what makes no sense in it is said in a line."""
    try:
        in_programme(programme, work)
    except (CannotInvite, CannotPlan, WrongTime) as no:
        raise Told(str(no)) from None


async def _told(unit: Unit, programme: Programme, changes: list[Change]) -> list[str]:
    lines = [line_of(one, await zone_of(unit, programme, one.session)) for one in changes]
    return [*lines, _FILE_TOO]


def _zone_in(when: str) -> tuple[str, str]:
    """The time, and the zone that was said with it, if one was."""
    at, _, last = when.strip().rpartition(" ")
    return (at.strip(), last) if last in available_timezones() else (when.strip(), "")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Told(f"{text} is no day; it should look like 2030-01-31", code=WRONG_USE) from None


def _start(when: str, session: Session, zone: str, now: datetime) -> datetime:
    if found := _HOUR.match(when):
        local = session.starts_at.astimezone(ZoneInfo(zone))
        at = time(int(found[1]), int(found[2]))
        return utc_of(datetime.combine(local.date(), at), ZoneInfo(zone))
    if is_relative(when):
        raise WrongTime("a time is expected here, such as 2030-01-31 18:30 (the group's time), or 18:30")
    return start_of(when, zone, now)


async def _whose(unit: Unit, session: Session) -> str:
    """Whose session it is, for people."""
    person = await unit.people.get(session.person_id) if session.person_id else None
    group = await unit.programmes.group(session.group_id) if session.group_id else None
    return person.alias if person else group.key if group else "nobody"


async def _row(unit: Unit, programme: Programme, session: Session) -> str:
    whose, zone = await _whose(unit, session), await zone_of(unit, programme, session)
    day = f"{session.starts_at.astimezone(ZoneInfo(zone)):%a}"
    local, length = local_time(session.starts_at, zone), f"{session.minutes} min"
    state = "" if session.state == "planned" else f"  {session.state}"
    return f"{day} {local} {zone}  {session.key}  {whose}  {length}  {session.platform}{state}"
