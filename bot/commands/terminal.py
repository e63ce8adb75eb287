"""How commands speak: what was asked for on stdout, faults and progress on stderr."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

DONE, FAULT, WRONG_USE = 0, 1, 2


class Told(Exception):
    """A command ends here: `lines` are said on stderr, `code` is the exit code."""

    def __init__(self, *lines: str, code: int = FAULT) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


def say(text: str = "", style: str = "") -> None:
    """A line for the person at the terminal; nothing in it is markup."""
    Console(soft_wrap=True).print(text, style=style, markup=False, highlight=False, emoji=False)


def complain(lines: Iterable[str]) -> None:
    """Lines on stderr, each as it is."""
    console = Console(stderr=True, soft_wrap=True)
    for line in lines:
        console.print(line, style="red", markup=False, highlight=False, emoji=False)


def progress() -> Progress:
    """A bar on stderr, gone when done; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
