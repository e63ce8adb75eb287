"""Texts in a person's language, from the gettext catalogues under locales/.

The catalogues (.po) are read as they are, once for each language when it is first needed; there is no
compiled copy that could be out of date. A message that is missing or marked fuzzy falls back to English.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

import structlog
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from flows.effects import Line

SOURCE = "en"
DOMAIN = "vestibule"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
log = structlog.get_logger(__name__)
# What Telegram calls a language that has its texts under another name here.
_ANOTHER_NAME = {"no": "nb", "nn": "nb", "mo": "ro"}
_ISOLATE, _END = "\u2068", "\u2069"
_ISOLATES = "\u2066\u2067\u2068"
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Letters of Hebrew, Arabic and their like.
_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
RIGHT = "\u200f"
"""Read as a letter written from right to left: what begins with it begins at the right."""
# A command with what is written after it: /menu, /ack {case}, /zone P-07 Europe/London.
_COMMAND = re.compile(r"(?<![\w/:.])/[a-z]+(?: (?:[A-Za-z0-9/-]+|\{[a-z_]+\}))*")


def locales_folder() -> Path:
    """Where the catalogues are: beside the packages in a checkout, inside the package when installed."""
    inside = Path(__file__).parent / "locales"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "locales"


def languages() -> tuple[str, ...]:
    """English and every language with a catalogue, in the order of their codes."""
    found = {p.parent.parent.name for p in locales_folder().glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


def own_name(language: str) -> str:
    """The language's name in itself, for the choice of language."""
    name = Locale.parse(language, sep="_").get_display_name(language) or language
    return name[:1].upper() + name[1:]


def best_of(code: str, among: Iterable[str]) -> str | None:
    """The language that serves who has set `code` in Telegram: `de-AT` gives de, `no` and `nn` give nb; or None."""
    tags = {one.lower().replace("_", "-"): one for one in among}
    parts = code.lower().replace("_", "-").split("-")
    while parts:
        tag = "-".join(parts)
        if found := tags.get(tag) or tags.get(_ANOTHER_NAME.get(tag, tag)):
            return found
        parts.pop()
    return None


def other_names(language: str) -> tuple[str, ...]:
    """The other codes that Telegram has for who is served in the language: `no` and `nn` for nb."""
    return tuple(code for code, served in _ANOTHER_NAME.items() if served == language)


@cache
def from_right(language: str) -> bool:
    """Whether the language is written from right to left."""
    return bool(Locale.parse(locale_of(language)).text_direction == "rtl")


def set_apart(language: str, text: str) -> str:
    """The text as it stands inside a sentence of the language: isolated where either is written from right to left.

    Without it a name, a link or a time written the other way would turn the words around it over. An isolate
    ends with its line, so that of several lines each has its own, and begins where the language begins. Marks of
    direction that somebody typed do not reach beyond the text.
    """
    text = "\n".join(map(_closed, text.split("\n"))) if _STEERING.search(text) else text
    right = from_right(language)
    if not right and not _FROM_RIGHT.search(text):
        return text
    lines = (f"{_ISOLATE}{line}{_END}" if line else "" for line in text.split("\n"))
    return f"\n{RIGHT if right else ''}".join(lines)


def _closed(line: str) -> str:
    """The line without overrides and embeddings, and with every isolate that it begins ended, and no other."""
    depth, kept = 0, []
    for sign in line:
        if sign in _ISOLATES:
            depth += 1
        elif sign == _END and depth:
            depth -= 1
        elif _STEERING.match(sign):
            continue
        kept.append(sign)
    return "".join(kept) + _END * depth


def laid_out(language: str, text: str) -> str:
    """A translation as it reads in the language's direction, so that translators need no marks of their own.

    From right to left: commands are isolated, and a line that begins with something else than a letter of the
    language (a placeholder, a command, a bullet) is told to begin at the right all the same.
    """
    if not from_right(language):
        return text
    lines = _COMMAND.sub(lambda m: set_apart(language, m[0]), text).split("\n")
    return "\n".join(RIGHT + line if _needs_mark(line) else line for line in lines)


def _needs_mark(line: str) -> bool:
    own = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in line)
    return (own or "{" in line) and unicodedata.bidirectional(line[0]) not in ("R", "AL")


def locale_of(language: str) -> str:
    """The locale whose dates and times the language's readers expect: European where English says nothing."""
    return "en_GB" if language == SOURCE else language.replace("-", "_")


def catalogue_file(language: str) -> Path:
    """Where the language's catalogue is, or would be."""
    return locales_folder() / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@cache
def catalogue(language: str) -> NullTranslations:
    """The language's translations; English texts are their own."""
    if language == SOURCE or not catalogue_file(language).exists():
        return NullTranslations()
    with catalogue_file(language).open("rb") as file:
        messages = read_po(file, locale=language)
    if unsure := sum(bool(one.id) and (one.fuzzy or not one.string) for one in messages):
        log.warning("texts.in_english", language=language, count=unsure)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


def fill(text: str, params: Mapping[str, str]) -> str:
    """The text with its `{placeholders}` filled; an unknown one stays as it is rather than failing."""
    return _PLACEHOLDER.sub(lambda m: params.get(m[1], m[0]), text)


@lru_cache(maxsize=8192)
def _translated(
    known: NullTranslations, language: str, context: str, msgid: str, plural: str, number: int
) -> str:
    if plural:
        return laid_out(language, known.npgettext(context, msgid, plural, number))
    return laid_out(language, known.pgettext(context, msgid))


class GettextTexts:
    """ports.services.Texts over the catalogues."""

    def line(self, language: str, line: Line, params: Mapping[str, str | int] | None = None) -> str:
        """The line in the language, placeholders filled from its own and the given params.

        Of a line with a plural, the form that the language has for the param `number`.
        """
        number = int({**(params or {}), **line.params}.get("number", 0)) if line.plural else 0
        known = catalogue(language)
        text = _translated(known, language, line.context, line.msgid, line.plural, number)
        if "{" not in text:
            return text
        given = {**(params or {}), **line.params}
        used = {name: given[name] for name in _PLACEHOLDER.findall(text) if name in given}
        return fill(text, _within(language, used))

    def say(self, language: str, context: str, msgid: str, **params: str) -> str:
        """The shell's own texts."""
        return self.line(language, Line(context, msgid), params)


def _within(language: str, params: Mapping[str, str | int]) -> dict[str, str]:
    return {name: set_apart(language, _written(language, value)) for name, value in params.items()}


def _written(language: str, value: str | int) -> str:
    return value if isinstance(value, str) else format_decimal(value, locale=locale_of(language))
