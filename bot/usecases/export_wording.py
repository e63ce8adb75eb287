"""Says in the person's own language what they were asked and what they answered, in the version they saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.forms import date_and_time
from bot.ports.records import AnswerRow, Person, Raised
from bot.usecases import export_texts
from bot.usecases.desk import Desk
from flows.concerns import said_to_staff
from flows.effects import Line
from flows.library import Playable


@dataclass(frozen=True, slots=True)
class Wording:
    """`versions`: visit id -> the script's version there."""

    desk: Desk
    person: Person
    params: Mapping[str, str]
    versions: Mapping[str, int]

    def line(self, line: Line, params: Mapping[str, str | int] | None = None) -> str:
        """A line of ours."""
        return self.desk.texts.line(self.person.language, line, {**self.params, **(params or {})})

    def time(self, at: datetime) -> str:
        """Date and time in the person's language and zone."""
        return date_and_time(self.person.language, self.person.timezone, at)

    def title(self, script: str) -> str:
        """What the conversation is called in the menu; its name where it is in none."""
        found = self._script(script, None)
        return self.line(Line("script", found.script.title)) if found else script

    def question(self, script: str, step: str, visit_id: str) -> str:
        """What was asked, in the version of that visit."""
        return self.step_text(script, step, self.versions.get(visit_id))

    def step_text(self, script: str, step: str, version: int | None) -> str:
        """The step's text; its id where the script has it no more."""
        found = self._script(script, version)
        asked = found.find(step) if found else None
        return self.line(Line(f"{script}/{step}", asked.text)) if asked else step

    def chosen(self, row: AnswerRow) -> list[str]:
        """The labels of what was chosen, and what kind of answer it was if not a plain one."""
        special = export_texts.KINDS.get(row.kind)
        ids = [one for one in row.choices if row.kind != "unclear" and one != "defer"]
        found = self.labels(row.script, row.step, ids, self.versions.get(row.visit_id))
        return [*found, self.line(special)] if special else found

    def labels(self, script: str, step: str, chosen: Iterable[str], version: int | None) -> list[str]:
        """The buttons' labels; an id only where the script has it no more."""
        found = self._script(script, version)
        asked = found.find(step) if found else None
        labels = []
        for one in chosen:
            choice = asked.choice(one) if asked else None
            if choice is not None:
                labels.append(self.line(Line(f"{script}/{step}", choice.label)))
            else:
                built_in = export_texts.BUILT_IN.get(one)
                labels.append(self.line(built_in) if built_in else one)
        return labels

    def means(self, raised: Raised, version: int | None) -> str:
        """What a concern was, as staff read it; its id where the catalogue has it no more."""
        found = self._script(raised.script, version)
        step = found.find(raised.step) if found else None
        return self.line(said_to_staff(self.desk.library.catalogue, raised.concern, step, raised.choices))

    def _script(self, name: str, version: int | None) -> Playable | None:
        library = self.desk.library
        if version is not None and (found := library.at(name, version)):
            return found
        return library.newest(name) if name in library.names else None
