"""`vestibule rehearse`: a script played in the terminal, with what staff would get in dim lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.commands.terminal import WRONG_USE, Told, say
from bot.texts import GettextTexts, languages
from flows.concerns import said_to_staff
from flows.effects import (
    Button,
    Effect,
    FinishVisit,
    NoteUnasked,
    PauseVisit,
    RaiseConcern,
    Say,
    SetReadiness,
)
from flows.engine import Turn, advance, begin
from flows.inputs import Answered, Input, Opened, Resumed, Wrote
from flows.library import Library, Playable
from flows.read import load_library

FACTS = {
    "platform": "zoom",
    "session": "group",
    "free_text": "on",
    "duty": "on",
    "per_sitting": "3",
    "released": "",
}
# Fictional, as are the numbers (a range that is never given out).
PARAMS = {
    "service": "Example Service",
    "service_number": "01632 960100",
    "emergency_number": "01632 960999",
    "platform": "Zoom",
    "session_time": "18:30",
    "session_minutes": "120",
    "retention": "12 months",
    "timezone": "London",
}


def rehearse(
    script: Annotated[str, typer.Argument(help="The script's name.")],
    language: Annotated[str, typer.Option(help="The language to play it in.")] = "en",
    facts: Annotated[
        list[str] | None,
        typer.Option(help="What the bot would know, as duty=off. May be given several times."),
    ] = None,
    answers: Annotated[
        str, typer.Option(help="Answers to begin with: numbers, choice ids or texts, with commas between.")
    ] = "",
) -> None:
    """Play a script here: choose by number, or write. Nothing is kept and nobody is told."""
    playable = _playable(load_library(), script)
    if language not in languages():
        raise Told(
            f"there is no catalogue for {language}; there are: {', '.join(languages())}", code=WRONG_USE
        )
    known = {**FACTS, "language": language, **_pairs(facts or [])}
    Rehearsal(playable, language, known).play(_answers(answers))


def _playable(library: Library, script: str) -> Playable:
    try:
        return library.newest(script)
    except KeyError:
        names = ", ".join(library.names)
        raise Told(f"there is no script {script}; there are: {names}", code=WRONG_USE) from None


def _pairs(facts: list[str]) -> dict[str, str]:
    for fact in facts:
        if "=" not in fact:
            raise Told(f"--facts {fact}: it should look like duty=off", code=WRONG_USE)
    return dict(fact.split("=", 1) for fact in facts)


def _answers(given: str) -> Iterator[str]:
    """The given answers, then what is typed, until there is no more."""
    for answer in filter(None, (part.strip() for part in given.split(","))):
        say(f"> {answer}")
        yield answer
    while True:
        if sys.stdin.isatty():
            sys.stdout.write("> ")
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


class Rehearsal:
    """A visit that is nobody's."""

    def __init__(self, playable: Playable, language: str, facts: Mapping[str, str]) -> None:
        self._playable = playable
        self._language = language
        self._facts = dict(facts)
        self._texts = GettextTexts()
        self._visit = begin(playable)
        self._buttons: list[Button] = []
        self._asking = 0

    def play(self, answers: Iterator[str]) -> None:
        """From the first message to the last, or until no more answers come."""
        self._happen(Opened(self._facts))
        while self._visit.status == "open":
            answer = next(answers, None)
            if answer is None:
                say("(no more answers; the rehearsal ends here)", "dim")
                return
            self._happen(self._read(answer))

    def _read(self, answer: str) -> Input:
        index = int(answer) - 1 if answer.isascii() and answer.isdigit() else -1
        button = self._buttons[index] if 0 <= index < len(self._buttons) else None
        button = button or next((b for b in self._buttons if b.choice == answer), None)
        return Answered(button.step, button.choice, self._asking) if button else Wrote(answer)

    def _happen(self, happened: Input) -> None:
        turn: Turn = advance(self._playable, self._visit, happened, datetime.now(UTC))
        self._visit = turn.visit
        for effect in turn.effects:
            self._show(effect)
        if any(isinstance(effect, PauseVisit) and effect.sitting for effect in turn.effects):
            say("(another day: the next sitting)", "dim")
            self._happen(Resumed(self._facts))

    def _show(self, effect: Effect) -> None:
        match effect:
            case Say():
                self._message(effect)
            case RaiseConcern():
                route = " ".join(effect.route)
                step = self._playable.find(effect.step)
                line = said_to_staff(self._playable.catalogue, effect.concern, step, effect.choices)
                says = self._texts.line(self._language, line)
                say(
                    f"[staff] {effect.concern}, {effect.urgency}, to {route}, at {effect.step}: {says}", "dim"
                )
            case SetReadiness():
                say(f"[staff] readiness: {effect.level}{' (result)' if effect.final else ' so far'}", "dim")
            case NoteUnasked(steps=steps) if steps:
                say(f"[staff] not asked: {' '.join(steps)}", "dim")
            case FinishVisit():
                say(f"(ends: {effect.outcome})", "dim")
            case PauseVisit():
                say("(paused)", "dim")

    def _message(self, said: Say) -> None:
        say()
        say("\n\n".join(self._texts.line(self._language, line, PARAMS) for line in said.lines), "bold")
        if not said.rows:
            return
        self._buttons = [button for row in said.rows for button in row]
        self._asking = said.asking
        for number, button in enumerate(self._buttons, start=1):
            mark = "✓ " if button.marked else ""
            say(f"  {number:>2}  {mark}{self._texts.line(self._language, button.label, PARAMS)}")
