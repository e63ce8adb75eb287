"""The words chosen in each language, and why: locales/LANGUAGE/glossary.yaml.

English's own glossary says what each term means and how the English texts put it; the others say which word stands
for it, and in which forms.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.commands.typography import words_of
from bot.texts import SOURCE, catalogue_file

_TODO = "write it as another language's (docs/translating.md)"


class BadGlossary(ValueError):
    """A glossary is missing or cannot be read; the text says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Meaning(_Part):
    """A term in English. `said`: how the texts put it, if not as the term; `elsewhere`: where that means another thing."""

    means: str
    said: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


class Term(_Part):
    """The word for a term. `forms`: stems of which one stands wherever English has the term; none: not looked for.

    `besides`: beginnings of English texts that have another word, with the reason.
    """

    word: str
    why: str
    forms: tuple[str, ...] = ()
    besides: dict[str, str] = {}


class Address(_Part):
    """How readers are addressed."""

    form: str
    why: str


class Glossary(_Part):
    """A language's choices. `same`: English texts that are the same in the language, with the reason."""

    address: Address
    terms: dict[str, Term]
    same: dict[str, str] = {}


def glossary_file(language: str) -> Path:
    """Where the language's glossary is."""
    return catalogue_file(language).parent.parent / "glossary.yaml"


def glossary(language: str) -> Glossary:
    """The language's choices. Raises BadGlossary."""
    try:
        return Glossary.model_validate(_content(glossary_file(language)))
    except ValidationError as error:
        raise _bad(glossary_file(language), _first(error)) from None


def meanings() -> dict[str, Meaning]:
    """Each term with what it means in English. Raises BadGlossary."""
    try:
        found = _content(glossary_file(SOURCE))
        return {name: Meaning.model_validate(meaning) for name, meaning in found["terms"].items()}
    except (KeyError, AttributeError, TypeError):
        raise _bad(glossary_file(SOURCE), "it has no terms") from None
    except ValidationError as error:
        raise _bad(glossary_file(SOURCE), _first(error)) from None


def terms_in(english: str, terms: dict[str, Meaning]) -> tuple[str, ...]:
    """The terms that an English text has. A longer one hides a shorter: `case management` is no `case`."""
    rest, found = words_of(english), dict.fromkeys(terms, False)
    for phrase, term, counts in _phrases(tuple(terms.items())):
        rest, times = phrase.subn("0", rest)
        found[term] |= counts and times > 0
    return tuple(term for term, there in found.items() if there)


@cache
def _phrases(terms: tuple[tuple[str, Meaning], ...]) -> list[tuple[re.Pattern[str], str, bool]]:
    known = [(said, name, True) for name, meaning in terms for said in meaning.said or (name,)]
    known += [(said, name, False) for name, meaning in terms for said in meaning.elsewhere]
    known.sort(key=lambda one: -len(one[0]))
    return [
        (re.compile(rf"\b{re.escape(said)}s?\b", re.IGNORECASE), name, counts) for said, name, counts in known
    ]


def _content(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadGlossary(f"{_named(file)}:1: there is none; {_TODO}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _bad(file, type(error).__name__) from None


def _bad(file: Path, why: str) -> BadGlossary:
    return BadGlossary(f"{_named(file)}:1: cannot be read as a glossary ({why}); {_TODO}")


def _named(file: Path) -> Path:
    return file.relative_to(file.parents[2])


def _first(error: ValidationError) -> str:
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
