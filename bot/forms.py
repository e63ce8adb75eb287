"""How a language writes dates, times, lengths of time and lists: in a person's zone, by Babel's tables.

What was written once is kept: the same few times and lengths come with every message of a session.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, get_datetime_format, get_timezone_location
from babel.lists import format_list
from babel.units import format_unit

from bot.texts import RIGHT, from_right, locale_of, set_apart

Unit = Literal["minute", "hour", "day", "month"]
_kept = lru_cache(maxsize=1024)


def listed(language: str, items: Iterable[str]) -> str:
    """The items in one line, with the language's word before the last; each isolated where that is needed."""
    found = list(items)
    if len(found) < 2:
        return "".join(found)
    joined = format_list([set_apart(language, item) for item in found], locale=locale_of(language))
    # Its own commas say nothing about the direction, and a list of Latin names would run from the left.
    return RIGHT + joined if from_right(language) else joined


@_kept
def lasting(language: str, number: int, unit: Unit) -> str:
    """So much time in words, as they stand by themselves (in the nominative): `12 months`."""
    name, locale = f"duration-{unit}", locale_of(language)
    said = format_unit(number, name, "long", locale=locale)
    # Where CLDR has the words among the short ones only (Arabic and Turkish days and months), Babel gives its own key.
    return format_unit(number, name, "short", locale=locale) if name in said else said


@_kept
def date_at(language: str, zone: str, at: datetime) -> str:
    """The whole date, without the time: `12 March 2026`."""
    return format_date(_there(zone, at), "long", locale=locale_of(language))


@_kept
def clock_at(language: str, zone: str, at: datetime) -> str:
    """The time of day: `18:30`."""
    return format_time(_there(zone, at), "short", locale=locale_of(language))


@_kept
def day_and_time(language: str, zone: str, at: datetime) -> str:
    """Weekday, date without the year, and time: `Thu 12 Mar, 18:30`."""
    day = format_skeleton("MMMEd", _there(zone, at), locale=locale_of(language))
    return _together(language, day, clock_at(language, zone, at))


def date_and_time(language: str, zone: str, at: datetime) -> str:
    """The whole date and the time: `12 March 2026, 18:30`."""
    return _together(language, date_at(language, zone, at), clock_at(language, zone, at))


@_kept
def name_of_zone(language: str, zone: str) -> str:
    """The zone by its city: `London`."""
    return get_timezone_location(zone, locale=locale_of(language), return_city=True)


def _together(language: str, day: str, time: str) -> str:
    pattern = str(get_datetime_format("medium", locale=locale_of(language)))
    return pattern.replace("'", "").replace("{0}", time).replace("{1}", day)


def _there(zone: str, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(zone))
