"""Signposting: help contacts that the service keeps, by country and language, each with the day it was last checked.

They stand below the fixed help texts that give numbers, behind the door, and nowhere else: never in a neutral line
(S-02), and the same for everybody of a language and country (S-03). Which file they come from is bot.signposts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from babel.core import get_global
from dateutil.relativedelta import relativedelta
from pydantic import AfterValidator, Field, model_validator

from bot.ports.records import Chat, Lane, Person, Programme
from bot.ports.stores import Unit
from bot.texts import best_of, languages
from bot.usecases.desk import Desk, Message, post, retract
from bot.usecases.facts import programme_of
from bot.usecases.file_entry import Country, Entry, Name
from bot.usecases.staff_notice import Told, tell_administrators
from flows.effects import Line

ANY = "any"
"""Among an entry's languages: it is of use whatever somebody speaks."""
SLOT = "signposts"
CHECKED_FOR = relativedelta(months=6)
SAID_EVERY = timedelta(days=30)
KINDS = ("crisis", "own", "emergency")
_NUMBER = re.compile(r"\+?[0-9][0-9 ()/-]{1,28}")
_LINK = re.compile(r"https://[^\s<>{}]{3,100}")

HEADING = Line("help", "You can also turn to:")
CONTACT = Line("help", "• {name}: {contact}")
UNCHECKED = Line(
    "staff",
    "Help contacts that nobody has checked for 6 months: {number}. Please check them, and write the day into the file "
    "they stand in. Whoever runs the software can say which they are.",
)


def _number(text: str) -> str:
    if text and not _NUMBER.fullmatch(text):
        raise ValueError("it should be a number as it is dialled, such as 01632 960123")
    return text


def _link(text: str) -> str:
    if text and not _LINK.fullmatch(text):
        raise ValueError("it should begin with https:// and have at most 100 characters")
    return text


def _language(code: str) -> str:
    """One that somebody can be served in: another would be shown to nobody, as a slip for a code would (ua for uk)."""
    if code != ANY and best_of(code, languages()) is None:
        raise ValueError(f"nobody is served in {code}; it should be any, or one of {', '.join(languages())}")
    return code


class Signpost(Entry):
    """One help contact. `languages`: those spoken there; `checked`: the day (UTC) on which somebody last tried it."""

    country: Country
    kind: Literal["crisis", "own", "emergency"]
    name: Name
    number: Annotated[str, AfterValidator(_number)] = ""
    link: Annotated[str, AfterValidator(_link)] = ""
    languages: Annotated[tuple[Annotated[str, AfterValidator(_language)], ...], Field(min_length=1)]
    checked: date
    source: Annotated[str, Field(min_length=3, max_length=300)]

    @model_validator(mode="after")
    def _reachable(self) -> Signpost:
        if not self.number and not self.link:
            raise ValueError("a number or a link is needed")
        return self

    @property
    def contact(self) -> str:
        """Number, link, or both."""
        return " · ".join(filter(None, (self.number, self.link)))

    def speaks(self, language: str) -> bool:
        """Whether it is of use to somebody who reads the language."""
        return any(code == ANY or best_of(code, (language,)) for code in self.languages)

    def unchecked(self, today: date) -> bool:
        """Whether it was last checked more than six months ago."""
        return self.checked + CHECKED_FOR < today


def country_of(programme: Programme) -> str:
    """The programme's country: as its settings say, else that of its time zone."""
    country: str = programme.settings.get("country") or get_global("zone_territories").get(
        programme.timezone, ""
    )
    return country


def for_reader(signposts: Iterable[Signpost], country: str, language: str) -> list[Signpost]:
    """Those of the country that are of use in the language: crisis lines first, emergency numbers last."""
    found = [one for one in signposts if one.country == country and one.speaks(language)]
    return sorted(found, key=lambda one: KINDS.index(one.kind))


async def show_signposts(
    unit: Unit, desk: Desk, person: Person, chat: Chat, help_lines: Sequence[Line]
) -> None:
    """Below a help text that gives numbers: further contacts, gone with it after a while. Without any, nothing.

    The help text itself has the programme's own numbers, so that there is somebody to turn to in any language.
    """
    if not desk.signposts or not any("_number}" in line.msgid for line in help_lines):
        return
    programme = await programme_of(unit, person)
    own = {programme.service_number, programme.emergency_number}
    found = for_reader(desk.signposts, country_of(programme), person.language)
    lines = [_line(desk, person.language, one) for one in found if one.link or one.number not in own]
    if lines:
        text = "\n".join([desk.texts.line(person.language, HEADING), *lines])
        await post(unit, desk, chat, Message(SLOT, text, (), True, person.open_until, fresh=True))
        await retract(unit, desk, chat, SLOT, after=timedelta(minutes=desk.numbers.door), lane=Lane.TIDY)


def _line(desk: Desk, language: str, one: Signpost) -> str:
    return desk.texts.line(language, CONTACT, {"name": one.name, "contact": one.contact})


async def tell_unchecked(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """Administrators read that contacts of their country wait to be checked, at most once in 30 days; how many wait.

    Called once a day. When it was said last is kept, so that a restart says nothing twice.
    """
    programme = await unit.programmes.get(programme_id)
    if programme is None or not desk.signposts:
        return Told(0)
    now, name, country = desk.now(), f"{SLOT}-{programme_id}", country_of(programme)
    count = sum(one.country == country and one.unchecked(now.date()) for one in desk.signposts)
    last = await unit.pulses.last(name)
    if not count or (last is not None and now - last < SAID_EVERY):
        return Told(0)
    told = await tell_administrators(unit, desk, programme_id, UNCHECKED, {"number": count})
    if told:
        await unit.pulses.beat(name, now)
    return Told(count, told)
