"""Golden conversations: what everybody gets, word for word. `VESTIBULE_RECORD=1` writes the records anew."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.effects import NoteUnasked, RaiseConcern, SetReadiness
from flows.library import Library
from flows.read import load_library
from tests.conversations.playing import END, Conversation, play, raised_in

PLAYED = Path(__file__).parent / "played"
NAMES = sorted(path.stem for path in PLAYED.glob("*.yaml"))

# The table of 3-content.md: every urgency and route a concern can have. Written out here on purpose.
EXPECTED: dict[str, list[tuple[str, str]]] = {
    "self_harm": [("now", "F D M P")],
    "harm_to_others": [("now", "F D M P")],
    "harm_done": [("now", "F D P M")],
    "partner_nearby": [("session", "F P")],
    "other_nearby": [("session", "F P")],
    "child_nearby": [("session", "F P")],
    "partner_at_home": [("review", "F P")],
    "child_unattended": [("session", "F P M")],
    "not_the_person": [("session", "F D P")],
    "shared_device": [("session", "F P")],
    "no_private_space": [("session", "F")],
    "in_public": [("session", "F")],
    "intoxicated": [("session", "F"), ("now", "F D P")],
    "very_upset": [("session", "F"), ("now", "F D P"), ("review", "F")],
    "recording": [("session", "F M")],
    "household_unaware": [("session", "F")],
    "device_unsuitable": [("session", "F T")],
    "connection_poor": [("roster", "T")],
    "no_headphones": [("roster", "T")],
    "equipment_fault": [("roster", "T")],
    "needs_help": [("session", "F"), ("session", "T"), ("review", "F")],
    "check_not_done": [("session", "F")],
    "unreadable_answer": [("session", "F")],
    "left_or_absent": [("session", "F P"), ("now", "F D P")],
    "repeated_failure": [("review", "F M")],
    "lives_with_partner": [("session", "F P")],
    "home_changed": [("session", "F P")],
    "shared_accounts": [("review", "F P")],
    "partner_access": [("review", "F P"), ("session", "F P")],
    "surveillance": [("review", "F P"), ("session", "F P")],
    "digital_abuse": [("review", "F P"), ("session", "F P M")],
    "harmful_posts": [("review", "F P")],
    "partner_after_session": [("review", "F P")],
    "tension_expected": [("session", "F P")],
    "acute_stressor": [("session", "F P")],
    "no_support": [("review", "F")],
    "no_plan": [("review", "F")],
    "convenience_motive": [("review", "F")],
    "disengaging": [("review", "F")],
    "contradiction": [("review", "F")],
    "agreement_declined": [("session", "F M")],
    "text_flagged": [("now", "F D P M"), ("session", "F D P M")],
}
# Raised by the schedule, staff records and the free-text screen: other issues.
NOT_HERE = {"check_not_done", "repeated_failure", "left_or_absent", "text_flagged"}


@cache
def library() -> Library:
    """The published scripts."""
    return load_library()


@cache
def told(name: str) -> dict[str, Any]:
    """The conversation as written."""
    found: dict[str, Any] = yaml.safe_load((PLAYED / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


@cache
def played(name: str) -> Conversation:
    """The conversation, played once for all tests."""
    what = told(name)
    return play(library().newest(what["script"]), what["lines"], what.get("facts"))


def transcript(name: str) -> str:
    """The record, as it stands beside the conversation."""
    return "\n".join([f"# {told(name)['about']}", *played(name).record]) + "\n"


def compare(record: Path, now: str) -> None:
    """Fail unless the record says exactly this; write it instead under VESTIBULE_RECORD=1."""
    if os.environ.get("VESTIBULE_RECORD") == "1":
        record.write_text(now, encoding="utf-8")
    assert record.is_file(), f"no record; run once with VESTIBULE_RECORD=1 and read {record.name}"
    assert now == record.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_conversation_goes_as_recorded(name: str) -> None:
    """S-34 Everybody gets word for word what the record says; the visit is saved and loaded between turns."""
    compare(PLAYED / f"{name}.txt", transcript(name))


def test_another_record_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing, a shorter and a different record fail; recording writes the one that passes."""
    monkeypatch.delenv("VESTIBULE_RECORD", raising=False)
    record, now = tmp_path / "one.txt", transcript(NAMES[0])
    with pytest.raises(AssertionError, match="VESTIBULE_RECORD=1"):
        compare(record, now)
    for other in (now[:-20], now.replace("press", "pres", 1), now + "more"):
        record.write_text(other, encoding="utf-8")
        with pytest.raises(AssertionError):
            compare(record, now)
    monkeypatch.setenv("VESTIBULE_RECORD", "1")
    compare(record, now)
    assert record.read_text(encoding="utf-8") == now


def test_every_record_has_its_conversation() -> None:
    """No record outlives its conversation."""
    assert {path.stem for path in PLAYED.glob("*.txt")} == set(NAMES)


def test_every_script_is_played_to_its_end() -> None:
    """Every script has a conversation that goes to its end."""
    ended = {told(name)["script"] for name in NAMES if played(name).visit.step == END}
    assert ended == set(library().names)


def test_every_step_is_asked_in_some_conversation() -> None:
    """Every step of every script is shown in some conversation."""
    asked = {(told(name)["script"], step) for name in NAMES for step in played(name).asked}
    missing = {(p.script.name, s.id) for p in library().scripts.values() for s in p.script.steps} - asked
    assert not missing


def test_catalogue_is_the_table() -> None:
    """The catalogue has the concerns of the table, each with its urgencies and routes and no other."""
    catalogue = library().catalogue
    assert set(catalogue.ids) == set(EXPECTED)
    for concern, rows in EXPECTED.items():
        entry = catalogue[concern]
        stated = [(entry.urgency, entry.route)]
        stated += [(v.urgency or entry.urgency, v.route or entry.route) for v in entry.variants]
        assert {(u.value, " ".join(r.value for r in route)) for u, route in stated} == set(rows), concern


@pytest.mark.parametrize("concern", sorted(EXPECTED.keys() - NOT_HERE))
def test_concern_is_raised_with_its_urgency_and_route(concern: str) -> None:
    """S-30 Some conversation raises the concern with each urgency and route of the table, and none with another."""
    raised = {(u, route) for name in NAMES for c, u, route in raised_in(played(name).effects) if c == concern}
    assert raised == set(EXPECTED[concern])


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n.endswith(("_plain", "_ready", "_whole", "_zoom", "_teams"))]
)
def test_answers_without_worry_raise_nothing(name: str) -> None:
    """A person without any worry brings nobody to the phone."""
    assert raised_in(played(name).effects) == []


def test_someone_nearby_ends_the_test() -> None:
    """S-04 The test closes, lists what was not asked, holds, and asks nothing more."""
    c = played("self_test_partner_nearby")
    [unasked] = [e for e in c.effects if isinstance(e, NoteUnasked)]
    assert unasked.steps == (
        "ST-10",
        *(f"ST-{n}" for n in ["13", "12", "11", "02", "01", "03", "04", "05", "06", "14", "15"]),
    )
    assert [e.level.value for e in c.effects if isinstance(e, SetReadiness)][-1] == "hold"
    assert c.screen is None
    assert c.visit.status == "done"


def test_a_more_urgent_meaning_is_raised_again() -> None:
    """S-33 Upset alone, then by an old button with a partner at home: raised again as now."""
    c = played("self_test_old_buttons")
    upset = [
        (e.urgency.value, e.step)
        for e in c.effects
        if isinstance(e, RaiseConcern) and e.concern == "very_upset"
    ]
    assert upset == [("session", "ST-13"), ("now", "ST-13")]
