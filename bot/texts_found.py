"""Every text of the product, read from the packages themselves: what a complete catalogue has to hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import flows
from bot.texts_extract import extract, extract_python


class Found(NamedTuple):
    """A text where it stands: context, English (and its plural), and the notes for translators."""

    place: str
    context: str
    forms: tuple[str, ...]
    notes: tuple[str, ...]


def found_texts() -> Iterator[Found]:
    """What `make messages` would give a translator, in the order of files."""
    for root, pattern, reader in (
        (Path(flows.__file__ or "").parent, "**/*.yaml", extract),
        (Path(flows.__file__ or "").parent, "**/*.py", extract_python),
        (Path(__file__).parent, "**/*.py", extract_python),
    ):
        for path in sorted(root.glob(pattern)):
            with path.open("rb") as file:
                for line, _, (context, *forms), notes in reader(file, (), (), {}):
                    place = f"{path.relative_to(root.parent)}:{line}"
                    yield Found(place, context, tuple(forms), tuple(notes))


@cache
def keys() -> frozenset[tuple[str, Sequence[str]]]:
    """Context and English forms of each."""
    return frozenset((one.context, one.forms) for one in found_texts())
