"""Which translations a second reader has reviewed; the rest are drafts.

`locales/LANGUAGE/review.yaml` keeps a line for each reviewed message: where it stands, who read it, and a hash of
source and translation. When either changes the hash is another one, and the message is a draft again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from babel.messages import Message
from babel.messages.pofile import read_po

from bot.texts import SOURCE, best_of, catalogue_file, languages
from bot.texts_found import keys

_HEAD = "# Written by `vestibule review`; docs/translating.md says how. What is not here, or has changed, is a draft.\n"


class BadReview(ValueError):
    """A review file cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a language is. `words`: of the translation. English is the source, and needs no review of this kind."""

    language: str
    messages: int
    words: int
    reviewed: int

    @property
    def drafts(self) -> int:
        """Messages nobody has reviewed as they are now."""
        return self.messages - self.reviewed


def review_file(language: str) -> Path:
    """Where the language's reviews are kept; there is none before the first."""
    return catalogue_file(language).parent.parent / "review.yaml"


def hash_of(context: str, source: str, translation: str) -> str:
    """What a review is of: 16 hex digits."""
    return sha256("\0".join((context, source, translation)).encode()).hexdigest()[:16]


def reviews(language: str) -> dict[str, dict[str, str]]:
    """Hash -> the line with context and by. Raises BadReview."""
    file = review_file(language)
    if not file.exists():
        return {}
    try:
        lines: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or []
        return {str(line["hash"]): {"context": line["context"], "by": line["by"]} for line in lines}
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise BadReview(f"{file} cannot be read as reviews ({type(error).__name__})") from None


def standing(language: str) -> Standing:
    """How far a translation is. Raises BadReview."""
    known, messages, words, reviewed = reviews(language), 0, 0, 0
    for message, translated in _messages(language):
        messages += 1
        words += len(" ".join(translated).split())
        reviewed += all(translated) and not message.fuzzy and _hash(message, translated) in known
    return Standing(language, messages, words, reviewed)


@cache
def is_draft(language: str) -> bool:
    """Whether anything that the product can say waits for a review in the language. Raises BadReview.

    What the catalogue does not hold at all waits, too: it would be read in English.
    """
    if language == SOURCE:
        return False
    return not reviews(language) or standing(language).drafts > 0 or bool(missing(language))


def missing(language: str) -> frozenset[tuple[str, Sequence[str]]]:
    """Context and English of each text that the language has no translation for, or an unsure one."""
    held = {
        (message.context or "", tuple(message.id) if isinstance(message.id, (tuple, list)) else (message.id,))
        for message, translated in _messages(language)
        if all(translated) and not message.fuzzy
    }
    return keys() - held


def offered(limit: tuple[str, ...], *, drafts: bool) -> tuple[str, ...]:
    """What can be chosen and invited into: English, and what is reviewed, or a draft where those are offered.

    `limit`: VESTIBULE_LANGUAGES, () for all.
    """
    known = languages()[1:]
    limited = {best_of(code, known) for code in limit}
    wanted = (code for code in known if not limit or code in limited)
    return (SOURCE, *(code for code in wanted if drafts or not is_draft(code)))


def review(language: str, by: str, contexts: tuple[str, ...]) -> int:
    """Note that `by` has read every message whose context begins with one of `contexts`; how many were drafts.

    Lines that no longer fit any message go. Raises BadReview.
    """
    known, kept, new = reviews(language), list[dict[str, str]](), 0
    for message, translated in _messages(language):
        context, digest = message.context or "", _hash(message, translated)
        if digest in known:
            kept.append({"hash": digest, **known[digest]})
        elif all(translated) and not message.fuzzy and context.startswith(contexts):
            kept.append({"hash": digest, "context": context, "by": by})
            new += 1
    kept.sort(key=lambda line: (line["context"], line["hash"]))
    lines = (yaml.safe_dump([line], allow_unicode=True, default_flow_style=None, width=1000) for line in kept)
    review_file(language).write_text(_HEAD + "".join(lines), encoding="utf-8")
    return new


def _messages(language: str) -> Iterator[tuple[Message, tuple[str, ...]]]:
    with catalogue_file(language).open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id:
                string = message.string or ""
                yield message, (string,) if isinstance(string, str) else tuple(string)


def _hash(message: Message, translated: tuple[str, ...]) -> str:
    source = message.id if isinstance(message.id, str) else "\0".join(message.id)
    return hash_of(message.context or "", source, "\0".join(translated))
