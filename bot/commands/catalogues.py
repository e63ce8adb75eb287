"""Faults in the catalogues: what is missing, unsure, too long, differs in its placeholders, or tells (S-02)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.core import UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

import bot
import flows
from bot.commands.neutral_words import telling_words, word_lists
from bot.texts import DOMAIN, SOURCE, locales_folder
from bot.texts_extract import extract, extract_python

_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_LONGEST = re.compile(r"at most (\d+) characters")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the product in English. `longest` counts characters; `place` is file:line."""

    context: str
    msgid: str
    longest: int
    place: str


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
                for line, _, (context, msgid), comments in reader(file, (), (), {}):
                    longest = int(next(m[1] for c in comments if (m := _LONGEST.match(c))))
                    place = f"{path.relative_to(root.parent)}:{line}"
                    found.setdefault((context, msgid), Text(context, msgid, longest, place))
    return tuple(found.values())


def faults_of_source() -> list[str]:
    """What is wrong with the English texts themselves."""
    faults = []
    for text in texts():
        where = f"{text.place}: {text.context}"
        if len(text.msgid) > text.longest:
            faults.append(f"{where}: {len(text.msgid)} characters; {text.longest} at most")
        if told := _telling(text, text.msgid, SOURCE):
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
    missing = language.split("_", maxsplit=1)[0] not in word_lists()
    words = [f"bot/neutral_words.yaml: no words for {language}; S-02 needs them in every language"] * missing
    return [*words, *(f"{short}:{fault}" for text in texts() for fault in _faults(catalogue, text, language))]


def _faults(catalogue: Catalog, text: Text, language: str) -> Iterator[str]:
    message = catalogue.get(text.msgid, text.context)
    begins = f"{text.msgid[:40]!r}"
    if message is None:
        yield f"1: {text.context}: {begins} is not in it; bring it up to date with: make messages"
        return
    where = f"{message.lineno or 1}: {text.context}"
    if not _string(message):
        yield f"{where}: {begins} is not translated"
    elif message.fuzzy:
        yield f"{where}: {begins} is marked fuzzy; look over the translation and take the mark away"
    else:
        yield from (f"{where}: {says}" for says in _differs(text, _string(message), language))


def _differs(text: Text, translated: str, language: str) -> Iterator[str]:
    wanted, given = (sorted(set(_PLACEHOLDER.findall(one))) for one in (text.msgid, translated))
    if wanted != given:
        yield f"has the placeholders {' '.join(given) or 'none'}; it should have {' '.join(wanted) or 'none'}"
    if len(translated) > text.longest:
        yield f"{len(translated)} characters; {text.longest} at most"
    if told := _telling(text, translated, language):
        yield told


def _telling(text: Text, said: str, language: str) -> str:
    told = telling_words(said, language) if text.context == "neutral" else ()
    return f"arrives unasked and must not say {', '.join(told)} (S-02)" if told else ""


def _string(message: Message) -> str:
    return message.string if isinstance(message.string, str) else ""
