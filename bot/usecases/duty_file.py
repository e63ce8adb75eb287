"""Ladders and rotas as a programme file says them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.ports.records import StaffRole
from bot.schedule.rota import DAYS, Day, Line, Override
from bot.usecases.file_entry import Entry, Name, Zone
from flows.values import Urgency

Clock = Annotated[str, Field(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$")]
LadderRole = Literal["any", "facilitator", "tech", "partner_support", "duty", "manager"]


class RungEntry(Entry):
    """Whom to ask, how long they have (minutes; the urgency's own unless said), and how often."""

    ask: Literal["group", "duty", "programme", "manager"]
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] | None = None
    times: Annotated[int, Field(ge=1, le=10)] = 1


Ladders = dict[
    Urgency, dict[LadderRole, Annotated[tuple[RungEntry, ...], Field(min_length=1, max_length=10)]]
]


class DutyEntry(Entry):
    """A line of the week: who is on duty from when to when. Up to a time not later than `from` is the next day."""

    day: Day
    starts: Annotated[Clock, Field(alias="from")]
    ends: Annotated[Clock, Field(alias="to")]
    who: Name
    timezone: Zone | None = None


class OverrideEntry(Entry):
    """On that date this holds instead of the week's lines; without `who`, nobody is on duty then."""

    date: date
    starts: Annotated[Clock | None, Field(alias="from")] = None
    ends: Annotated[Clock | None, Field(alias="to")] = None
    who: Name | None = None
    timezone: Zone | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({value is None for value in (self.starts, self.ends, self.who)}) > 1:
            raise ValueError("who, from and to belong together; a date alone says that nobody is on duty")
        return self


class RotaEntry(Entry):
    """Who of a role is on duty when, in local time. `who`: a staff alias; as it is kept, the id of whom it means.

    `cover`: what counts as a gap, any time at all (`always`) or only hours of the week's lines (`weekly`).
    """

    role: StaffRole
    timezone: Zone | None = None
    cover: Literal["always", "weekly"] = "always"
    weekly: Annotated[tuple[DutyEntry, ...], Field(max_length=200)] = ()
    exceptions: Annotated[tuple[OverrideEntry, ...], Field(max_length=400)] = ()

    def lines(self, zone: str) -> list[Line]:
        """The week; `zone` where none is said."""
        own = self.timezone or zone
        return [
            Line(DAYS.index(one.day), one.starts, one.ends, one.who, one.timezone or own)
            for one in self.weekly
        ]

    def overrides(self, zone: str) -> list[Override]:
        """The dates that differ; `zone` where none is said."""
        own = self.timezone or zone
        return [
            Override(one.date, one.starts or "", one.ends or "", one.who or "", one.timezone or own)
            for one in self.exceptions
        ]

    def people(self) -> Iterator[tuple[str, int, str]]:
        """Everybody named: the list, the place in it, and who."""
        for place, line in enumerate(self.weekly):
            yield "weekly", place, line.who
        for place, override in enumerate(self.exceptions):
            if override.who is not None:
                yield "exceptions", place, override.who

    def kept(self, ids: dict[str, str]) -> RotaEntry:
        """The same with ids in place of aliases, as names are not kept in the open (S-41)."""

        def put(one: DutyEntry | OverrideEntry) -> DutyEntry | OverrideEntry:
            return one.model_copy(update={"who": ids.get(one.who, one.who)}) if one.who else one

        return self.model_copy(
            update={"weekly": tuple(map(put, self.weekly)), "exceptions": tuple(map(put, self.exceptions))}
        )


Rotas = Annotated[tuple[RotaEntry, ...], Field(max_length=len(StaffRole))]
