"""Take in shifts from a file of whatever kind; the same file again replaces what it said before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.ports.records import AuditEntry, Programme, StaffRole
from bot.ports.stores import Unit
from bot.schedule.rota import Duty, earliest, handed_over, latest
from bot.usecases.desk import Desk
from bot.usecases.invite import OPERATOR
from bot.usecases.rota import shift_of

LONGEST = timedelta(days=14)
FILE = "file:"


@dataclass(frozen=True, slots=True)
class Planned:
    """A shift as a file says it: a staff alias, and naive local times in `zone` (None: the programme's).

    `place`: where it stands in the file, for faults.
    """

    place: str
    role: StaffRole
    alias: str
    starts: datetime
    ends: datetime
    zone: tzinfo | None = None


class BadDuty(Exception):
    """Some shifts do not fit; nothing is to be kept. `faults`: a line for each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


async def import_duty(
    unit: Unit, desk: Desk, programme: Programme, source: str, planned: Sequence[Planned]
) -> int:
    """Stage the shifts in place of those of the same source; gives how many. Raises BadDuty."""
    people = {
        role: {person.alias: person.id for person in await unit.people.in_role(programme.id, role)}
        for role in StaffRole
    }
    found: dict[StaffRole, list[Duty]] = defaultdict(list)
    faults: list[str] = []
    for one in planned:
        zone = one.zone or programme.timezone
        starts_at, ends_at = earliest(one.starts, zone), latest(one.ends, zone)
        who = people[one.role].get(one.alias)
        if who is None:
            faults.append(f"{one.place}: {one.alias} is not enrolled as {one.role}")
        elif not timedelta() < ends_at - starts_at <= LONGEST:
            faults.append(f"{one.place}: a shift ends after it starts, and lasts 14 days at most")
        else:
            found[one.role].append(Duty(who, starts_at, ends_at))
    if faults:
        raise BadDuty(faults)
    name = FILE + source
    shifts = [
        shift_of(desk.ids, programme.id, role, duty, name)
        for role, mine in found.items()
        for duty in handed_over(mine)
    ]
    await unit.shifts.replace_source(programme.id, name, shifts)
    detail = {"shifts": str(len(shifts))}
    await unit.audit.add(
        AuditEntry(desk.ids.new(), desk.now(), OPERATOR, "duty.imported", programme.id, detail)
    )
    return len(shifts)
