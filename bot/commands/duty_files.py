"""CSV and iCalendar -> planned shifts. Every fault is one line: where, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Component
from icalendar.error import BrokenCalendarProperty

from bot.commands.input_file import text_of
from bot.commands.sessions_csv import split
from bot.commands.terminal import Told
from bot.ports.records import StaffRole
from bot.usecases.file_entry import known_timezone
from bot.usecases.import_duty import Planned

COLUMNS = ("role", "person", "starts", "ends", "zone")
HORIZON = timedelta(days=366)
MOST = 1000
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_ROLES = ", ".join(role.value for role in StaffRole)


class _Bad(Exception):
    """A fault of one shift; the message says what would be right."""


def read_csv(path: Path) -> list[Planned]:
    """Lines of role, person (alias), starts and ends (local) and zone, which may be empty. Raises Told, with all faults."""
    lines = text_of(path, f"{path}:1").splitlines()
    if [name.strip().lower() for name in split(lines[0] if lines else "", ",")[0]] != list(COLUMNS):
        raise Told(f"{path}:1: the columns should be {','.join(COLUMNS)}")
    found, faults = list[Planned](), list[str]()
    for number, line in enumerate(lines[1:], 2):
        if line.strip(" \t,"):
            values, columns = split(line, ",")
            places = [f"{path}:{number}:{column}" for column in columns]
            found += _of_row(places, [value.strip() for value in values], faults)
    if faults:
        raise Told(*faults)
    return found


def _of_row(places: Sequence[str], row: Sequence[str], faults: list[str]) -> list[Planned]:
    """The shift of a line; without one all that is wrong with it is among the faults."""
    if len(row) != len(COLUMNS):
        faults.append(f"{places[0]}: {len(COLUMNS)} fields are expected: {','.join(COLUMNS)}")
        return []
    read: list[Any] = []
    readers: Sequence[Callable[[str], Any]] = (_role, str, _local, _local, _zone)
    for place, value, reader in zip(places, row, readers, strict=True):
        try:
            read.append(reader(value))
        except _Bad as bad:
            faults.append(f"{place}: {bad}")
    return [Planned(places[1], *read)] if len(read) == len(COLUMNS) else []


def _zone(name: str) -> ZoneInfo | None:
    if name and not known_timezone(name):
        raise _Bad("there is no such time zone; it should look like Europe/London")
    return ZoneInfo(name) if name else None


def _role(name: str) -> StaffRole:
    try:
        return StaffRole(name.lower())
    except ValueError:
        raise _Bad(f"there is no role {name}; there are: {_ROLES}") from None


def _local(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or ":" not in text:
        raise _Bad("a local time is expected, such as 2030-01-31 17:00; its zone has its own column")
    return found


@dataclass(slots=True)
class _Series:
    """The events of one UID: the one itself, and what differs on some of its days."""

    whole: Component | None = None
    apart: list[Component] = field(default_factory=list)


def read_ics(path: Path, role: StaffRole, now: datetime) -> list[Planned]:
    """Events whose summary is a staff alias and whose category, if it is one, the role. Raises Told.

    Repeated events are taken for a year ahead, without cancelled days and with moved ones.
    """
    by_uid: dict[str, _Series] = {}
    for number, event in enumerate(_events(path), 1):
        series = by_uid.setdefault(str(event.get("UID") or number), _Series())
        if event.get("RECURRENCE-ID") is None and series.whole is None:
            series.whole = event
        else:
            series.apart.append(event)
    found, faults = list[Planned](), list[str]()
    for series in by_uid.values():
        events = [*series.apart] if series.whole is None else [series.whole, *series.apart]
        for event in events:
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            place = f"{path}: {event.get('SUMMARY', 'event')}"
            try:
                found += _of_event(place, event, series if event is series.whole else _Series(), role, now)
            except _Bad as bad:
                faults.append(f"{place}: {bad}")
            except BrokenCalendarProperty as broken:
                says = (
                    str(broken)
                    .partition("(")[0]
                    .replace("Cannot access 'dt' on broken property", "no time in")
                )
                faults.append(f"{place}: {says.strip()}; it should look like 20300131T170000")
    if faults:
        raise Told(*faults)
    return found


def _events(path: Path) -> list[Component]:
    text = text_of(path, f"{path}:1")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError):
        raise Told(f"{path}:1: this is no calendar; it should begin with BEGIN:VCALENDAR") from None
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if not events:
        raise Told(f"{path}:1: there are no events in it; shifts are expected as VEVENT")
    return events


def _of_event(
    place: str, event: Component, series: _Series, role: StaffRole, now: datetime
) -> Iterator[Planned]:
    starts, zone = _time(event, "DTSTART")
    ends, ends_zone = _ends(event, starts, zone)
    if ends_zone != zone:
        ends = ends.replace(tzinfo=ends_zone).astimezone(zone).replace(tzinfo=None)
    own = _category(event) or role
    for begins in _occurrences(event, series, starts, zone, now):
        yield Planned(
            place, own, str(event.get("SUMMARY", "")).strip(), begins, begins + (ends - starts), zone
        )


def _time(event: Component, name: str) -> tuple[datetime, tzinfo | None]:
    """A naive local time and its zone; a day begins at its midnight."""
    value = event.get(name)
    when = getattr(value, "dt", None)
    if not isinstance(when, date):
        raise _Bad(
            f"{name} is missing or cannot be read; it should look like {name};TZID=Europe/London:20300131T170000"
        )
    if not isinstance(when, datetime):
        return datetime.combine(when, time()), None
    return when.replace(tzinfo=None), when.tzinfo


def _ends(event: Component, starts: datetime, zone: tzinfo | None) -> tuple[datetime, tzinfo | None]:
    length = getattr(event.get("DURATION"), "dt", None)
    if event.get("DTEND") is None and isinstance(length, timedelta):
        return starts + length, zone
    return _time(event, "DTEND")


def _category(event: Component) -> StaffRole | None:
    listed = event.get("CATEGORIES")
    names = [str(name) for name in getattr(listed, "cats", [])]
    return next((role for role in StaffRole for name in names if name.strip().lower() == role.value), None)


def _occurrences(
    event: Component, series: _Series, starts: datetime, zone: tzinfo | None, now: datetime
) -> list[datetime]:
    """The local times at which it begins; RFC 5545's rule is reckoned in local time."""
    rule = event.get("RRULE")
    if rule is None:
        return [starts]
    if zone is UTC or getattr(zone, "key", "") in ("UTC", "Etc/UTC"):
        raise _Bad(
            "repeated shifts in UTC would change their hour with the clocks; write DTSTART with its TZID"
        )
    last = now.replace(tzinfo=None) + HORIZON
    if not {str(each).upper() for each in rule.get("FREQ", [])} <= _FREQUENCIES:
        # Of what comes every second and never fits, the search for the first one would not end.
        raise _Bad("a shift comes daily, weekly, monthly or yearly; as FREQ=WEEKLY")
    try:
        text = rule.to_ical().decode()
        text = ";".join(part for part in text.split(";") if not part.startswith("UNTIL="))
        found = list(islice(rrulestr(text, dtstart=starts), MOST + 1))
    except (ValueError, AttributeError, TypeError):
        raise _Bad("this RRULE cannot be read; it should look like RRULE:FREQ=WEEKLY;BYDAY=MO") from None
    left_out = {
        _day_or_time(value.dt, zone) for listed in _listed(event.get("EXDATE")) for value in listed.dts
    }
    left_out |= {
        _day_or_time(one.get("RECURRENCE-ID").dt, zone) for one in series.apart if one.get("RECURRENCE-ID")
    }
    end = min([last, *(_naive(each, zone) for each in rule.get("UNTIL", []))])
    kept = [one for one in found if one <= end and not {one, one.date()} & left_out]
    if len(found) > MOST and found[-1] <= end:
        raise _Bad(f"it has more than {MOST} shifts in a year")
    return kept


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _day_or_time(when: date, zone: tzinfo | None) -> date:
    return _naive(when, zone) if isinstance(when, datetime) else when


def _naive(when: date, zone: tzinfo | None) -> datetime:
    """The local time that is meant in the event's zone; a day is meant to its end."""
    if not isinstance(when, datetime):
        return datetime.combine(when, time.max)
    return when.astimezone(zone).replace(tzinfo=None) if when.tzinfo and zone else when.replace(tzinfo=None)
