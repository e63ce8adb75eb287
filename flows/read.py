"""YAML -> Script and Catalogue. Every fault is one line: file, line, step, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from flows.check import faults_across, faults_in
from flows.concerns import Catalogue
from flows.library import Library
from flows.script import Script

T = TypeVar("T", bound=BaseModel)
FORMAT = 1
LONGEST = 2_000_000
DEEPEST = 40
ROOT = Path(__file__).parent

_HINTS = {
    "extra_forbidden": "there is no such field; see docs/writing-scripts.md for the fields there are",
    "missing": "this field is required; add it",
    "string_too_long": "write it shorter",
    "string_pattern_mismatch": "step ids are capitals, digits and hyphens, choice ids lower-case letters; 20 at most",
    "enum": "use one of the values named",
}


class ScriptFault(Exception):
    """What is wrong with script files; `faults` has one line each. Nothing was loaded."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class _Plain(yaml.SafeLoader):
    """No anchors, with which a few lines can stand for gigabytes, and no nesting deeper than any file of ours."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As the library's, within bounds. Raises yaml.MarkedYAMLError."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML has no types there
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="& and * for repetitions are not read", problem_mark=event.start_mark
            )
        if self._depth >= DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_FAST: Any = getattr(yaml, "CSafeLoader", _Plain)  # where the wheel has libyaml


def compose(text: str) -> yaml.Node | None:
    """The one document of a YAML text as nodes; None for an empty one. Raises yaml.YAMLError."""
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"the file is longer than {LONGEST} characters")
    # libyaml reads ten times as fast; what it should not read is read by who says what is wrong, and where.
    node: yaml.Node | None = yaml.compose(text, Loader=_FAST if _is_plain(text) else _Plain)
    return node


def _is_plain(text: str) -> bool:
    """Whether it is YAML without repetitions, and not nested too deep."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_FAST):
            repeats = isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if repeats or depth >= DEEPEST:
                return False
    except yaml.YAMLError:
        return False
    return True


def load_library(root: Path = ROOT) -> Library:
    """All scripts and the catalogue below `root`, checked; raises ScriptFault with every fault found."""
    faults: list[str] = []
    scripts: list[tuple[Script, _Source]] = []
    catalogue, found = _read(root / "concerns.yaml", Catalogue)
    faults += found
    for path in sorted((root / "scripts").glob("*/*.yaml")):
        script, found = read_script(path)
        faults += found
        if script is not None:
            scripts.append((script, _Source.of(path)))
    if catalogue is None or not scripts:
        raise ScriptFault(faults or [f"{root / 'scripts'}: no script files; expected NAME/VERSION.yaml"])
    for script, source in scripts:
        faults += [source.place(step, what) for step, what in faults_in(script, catalogue)]
    if not faults:
        faults += [
            f"{root / 'concerns.yaml'}: {what}" for what in faults_across([s for s, _ in scripts], catalogue)
        ]
    if faults:
        raise ScriptFault(faults)
    return Library.of(catalogue, (s for s, _ in scripts))


def read_script(path: Path) -> tuple[Script | None, list[str]]:
    """One script file, or what is wrong with it. The folder must be the script's name, the file its version."""
    script, faults = _read(path, Script)
    if script is not None and (path.parent.name, path.stem) != (script.name, str(script.version)):
        right = f"scripts/{script.name}/{script.version}.yaml"
        faults.append(
            f"{path}:1: the file says {script.name} version {script.version}; it belongs at {right}"
        )
    if script is not None and script.format != FORMAT:
        faults.append(f"{path}:1: format {script.format} is not known; this software reads format {FORMAT}")
    return (None if faults else script), faults


def _read(path: Path, model: type[T]) -> tuple[T | None, list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"{path}:1: cannot be read ({error.__class__.__name__}); a UTF-8 file is expected"]
    source = _Source(path, text)
    if source.broken:
        return None, [source.broken]
    try:
        return model.model_validate(source.data), []
    except ValidationError as error:
        found = error.errors()
        # A list whose items have faults is also called too short, which would only confuse.
        within = {e["loc"][:depth] for e in found for depth in range(len(e["loc"]))}
        said = [e for e in found if e["type"] != "too_short" or e["loc"] not in within]
        return None, [source.fault(e["loc"], e["type"], e["msg"]) for e in said]


class _Source:
    """A YAML file with the lines its parts stand on."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.broken, self.data = path, "", None
        self._node: yaml.Node | None = None
        try:
            self._node = compose(text)
            self.data = _plain(self._node) if self._node else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.broken = (
                f"{path}:{line}: not readable as YAML ({error.problem}); check indentation and quotes"
            )
        except yaml.YAMLError as error:
            reason = str(error).splitlines()[0]
            self.broken = f"{path}:1: not readable as YAML ({reason}); save it as plain UTF-8 text"

    @classmethod
    def of(cls, path: Path) -> _Source:
        return cls(path, path.read_text(encoding="utf-8"))

    def fault(self, loc: tuple[int | str, ...], kind: str, message: str) -> str:
        """One line for a validation error at this place."""
        line, step = self._locate(loc)
        where = ".".join(str(part) for part in (loc[2:] if step else loc))
        said = [
            f"step {step}" if step else "",
            where,
            message + (f"; {_HINTS[kind]}" if kind in _HINTS else ""),
        ]
        return f"{self.path}:{line}: {': '.join(part for part in said if part)}"

    def place(self, step: str, what: str) -> str:
        """One line for a fault found at a step (or at the script as a whole)."""
        for key, value in _pairs(self._node):
            if key.value == "steps" and isinstance(value, yaml.SequenceNode):
                for item in value.value:
                    if any(k.value == "id" and v.value == step for k, v in _pairs(item)):
                        return f"{self.path}:{item.start_mark.line + 1}: step {step}: {what}"
        return f"{self.path}:1: {what}"

    def _locate(self, loc: tuple[int | str, ...]) -> tuple[int, str]:
        node, step = self._node, ""
        line = 1
        for part in loc:
            child = _child(node, part)
            if child is None:
                break
            node, line = child, child.start_mark.line + 1
            step = step or next((v.value for k, v in _pairs(node) if k.value == "id"), "")
        return line, step


def _pairs(node: yaml.Node | None) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return next((value for key, value in _pairs(node) if key.value == part), None)


def _plain(node: yaml.Node) -> Any:
    """The node as plain values; scalars stay text, so that `no` is a choice and not a boolean."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a field's name has to be a word"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
            seen[key.value] = _plain(value)
        return seen
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return node.value.strip() if isinstance(node.value, str) else node.value
