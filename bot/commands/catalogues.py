"""Faults in the catalogues: what is missing, unsure, too long, differs in its placeholders, or tells (S-02)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from pathlib import Path

from babel.core import UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po

import bot
import flows
from bot.commands.neutral_words import stems_of, telling_words
from bot.texts import DOMAIN, SOURCE, locale_of, locales_folder
from bot.texts_extract import extract, extract_python

_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
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
    for package, pattern, reader in (
        (flows, "**/*.yaml", extract),
        (flows, "**/*.py", extract_python),
        (bot, "**/*.py", extract_python),
    ):
        root = Path(package.__file__ or "").parent
        for path in sorted(root.glob(pattern)):
            with path.open("rb") as file:
                for line, _, (context, msgid, *plural), comments in reader(file, (), (), {}):
                    longest = int(next(m[1] for c in comments if (m := _LONGEST.match(c))))
                    place = f"{path.relative_to(root.parent)}:{line}"
                    found.setdefault((context, msgid), Text(context, msgid, longest, place, *plural))
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
    found = []
    if not stems_of(language):
        found = [
            f"locales/{language}/writing.yaml: no `neutral` words can be read; S-02 needs them in every language"
        ]
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
    wanted, given = (sorted(set(_PLACEHOLDER.findall(one))) for one in (text.forms[-1], translated))
    if numbers.isdigit() and _NUMBER not in given:
        wanted = [one for one in wanted if one != _NUMBER]  # a form for a single number may say it in words
    if wanted != given:
        yield f"has the placeholders {' '.join(given) or 'none'}; it should have {' '.join(wanted) or 'none'}"
    if len(translated) > text.longest:
        yield f"{len(translated)} characters; {text.longest} at most"
    if told := _telling(text, translated, language):
        yield told


def _telling(text: Text, said: str, language: str) -> str:
    told = telling_words(said, language) if text.context == "neutral" else ()
    return f"arrives unasked and must not say {', '.join(told)} (S-02)" if told else ""


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
