"""Everything a turn may ask of the shell, in the imperative. The list is closed: `Effect` is the union."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from flows.values import Level, Role, Urgency


class Slot(StrEnum):
    """The places in a chat that the core speaks into; the shell has more of its own."""

    QUESTION = "question"
    HELP = "help"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Line:
    """One translatable piece of a message: gettext context and English source text. `item`: one of a list.

    `plural`: the English text for other numbers than one; which form is shown depends on the param `number`.
    """

    context: str
    msgid: str
    params: dict[str, str] = field(default_factory=dict)
    item: bool = False
    plural: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button: its label and what it answers. `marked` shows a tick (a `many` under way)."""

    step: str
    choice: str
    label: Line
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Show this in the slot; `lines` become paragraphs. A new say of a slot replaces what stood there.

    `fresh`: it has to stand at the bottom of the chat, so it is sent anew rather than edited.
    """

    slot: Slot
    lines: tuple[Line, ...]
    rows: tuple[tuple[Button, ...], ...] = ()
    sensitive: bool = True
    asking: int = 0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Retract:
    """Take away what stands in the slot."""

    slot: Slot = Slot.QUESTION


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """Keep this answer. `version` counts from 1 for each step; nothing is ever overwritten."""

    step: str
    version: int
    kind: Literal["chosen", "written", "deferred", "draft", "unclear"]
    choices: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class RaiseConcern:
    """Bring this to people. From one step the same concern comes again only when it became more urgent (S-33)."""

    concern: str
    urgency: Urgency
    route: tuple[Role, ...]
    step: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetReadiness:
    """The self-test's outcome so far, what there is to fix, and what holds as step:choice (or `closing`)."""

    level: Level
    fixes: tuple[Line, ...] = ()
    final: bool = False
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteUnasked:
    """These steps were not asked because the visit closed early (S-04)."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PauseVisit:
    """The visit waits; its question is taken away. `sitting`: the questions of this sitting are used up."""

    sitting: bool = False


@dataclass(frozen=True, slots=True)
class FinishVisit:
    """The visit is over."""

    outcome: Literal[
        "done", "nearby", "later", "not_person", "declined", "wait", "stopped", "lapsed", "fault"
    ]


Effect = Say | Retract | KeepAnswer | RaiseConcern | SetReadiness | NoteUnasked | PauseVisit | FinishVisit
