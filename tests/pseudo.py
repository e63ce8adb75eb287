"""A language for tests alone: each text of the template in marks, longer and accented, with its placeholders.

It is made in memory of what `make messages` would give a translator, and stands in for two languages that have no
catalogue: `nl` is written from left to right, `he` from right to left. What is shown in it without marks has passed
the catalogues by. Values of placeholders are set apart in both, so that they are told from words of ours.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo

import bot.review
import bot.texts

ROOT = Path(__file__).parent.parent
LONGER = 0.4
ISOLATES, END = "\u2066\u2067\u2068", "\u2069"
# The second is turned over as a whole, as a bidirectional override does it.
MARKS = {"nl": ("⟦", "⟧"), "he": ("\u202e⟧", "⟦\u202c")}
KEPT = re.compile(r"(\{[a-z_]+\}|/[a-z]+|\bK-\d+|\bP-\d+|[A-Z]\w+/[A-Z]\w+|\s+)")
_ACCENTS = str.maketrans("aeioucnsyzAEIOUCNSYZ", "áéíóúçñšýžÁÉÍÓÚÇÑŠÝŽ")
# Cut short, or whole.
_MARKED = {
    "nl": re.compile(r"⟦[^⟦⟧\n…]*…|⟦[^⟦⟧]*⟧"),
    "he": re.compile("\u202e⟧[^⟦⟧\n…]*…|\u202e⟧[^⟦⟧]*⟦\u202c"),
}
_INNERMOST = re.compile(f"[{ISOLATES}]([^{ISOLATES}{END}]*){END}")
_WORD = re.compile(r"[^\W\d_]+")
# Cases, steps and commands, and the names of deeds in the audit log, which are codes.
_REFERENCE = re.compile(
    r"\bK-\d+\b|\b[A-Z]{2}-[A-Z0-9]+(?:-[A-Z]+)?\b|/[a-z]+|^\u2068(?:enrolled|[a-z_]+(?:\.[a-z_]+)+)\u2069$"
)


def pseudo(text: str, language: str) -> str:
    """The text as it reads in the pseudo-language: longer by 40 %, all that has to stay as it is kept."""
    said = "".join(
        part if KEPT.fullmatch(part) else part.translate(_ACCENTS) for part in KEPT.split(text) if part
    )
    begin, end = MARKS[language]
    more = max(1, round(len(text) * LONGER) - len(begin) - len(end))
    filling = ("éñ " * more)[:more].rstrip() or "é"
    return f"{begin}{said} {filling}{end}"


@cache
def template() -> tuple[tuple[str | None, str | tuple[str, ...]], ...]:
    """Context and text (or texts, of a plural) of all that `make messages` finds."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(
        ROOT, methods, options, keywords={"pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
    )
    return tuple({(context, text): None for _, _, text, _, context in found})


@cache
def catalogue(language: str) -> GNUTranslations:
    """The whole template in the pseudo-language, compiled as a real catalogue is."""
    made = Catalog(language)
    for context, text in template():
        if isinstance(text, str):
            made.add(text, pseudo(text, language), context=context)
        else:
            forms = tuple(pseudo(text[min(n, 1)], language) for n in range(made.num_plurals))
            made.add(text, forms, context=context)
    compiled = io.BytesIO()
    write_mo(compiled, made)
    compiled.seek(0)
    return GNUTranslations(compiled)


@pytest.fixture
def pseudo_languages(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """For one test `nl` and `he` are there and are offered as drafts, and speak the pseudo-language."""
    real, right = bot.texts.catalogue, bot.texts.from_right
    there = bot.texts.languages()
    assert not set(MARKS) & set(there), (
        "a language that is translated cannot stand in for the pseudo-language"
    )

    def of(language: str) -> NullTranslations:
        return catalogue(language) if language in MARKS else real(language)

    monkeypatch.setattr(bot.texts, "catalogue", of)
    monkeypatch.setattr(bot.texts, "from_right", lambda language: language in MARKS or right(language))
    monkeypatch.setattr(bot.review, "languages", lambda: (*there, *MARKS))
    bot.review.is_draft.cache_clear()
    yield tuple(MARKS)
    bot.review.is_draft.cache_clear()


@cache
def vocabulary() -> frozenset[str]:
    """The words of the template, of three letters and more: what an English text in a placeholder is made of."""
    texts = (one for _, text in template() for one in ([text] if isinstance(text, str) else text))
    return frozenset(w.lower() for t in texts for w in _WORD.findall(KEPT.sub(" ", t)) if len(w) > 2)


def _unmarked(text: str, language: str) -> str:
    """What stands outside the marks; a value of several lines is marked within marks."""
    while text != (text := _MARKED[language].sub("", text)):
        pass
    return text


def bypasses(text: str, language: str, data: Collection[str]) -> list[str]:
    """What in a shown text did not come out of the catalogue; `data`: names and the like that may stand anywhere.

    Outside the marks there is to be no letter at all; in a placeholder's value no English word of ours. What does
    not close an isolate that it has opened is one more fault: it would turn the rest of the message over.
    """
    found = []
    if sum(text.count(one) for one in ISOLATES) != text.count(END):
        found.append(f"isolates that do not close: {text!r}")
    for known in sorted(data, key=len, reverse=True):
        text = text.replace(known, "")
    text = _REFERENCE.sub("", unicodedata.normalize("NFC", text))
    inside = []
    while match := _INNERMOST.search(text):
        inside.append(_unmarked(match[1], language))
        text = text[: match.start()] + text[match.end() :]
    text = _unmarked(text, language)
    found += [f"not of the catalogue: {text.strip()!r}"] if _WORD.search(text) else []
    words = {w.lower() for value in inside for w in _WORD.findall(value)}
    return found + [
        f"English in a placeholder: {' '.join(sorted(told))}" for told in [words & vocabulary()] if told
    ]
