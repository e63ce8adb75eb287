"""Random walks through the scripts: presses old and new, text, voice, pauses, interruptions. Seeded, so they repeat."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from flows import inputs
from flows.effects import Effect
from flows.library import Library, Playable
from flows.read import load_library
from flows.visit import Visit
from tests.conversations.playing import FACTS, Conversation

WALKS = 120  # for each script; enough to reach every step
TURNS = 110
RELEASED = "RS-D4 RS-H1 RS-H2 RS-H3 RS-H4"
WORDS = "Purple-Elephant"  # what is written; it must never come back


@dataclass(frozen=True, slots=True)
class Seen:
    """One turn of a walk."""

    playable: Playable
    before: Visit
    happened: inputs.Input
    effects: tuple[Effect, ...]
    after: Visit


@cache
def library() -> Library:
    """The published scripts."""
    return load_library()


SCRIPTS = library().names


def some_facts(rng: random.Random) -> dict[str, str]:
    """What the shell might know."""
    maybe = {
        "free_text": "off",
        "duty": "off",
        "released": RELEASED,
        "headphones_allowed": "yes",
        "phone_allowed": "yes",
        "device_agreed": "yes",
        "held": "yes",
        "per_sitting": "2",
        "session": "none",
    }
    given = {name: value for name, value in maybe.items() if rng.random() < 0.3}
    if rng.random() < 0.5:
        given["released"] = RELEASED
    return FACTS | given


class Walker:
    """Chooses what happens next; the same seed and the same chat give the same walk."""

    def __init__(self, playable: Playable, seed: int) -> None:
        self.rng = random.Random(f"{playable.script.name} {seed}")
        self.playable = playable
        self.facts = some_facts(self.rng)
        self.careful = self.rng.random()  # how often the plain first button is pressed

    def happens(self, c: Conversation) -> inputs.Input:
        """The next input."""
        if c.visit.status == "new":
            return inputs.Opened(self.facts)
        if c.visit.status == "paused" and self.rng.random() < 0.7:
            return inputs.Resumed(self.facts)
        if c.buttons and self.rng.random() < 0.7:
            return self._press(c)
        return self._odd(c)

    def _press(self, c: Conversation) -> inputs.Input:
        buttons = [b for b in c.buttons if not b.endswith((":back", ":pause"))]
        if not buttons:
            return inputs.Wrote(WORDS)
        done = [b for b in buttons if b.endswith(":done")]
        if done and c.visit.draft and self.rng.random() < 0.4:
            buttons = done
        chosen = buttons[0] if self.rng.random() < self.careful else self.rng.choice(buttons)
        if done and c.visit.draft and chosen == buttons[0] and self.rng.random() < 0.8:
            chosen = done[0]
        step, choice = chosen.split(":")
        return inputs.Answered(step, choice, c.visit.asking)

    def _odd(self, c: Conversation) -> inputs.Input:
        options: list[tuple[int, Callable[[], inputs.Input]]] = [
            (25, lambda: self._old(c)),
            (10, self._wild),
            (15, lambda: inputs.Wrote(WORDS)),
            (3, lambda: inputs.Wrote("  ")),
            (8, lambda: inputs.Unclear(self.rng.choice(("voice", "photo", "edited", "fault", "other")))),
            (12, lambda: inputs.Answered(c.visit.step, "back", c.visit.asking)),
            (5, lambda: inputs.Answered(c.visit.step, "pause", c.visit.asking)),
            (3, lambda: inputs.Paused(silent=self.rng.random() < 0.5)),
            (4, inputs.Stopped),
            (5, lambda: inputs.Resumed(self.facts)),
            (3, lambda: inputs.LanguageChanged({"language": "de"})),
            (2, lambda: inputs.Opened(self.facts)),
            (1, lambda: inputs.Interrupted("later")),
            (1, lambda: inputs.Interrupted("not_person")),
            (1, inputs.TimedOut),
        ]
        weights = [weight for weight, _ in options]
        return self.rng.choices([make for _, make in options], weights)[0]()

    def _old(self, c: Conversation) -> inputs.Input:
        if not c.shown:
            return inputs.Stopped()
        (step, choice), asking = self.rng.choice(sorted(c.shown.items()))
        return inputs.Answered(step, choice, asking - (asking == c.visit.asking))

    def _wild(self) -> inputs.Input:
        step = self.rng.choice(self.playable.script.steps)
        choices = [*(x.id for x in step.choices), "defer", "continue", "nonsense"]
        wanted = self.rng.choice([step.id, step.id, "XX-99"])
        return inputs.Answered(wanted, self.rng.choice(choices), self.rng.randrange(30))


def walk(playable: Playable, seed: int, turns: int = TURNS) -> Iterator[Seen]:
    """One walk; a few turns more after the visit is over."""
    walker, conversation, left = Walker(playable, seed), Conversation(playable), turns
    while left:
        before = conversation.visit
        happened = walker.happens(conversation)
        effects = conversation.turn(happened)
        yield Seen(playable, before, happened, effects, conversation.visit)
        left = min(left - 1, 6) if conversation.visit.status == "done" else left - 1


@cache
def walks(script: str) -> tuple[tuple[Seen, ...], ...]:
    """The walks through one script, taken once for all tests."""
    playable = library().newest(script)
    return tuple(tuple(walk(playable, seed)) for seed in range(WALKS))


def turns(script: str) -> Iterator[Seen]:
    """Every turn of all walks through the script."""
    for one in walks(script):
        yield from one
