"""What a programme file may say, and what is wrong with one as a whole. Reading YAML is the command line's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from bot.ports.records import Reach, StaffRole
from bot.schedule.series import BadRule, Series, days_of
from bot.schedule.times import DEFAULT
from bot.usecases.duty_file import Ladders, Rotas
from bot.usecases.file_entry import Country, Entry, Key, Name, Zone
from bot.usecases.invite import IN_A_GROUP, known_language
from bot.usecases.retention import checked

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_RELATIVE = re.compile(r"\+\s*(\d{1,5})\s*(min|h|days?|weeks?)\Z")
_UNITS = {"min": "minutes", "h": "hours", "day": "days", "days": "days", "week": "weeks", "weeks": "weeks"}
RIGHT_TIME = (
    "it should look like 2030-01-31T18:30+00:00, 2030-01-31 18:30 (the group's time) or +45 min, +2 h, +1 day"
)


def _language(code: str) -> str:
    if not known_language(code):
        raise ValueError("there is no such language; it should look like en or pt_BR")
    return code


def _link(address: str) -> str:
    if not address.startswith("https://"):
        raise ValueError("it should begin with https://")
    return address


def _email(address: str) -> str:
    if address and not _EMAIL.fullmatch(address):
        raise ValueError("it should look like duty@example.org, in plain letters")
    return address


Language = Annotated[str, AfterValidator(_language)]
Platform = Literal["zoom", "teams"]
Link = Annotated[str, Field(max_length=500), AfterValidator(_link)]


Hour = Annotated[int, Field(ge=0, le=23)]
Weekday = Annotated[int, Field(ge=0, le=6)]


class ReminderSettings(Entry):
    """When the plan around a session and in a week falls due; see bot.schedule.times.Times."""

    day_before_at: Hour = DEFAULT.day_before_at
    test_opens: Annotated[int, Field(ge=20, le=24 * 60)] = DEFAULT.test_opens
    test_again: Annotated[int, Field(ge=10, le=12 * 60)] = DEFAULT.test_again
    deadline: Annotated[int, Field(ge=5, le=6 * 60)] = DEFAULT.deadline
    confirm: Annotated[int, Field(ge=5, le=60)] = DEFAULT.confirm
    fresh: Annotated[int, Field(ge=10, le=6 * 60)] = DEFAULT.fresh
    roster: Annotated[int, Field(ge=1, le=60)] = DEFAULT.roster
    after_session: Annotated[int, Field(ge=0, le=60)] = DEFAULT.after_session
    next_day_at: Hour = DEFAULT.next_day_at
    check_in_at: Hour = DEFAULT.check_in_at
    check_in_day: Weekday = DEFAULT.check_in_day
    reflection_at: Hour = DEFAULT.reflection_at
    quiet_from: Hour = DEFAULT.quiet_from
    quiet_until: Hour = DEFAULT.quiet_until

    @model_validator(mode="after")
    def _in_order(self) -> ReminderSettings:
        if not self.test_opens > self.test_again > self.deadline:
            raise ValueError(
                "test_opens should be more minutes than test_again, and test_again more than deadline"
            )
        if self.confirm >= self.fresh:
            raise ValueError("confirm should be fewer minutes than fresh, or nobody could confirm in time")
        return self


class ProgrammeSettings(Entry):
    """What has a default. `retention_months`: after how long what is kept about a person goes (S-42); `retention`:
    other times for single kinds (see usecases/retention); `legal_hold`: cases (K-104), aliases or ids of people of whom
    nothing may go for now, or `all`; import keeps ids for aliases.

    `staffed_from`, `staffed_until`: the hours of working days in which staff are there (S-12). `ladder`: who is
    asked in which order, by urgency and role. `ack_…_minutes`: when whoever has taken a case on is reminded, and
    when it is asked again (R-09). `rotas`: those of the file, with ids (never written here).
    `keep_closed_cases`: when somebody is erased, closed cases stay as a bare record (bot.usecases.erase_person).
    `country`: whose help contacts are shown (bot.usecases.signposts), if it is not that of the time zone.
    `test_any_time`: a self-test counts however long before the session it is done; for trials only.
    """

    retention_months: Annotated[int, Field(ge=1, le=120)] = 12
    retention: Annotated[dict[str, int], AfterValidator(checked)] = Field(default_factory=dict)
    legal_hold: tuple[Name, ...] = ()
    staffed_from: Annotated[int, Field(ge=0, le=23)] = 9
    staffed_until: Annotated[int, Field(ge=1, le=24)] = 17
    ladder: Ladders = Field(default_factory=dict)
    ack_reminder_minutes: Annotated[int, Field(ge=5, le=24 * 60)] = 120
    ack_lapses_minutes: Annotated[int, Field(ge=10, le=48 * 60)] = 240
    rotas: Rotas = ()
    keep_closed_cases: bool = False
    test_any_time: bool = False
    country: Country | None = None
    reminders: ReminderSettings = ReminderSettings()


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
    """Somebody to be invited. `alias`: how colleagues know them; it stands once for each role and group they have.

    `email` and `reach` (telegram, email or both): how alerts come. Without `reach` mail is for when the chat
    is closed or Telegram fails. What is left out stays as it is; an empty `email` takes the address away.
    """

    alias: Name
    role: StaffRole
    group: Key | None = None
    language: Language | None = None
    timezone: Zone | None = None
    email: Annotated[str, Field(max_length=200), AfterValidator(_email)] | None = None
    reach: Reach | None = None


class SessionEntry(Entry):
    """A meeting of a group or, by their alias, of one participant.

    `starts`: absolute, local or, for a new session, relative (see `RIGHT_TIME`). With `rrule` (RFC 5545, with
    COUNT or UNTIL) it is a series, without the days of `except`.
    """

    key: Key
    group: Key | None = None
    participant: Name | None = None
    starts: str
    rrule: Annotated[str, Field(max_length=200)] = ""
    excluded: Annotated[tuple[date, ...], Field(alias="except")] = ()
    minutes: Annotated[int, Field(ge=15, le=480)] = 120
    platform: Platform | None = None
    link: Link
    state: Literal["planned", "cancelled"] = "planned"


class ProgrammeFile(Entry):
    """The whole file."""

    programme: ProgrammeEntry
    groups: Annotated[tuple[GroupEntry, ...], Field(min_length=1)]
    staff: tuple[StaffEntry, ...] = ()
    sessions: tuple[SessionEntry, ...] = ()
    rotas: Rotas = ()

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
    return [*_twice(file), *_staff(file), *_sessions(file, now), *_rotas(file)]


def _twice(file: ProgrammeFile) -> Iterator[Wrong]:
    listed: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("groups", "key", [group.key for group in file.groups]),
        ("sessions", "key", [session.key for session in file.sessions]),
    )
    for part, field, values in listed:
        for index, value in enumerate(values):
            if value in values[:index]:
                yield Wrong((part, index, field), f"{value} stands twice; each {field} should stand once")
    held = [(one.alias, one.role, one.group) for one in file.staff]
    for index, one in enumerate(held):
        if one in held[:index]:
            says = f"{one[0]} stands twice as {one[1]}; once for each role and group is enough"
            yield Wrong(("staff", index, "alias"), says)


def _staff(file: ProgrammeFile) -> Iterator[Wrong]:
    for index, one in enumerate(file.staff):
        if one.group is not None:
            yield from _group(file, ("staff", index, "group"), one.group)
        elif one.role.value in IN_A_GROUP and len({group.key for group in file.groups}) > 1:
            keys = ", ".join(group.key for group in file.groups)
            yield Wrong(("staff", index), f"a {one.role} needs a group; add group: with one of {keys}")
        if one.reach in ("email", "both") and not one.email:
            yield Wrong(("staff", index, "reach"), "an address is missing; add email:")
        if one.language is not None and one.language not in file.programme.languages:
            has = ", ".join(file.programme.languages)
            yield Wrong(("staff", index, "language"), f"the programme has no {one.language}; it has: {has}")


def _sessions(file: ProgrammeFile, now: datetime) -> Iterator[Wrong]:
    for index, session in enumerate(file.sessions):
        if (session.group is None) == (session.participant is None):
            yield Wrong(
                ("sessions", index), "a session is of a group or of one participant; write one of them"
            )
        if session.group is not None:
            yield from _group(file, ("sessions", index, "group"), session.group)
        zone = file.zone_of(session.group)
        try:
            starts = start_of(session.starts, zone, now)
            yield from _series(session, index, starts, ZoneInfo(zone))
        except WrongTime as wrong:
            yield Wrong(("sessions", index, "starts"), str(wrong))
        except OverflowError:
            yield Wrong(("sessions", index, "starts"), f"this is too far away; {RIGHT_TIME}")


def _series(session: SessionEntry, index: int, starts: datetime, zone: ZoneInfo) -> Iterator[Wrong]:
    if not session.rrule:
        if session.excluded:
            yield Wrong(("sessions", index, "except"), "only a series has days to leave out; add rrule:")
        return
    if is_relative(session.starts):
        yield Wrong(
            ("sessions", index, "starts"), "a series begins at a fixed time, such as 2030-01-31 18:30"
        )
        return
    try:
        days = days_of(Series(starts.astimezone(zone).replace(tzinfo=None), zone, session.rrule))
    except BadRule as bad:
        yield Wrong(("sessions", index, "rrule"), str(bad))
        return
    for place, day in enumerate(session.excluded):
        if day not in days:
            yield Wrong(("sessions", index, "except", place), f"{day} is no day of this series")


def _rotas(file: ProgrammeFile) -> Iterator[Wrong]:
    settings = file.programme.settings
    if settings.rotas:
        yield Wrong(("programme", "settings", "rotas"), "rotas: stands at the top of the file, beside staff:")
    if settings.ack_lapses_minutes <= settings.ack_reminder_minutes:
        yield Wrong(("programme", "settings"), "ack_lapses_minutes should be more than ack_reminder_minutes")
    aliases = {one.alias for one in file.staff}
    roles = [rota.role for rota in file.rotas]
    for index, rota in enumerate(file.rotas):
        if rota.role in roles[:index]:
            yield Wrong(("rotas", index, "role"), f"{rota.role} has a rota already; put the lines together")
        for part, place, who in rota.people():
            if who not in aliases:
                yield Wrong(("rotas", index, part, place, "who"), f"{who} is no alias under staff:")


def _group(file: ProgrammeFile, loc: tuple[int | str, ...], key: str) -> Iterator[Wrong]:
    if key not in {group.key for group in file.groups}:
        yield Wrong(
            loc, f"there is no group {key}; there are: {', '.join(group.key for group in file.groups)}"
        )
