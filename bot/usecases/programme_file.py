"""What a programme file may say, and what is wrong with one as a whole. Reading YAML is the command line's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.ports.records import StaffRole
from bot.usecases.invite import IN_A_GROUP, known_language, known_timezone

_RELATIVE = re.compile(r"\+\s*(\d{1,5})\s*(min|h|days?|weeks?)\Z")
_UNITS = {"min": "minutes", "h": "hours", "day": "days", "days": "days", "week": "weeks", "weeks": "weeks"}
RIGHT_TIME = (
    "it should look like 2030-01-31T18:30+00:00, 2030-01-31 18:30 (the group's time) or +45 min, +2 h, +1 day"
)


def _zone(name: str) -> str:
    if not known_timezone(name):
        raise ValueError("there is no such time zone; it should look like Europe/London")
    return name


def _language(code: str) -> str:
    if not known_language(code):
        raise ValueError("there is no such language; it should look like en or pt_BR")
    return code


def _link(address: str) -> str:
    if not address.startswith("https://"):
        raise ValueError("it should begin with https://")
    return address


Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Zone = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]
Platform = Literal["zoom", "teams"]


class Entry(BaseModel):
    """A part of the file; a field that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ProgrammeSettings(Entry):
    """What has a default. `retention_months`: after how long what is kept about a person goes (S-42).

    `staffed_from`, `staffed_until`: the hours of working days in which staff are there (S-12).
    """

    retention_months: Annotated[int, Field(ge=1, le=120)] = 12
    staffed_from: Annotated[int, Field(ge=0, le=23)] = 9
    staffed_until: Annotated[int, Field(ge=1, le=24)] = 17


class ProgrammeEntry(Entry):
    """The programme itself."""

    key: Key
    name: Name
    platform: Platform
    timezone: Zone
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    service_number: Annotated[str, Field(min_length=3, max_length=40)]
    emergency_number: Annotated[str, Field(min_length=2, max_length=40)]
    free_text: bool = True
    settings: ProgrammeSettings = ProgrammeSettings()


class GroupEntry(Entry):
    """A group; its zone is the programme's unless it says otherwise."""

    key: Key
    name: Name
    timezone: Zone | None = None


class StaffEntry(Entry):
    """Somebody to be invited. `alias`: how colleagues know them; unique in the file."""

    alias: Name
    role: StaffRole
    group: Key | None = None
    language: Language | None = None
    timezone: Zone | None = None


class SessionEntry(Entry):
    """A group's meeting. `starts`: absolute, local or, for a new session, relative (see `RIGHT_TIME`)."""

    key: Key
    group: Key
    starts: str
    minutes: Annotated[int, Field(ge=15, le=480)] = 120
    platform: Platform | None = None
    link: Annotated[str, Field(max_length=500), AfterValidator(_link)]
    state: Literal["planned", "cancelled"] = "planned"


class ProgrammeFile(Entry):
    """The whole file."""

    programme: ProgrammeEntry
    groups: Annotated[tuple[GroupEntry, ...], Field(min_length=1)]
    staff: tuple[StaffEntry, ...] = ()
    sessions: tuple[SessionEntry, ...] = ()

    def zone_of(self, group: str | None) -> str:
        """The zone of a group, or the programme's."""
        own = next((g.timezone for g in self.groups if g.key == group), None)
        return own or self.programme.timezone


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault and where in the file it is: keys and indexes from the top."""

    loc: tuple[int | str, ...]
    says: str


def is_relative(text: str) -> bool:
    """Whether a session's start is counted from now: such a time counts once, when the session is new."""
    return _RELATIVE.match(text.strip()) is not None


class WrongTime(ValueError):
    """A session time that cannot be meant; the message says what would be right."""


def start_of(text: str, zone: str, now: datetime) -> datetime:
    """The start in UTC, to the minute. Raises WrongTime."""
    if found := _RELATIVE.match(text.strip()):
        return (now + timedelta(**{_UNITS[found[2]]: int(found[1])})).replace(second=0, microsecond=0)
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongTime(f"this is no time; {RIGHT_TIME}") from None
    if ":" not in text:
        raise WrongTime(f"the time of day is missing; {RIGHT_TIME}")
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    return _local(given, zone)


def _local(given: datetime, zone: str) -> datetime:
    first, second = (given.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    skipped = first.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != given
    says = "does not exist" if skipped else "comes twice"
    raise WrongTime(
        f"this time {says} in {zone}, where clocks change that night; write it with its offset, as +00:00"
    )


def faults_in(file: ProgrammeFile, now: datetime) -> list[Wrong]:
    """What is wrong across the parts; empty when all can be imported."""
    return [*_twice(file), *_staff(file), *_sessions(file, now)]


def _twice(file: ProgrammeFile) -> Iterator[Wrong]:
    listed: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("groups", "key", [group.key for group in file.groups]),
        ("staff", "alias", [one.alias for one in file.staff]),
        ("sessions", "key", [session.key for session in file.sessions]),
    )
    for part, field, values in listed:
        for index, value in enumerate(values):
            if value in values[:index]:
                yield Wrong((part, index, field), f"{value} stands twice; each {field} should stand once")


def _staff(file: ProgrammeFile) -> Iterator[Wrong]:
    for index, one in enumerate(file.staff):
        if one.group is not None:
            yield from _group(file, ("staff", index, "group"), one.group)
        elif one.role.value in IN_A_GROUP and len({group.key for group in file.groups}) > 1:
            keys = ", ".join(group.key for group in file.groups)
            yield Wrong(("staff", index), f"a {one.role} needs a group; add group: with one of {keys}")
        if one.language is not None and one.language not in file.programme.languages:
            has = ", ".join(file.programme.languages)
            yield Wrong(("staff", index, "language"), f"the programme has no {one.language}; it has: {has}")


def _sessions(file: ProgrammeFile, now: datetime) -> Iterator[Wrong]:
    for index, session in enumerate(file.sessions):
        yield from _group(file, ("sessions", index, "group"), session.group)
        try:
            start_of(session.starts, file.zone_of(session.group), now)
        except WrongTime as wrong:
            yield Wrong(("sessions", index, "starts"), str(wrong))
        except OverflowError:
            yield Wrong(("sessions", index, "starts"), f"this is too far away; {RIGHT_TIME}")


def _group(file: ProgrammeFile, loc: tuple[int | str, ...], key: str) -> Iterator[Wrong]:
    if key not in {group.key for group in file.groups}:
        yield Wrong(
            loc, f"there is no group {key}; there are: {', '.join(group.key for group in file.groups)}"
        )
