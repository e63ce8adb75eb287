"""Faults in how a catalogue is worded: its glossary's words, texts left in English, and how the language is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from babel.core import UnknownLocaleError
from babel.messages import Message
from babel.messages.pofile import PoFileError, read_po

from bot.commands.catalogues import Text, texts
from bot.commands.glossary import BadGlossary, Glossary, Meaning, glossary, glossary_file, meanings, terms_in
from bot.commands.neutral_words import pattern_of
from bot.commands.typography import badly_written, words_of, writing_of
from bot.texts import catalogue_file


class _Wording:
    """One language's catalogue held against its glossary and its writing; notes which exceptions were needed."""

    def __init__(self, language: str, chosen: Glossary, terms: dict[str, Meaning]) -> None:
        self._chosen, self._terms = chosen, terms
        self._writing = writing_of(language)
        self._stems = {name: pattern_of(term.forms) for name, term in chosen.terms.items() if term.forms}
        self._needed: set[tuple[str, str]] = set()

    def of_text(self, text: Text, said: str) -> Iterator[str]:
        """What is wrong with one translation."""
        if said in text.forms and re.search(r"[^\W\d_]", words_of(said)):
            self._needed.add(("same", said))
            if said not in self._chosen.same:
                yield "is the same as the English; translate it, or put it under `same` in the glossary with a reason"
        for name in terms_in(text.msgid, self._terms):
            if (stems := self._stems.get(name)) and not stems.search(_plain(said)):
                yield from self._another_word(name, text.msgid)
        if self._writing:
            yield from badly_written(said, self._writing)

    def _another_word(self, name: str, english: str) -> Iterator[str]:
        term = self._chosen.terms[name]
        fitting = [begins for begins in term.besides if english.startswith(begins)]
        self._needed.update((name, begins) for begins in fitting)
        if not fitting:
            forms = ", ".join(term.forms)
            yield f"has no word for “{name}”: use {term.word} ({forms}), or put the text under its `besides` with a reason"

    def of_glossary(self) -> Iterator[str]:
        """What is wrong with the glossary, once every text has been looked at."""
        for name in self._terms:
            if not (term := self._chosen.terms.get(name)) or not term.forms:
                yield f"has no word with forms for “{name}”; add it"
        allowed = [(name, begins) for name, term in self._chosen.terms.items() for begins in term.besides]
        allowed += [("same", text) for text in self._chosen.same]
        for name, begins in allowed:
            if (name, begins) not in self._needed:
                yield f"{name}: the exception {begins!r} is not needed; take it away"


def faults_of_wording(language: str) -> list[str]:
    """What is wrong with a language's wording; one line each with file, line, context and what to do.

    What is missing, unsure or cannot be read is left to `faults_of`.
    """
    try:
        wording = _Wording(language, glossary(language), meanings())
        with catalogue_file(language).open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
    except BadGlossary as error:
        return [str(error)]
    except (OSError, ValueError, PoFileError, UnknownLocaleError):
        return []
    root = catalogue_file(language).parents[3]
    short = catalogue_file(language).relative_to(root)
    found = []
    for text in texts():
        message = catalogue.get(text.msgid, text.context)
        where = f"{short}:{(message and message.lineno) or 1}: {text.context}: {text.msgid[:40]!r}"
        faults = (fault for said in _said(message) for fault in wording.of_text(text, said))
        found += [
            f"{where} {fault}" for fault in dict.fromkeys(faults)
        ]  # a plural's forms often share theirs
    file_of_words = glossary_file(language).relative_to(root)
    return [*found, *(f"{file_of_words}:1: {fault}" for fault in wording.of_glossary())]


def _said(message: Message | None) -> tuple[str, ...]:
    if message is None or message.fuzzy:
        return ()
    strings = (message.string,) if isinstance(message.string, str) else message.string or ()
    return tuple(one for one in strings if one)


def _plain(said: str) -> str:
    """Without placeholders, and without the marks that Arabic may or may not write over its letters."""
    composed = unicodedata.normalize("NFC", words_of(said).replace("İ", "i"))
    return "".join(one for one in composed if unicodedata.category(one) != "Mn")
