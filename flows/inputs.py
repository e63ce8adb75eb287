"""Everything that can happen to a visit, in the past tense. The list is closed: `Input` is the union."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

UnclearKind = Literal["text", "voice", "photo", "sticker", "edited", "unreadable", "fault", "other"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A script was begun. `facts` are what the shell knows (platform, free_text, duty, released, ...)."""

    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """A button of the script was pressed. `asking` is the number the button carried."""

    step: str
    choice: str
    asking: int


@dataclass(frozen=True, slots=True)
class Wrote:
    """Text came in."""

    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something came in that is no answer: voice, photo, sticker, an edited message, a fault (S-23)."""

    kind: UnclearKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The person came back (or the question has to be shown again): `facts` are refreshed."""

    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LanguageChanged:
    """The person chose another language: what is asked is said again in it, and stays the same asking."""

    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Paused:
    """The visit was put aside, by the person or, `silent`, because another script was begun."""

    silent: bool = False


@dataclass(frozen=True, slots=True)
class WentQuiet:
    """Nothing came for some minutes: ticks left without Done are noted, the question stands."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nothing came for longer than the shell allows; the visit lapses, `silent` with its session."""

    silent: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """/stop (S-06)."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """At the door: not now, or not the enrolled person (S-04, S-05)."""

    why: Literal["later", "not_person"]


Input = (
    Opened
    | Answered
    | Wrote
    | Unclear
    | Resumed
    | LanguageChanged
    | Paused
    | WentQuiet
    | TimedOut
    | Stopped
    | Interrupted
)
