"""CSV -> meetings. Every fault is one line: file, line, column, what is wrong, what would be right."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.commands.input_file import text_of
from bot.commands.terminal import Told
from bot.usecases.file_entry import Key
from bot.usecases.import_sessions import Meeting
from bot.usecases.programme_file import Link, Platform, is_relative

COLUMNS = ("key", "group", "participant", "starts", "minutes", "platform", "link", "state")
NEEDED = ("key", "starts", "link")
MINUTES = 120
"""A session's length where the file says none."""
_KEY: TypeAdapter[str] = TypeAdapter(Key)
_LINK: TypeAdapter[str] = TypeAdapter(Link)
_PLATFORM: TypeAdapter[Platform] = TypeAdapter(Platform)
_RIGHT_KEY = "a key has lower-case letters, digits, - and _, at most 40"


@dataclass(frozen=True, slots=True)
class Read:
    """Meetings, and for each where its fields stand in the file: line and column; "" is the whole of it."""

    meetings: list[Meeting]
    places: list[dict[str, tuple[int, int]]]


class _Bad(Exception):
    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field = field


def read_csv(path: Path, group: str | None = None, participant: str | None = None) -> Read:
    """The sessions of the file; `group` or `participant`: whose they are where a line does not say.

    Raises Told with a line for each fault.
    """
    lines = text_of(path, f"{path}:1:1").splitlines()
    comma = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    names = _header(path, lines[0] if lines else "", comma)
    read, faults = Read([], []), []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip(f" \t{comma}"):
            continue
        values, columns = _split(line, comma)
        places = {name: (number, column) for name, column in zip(names, columns, strict=False)}
        places[""] = (number, 1)
        try:
            read.meetings.append(_meeting(names, values, group, participant))
            read.places.append(places)
        except _Bad as bad:
            faults.append(fault_line(path, places, bad.field, str(bad)))
    if faults:
        raise Told(*faults)
    return read


def fault_line(path: Path, places: dict[str, tuple[int, int]], field: str, says: str) -> str:
    """A fault as it is shown: where, which field, and what would be right."""
    line, column = places.get(field) or places[""]
    return f"{path}:{line}:{column}: {f'{field}: ' if field else ''}{says}"


def _header(path: Path, line: str, comma: str) -> list[str]:
    values, columns = _split(line, comma)
    names = [value.strip().lower() for value in values]
    faults = [
        f"{path}:1:{column}: {'this column stands twice' if name in COLUMNS else f'there is no column {name}'}; "
        f"there are: {', '.join(COLUMNS)}"
        for place, (name, column) in enumerate(zip(names, columns, strict=False))
        if name not in COLUMNS or name in names[:place]
    ]
    faults += [
        f"{path}:1:1: the column {name} is missing; docs/examples/sessions.csv shows the columns"
        for name in NEEDED
        if name not in names
    ]
    if faults:
        raise Told(*faults)
    return names


def _split(line: str, comma: str) -> tuple[list[str], list[int]]:
    """The values of a line, and the column at which each begins, from 1."""
    values = next(csv.reader([line], delimiter=comma), [])
    return values, [column for column, _ in _fields(line, comma)]


def _fields(line: str, comma: str) -> Iterator[tuple[int, str]]:
    begins, quoted = 0, False
    for place, letter in enumerate(line):
        quoted ^= letter == '"'
        if letter == comma and not quoted:
            yield begins + 1, line[begins:place]
            begins = place + 1
    yield begins + 1, line[begins:]


def _meeting(
    names: Sequence[str], values: Sequence[str], group: str | None, participant: str | None
) -> Meeting:
    if len(values) != len(names):
        raise _Bad("", f"{len(names)} fields are expected, as in the first line; here are {len(values)}")
    said = {name: value.strip() for name, value in zip(names, values, strict=True) if value.strip()}
    if said.keys().isdisjoint({"group", "participant"}):
        said |= {"group": group} if group else {"participant": participant} if participant else {}
    if ("group" in said) == ("participant" in said):
        raise _Bad("group", "a session is of a group or of one participant; fill one of the two")
    for name in NEEDED:
        if name not in said:
            raise _Bad(name, "this field is needed; docs/examples/sessions.csv shows it")
    if is_relative(said["starts"]):
        raise _Bad("starts", "a time is expected here, such as 2030-01-31 18:30 (the group's time)")
    minutes, state = said.get("minutes", str(MINUTES)), said.get("state", "planned")
    if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 4:
        raise _Bad("minutes", "a number is expected here, such as 90")
    if state not in ("planned", "cancelled"):
        raise _Bad("state", "it should be planned or cancelled")
    return Meeting(
        key=_fits("key", _KEY, said["key"], _RIGHT_KEY),
        starts=said["starts"],
        minutes=int(minutes),
        link=_fits(
            "link", _LINK, said["link"], "it should begin with https://, and have at most 500 characters"
        ),
        group=said.get("group"),
        participant=said.get("participant"),
        platform=_fits("platform", _PLATFORM, said["platform"], "it should be zoom or teams")
        if "platform" in said
        else None,
        state="cancelled" if state == "cancelled" else "planned",
    )


def _fits(field: str, kind: TypeAdapter[Any], value: str, right: str) -> Any:
    try:
        return kind.validate_python(value)
    except ValidationError:
        raise _Bad(field, right) from None
