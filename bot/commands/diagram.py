"""`vestibule diagram`: the machines that run, drawn as Mermaid."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from transitions.extensions import GraphMachine

from bot.commands.terminal import WRONG_USE, Told, say
from bot.escalation import lifecycle
from bot.usecases import way
from flows.library import Library
from flows.machine import mermaid
from flows.read import load_library


def diagram(
    script: Annotated[str, typer.Argument(help="A script's name, or case or way. All when left out.")] = "",
    write: Annotated[
        Path | None, typer.Option(help="Write one file for each into this folder.", file_okay=False)
    ] = None,
) -> None:
    """Draw a script, a case's lifecycle or the way through the programme as Mermaid."""
    drawings = _drawings(load_library())
    if script and script not in drawings:
        raise Told(f"there is no script {script}; there are: {', '.join(drawings)}", code=WRONG_USE)
    chosen = [script] if script else list(drawings)
    for name in chosen:
        if write is None:
            say(drawings[name]())
            continue
        write.mkdir(parents=True, exist_ok=True)
        (write / f"{name}.md").write_text(page(name, drawings[name]()), encoding="utf-8")
    if write is not None:
        say(f"{len(chosen)} drawn into {write}")


def page(name: str, drawn: str) -> str:
    """The Markdown file of a drawing."""
    return f"<!-- Drawn from the machine that runs, by: vestibule diagram {name} -->\n\n```mermaid\n{drawn}\n```\n"


def drawn_pages() -> dict[str, str]:
    """File name -> content of everything under docs/diagrams."""
    return {f"{name}.md": page(name, draw()) for name, draw in _drawings(load_library()).items()}


def _drawings(library: Library) -> dict[str, Callable[[], str]]:
    def of(name: str) -> Callable[[], str]:
        return lambda: _tidy(mermaid(library.newest(name).script))

    return {**{name: of(name) for name in library.names}, "case": _case, "way": _way}


def _case() -> str:
    return _tidy(str(lifecycle.machine_for_drawing().get_combined_graph().draw(None)))


def _way() -> str:
    machine = GraphMachine(
        states=list(way.STATES),
        transitions=way.TRANSITIONS,
        initial=way.STATES[0],
        auto_transitions=False,
        graph_engine="mermaid",
        title="A participant's way through the programme",
    )
    return _tidy(str(machine.get_combined_graph().draw(None)))


def _tidy(drawn: str) -> str:
    """Without colours, which suit one background only; hyphens in a state's id would end it for Mermaid."""
    lines = (line.rstrip() for line in drawn.strip().splitlines())
    return "\n".join(
        _ids(line) for line in lines if line and not line.lstrip().startswith(("classDef", "Class"))
    )


def _ids(line: str) -> str:
    state = re.match(r'(  state ".*" as )(\S+)$', line)
    arrow = re.match(r"  (\S+) --> ([^\s:]+)(.*)$", line)
    if state:
        return state[1] + state[2].replace("-", "_")
    if arrow:
        return f"  {arrow[1].replace('-', '_')} --> {arrow[2].replace('-', '_')}{arrow[3]}"
    return line
