"""Reads the service's file of help contacts (VESTIBULE_SIGNPOSTS). docs/signposting.md says what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from bot.usecases.signposts import CONTACT, HEADING, Signpost, for_reader

EXAMPLE = "docs/examples/signposts.yaml"
LONGEST = 500
"""Of what one person is shown, in English, so that the message keeps to 600 characters in any language (S-09)."""
_RIGHT = {
    "missing": f"this field is needed; {EXAMPLE} shows it",
    "extra_forbidden": f"there is no such field; {EXAMPLE} shows those there are",
    "literal_error": "it should be crisis, own or emergency",
    "tuple_type": "a list is expected, as [en, de]",
    "model_type": f"fields are expected, as {EXAMPLE} shows",
    "string_type": "it should be a text",
    "string_too_short": "it is too short; write it out",
}
_DAY = "it should be a day, as 2030-01-31"
_ENTRIES = TypeAdapter(tuple[Signpost, ...])


class BadSignposts(ValueError):
    """The file cannot be used; `faults` has a line for each reason: file, entry, field, what to do."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_signposts(path: Path | None, today: date) -> tuple[Signpost, ...]:
    """The contacts of the file, in its order; none where no file is set. `today` in UTC. Raises BadSignposts."""
    if path is None:
        return ()
    entries = _entries(path)
    try:
        found = _ENTRIES.validate_python(entries)
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        inner = {e["loc"][:length] for e in wrong for length in range(len(e["loc"]))}
        raise BadSignposts(*(_fault(path, entries, e) for e in wrong if e["loc"] not in inner)) from None
    late = [
        f"{_where(path, entries, n)}: checked: it lies in the future"
        for n, one in enumerate(found)
        if one.checked > today
    ]
    if faults := late + [f"{path}: {says}" for says in _too_much(found)]:
        raise BadSignposts(*faults)
    return found


def _entries(path: Path) -> Sequence[Any]:
    try:
        # Everything as text: a number that begins with 0 stays what it is, and `no` is Norwegian.
        data = yaml.BaseLoader(path.read_text(encoding="utf-8-sig")).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSignposts(
            f"{path}: cannot be read ({type(error).__name__}); look at VESTIBULE_SIGNPOSTS"
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise BadSignposts(f"{path}: no YAML{line}; look at indentation and quotes") from None
    entries = data.get("signposts") if isinstance(data, dict) and len(data) == 1 else None
    if not isinstance(entries, list):
        raise BadSignposts(
            f"{path}: a list is expected under `signposts:` and nothing else, as {EXAMPLE} shows"
        )
    return entries


def _fault(path: Path, entries: Sequence[Any], error: Any) -> str:
    number, *field = error["loc"]
    says = _RIGHT.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    says = _DAY if error["type"].startswith("date") else says
    named = f"{field[0]}: " if field else ""
    return f"{_where(path, entries, number)}: {named}{says}"


def _where(path: Path, entries: Sequence[Any], number: int) -> str:
    name = entries[number].get("name") if isinstance(entries[number], dict) else None
    return f"{path}: entry {number + 1}{f' ({name})' if isinstance(name, str) and name else ''}"


def _too_much(found: Sequence[Signpost]) -> list[str]:
    """A line for each country and language whose contacts together do not fit one message."""
    spoken = {(one.country, code) for one in found for code in one.languages}
    faults = []
    for country, language in sorted(spoken):
        shown = for_reader(found, country, language)
        size = len(HEADING.msgid) + sum(len(CONTACT.msgid) + len(one.name + one.contact) for one in shown)
        if size > LONGEST:
            faults.append(
                f"{country}, {language}: {len(shown)} contacts are too many for one message; leave some out"
            )
    return faults
