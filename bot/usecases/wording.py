"""Scripts and answers in the words of a member of staff, and paragraphs in messages that fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import shorten

from bot.forms import listed
from bot.ports.records import Raised
from bot.texts import set_apart
from bot.usecases import staff_texts as texts
from bot.usecases.case_beside import SESSION_SCRIPT
from bot.usecases.desk import Desk
from flows.concerns import said_to_staff
from flows.effects import Line
from flows.library import Playable
from flows.values import CaseKind

QUESTION = 120  # of a question's text, enough to know which it was
LONGEST = 3500  # below Telegram's 4,096, whatever the script


@dataclass(frozen=True, slots=True)
class Wording:
    """Says steps and choices in the reader's language, in the version of the script that was answered."""

    desk: Desk
    language: str
    version: tuple[str, int] | None
    params: dict[str, str]
    names: dict[str, str]

    def _script(self, name: str) -> Playable | None:
        library = self.desk.library
        if self.version is not None and self.version[0] == name:
            return library.at(*self.version)
        return library.newest(name) if name in library.names else None

    def question(self, script: str, step_id: str) -> str:
        """The step's id and the beginning of what was asked."""
        if script == SESSION_SCRIPT and step_id in texts.SESSION_STEPS:
            return self.desk.texts.line(self.language, texts.SESSION_STEPS[step_id])
        found = self._script(script)
        step = found.find(step_id) if found else None
        if step is None:
            named = texts.STEPS.get(step_id)
            return self.desk.texts.line(self.language, named) if named else step_id
        text = self.desk.texts.line(self.language, Line(f"{script}/{step_id}", step.text), self.params)
        return f"{set_apart(self.language, step_id)}: {shorten(text, QUESTION, placeholder='…')}"

    def script_with(self, raised: Iterable[Raised], step_id: str) -> str:
        """Which of a case's scripts has the step; empty where none has it any more."""
        for name in dict.fromkeys(item.script for item in raised):
            if (found := self._script(name)) and found.find(step_id):
                return name
        return ""

    def matters(self, script: str, step_id: str) -> bool:
        """Whether an answer there could have raised something that is not merely for review; not known counts too."""
        found = self._script(script)
        step = found.find(step_id) if found else None
        if found is None or step is None or step.risk:
            return True
        raises = [one for choice in step.choices for one in choice.raises]
        raises += [one for rule in found.script.rules if rule.step == step_id for one in rule.raises]
        catalogue = self.desk.library.catalogue
        return any(
            one.concern not in catalogue or catalogue[one.concern].kind is not CaseKind.REVIEW
            for one in raises
        )

    def means(self, raised: Raised) -> str:
        """What was raised, for staff; its id where the catalogue has it no more."""
        found = self._script(raised.script)
        step = found.find(raised.step) if found else None
        line = said_to_staff(self.desk.library.catalogue, raised.concern, step, raised.choices)
        return self.desk.texts.line(self.language, line, self.params)

    def answered(self, script: str, step_id: str, chosen: Iterable[str]) -> str:
        """The question's beginning and the labels that were chosen; for a session's people their aliases."""
        if script == SESSION_SCRIPT:
            names = listed(self.language, (self.names.get(person_id, "?") for person_id in chosen))
            said = {"step": self.question(script, step_id), "choices": names}
            return self.desk.texts.line(self.language, texts.ANSWERED, said)
        found = self._script(script)
        step = found.find(step_id) if found else None
        labels: list[str] = []
        for choice_id in chosen:
            choice = step.choice(choice_id) if step else None
            line = Line(f"{script}/{step_id}", choice.label if choice else choice_id)
            if found and choice is None and choice_id == "defer" and found.script.defer:
                line = Line(f"{script}/defer", found.script.defer.label)
            labels.append(self.desk.texts.line(self.language, line, self.params))
        said = {"step": self.question(script, step_id), "choices": listed(self.language, labels)}
        return self.desk.texts.line(self.language, texts.ANSWERED, said)


def packed(paragraphs: Iterable[str], longest: int = LONGEST) -> list[str]:
    """The paragraphs in as few messages as fit; one that is too long by itself is cut into several."""
    messages: list[str] = []
    for paragraph in paragraphs:
        for start in range(0, len(paragraph), longest):
            piece = paragraph[start : start + longest]
            if messages and len(messages[-1]) + 2 + len(piece) <= longest:
                messages[-1] += "\n\n" + piece
            else:
                messages.append(piece)
    return messages
