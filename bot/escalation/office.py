"""The hours in which a programme's staff are there, and its working mornings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

MORNING = time(9, 0)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Hours:
    """Monday to Friday, from `start` o'clock up to `end`, in a zone. Public holidays count as working days."""

    zone: str
    start: int = 9
    end: int = 17

    def open(self, at: datetime) -> bool:
        """Whether staff are there."""
        local = at.astimezone(ZoneInfo(self.zone))
        return local.weekday() < SATURDAY and self.start <= local.hour < self.end

    def next_morning(self, after: datetime) -> datetime:
        """The next 09:00 of a Monday to Friday, after that time; UTC."""
        return self._next(after, MORNING)

    def within(self, due: datetime) -> datetime:
        """The time itself if staff are there, else when they are there next; UTC."""
        return due if self.open(due) else self._next(due, time(self.start))

    def _next(self, after: datetime, clock: time) -> datetime:
        zone = ZoneInfo(self.zone)
        day = after.astimezone(zone).date()
        while True:
            found = datetime.combine(day, clock, zone)
            if found > after and day.weekday() < SATURDAY:
                return found.astimezone(UTC)
            day += timedelta(days=1)
