"""YAML -> ProgrammeFile. Every fault is one line: file, line, field, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bot.commands.input_file import text_of
from bot.commands.terminal import Told
from bot.usecases.programme_file import ProgrammeFile, Wrong, faults_in
from flows.read import compose

_RIGHT = {
    "missing": "this field is needed; docs/examples/programme.yaml shows it",
    "extra_forbidden": "there is no such field; docs/examples/programme.yaml shows those there are",
    "string_pattern_mismatch": "a key has lower-case letters, digits, - and _, at most 40",
    "bool_parsing": "it should be yes or no",
    "model_type": "fields are expected here, as docs/examples/programme.yaml shows",
    "tuple_type": "a list is expected here, each entry after a hyphen",
}


def read_programme(path: Path, now: datetime) -> ProgrammeFile:
    """The file, if nothing is wrong with it. Raises Told with a line for each fault."""
    text = text_of(path, f"{path}:1")
    try:
        node = compose(text)
        data = _plain(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Told(f"{path}:{line}: no YAML ({error.problem}); look at indentation and quotes") from None
    except (yaml.YAMLError, RecursionError):
        raise Told(
            f"{path}:1: no YAML; plain text is expected, without control characters or loops"
        ) from None
    try:
        file = ProgrammeFile.model_validate(data)
    except ValidationError as error:
        faults = [(e["loc"], _says(e["type"], e["msg"])) for e in error.errors(include_input=False)]
        inner = {loc[:length] for loc, _ in faults for length in range(len(loc))}
        raise Told(*(_line(path, node, loc, says) for loc, says in faults if loc not in inner)) from None
    if wrong := faults_in(file, now):
        raise Told(*(_line(path, node, one.loc, one.says) for one in wrong))
    return file


def fault_lines(path: Path, wrong: Sequence[Wrong]) -> list[str]:
    """A line for each fault that was found later, in a file that could be read."""
    node = compose(text_of(path, f"{path}:1"))
    return [_line(path, node, one.loc, one.says) for one in wrong]


def _says(kind: str, message: str) -> str:
    right = _RIGHT.get(kind)
    return right or message.removeprefix("Value error, ")


def _line(path: Path, node: yaml.Node | None, loc: tuple[int | str, ...], says: str) -> str:
    line, named = 1, ""
    for part in loc:
        key, child = _child(node, part)
        if child is None:
            break
        node, line = child, (key or child).start_mark.line + 1
        _, name = _child(child, "key") if _child(child, "key")[1] else _child(child, "alias")
        named = f" ({name.value})" if isinstance(name, yaml.ScalarNode) else named
    return f"{path}:{line}: {'.'.join(str(part) for part in loc) or 'file'}{named}: {says}"


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """The key's node (None in a list) and the value's."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return None, node.value[part]
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((key, value) for key, value in pairs if key.value == part), (None, None))


def _plain(node: yaml.Node | None) -> Any:
    """Plain values; scalars stay text: a key such as `no` is no boolean, 01632 no number, and a time keeps its zone."""
    if isinstance(node, yaml.MappingNode):
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                raise yaml.MarkedYAMLError(
                    problem="a field stands twice, or has no name", problem_mark=key.start_mark
                )
            found[key.value] = _plain(value)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return None
    return node.value.strip()
