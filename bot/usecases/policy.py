"""What a programme sets about its ladders: who is asked in which order, and when staff are there."""

from __future__ import annotations

from datetime import timedelta

from bot.escalation.ladder import Ask
from bot.escalation.office import Hours
from bot.ports.records import ROLE_OF_LETTER, Programme
from bot.schedule.times import DEFAULT, times_of
from flows.values import Role, Urgency

ANY = "any"
NOBODY_SAID = Hours("UTC")


def policy_for(programme: Programme | None, role: Role, urgency: Urgency) -> tuple[Ask, ...]:
    """The programme's own rungs for the role, or for any role; empty where it says nothing."""
    policies = programme.settings.get("ladder", {}).get(urgency.value, {}) if programme else {}
    lines = policies.get(ROLE_OF_LETTER[role].value) or policies.get(ANY) or ()
    return tuple(Ask(line["ask"], line.get("minutes"), line.get("times", 1)) for line in lines)


def hours_of(programme: Programme | None) -> Hours:
    """When staff are there, in the programme's zone (S-12)."""
    if programme is None:
        return NOBODY_SAID
    settings = programme.settings
    return Hours(
        programme.timezone, int(settings.get("staffed_from", 9)), int(settings.get("staffed_until", 17))
    )


def roster_lead(programme: Programme | None) -> timedelta:
    """How long before a session its deadline is: from then on what is unsolved on the roster is alerted."""
    return timedelta(minutes=(times_of(programme) if programme else DEFAULT).deadline)


def reminded_after(programme: Programme | None) -> timedelta:
    """How long after it was taken on a case's taker is reminded (R-09)."""
    return timedelta(minutes=int(programme.settings.get("ack_reminder_minutes", 120) if programme else 120))


def lapses_after(programme: Programme | None) -> timedelta:
    """How long after it was taken on an acknowledgement lapses (R-09)."""
    return timedelta(minutes=int(programme.settings.get("ack_lapses_minutes", 240) if programme else 240))
