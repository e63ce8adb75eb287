"""Faults in the catalogues: what is missing, unsure, too long, differs from the English in what stays, or tells (S-02)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from gettext import c2py

from babel.core import UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po

from bot.commands.neutral_words import telling_words
from bot.commands.typography import fault_of_writing
from bot.texts import DOMAIN, SOURCE, locale_of, locales_folder
from bot.texts_found import found_texts
from bot.usecases import neutral
from flows.effects import Line

_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
# What stands in a translation as it does in the English, and as often.
_STAYS = {
    "placeholders": _PLACEHOLDER,
    "commands": re.compile(r"(?<![\w/:.])/[a-z]+(?![\w/])"),
    "references": re.compile(r"\b[A-Z]{1,3}-\d+\b"),
}
_BULLET = re.compile(r"^\s*[•*\u2013-](?=\s)", re.MULTILINE)
# Contexts of what stands in the chat unasked, or below it.
_UNASKED = ("neutral", "button")
_NUMBER = "{number}"
_NUMBERS = range(1001)
_LONGEST = re.compile(r"at most (\d+) characters")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the product in English. `longest` counts characters; `place` is file:line; `plural`: or ""."""

    context: str
    msgid: str
    longest: int
    place: str
    plural: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        """The one text, or those for one and for several."""
        return (self.msgid, self.plural) if self.plural else (self.msgid,)


@cache
def texts() -> tuple[Text, ...]:
    """Every text that `make messages` would give a translator, each once, read from the packages themselves."""
    found: dict[tuple[str, str], Text] = {}
    for one in found_texts():
        longest = int(next(m[1] for note in one.notes if (m := _LONGEST.match(note))))
        text = Text(one.context, one.forms[0], longest, one.place, *one.forms[1:])
        known = found.setdefault((one.context, one.forms[0]), text)
        if longest < known.longest:  # the same words are a message here and a button there
            found[one.context, one.forms[0]] = replace(known, longest=longest)
    return tuple(found.values())


def faults_of_source() -> list[str]:
    """What is wrong with the English texts themselves."""
    faults = []
    for text in texts():
        where = f"{text.place}: {text.context}"
        if text.plural and _NUMBER not in text.plural:
            faults.append(f"{where}: has a plural, and no {_NUMBER} that it depends on")
        for form in text.forms:
            if len(form) > text.longest:
                faults.append(f"{where}: {len(form)} characters; {text.longest} at most")
            if told := _telling(text, form, SOURCE):
                faults.append(f"{where}: {told}")
    return faults


def faults_of(language: str) -> list[str]:
    """What is wrong with a language's catalogue; one line each with file, line, context."""
    path = locales_folder() / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    short = path.relative_to(locales_folder().parent)
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
    except (OSError, ValueError, PoFileError, UnknownLocaleError) as error:
        return [f"{short}:1: cannot be read as a catalogue ({error})"]
    writing = fault_of_writing(language)
    found = [writing] if writing else []
    forms = get_plural(locale_of(language))
    if catalogue.plural_forms != str(forms):
        found.append(f"{short}:1: has Plural-Forms: {catalogue.plural_forms}; it should have {forms}")
    return [*found, *(f"{short}:{fault}" for text in texts() for fault in _faults(catalogue, text, language))]


def _faults(catalogue: Catalog, text: Text, language: str) -> Iterator[str]:
    message = catalogue.get(text.msgid, text.context)
    begins = f"{text.msgid[:40]!r}"
    if message is None:
        yield f"1: {text.context}: {begins} is not in it; bring it up to date with: make messages"
        return
    where = f"{message.lineno or 1}: {text.context}"
    strings, known = _strings(message), _numbers_of(language) if text.plural else ("",)
    if message.pluralizable != bool(text.plural):
        yield f"{where}: {begins} has a plural on one side only; bring it up to date with: make messages"
    elif not all(strings) or len(strings) != len(known):
        yield f"{where}: {begins} is not translated" + (f" in {len(known)} forms" if text.plural else "")
    elif message.fuzzy:
        yield f"{where}: {begins} is marked fuzzy; look over the translation and take the mark away"
    else:
        for index, (form, numbers) in enumerate(zip(strings, known, strict=True)):
            which = f"form {index} (for {numbers}): " if text.plural else ""
            yield from (f"{where}: {which}{says}" for says in _differs(text, form, language, numbers))


@cache
def _numbers_of(language: str) -> tuple[str, ...]:
    """For each plural form of the language some of the numbers up to a thousand that it is for."""
    by_form: dict[int, list[int]] = {}
    forms = get_plural(locale_of(language))
    for number in _NUMBERS:
        by_form.setdefault(c2py(forms.plural_expr)(number), []).append(number)
    return tuple(", ".join(map(str, by_form[form][:4])) for form in sorted(by_form))


def _differs(text: Text, translated: str, language: str, numbers: str) -> Iterator[str]:
    english = text.forms[-1]
    for what, pattern in _STAYS.items():
        wanted, given = Counter(pattern.findall(english)), Counter(pattern.findall(translated))
        if numbers.isdigit() and _NUMBER not in given:
            del wanted[_NUMBER]  # a form for a single number may say it in words
        if wanted != given:
            yield f"has the {what} {_listed(given)}; it should have {_listed(wanted)}"
    yield from _laid_out_otherwise(english, translated)
    if len(translated) > text.longest:
        yield f"{len(translated)} characters; {text.longest} at most"
    if told := _telling(text, translated, language):
        yield told


def _listed(counts: Counter[str]) -> str:
    return " ".join(sorted(counts.elements())) or "none"


def _laid_out_otherwise(english: str, translated: str) -> Iterator[str]:
    breaks = [one.count("\n") for one in (english, translated)]
    if breaks[0] != breaks[1]:
        yield f"has {breaks[1]} line breaks; it should have {breaks[0]}, where the English has them"
    bullets = [len(_BULLET.findall(one)) for one in (english, translated)]
    if bullets[0] != bullets[1]:
        yield f"has {bullets[1]} lines with a bullet; it should have {bullets[0]}, as the English has"


def _telling(text: Text, said: str, language: str) -> str:
    unasked = text.context in _UNASKED or (text.context, text.msgid) in _neutral_lines()
    told = telling_words(said, language) if unasked else ()
    return f"arrives unasked and must not say {', '.join(told)} (S-02)" if told else ""


@cache
def _neutral_lines() -> frozenset[tuple[str, str]]:
    """Context and text of all that usecases.neutral holds: the door and its buttons too, whatever their context."""
    given: Iterable[object] = (*vars(neutral).values(), *neutral.ALL)
    return frozenset((one.context, one.msgid) for one in given if isinstance(one, Line))


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
