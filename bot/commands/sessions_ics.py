"""iCalendar (RFC 5545) -> meetings. Only times, links, states and UIDs are read: no names, no descriptions are kept.

Every fault is one line: file, line, column, what is wrong, what would be right.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from icalendar import Calendar, Component

from bot.commands.input_file import text_of
from bot.commands.sessions_csv import MINUTES, Read, fault_line
from bot.commands.terminal import Told
from bot.schedule.series import utc_of
from bot.usecases.import_sessions import Instance, Meeting
from bot.usecases.plan_sessions import instance_key

_LINK = re.compile(r"https://[^\s<>\"']+")
_PLATFORMS: Mapping[str, Literal["zoom", "teams"]] = {
    "zoom.us": "zoom", "zoom.com": "zoom", "teams.microsoft.com": "teams", "teams.live.com": "teams",
}  # fmt: skip
_LINKED = (
    "URL",
    "CONFERENCE",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "LOCATION",
    "DESCRIPTION",
)
_OUR_FIELDS = {"UID": "key", "DTSTART": "starts", "DTEND": "minutes", "DURATION": "minutes", "RRULE": "rrule"}
_USED = {*_OUR_FIELDS, "EXDATE", "RECURRENCE-ID"}
_LONGEST_LINK = 500


class _Bad(Exception):
    """A fault of an event, which `_within` notes."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field = field
        self.event: _Event | None = None


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of the file, with where its properties stand."""

    component: Component
    places: dict[str, tuple[int, int]]
    cancelled: bool

    def one(self, name: str) -> Any:
        """The only value of a property, or None."""
        value = self.component.get(name)
        if isinstance(value, list):
            raise _Bad(name, "it should stand once in an event")
        return value

    def at(self, name: str) -> datetime | None:
        """A time: aware, or naive where the file gives no zone."""
        value = self.one(name)
        if value is None:
            return None
        when = getattr(value, "dt", None)
        if not isinstance(when, datetime):
            raise _Bad(
                name, "a day with a time is expected here, such as DTSTART;TZID=Europe/London:20300131T183000"
            )
        if when.tzinfo is None and (zone := value.params.get("TZID")):
            raise _Bad(
                name, f"there is no time zone {zone}; use a name of the IANA list, or add its VTIMEZONE"
            )
        return when.replace(microsecond=0)


def read_ics(path: Path, group: str | None = None, participant: str | None = None) -> Read:
    """The sessions of the calendar, for the group or the participant. Raises Told with a line for each fault."""
    by_uid: dict[str, list[_Event]] = defaultdict(list)
    read, bads = Read([], []), list[_Bad]()
    for event in _events(path):
        try:
            with _within(event):
                by_uid[_uid(event)].append(event)
        except _Bad as bad:
            bads.append(bad)
    for uid, events in by_uid.items():
        try:
            for meeting, event in _meetings(uid, events):
                read.meetings.append(replace(meeting, group=group, participant=participant))
                read.places.append(event.places)
        except _Bad as bad:
            bads.append(bad)
    if bads:
        raise Told(
            *(fault_line(path, bad.event.places if bad.event else {}, bad.field, str(bad)) for bad in bads)
        )
    return read


@contextmanager
def _within(event: _Event) -> Iterator[None]:
    try:
        yield
    except _Bad as bad:
        bad.event = bad.event or event
        raise


def _meetings(uid: str, events: Sequence[_Event]) -> Iterator[tuple[Meeting, _Event]]:
    """The session or series of one UID with its changes; or each change by itself, where the series is not there."""
    masters = [event for event in events if event.component.get("RECURRENCE-ID") is None]
    for event in masters[1:]:
        with _within(event):
            raise _Bad("UID", "another event has this UID; each should have its own")
    if not masters:
        for event in events:
            with _within(event):
                yield _lone(uid, event), event
        return
    with _within(masters[0]):
        whole = _whole(uid, masters[0])
    for event in events:
        if event is not masters[0]:
            with _within(event):
                whole = _changed(whole, event)
    yield whole, masters[0]


def _events(path: Path) -> list[_Event]:
    text = text_of(path, f"{path}:1:1")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError):
        raise Told(
            f"{path}:1:1: this is no calendar; a file that begins with BEGIN:VCALENDAR is expected"
        ) from None
    found = [
        (component, str(calendar.get("METHOD", "")).upper() == "CANCEL")
        for calendar in calendars
        for component in calendar.walk("VEVENT")
    ]
    places = _places(text)
    if not found or len(places) != len(found):
        raise Told(f"{path}:1:1: there are no events in it; sessions are expected as VEVENT")
    return [
        _Event(component, at, gone or str(component.get("STATUS", "")).upper() == "CANCELLED")
        for (component, gone), at in zip(found, places, strict=True)
    ]


def _places(text: str) -> list[dict[str, tuple[int, int]]]:
    """For each event, in order: the line and column where each property's value begins."""
    events: list[dict[str, tuple[int, int]]] = []
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'([\w-]+)((?:"[^"]*"|[^":])*):(.*)', line)
        if line[:1] in (" ", "\t") or found is None:
            continue
        name, value = found[1].upper(), found[3].strip().upper()
        if name == "BEGIN":
            inside.append(value)
            if value == "VEVENT":
                events.append({"": (number, 1)})
        elif name == "END" and inside:
            inside.pop()
        elif inside[-1:] == ["VEVENT"]:
            place = (number, found.start(3) + 1)
            events[-1].setdefault(name, place)
            events[-1].setdefault(_OUR_FIELDS.get(name, name), place)
    return events


def _uid(event: _Event) -> str:
    for name, _ in event.component.errors:
        if name in _USED:
            raise _Bad(str(name), "this cannot be read; RFC 5545 says how it should look")
    uid = str(event.one("UID") or "").strip()
    if not uid or len(uid) > 255 or not uid.isprintable():
        raise _Bad("UID", "each event needs a UID, of 1 to 255 characters: it is the session's key")
    for name in ("RDATE", "EXRULE"):
        if event.component.get(name) is not None:
            raise _Bad(name, "this cannot be used here; write an event of its own, or EXDATE")
    return uid


def _whole(uid: str, event: _Event) -> Meeting:
    """The event without the changes to its instances."""
    starts = event.at("DTSTART")
    if starts is None:
        raise _Bad("DTSTART", "it is missing; it should look like DTSTART;TZID=Europe/London:20300131T183000")
    rule = event.one("RRULE")
    if rule is not None and _is_utc(starts.tzinfo):
        raise _Bad("DTSTART", "a series in UTC would change its hour with the clocks; write it with its TZID")
    link = _link(event)
    if not link and not event.cancelled:
        raise _Bad("URL", "the link of the meeting is missing; add URL:https://...")
    minutes = _minutes(event, starts)
    if minutes is None and not event.cancelled:
        raise _Bad("minutes", "the length is missing; add DTEND or DURATION")
    return Meeting(
        key=uid,
        starts=starts.replace(tzinfo=None),
        minutes=minutes or MINUTES,
        link=link,
        platform=_platform(link),
        state="cancelled" if event.cancelled else "planned",
        zone=starts.tzinfo,
        rrule=rule.to_ical().decode() if rule is not None else "",
        excluded=frozenset(_excluded(event, starts.tzinfo)) if rule is not None else frozenset(),
    )


def _is_utc(zone: tzinfo | None) -> bool:
    return zone is UTC or getattr(zone, "key", "") in ("UTC", "Etc/UTC")


def _lone(uid: str, event: _Event) -> Meeting:
    """A change to one session of a series that the file does not hold: it is known by its own key."""
    whole = _whole(uid, event)
    value = event.one("RECURRENCE-ID")
    zone = value.dt.tzinfo if isinstance(value.dt, datetime) else None
    if _is_utc(zone):
        raise _Bad("RECURRENCE-ID", "its series is not in this file; import the whole calendar")
    return replace(whole, key=instance_key(uid, _day(event, value, zone)), rrule="", excluded=frozenset())


def _changed(whole: Meeting, event: _Event) -> Meeting:
    if not whole.rrule:
        raise _Bad("RECURRENCE-ID", "the event with this UID is no series; it needs an RRULE")
    if event.component.get("RRULE") is not None:
        raise _Bad("RRULE", "a changed session has no RRULE of its own")
    day = _day(event, event.one("RECURRENCE-ID"), whole.zone)
    if day in whole.changed:
        raise _Bad("RECURRENCE-ID", f"{day} is changed twice; once is expected")
    assert isinstance(whole.starts, datetime), "as _whole makes it"
    starts = event.at("DTSTART") or datetime.combine(day, whole.starts.time())
    instance = Instance(
        starts,
        _minutes(event, starts) or whole.minutes,
        _link(event) or whole.link,
        "cancelled" if event.cancelled else "planned",
    )
    return replace(whole, changed={**whole.changed, day: instance})


def _day(event: _Event, value: Any, zone: tzinfo | None) -> date:
    """The local day that RECURRENCE-ID names."""
    if "RANGE" in value.params:
        raise _Bad("RECURRENCE-ID", "RANGE cannot be used here; end the series with UNTIL and begin another")
    return _local_day(value.dt, zone)


def _local_day(when: date, zone: tzinfo | None) -> date:
    if not isinstance(when, datetime):
        return when
    return when.astimezone(zone).date() if when.tzinfo is not None and zone is not None else when.date()


def _excluded(event: _Event, zone: tzinfo | None) -> Iterable[date]:
    values = event.component.get("EXDATE") or []
    for listed in values if isinstance(values, list) else [values]:
        for value in listed.dts:
            yield _local_day(value.dt, zone)


def _minutes(event: _Event, starts: datetime) -> int | None:
    ends, length = event.at("DTEND"), event.one("DURATION")
    if ends is not None:
        zone = starts.tzinfo or UTC
        return int((utc_of(ends, zone) - utc_of(starts.replace(tzinfo=None), zone)) / timedelta(minutes=1))
    return int(length.dt / timedelta(minutes=1)) if length is not None else None


def _link(event: _Event) -> str:
    """The meeting's address: a field made for it, or else one of Zoom or Teams in the text."""
    for name in _LINKED:
        values = event.component.get(name) or []
        for value in values if isinstance(values, list) else [values]:
            for found in _LINK.findall(str(value)):
                link = found.rstrip(".,;)")
                if len(link) <= _LONGEST_LINK and (
                    name not in ("LOCATION", "DESCRIPTION") or _platform(link)
                ):
                    return str(link)
    return ""


def _platform(link: str) -> Literal["zoom", "teams"] | None:
    try:
        host = urlsplit(link).hostname or ""
    except ValueError:
        return None
    return next((p for end, p in _PLATFORMS.items() if host == end or host.endswith("." + end)), None)
