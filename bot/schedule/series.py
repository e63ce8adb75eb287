"""When the sessions of a series are: a rule in local time, and from it times in UTC. Pure.

A series keeps its local hour over clock changes (R-13): it is reckoned in local time, and each time is then
put into UTC by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice

from dateutil import tz
from dateutil.rrule import rrule, rrulestr

MOST = 400
LONGEST = timedelta(days=3 * 366)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAYS = ("BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "BYWEEKNO", "BYYEARDAY", "WKST")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?\Z")
RIGHT_RULE = "it should look like FREQ=WEEKLY;COUNT=26 or FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20301217"


class BadRule(ValueError):
    """A rule that cannot be meant; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One session of a series. `day`: the local day the rule gives it; it stays when the session is moved."""

    day: date
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """A rule (RFC 5545) that begins at `starts`, a naive local time in `zone`.

    `excluded`: local days without a session. `moved`: local day -> when it is instead, naive in `zone` or aware.
    """

    starts: datetime
    zone: tzinfo
    rule: str
    excluded: frozenset[date] = frozenset()
    moved: Mapping[date, datetime] = field(default_factory=dict)


def utc_of(local: datetime, zone: tzinfo) -> datetime:
    """A local time in UTC: one that does not exist moves forward, of one that comes twice it is the first.

    An aware time is what it is.
    """
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    return tz.resolve_imaginary(local.replace(tzinfo=zone, fold=0)).astimezone(UTC)


def occurrences(series: Series) -> list[Occurrence]:
    """All sessions of the series, by the rule's order. Raises BadRule, also for a moved day that is none of it."""
    days = _days(series)
    if strange := sorted(set(series.moved) - set(days)):
        raise BadRule(f"{strange[0]} is no day of this series, so nothing can be moved from it")
    return [
        Occurrence(day, utc_of(series.moved.get(day) or local, series.zone))
        for day, local in days.items()
        if day in series.moved or day not in series.excluded
    ]


def days_of(series: Series) -> list[date]:
    """The local days the rule gives, excluded ones too. Raises BadRule."""
    return list(_days(series))


def _days(series: Series) -> dict[date, datetime]:
    parts = _parts(series.rule)
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    if (count is None) == (until is None):
        raise BadRule(f"a series needs an end, either COUNT or UNTIL; {RIGHT_RULE}")
    most = _number("COUNT", count, MOST) if count else MOST + 1
    last = series.starts + LONGEST
    end = _until(until, series.zone) if until else last
    found = list(islice(_rule(parts, series.starts, min(end, last)), most))
    if not found or found[0] != series.starts:
        raise BadRule(f"the rule does not begin on {series.starts:%A, %Y-%m-%d}, the day it starts")
    if len(found) > MOST or end > last or (count and len(found) < most):
        raise BadRule(f"a series has at most {MOST} sessions, in at most three years")
    return {local.date(): local for local in found}


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise BadRule(f"this is no rule; {RIGHT_RULE}")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise BadRule(f"FREQ should be one of {', '.join(_FREQUENCIES)}; {RIGHT_RULE}")
    for name in parts:
        if name not in {"FREQ", "INTERVAL", "COUNT", "UNTIL", *_DAYS}:
            raise BadRule(f"{name} cannot be used here; {RIGHT_RULE}")
    _number("INTERVAL", parts.get("INTERVAL", "1"), 1000)
    return parts


def _number(name: str, text: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise BadRule(f"{name} should be a number from 1 to {most}")
    return int(text)


def _until(text: str, zone: tzinfo) -> datetime:
    """The last local moment: a day counts to its end; a time with Z is UTC."""
    found = _UNTIL.match(text)
    try:
        if found is None:
            raise ValueError(text)
        day = datetime.strptime(found[1], "%Y%m%d")  # noqa: DTZ007 - local time is what a rule is reckoned in
        if found[2] is None:
            return datetime.combine(day, time.max)
        at = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S")  # noqa: DTZ007 - as above
    except ValueError:
        raise BadRule("UNTIL should be a day such as 20301217, or a time such as 20301217T183000Z") from None
    try:
        return at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if found[3] else at
    except OverflowError:
        raise BadRule(f"a series has at most {MOST} sessions, in at most three years") from None


def _rule(parts: Mapping[str, str], starts: datetime, until: datetime) -> rrule:
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        return rrulestr(f"{text};UNTIL={until:%Y%m%dT%H%M%S}", dtstart=starts)  # type: ignore[return-value]  # no set is asked for
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        raise BadRule(f"this is no rule; {RIGHT_RULE}") from None
