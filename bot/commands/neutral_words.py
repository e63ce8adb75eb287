"""The word list of S-02, and where a text breaks it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parent.parent / "neutral_words.yaml"


@cache
def word_lists() -> dict[str, tuple[str, ...]]:
    """Language -> stems."""
    return {language: tuple(words) for language, words in yaml.safe_load(FILE.read_text("utf-8")).items()}


@cache
def pattern_of(stems: tuple[str, ...]) -> re.Pattern[str]:
    """Finds words that begin with one of the stems, in any case; a stem with a star before it, inside words too."""
    return re.compile(
        "|".join(
            rf"\w*{re.escape(s[1:])}\w*" if s.startswith("*") else rf"\b{re.escape(s)}\w*" for s in stems
        ),
        re.IGNORECASE,
    )


def _stems(language: str) -> tuple[str, ...]:
    return (*word_lists().get(language.split("_", maxsplit=1)[0], ()), *word_lists()["en"])


def telling_words(text: str, language: str) -> tuple[str, ...]:
    """The words in the text that tell; English ones count in every language. Placeholders are left out."""
    bare = re.sub(r"\{[a-z_]+\}", " ", text)
    return tuple(found[0] for found in pattern_of(_stems(language)).finditer(bare))
