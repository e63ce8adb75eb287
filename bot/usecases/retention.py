"""How long each kind of data is kept, and why (S-42): the one table. Pure.

A programme may set another time within the bounds (`settings.retention` in its file). What belongs to several
programmes at once stays for the longest time any of them asks for.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bot.ports.records import Programme

EVERY = timedelta(days=1)
"""How often what is over is taken away: a date said to anybody lies this much later."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data. `time` counts in `unit` from what `since` says; `least` and `most` bound what may be set.

    `tables`: what goes, in this order. `hook`: the law it rests on. `capped`: the time is the programme's
    `retention_months`, unless it sets one for this kind. `shared`: it belongs to no one programme.
    """

    name: str
    time: int
    unit: Literal["days", "months"]
    least: int
    most: int
    since: str
    reason: str
    hook: str
    tables: tuple[str, ...]
    capped: bool = False
    shared: bool = False

    @property
    def setting(self) -> str:
        """What it is called in a programme file."""
        return f"{self.name}_{self.unit}"


_MINIMAL = "GDPR art. 5(1)(e), storage limitation"
_CLAIMS = "GDPR art. 17(3)(e), legal claims"
_ACCOUNTABLE = "GDPR art. 5(2), accountability"
_SECURE = "GDPR art. 32, security"

# Chats, and all that stands in them, go with the people; roles in a case with the case.
TABLE: tuple[Kind, ...] = (
    Kind("updates", 2, "days", 2, 30, "it was taken in", "a repeated update must change nothing; Telegram repeats for 24 hours",
         _MINIMAL, ("seen",), shared=True),
    Kind("messages", 7, "days", 3, 90, "it was due", "what was sent stands in the chat; kept to see what went out lately",
         _MINIMAL, ("outbox",), shared=True),
    Kind("messages_failed", 30, "days", 7, 180, "it was due", "to find out why something did not arrive",
         _MINIMAL, ("outbox",), shared=True),
    Kind("message_ids", 30, "days", 7, 180, "it was sent",
         "the chat is tidied by them; Telegram deletes nothing older than 48 hours", _MINIMAL, ("ledger",), shared=True),
    Kind("reminders", 90, "days", 14, 730, "it was due", "to see whether somebody was reminded", _MINIMAL, ("reminders",)),
    Kind("allowances", 180, "days", 7, 1100, "it ended", "to see what staff had allowed for a session",
         _MINIMAL, ("allowances",)),
    Kind("shifts", 90, "days", 36, 730, "it ended", "to see who was on duty when a case came", _MINIMAL, ("shifts",)),
    Kind("invitations", 90, "days", 7, 730, "it was used or revoked, or it expired",
         "staff are told when a used link is tried again", _SECURE, ("invitations",)),
    Kind("answers", 12, "months", 1, 120, "it was given",
         "staff prepare sessions with them and see contradictions over months (S-25)", _MINIMAL,
         ("answers", "readiness", "visits"), capped=True),
    Kind("reflections", 12, "months", 1, 120, "it was given", "talked over in the sessions of the programme",
         _MINIMAL, ("answers", "visits"), capped=True),
    Kind("agreements", 12, "months", 1, 120, "the person left", "what was agreed to, and in which version (S-34)",
         _ACCOUNTABLE, ("agreements",), capped=True),
    Kind("cases", 24, "months", 6, 240, "it was closed", "what was done about a risk must be explicable later",
         _CLAIMS, ("case_roles", "cases")),
    Kind("requests", 36, "months", 12, 120, "it was done", "to show that rights were answered in time",
         _ACCOUNTABLE, ("requests",)),
    Kind("sessions", 12, "months", 1, 120, "it ended", "what was kept about a session refers to it", _MINIMAL,
         ("sessions",), capped=True),
    Kind("people", 12, "months", 1, 120, "the person left",
         "staff must know whose the rest is; the row goes with the last that refers to it", _MINIMAL,
         ("chats", "person_roles", "people"), capped=True),
    Kind("audit", 36, "months", 12, 240, "the end of its month", "who saw what, when and why; whole months leave (R-16)",
         _ACCOUNTABLE, ("audit",), shared=True),
)  # fmt: skip
OF_KIND: Mapping[str, Kind] = {kind.name: kind for kind in TABLE}
BACKUPS = 30
"""Days after which a backup is to be deleted; until then it may hold what has gone here (docs/privacy)."""

# Tables that no time is set for.
KEPT: Mapping[str, str] = {
    "programmes": "about the organisation, nobody's data; ends with the database",
    "groups": "names of groups, nobody's data; ends with the database",
    "counters": "numbers given out once, so that a reference is never used again",
    "pulses": "one time for each part of the software, and the number of the bot",
    "leases": "which process leads, and until when",
    "works_with": "which versions of the software may run",
    "audit_anchors": "a number and a hash, with which the rest of the audit log is proved (R-16)",
}
ALL_OF_IT = "all"


class BadRetention(ValueError):
    """A time that cannot be set; the message says what can."""


def checked(settings: Mapping[str, int]) -> dict[str, int]:
    """The times a programme file sets. Raises BadRetention for a name that is not known, or a time out of bounds."""
    names = {kind.setting: kind for kind in TABLE}
    for name, value in settings.items():
        kind = names.get(name)
        if kind is None:
            raise BadRetention(f"there is no {name}; there are: {', '.join(sorted(names))}")
        if not kind.least <= value <= kind.most:
            raise BadRetention(f"{name} should be from {kind.least} to {kind.most}: {kind.reason}")
    return dict(settings)


def time_of(kind: Kind, programme: Programme) -> int:
    """How long the programme keeps this kind, in the kind's unit."""
    own = programme.settings.get("retention", {}).get(kind.setting)
    if own is not None:
        return int(own)
    if kind.capped:
        return int(programme.settings.get("retention_months", kind.time))
    return kind.time


def longest(kind: Kind, programmes: Iterable[Programme]) -> int:
    """How long it is kept where it belongs to all of them."""
    return max((time_of(kind, programme) for programme in programmes), default=kind.time)


def held_back(programme: Programme) -> tuple[str, ...]:
    """The references under a legal hold: K-104, a person's id, or `all`."""
    return tuple(programme.settings.get("legal_hold", ()))


def before(kind: Kind, time: int, now: datetime) -> datetime:
    """What counts from before this is over at `now`. Of the audit log whole months only."""
    if kind.unit == "days":
        return now - timedelta(days=time)
    cut = months_on(now, -time)
    return _month_of(cut) if kind.name == "audit" else cut


def gone_by(kind: Kind, time: int, since: datetime) -> datetime:
    """By when what counts from `since` has gone for certain."""
    if kind.unit == "days":
        return since + timedelta(days=time) + EVERY
    start = months_on(_month_of(since), 1) if kind.name == "audit" else since
    return months_on(start, time) + EVERY


def months_on(at: datetime, months: int) -> datetime:
    """So many months on or back; the first of the next month where the day is missing."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    if at.day <= calendar.monthrange(year, month + 1)[1]:
        return at.replace(year=year, month=month + 1)
    return months_on(datetime(year, month + 1, 1, tzinfo=UTC), 1)


def _month_of(at: datetime) -> datetime:
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def settings_of(programme: Programme) -> dict[str, Any]:
    """What this programme keeps how long, by the names of the programme file."""
    return {kind.setting: time_of(kind, programme) for kind in TABLE}
