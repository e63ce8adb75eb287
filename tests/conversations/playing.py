"""Plays a conversation written as short lines against the core, and writes down what everybody got.

    open · press STEP:choice · old STEP:choice · on to STEP (or END) · write WORDS · voice (photo, sticker, ...)
    back · pause · put aside · resume · stop · later · not the person · time out

`press` needs the button to be on the screen. `old` presses a button that stood there before. `on to` gives the
plain answer (the first that raises nothing) until that step is asked. `open` and `resume` take facts: `resume duty=off`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

from flows import inputs
from flows.effects import (
    Effect,
    FinishVisit,
    KeepAnswer,
    NoteUnasked,
    PauseVisit,
    RaiseConcern,
    Retract,
    Say,
    SetReadiness,
    Slot,
)
from flows.engine import advance, begin
from flows.library import Playable
from flows.script import END, Choice, Step
from flows.visit import Visit, from_json, to_json

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FACTS = {"platform": "zoom", "session": "group", "free_text": "on", "duty": "on", "language": "en"}
PLAIN: dict[str, inputs.Input] = {
    "pause": inputs.Paused(),
    "put aside": inputs.Paused(silent=True),
    "stop": inputs.Stopped(),
    "time out": inputs.TimedOut(),
    "later": inputs.Interrupted("later"),
    "not the person": inputs.Interrupted("not_person"),
}


@dataclass
class Conversation:
    """A visit under way, saved and loaded between turns, with everything that came of it."""

    playable: Playable
    facts: dict[str, str] = field(default_factory=dict)
    visit: Visit = field(init=False)
    effects: list[Effect] = field(default_factory=list)
    record: list[str] = field(default_factory=list)
    screen: Say | None = None
    shown: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A new visit, not opened yet."""
        self.visit = begin(self.playable)

    def turn(self, happened: inputs.Input) -> tuple[Effect, ...]:
        """One input; the visit goes through its JSON before and after."""
        before = from_json(to_json(self.visit))
        made = advance(self.playable, before, happened, NOON)
        self.visit = from_json(to_json(made.visit))
        assert self.visit == made.visit
        self.effects += made.effects
        for effect in made.effects:
            self._see(effect)
        self.record += _record(made.effects)
        return made.effects

    def _see(self, effect: Effect) -> None:
        if isinstance(effect, Say) and effect.slot is Slot.QUESTION:
            self.screen = effect
            self.shown |= {(b.step, b.choice): effect.asking for row in effect.rows for b in row}
            if self.visit.step not in self.asked[-1:]:
                self.asked.append(self.visit.step)
        if isinstance(effect, Retract) and effect.slot is Slot.QUESTION:
            self.screen = None

    @property
    def buttons(self) -> list[str]:
        """What can be pressed now, as STEP:choice."""
        rows = self.screen.rows if self.screen else ()
        return [f"{b.step}:{b.choice}" for row in rows for b in row]

    def turn_of(self, line: str) -> list[Effect]:
        """One line, and what came of it."""
        before = len(self.effects)
        self.say(line)
        return self.effects[before:]

    def say(self, line: str) -> None:
        """One line of the language above."""
        word, _, rest = line.partition(" ")
        self.record.append(f"> {line}")
        if line in PLAIN:
            self.turn(PLAIN[line])
        elif word in ("open", "resume"):
            given = dict(pair.split("=", 1) for pair in rest.split())
            facts = FACTS | self.facts | given
            self.turn(inputs.Opened(facts) if word == "open" else inputs.Resumed(facts))
        elif word == "press":
            self.press(rest)
        elif word == "old":
            step, choice = rest.split(":")
            self.turn(inputs.Answered(step, choice, self.shown[step, choice]))
        elif line == "back":
            self.press(f"{self.visit.step}:back")
        elif word == "write":
            self.turn(inputs.Wrote(rest))
        elif word in get_args(inputs.UnclearKind):
            self.turn(inputs.Unclear(word))  # type: ignore[arg-type]  # just checked against the words allowed
        elif line.startswith("on to "):
            self.record.pop()
            self.go_on(line.removeprefix("on to "))
        else:
            raise AssertionError(f"no such line: {line}")

    def press(self, button: str) -> None:
        """Press what is on the screen."""
        assert button in self.buttons, f"{button} is not on the screen: {self.buttons}"
        step, choice = button.split(":")
        self.turn(inputs.Answered(step, choice, self.visit.asking))

    def go_on(self, target: str) -> None:
        """Plain answers until the target is asked."""
        for _ in range(150):
            there = self.visit.step == target and self.visit.status != "paused"
            if there or (target == END and self.visit.status == "done"):
                return
            self.say(plain_line(self))
        raise AssertionError(f"{target} was not reached; stands at {self.visit.step}")


def plain_line(c: Conversation) -> str:
    """The next line somebody without any worry would say."""
    if c.visit.status == "paused":
        return "resume"
    step = c.playable.step(c.visit.step)
    choices = {b.partition(":")[2] for b in c.buttons}
    if step.kind == "text":
        given = "thought" if "thought" in choices else "skip_text" if "skip_text" in choices else ""
        return f"press {step.id}:{given}" if given else "write What I think about it."
    if step.kind == "many":
        return f"press {step.id}:{_plain_tick(step, c.visit, choices)}"
    if step.kind in ("say", "result"):
        return f"press {step.id}:continue"
    offered = [x for x in step.choices if x.id in choices]
    return f"press {step.id}:{next((x.id for x in offered if _harmless(step, x)), offered[0].id)}"


def _harmless(step: Step, choice: Choice) -> bool:
    worries = choice.raises or choice.readiness or choice.closing or choice.retry
    return choice.right if step.kind == "teach" else not worries


def _plain_tick(step: Step, visit: Visit, choices: set[str]) -> str:
    wanted = [x.id for x in step.choices if x.id in choices and _harmless(step, x)]
    if not step.needs_all:
        wanted = wanted[:1]
    return next((x for x in wanted if x not in visit.draft), "done")


def _record(effects: Iterable[Effect]) -> list[str]:
    lines = [line for effect in effects for line in _chat(effect)]
    staff = [line for effect in effects for line in _people(effect)]
    return [f"  {line}" if line else "" for line in lines] + [f"      staff | {line}" for line in staff]


def _chat(effect: Effect) -> list[str]:
    if isinstance(effect, Retract):
        return [f"({effect.slot.value} taken away)"]
    if not isinstance(effect, Say):
        return []
    marks = "".join([" sensitive" if effect.sensitive else "", " fresh" if effect.fresh else ""])
    head = f"{effect.slot.value}{marks}{f' #{effect.asking}' if effect.asking else ''}"
    lines = [f"({head})", *(f"  {part}" for line in effect.lines for part in line.msgid.splitlines())]
    for row in effect.rows:
        buttons = [f"[{'x ' if b.marked else ''}{b.label.msgid}] {b.step}:{b.choice}" for b in row]
        lines.append("    " + "   ".join(buttons))
    return lines


def _people(effect: Effect) -> list[str]:
    match effect:
        case KeepAnswer():
            given = ", ".join(effect.choices) or "(text)"
            return [f"{effect.kind} {effect.step} version {effect.version}: {given}"]
        case RaiseConcern():
            route = " ".join(role.value for role in effect.route)
            answer = ", ".join(effect.choices) or "-"
            return [
                f"CONCERN {effect.concern}: {effect.urgency.value} to {route} (at {effect.step}: {answer})"
            ]
        case SetReadiness():
            fixes = "; ".join(line.msgid for line in effect.fixes)
            return [f"readiness {effect.level.value}{' final' if effect.final else ''}: {fixes or '-'}"]
        case NoteUnasked():
            return [f"not asked: {' '.join(effect.steps) or '-'}"]
        case PauseVisit():
            return [f"visit paused{', sitting used up' if effect.sitting else ''}"]
        case FinishVisit():
            return [f"visit over: {effect.outcome}"]
    return []


def play(playable: Playable, lines: Sequence[str], facts: dict[str, str] | None = None) -> Conversation:
    """The whole conversation."""
    conversation = Conversation(playable, facts or {})
    for line in lines:
        conversation.say(line)
    return conversation


def raised_in(effects: Iterable[Effect]) -> list[tuple[str, str, str]]:
    """(concern, urgency, route) of everything raised, in order."""
    return [
        (e.concern, e.urgency.value, " ".join(role.value for role in e.route))
        for e in effects
        if isinstance(e, RaiseConcern)
    ]


__all__ = ["END", "FACTS", "NOON", "Conversation", "plain_line", "play", "raised_in"]
