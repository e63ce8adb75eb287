"""CSV -> meetings. Every fault is one line: file, line, column, what is wrong, what would be right."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
_FITTING: Mapping[str, tuple[TypeAdapter[Any], str]] = {
    "key": (_KEY, "a key has lower-case letters, digits, - and _, at most 40"),
    "link": (_LINK, "it should begin with https://, and have at most 500 characters"),
    "platform": (_PLATFORM, "it should be zoom or teams"),
}


@dataclass(frozen=True, slots=True)
class Read:
    """Meetings, and for each where its fields stand in the file: line and column; "" is the whole of it.

    `faults`: lines about what is none; with any of them nothing is to be kept.
    """

    meetings: list[Meeting]
    places: list[dict[str, tuple[int, int]]]
    faults: list[tuple[tuple[int, int], str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Bad:
    """A field, and what would be right."""

    field: str
    says: str


class _Row(Exception):
    """All that is wrong with a line."""

    def __init__(self, bads: Sequence[_Bad]) -> None:
        super().__init__("; ".join(bad.says for bad in bads))
        self.bads = bads


def read_csv(path: Path, group: str | None = None, participant: str | None = None) -> Read:
    """The sessions of the file; `group` or `participant`: whose they are where a line does not say.

    Raises Told where the first line cannot be used; faults further down are in `faults`.
    """
    lines = text_of(path, f"{path}:1:1").splitlines()
    comma = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    names = _header(path, lines[0] if lines else "", comma)
    read = Read([], [])
    for number, line in enumerate(lines[1:], 2):
        if not line.strip(f" \t{comma}"):
            continue
        values, columns = split(line, comma)
        places = {name: (number, column) for name, column in zip(names, columns, strict=False)}
        places[""] = (number, 1)
        try:
            read.meetings.append(_meeting(names, values, group, participant))
            read.places.append(places)
        except _Row as row:
            for bad in row.bads:
                read.faults.append(placed_fault(path, places, bad.field, bad.says))
    return read


def placed_fault(
    path: Path, places: dict[str, tuple[int, int]], field: str, says: str
) -> tuple[tuple[int, int], str]:
    """The same with its place beside it, to be put in order."""
    return places.get(field) or places[""], fault_line(path, places, field, says)


def fault_line(path: Path, places: dict[str, tuple[int, int]], field: str, says: str) -> str:
    """A fault as it is shown: where, which field, and what would be right."""
    line, column = places.get(field) or places[""]
    return f"{path}:{line}:{column}: {f'{field}: ' if field else ''}{says}"


def _header(path: Path, line: str, comma: str) -> list[str]:
    values, columns = split(line, comma)
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


def split(line: str, comma: str) -> tuple[list[str], list[int]]:
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
        raise _Row(
            [_Bad("", f"{len(names)} fields are expected, as in the first line; here are {len(values)}")]
        )
    said = {name: value.strip() for name, value in zip(names, values, strict=True) if value.strip()}
    if said.keys().isdisjoint({"group", "participant"}):
        said |= {"group": group} if group else {"participant": participant} if participant else {}
    if bads := list(_bads(said)):
        raise _Row(bads)
    return Meeting(
        key=said["key"],
        starts=said["starts"],
        minutes=int(said.get("minutes", MINUTES)),
        link=said["link"],
        group=said.get("group"),
        participant=said.get("participant"),
        platform=_PLATFORM.validate_python(said["platform"]) if "platform" in said else None,
        state="cancelled" if said.get("state") == "cancelled" else "planned",
    )


def _bads(said: Mapping[str, str]) -> Iterator[_Bad]:
    """All that is wrong with the fields of a line, by themselves."""
    if ("group" in said) == ("participant" in said):
        yield _Bad("group", "a session is of a group or of one participant; fill one of the two")
    for name in NEEDED:
        if name not in said:
            yield _Bad(name, "this field is needed; docs/examples/sessions.csv shows it")
    if is_relative(said.get("starts", "")):
        yield _Bad("starts", "a time is expected here, such as 2030-01-31 18:30 (the group's time)")
    minutes = said.get("minutes", str(MINUTES))
    if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 4:
        yield _Bad("minutes", "a number is expected here, such as 90")
    if said.get("state", "planned") not in ("planned", "cancelled"):
        yield _Bad("state", "it should be planned or cancelled")
    for name, (kind, right) in _FITTING.items():
        if name in said and not _fits(kind, said[name]):
            yield _Bad(name, right)


def _fits(kind: TypeAdapter[Any], value: str) -> bool:
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True
