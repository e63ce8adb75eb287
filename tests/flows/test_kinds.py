"""Every kind of step, played from the data file that goes with it: tests/flows/kinds/KIND.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import steps
from flows.concerns import Catalogue
from flows.effects import Button, KeepAnswer
from flows.library import Playable
from flows.script import Script, Step
from flows.steps import kinds
from tests.conversations.playing import Conversation, play, raised_in

DATA = Path(__file__).parent / "kinds"
TOLD = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in DATA.glob("*.yaml")}
PLAYS = [(kind, number) for kind, told in sorted(TOLD.items()) for number in range(len(told["plays"]))]
FAULTS = [
    (kind, fault["step"], fault["says"]) for kind, told in sorted(TOLD.items()) for fault in told["faults"]
]
CATALOGUE = Catalogue.model_validate(
    {
        "format": 1,
        "concerns": [
            {
                "id": name,
                "urgency": "session",
                "route": ["F"],
                "kind": "review",
                "staff": "Help.",
                "next_step": "Talk.",
                "source": "S0",
            }
            for name in ("needs_help", "unreadable_answer", "not_the_person", "other_nearby", "contradiction")
        ],
    }
)


def played(kind: str, number: int) -> tuple[dict[str, Any], Conversation]:
    """What the file expects of a play, and what came."""
    told = TOLD[kind]
    fields = {name: told[name] for name in ("steps", "defer", "before_session") if name in told}
    script = Script.model_validate({"format": 1, "script": "small", "version": 1, "title": "Small", **fields})
    expected = told["plays"][number]
    return expected, play(Playable(script, CATALOGUE), expected["lines"], expected.get("facts"))


def test_every_kind_has_its_data() -> None:
    """Every file in flows/steps that defines a kind has a data file here, and no data file is left over."""
    files = [
        p for p in Path(steps.__file__).parent.glob("*.py") if "\nKIND = " in p.read_text(encoding="utf-8")
    ]
    assert {path.stem for path in files} == TOLD.keys() == kinds().keys()
    assert all(told["kind"] == name and told["plays"] and told["faults"] for name, told in TOLD.items())


@pytest.mark.parametrize(("kind", "number"), PLAYS)
def test_kind_does_as_its_file_says(kind: str, number: int) -> None:
    """What is said, offered, kept, raised and how it ends is as the kind's data file has it."""
    expected, c = played(kind, number)
    shown: list[Button] = [b for row in (c.screen.rows if c.screen else ()) for b in row]
    came = {
        "answers": {step: list(given) for step, given in c.visit.answers.items()},
        "buttons": c.buttons,
        "said": [line.msgid for line in c.screen.lines] if c.screen else [],
        "marked": [b.choice for b in shown if b.marked],
        "raises": [concern for concern, _, _ in raised_in(c.effects)],
        "written": [e.text for e in c.effects if isinstance(e, KeepAnswer) and e.kind == "written"],
        "level": c.visit.level.value,
        "ends": c.visit.outcome,
    }
    checked = expected.keys() - {"about", "facts", "lines"}
    assert "ends" in checked
    assert {name: came[name] for name in checked} == {name: expected[name] for name in checked}


@pytest.mark.parametrize(("kind", "step", "says"), FAULTS)
def test_kind_names_its_faults(kind: str, step: dict[str, Any], says: str) -> None:
    """A step that its kind cannot play is named with what would be right."""
    assert says in kinds()[kind].faults(Step.model_validate(step))


@pytest.mark.parametrize("kind", sorted(TOLD))
def test_kind_refuses_what_is_no_button(kind: str) -> None:
    """A choice that is not on the screen is no answer at any step."""
    _, c = played(kind, 0)
    for step in c.playable.script.steps:
        assert kinds()[step.kind].press(step, c.visit, "no_such_choice") is None
