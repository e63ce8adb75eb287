"""Whether a text is written as its language is: script, quotes, apostrophes, dashes and spaces.

locales/LANGUAGE/writing.yaml says how that is, and bot/writing.yaml what holds in all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.texts import catalogue_file

FILE = Path(__file__).parent.parent / "writing.yaml"
_EN_DASH, _EM_DASH = "\u2013", "\u2014"
_NO_BREAK = "\u00a0\u202f"
# Placeholders, addresses, commands and references are no words of the language.
_GIVEN = re.compile(r"\{[a-z_]+\}|https?://\S+|/[a-z]+|\b[A-Z]{1,3}-\d+\b")


class Writing(BaseModel):
    """How one language is written, and in `neutral` the stems that no neutral line may have (S-02).

    `script`: as Unicode names it. `quotes`: the opening and the closing mark. `dash`: the one between spaces. `tight`:
    marks with a no-break space (U+00A0 or U+202F) before them. `instead`: its own marks for those of English.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: str
    quotes: str
    dash: str
    tight: str = ""
    instead: dict[str, str] = {}
    neutral: tuple[str, ...]

    @property
    def opening(self) -> str:
        """The mark before what is quoted."""
        return self.quotes[0]

    @property
    def closing(self) -> str:
        """The mark after what is quoted."""
        return self.quotes[-1]


class Everywhere(BaseModel):
    """What holds in all languages: names that stay, marks that none has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]
    never: dict[str, str]
    quote_marks: str


@cache
def everywhere() -> Everywhere:
    """What bot/writing.yaml says."""
    return Everywhere.model_validate(yaml.safe_load(FILE.read_text("utf-8")))


def writing_of(language: str) -> Writing | None:
    """How the language is written; None where its folder has no writing.yaml, or one that cannot be read."""
    read = _read(_file(language))
    return read if isinstance(read, Writing) else None


def fault_of_writing(language: str) -> str:
    """Why the language's writing.yaml is of no use, and what to do; empty where it is."""
    file, read = _file(language), _read(_file(language))
    if isinstance(read, Writing) and read.neutral:
        return ""
    why = read if isinstance(read, str) else "has no `neutral` words"
    todo = "S-02 needs its words in every language; write it as another language's (docs/translating.md)"
    return f"{file.relative_to(file.parents[2])}:1: {why}; {todo}"


def _file(language: str) -> Path:
    return catalogue_file(language).parents[1] / "writing.yaml"


@cache
def _read(path: Path) -> Writing | str:
    """What stands in it, or why that cannot be said."""
    try:
        return Writing.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError:
        return "there is none"
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return f"cannot be read ({type(error).__name__})"
    except ValidationError as error:
        fault = error.errors()[0]
        return f"cannot be read ({'.'.join(map(str, fault['loc']))}: {fault['msg']})"


def words_of(text: str) -> str:
    """The text without what is the same in every language: each placeholder, command, reference and name is a 0."""
    names = "|".join(re.escape(name) for name in everywhere().names)
    return _GIVEN.sub("0", re.sub(rf"(?<!\w)(?:{names})(?!\w)", "0", text))


def badly_written(text: str, writing: Writing) -> Iterator[str]:
    """What is against the language's writing, and what to write instead."""
    bare = words_of(text)
    yield from _letters(bare, writing)
    yield from _marks(bare, writing)
    yield from _quotes(bare, writing)
    visible = "".join(one for one in bare if unicodedata.category(one) != "Cf")
    yield from _dashes(visible, writing.dash)
    yield from _spaces(visible, writing)


def _letters(bare: str, writing: Writing) -> Iterator[str]:
    wanted = writing.script.upper()
    foreign = re.findall(
        r"[^\W\d_]+",
        "".join(one if _another(one, wanted) else " " for one in unicodedata.normalize("NFC", bare)),
    )
    if foreign:
        yield f"has {', '.join(foreign)}, not in {writing.script} letters; write it in them, or add a name to writing.yaml"


def _another(letter: str, script: str) -> bool:
    return letter.isalpha() and not unicodedata.name(letter, "").startswith(script)


def _marks(bare: str, writing: Writing) -> Iterator[str]:
    instead = {
        '"': f"{writing.opening}…{writing.closing}",
        "--": writing.dash,
        **everywhere().never,
        **writing.instead,
    }
    for mark, right in instead.items():
        if re.search(rf"(?<!\d){re.escape(mark)}|{re.escape(mark)}(?!\d)", bare):
            yield f"has {mark} ; write {right}"


def _quotes(bare: str, writing: Writing) -> Iterator[str]:
    opening, closing = writing.opening, writing.closing
    found = "".join(one for one in bare if one in everywhere().quote_marks)
    if found != (opening + closing) * (len(found) // 2):
        yield f"has the quotes {found}; write {opening}…{closing}, each opened and closed"


def _dashes(visible: str, dash: str) -> Iterator[str]:
    ranges = re.sub(rf"(?<=\d)[^\S\n]{_EN_DASH}[^\S\n](?=\d)", "", visible)
    for found in re.findall(rf"(?<=[^\S\n])[-{_EN_DASH}{_EM_DASH}](?=[^\S\n])", ranges):
        if found != dash:
            yield f"has {found} between spaces; write {dash}"


def _spaces(visible: str, writing: Writing) -> Iterator[str]:
    opening, closing = writing.opening, writing.closing
    if re.search(r"[^\S\n]{2}|^\s|\s$|[^\S\n]\n|\n[^\S\n]|\t", visible):
        yield "has a space too many; take it away"
    loose = [
        mark for mark in ",.:;?!)" + (closing if closing != opening else "") if mark not in writing.tight
    ]
    if found := re.search(rf"[^\S\n]([{re.escape(''.join(loose))}])(?!\w)", visible):
        yield f"has a space before {found[1]} ; take it away"
    no_times = re.sub(r"(?<=\d):(?=\d)", ".", visible)
    for mark in writing.tight:
        if re.search(rf"(?<![{_NO_BREAK}{re.escape(writing.tight)}]){re.escape(mark)}", no_times):
            yield f"has no no-break space before {mark} ; put one there (U+00A0, or U+202F)"
    if opening == closing:
        return
    if closing in writing.tight:
        if re.search(rf"{opening}[^{_NO_BREAK}]", visible):
            yield f"has no no-break space after {opening} ; put one there (U+00A0, or U+202F)"
    elif re.search(rf"[({opening}]\s", visible):
        yield f"has a space after ( or {opening} ; take it away"
