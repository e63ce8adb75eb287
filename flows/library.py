"""All scripts of a service with the catalogue of concerns, loaded once and whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.concerns import Catalogue
from flows.machine import Course
from flows.script import Script, Step
from flows.visit import Visit


class Playable:
    """A script with its machine and the catalogue: what `advance` works with."""

    def __init__(self, script: Script, catalogue: Catalogue) -> None:
        self.script = script
        self.catalogue = catalogue
        self.course = Course(script)
        self._steps = {step.id: step for step in script.steps}

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises KeyError."""
        return self._steps[step_id]

    def find(self, step_id: str) -> Step | None:
        """The step of that id, or None."""
        return self._steps.get(step_id)


@dataclass(frozen=True)
class Library:
    """Published scripts by name and version. Old versions stay while a visit can be on them (S-34)."""

    catalogue: Catalogue
    scripts: Mapping[tuple[str, int], Playable]

    @classmethod
    def of(cls, catalogue: Catalogue, scripts: Iterable[Script]) -> Library:
        """Build the machines of all scripts."""
        return cls(catalogue, {(s.name, s.version): Playable(s, catalogue) for s in scripts})

    def newest(self, name: str) -> Playable:
        """The newest version of a script. Raises KeyError."""
        versions = [version for script, version in self.scripts if script == name]
        if not versions:
            raise KeyError(name)
        return self.scripts[name, max(versions)]

    def at(self, name: str, version: int) -> Playable | None:
        """That version, or None."""
        return self.scripts.get((name, version))

    def for_visit(self, visit: Visit) -> tuple[Playable, Visit] | None:
        """The script a visit goes on with, and the visit as it stands there (S-34).

        That is the version it began with, unless a later one is marked urgent and says where the
        visit's step has gone (`moved`; a step that kept its id needs no word). Ticks belong to the
        question they were made at, which is answered first (S-06). None when the version is missing.
        """
        found = self.at(visit.script, visit.version)
        if found and (visit.draft or visit.status == "done"):
            return found, visit
        later = [v for name, v in self.scripts if name == visit.script and v > visit.version]
        for version in sorted(later, reverse=True):
            playable = self.scripts[visit.script, version]
            step = playable.script.moved.get(visit.step, visit.step)
            if playable.script.urgent and playable.find(step) is not None:
                return playable, visit.model_copy(update={"version": version, "step": step, "trail": ()})
        return (found, visit) if found else None

    @property
    def names(self) -> tuple[str, ...]:
        """The scripts' names."""
        return tuple(sorted({name for name, _ in self.scripts}))
