"""`/help` for staff: what can be written, and only what does something for the reader's roles."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports.records import Person, StaffRole
from bot.usecases import allow, written, zone
from bot.usecases.desk import Desk
from flows.effects import Line

EVERYBODY = frozenset(StaffRole)
_SEEING = frozenset({StaffRole.PARTNER_SUPPORT, StaffRole.MANAGER, StaffRole.ADMINISTRATOR})
"""Managers and administrators may be asked in the place of any role (S-31)."""
_TAKING = EVERYBODY - {StaffRole.PARTNER_SUPPORT}
_FACILITATOR = frozenset({StaffRole.FACILITATOR})

HELP: Sequence[tuple[Line, frozenset[StaffRole]]] = (
    (Line("staff", "/case: open cases."), EVERYBODY),
    (Line("staff", "/case K-101: one case."), EVERYBODY),
    (Line("staff", "/ack K-101: take it on."), _TAKING),
    (Line("staff", "/details K-101: read it."), EVERYBODY),
    (Line("staff", "/strike K-101: strike out what was typed."), EVERYBODY),
    (Line("staff", "/resolve K-101: close it for your role."), _TAKING),
    (Line("staff", "/handover K-101: give it to a colleague."), _TAKING),
    (Line("staff", "/lift K-101: answer the hold."), _TAKING - {StaffRole.TECH}),
    (Line("staff", "/seen K-101: partner support has seen it."), _SEEING),
    (Line("staff", "/roster: who is ready."), _FACILITATOR),
    (Line("staff", "/duty: who is on duty."), EVERYBODY),
    (Line("staff", "/allow: a dated exception."), allow.MAY),
    (Line("staff", "/release: open a closed step for somebody."), _FACILITATOR),
    (Line("staff", "/written: what participants of your groups typed."), written.CHOICE.may),
    (Line("staff", "/zone P-07 Europe/London: another time zone for a participant."), zone.MAY),
    (Line("staff", "/privacy: what is kept about you."), EVERYBODY),
    (Line("staff", "/language de: another language."), EVERYBODY),
    (Line("staff", "/stop: take away details that stand here; cases stay."), EVERYBODY),
)


def help_for(desk: Desk, person: Person) -> str:
    """A line for each command, in the person's language."""
    return "\n".join(desk.texts.line(person.language, line) for line in lines_for(person))


def lines_for(person: Person) -> list[Line]:
    """A line for each command that does something for the person's roles."""
    return [line for line, roles in HELP if roles & set(person.roles)]
