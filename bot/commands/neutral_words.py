"""The word list of S-02, and where a text breaks it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from bot.commands.typography import writing_of
from bot.texts import SOURCE


def stems_of(language: str) -> tuple[str, ...]:
    """The stems that no neutral line of the language may have; none where its writing.yaml is not there."""
    writing = writing_of(language)
    return writing.neutral if writing else ()


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
    return tuple(_plain(stem) for stem in (*stems_of(language), *stems_of(SOURCE)))


def _plain(said: str) -> str:
    """Without what hides a word and is not seen: soft hyphens and the like, and the vowel marks of Arabic."""
    composed = unicodedata.normalize("NFC", said)
    return "".join(one for one in composed if unicodedata.category(one) not in ("Cf", "Mn"))


def telling_words(text: str, language: str) -> tuple[str, ...]:
    """The words in the text that tell; English ones count in every language. Placeholders are left out."""
    bare = _plain(re.sub(r"\{[a-z_]+\}", " ", text))
    return tuple(found[0] for found in pattern_of(_stems(language)).finditer(bare))
