"""The kinds of steps, one file each. A file in this folder that defines `KIND` is a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal, Protocol

from flows.effects import Button, Line
from flows.script import Step
from flows.visit import Visit


@dataclass(frozen=True, slots=True)
class Accept:
    """An answer was made; `trigger` moves the machine. `lead` is said above the next message."""

    choices: tuple[str, ...]
    trigger: str
    text: str = ""
    kind: Literal["chosen", "written"] = "chosen"
    lead: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The ticks are now these; the question stands."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Ask the same again, with these lines above. `choices` are kept; they mean something if `counts`."""

    lines: tuple[Line, ...]
    choices: tuple[str, ...] = ()
    counts: bool = False


Taken = Accept | Draft | Repeat | None


class Kind(Protocol):
    """How one kind of step is checked, shown and answered."""

    @property
    def name(self) -> str:
        """As `kind:` has it in the script file."""
        ...

    @property
    def answered(self) -> bool:
        """Whether it is a question (with Back, Pause and the script's defer button)."""
        ...

    def faults(self, step: Step) -> list[str]:
        """What is wrong with such a step in a script file, each with what would be right."""
        ...

    def triggers(self, step: Step) -> tuple[str, ...]:
        """What can move the visit on from here."""
        ...

    def lines(self, step: Step, visit: Visit) -> tuple[Line, ...]:
        """What is said."""
        ...

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """The step's own buttons."""
        ...

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """What a press means; None when there is no such button."""
        ...

    def wrote(self, step: Step, visit: Visit, text: str) -> Taken:
        """What text means; None when a button was expected (S-23)."""
        ...


def _found() -> Mapping[str, Kind]:
    modules = [import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__)]
    kinds: list[Kind] = [m.KIND for m in modules if hasattr(m, "KIND")]
    return {kind.name: kind for kind in kinds}


_KINDS: dict[str, Kind] = {}


def kinds() -> Mapping[str, Kind]:
    """All kinds by name."""
    if not _KINDS:
        _KINDS.update(_found())
    return _KINDS
