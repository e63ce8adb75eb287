"""Babel extractors: script and concern files, and `Line("context", "text")` / `.say(language, "context", "text")`.

`Line("context", "one", plural="several")` comes out with its plural, so that a catalogue has a form for each number.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import yaml

Found = tuple[int, str, tuple[str, ...], list[str]]
_MESSAGE, _BUTTON = 600, 40
# Constants in bot/usecases whose lines become labels of buttons under a context of their own; module -> names. What
# has the context `button` needs no mention. One with placeholders (duty's TAKE_OVER, roster's LABEL) is as long as
# what fills it, and is not held to 40. A test finds what is missing here.
BUTTONS: Mapping[str, frozenset[str]] = {
    "allow": frozenset({"WHAT", "SPAN", "NO_LONGER"}),
    "data_requests": frozenset({"YES", "NO"}),
    "menu": frozenset({"PRIVACY"}),
    "privacy": frozenset({"BUTTONS"}),
    "release": frozenset({"YES", "NO"}),
    "staff_texts": frozenset(
        {"TAKE", "DETAILS", "RESOLVE", "SEEN", "LIFT", "KEEP", "HAND_OVER", "BACK", "OUTCOMES", "LIFTS"}
        | {"STRIKE", "STRIKE_YES", "STRIKE_NO"}
    ),
    "written": frozenset({"EARLIER", "LATER"}),
}


def extract(fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[Found]:
    """Texts of a script or of concerns.yaml, with step id as context and what a translator needs to know."""
    data = yaml.compose(fileobj.read().decode("utf-8"), Loader=yaml.SafeLoader)
    top = _map(data)
    if "concerns" in top:
        for entry in top["concerns"].value:
            parts = _map(entry)
            context = f"concern/{parts['id'].value}"
            yield from (_found(context, parts[key], "staff only", _MESSAGE) for key in ("staff", "next_step"))
        return
    name = top["script"].value
    yield _found("script", top["title"], "name of a conversation, in the menu", _BUTTON)
    if "defer" in top:
        yield _found(f"{name}/defer", _map(top["defer"])["label"], "button", _BUTTON)
    for step in top["steps"].value:
        yield from _step(name, step)


def _step(script: str, node: yaml.Node) -> Iterator[Found]:
    parts = _map(node)
    context = f"{script}/{parts['id'].value}"
    note = parts["note"].value.strip() if "note" in parts else ""
    yield _found(context, parts["text"], note, _MESSAGE)
    for text in _map(parts.get("texts")).values():
        yield _found(context, text, note, _MESSAGE)
    for choice in parts["choices"].value if "choices" in parts else []:
        fields = _map(choice)
        # `missing` is no button: it stands for what was left unticked, where answers are read (a case's details).
        where = (
            f"button {fields['id'].value}" if fields["id"].value != "missing" else "read among the answers"
        )
        yield _found(context, fields["label"], where, _BUTTON)
        for key in ("tip", "retry", "explain"):
            if key in fields:
                yield _found(context, fields[key], f"after the button {fields['id'].value}", _MESSAGE)
        for verdict in _listed(fields.get("readiness")):
            if "fix" in verdict:
                yield _found(context, verdict["fix"], "listed under what to fix", _MESSAGE)
        for raised in _listed(fields.get("raises")):
            if "staff" in raised:
                yield _found(f"concern/{raised['concern'].value}", raised["staff"], "staff only", _MESSAGE)


def _found(context: str, node: yaml.Node, note: str, longest: int) -> Found:
    comments = [*([note] if note else []), f"at most {longest} characters"]
    return node.start_mark.line + 1, "pgettext", (context, node.value.strip()), comments


def _listed(node: yaml.Node | None) -> list[dict[str, Any]]:
    """What `raises` and `readiness` hold: one or several; a bare name is an empty one."""
    return [_map(one) for one in (node.value if isinstance(node, yaml.SequenceNode) else [node])]


def _map(node: yaml.Node | None) -> dict[str, Any]:
    return {k.value: v for k, v in node.value} if isinstance(node, yaml.MappingNode) else {}


def extract_python(fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[Found]:
    """`Line("context", "text", plural="text")` and `.say(language, "context", "text")` with literal texts."""
    tree = ast.parse(fileobj.read())
    buttons = _buttons(tree, Path(str(getattr(fileobj, "name", ""))))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        args = node.args[:2] if name == "Line" else node.args[1:3] if name == "say" else []
        texts = _literal(args)
        if len(texts) == 2:
            plural = _literal(key.value for key in node.keywords if key.arg == "plural")
            longest = _BUTTON if texts[0].startswith("button") or node in buttons else _MESSAGE
            comments = [*(["depends on {number}"] if plural else []), f"at most {longest} characters"]
            yield node.lineno, "npgettext" if plural else "pgettext", (*texts, *plural), comments


def _buttons(tree: ast.Module, path: Path) -> set[ast.AST]:
    """All that is written in the module's constants that become buttons."""
    names = BUTTONS.get(path.stem, frozenset()) if path.parent.name == "usecases" else frozenset()
    found: set[ast.AST] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            given = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
            found |= set(ast.walk(node.value)) if given & names else set()
    return found


def _literal(nodes: Iterable[ast.expr]) -> list[str]:
    return [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
