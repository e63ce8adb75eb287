"""After a backup was put back: nothing is doubled but alerts, and people are asked to look (R-05, S-30).

Between the backup and now the bot may have sent what waits in it, taken answers, closed cases and enrolled people.
It knows of none of that. So alerts are sent again, at least once; whatever else waited to be said is withheld, the
rows it would have come from too; invitations that were open are closed; and staff are told from when on they have
to know for themselves. Open questions are asked again by bot.usecases.look_back, as after any time away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.ports.records import AuditEntry, Person, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.facts import time_of
from bot.usecases.invite import OPERATOR
from bot.usecases.look_back import RESTORED as RESTORED_AT
from bot.usecases.staff_notice import tell_person
from flows.effects import Line

RESTORED = Line(
    "staff",
    "The assistant's data were restored from a backup of {time}. What came in or was done after that is not known "
    "here any more, and alerts may come a second time. Please look at all open cases with /case, and at the "
    "people who answered since.",
)
_TOLD = (StaffRole.FACILITATOR, StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Settled:
    """How many of each."""

    withheld: int
    reminders: int
    invitations: int
    told: int


async def settle(unit: Unit, desk: Desk, made_at: datetime) -> Settled:
    """Stage all that follows, once, before the bot runs on the restored data. The caller commits."""
    now = desk.now()
    # First: the notices below wait in the outbox as well.
    withheld = await unit.restored.withhold()
    reminders = await unit.restored.withhold_reminders(now)
    invitations = await unit.restored.close_invitations(now)
    await unit.pulses.beat(RESTORED_AT, now)
    told = 0
    for programme in await unit.programmes.all():
        people: dict[str, Person] = {}
        for role in _TOLD:
            people |= {one.id: one for one in await unit.people.in_role(programme.id, role)}
        for person in people.values():
            told += await tell_person(unit, desk, person, RESTORED, {"time": time_of(person, made_at)})
        await unit.audit.add(AuditEntry(desk.ids.new(), now, OPERATOR, "restored", programme.id))
    return Settled(withheld, reminders, invitations, told)
