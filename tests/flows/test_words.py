"""The words of the scripts in English: what may never be said, and how long it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flows import lines
from flows.effects import Line
from flows.script import Script, Step
from tests.flows.walks import RELEASED, SCRIPTS, library

PLACEHOLDERS = {
    "emergency_number", "service_number", "service", "session_time", "session_minutes", "platform", "retention",
    "timezone",
}  # fmt: skip
every_script = pytest.mark.parametrize("script", SCRIPTS)


def scripts() -> list[Script]:
    """The newest version of every script."""
    return [library().newest(name).script for name in SCRIPTS]


def said(step: Step) -> Iterator[str]:
    """Every English text a participant can see at the step."""
    yield step.text
    yield from step.texts.values()
    for choice in step.choices:
        if choice.id != "missing":
            yield choice.label
        yield from (t for t in (choice.tip, choice.retry, choice.explain) if t)
        yield from (v.fix for v in choice.readiness if v.fix)


def texts(name: str) -> str:
    """All the words of a script, in lower case, one text a line."""
    return "\n".join(t for step in library().newest(name).script.steps for t in said(step)).lower()


def neutral_lines() -> list[Line]:
    """What may be said unasked."""
    fixed = [v for v in vars(lines).values() if isinstance(v, Line)] + list(lines.CLOSINGS.values())
    return [line for line in fixed if line.context == "neutral"]


def found(pattern: str, text: str) -> list[str]:
    """The lines in which any of the words stands, as whole words."""
    return [line for line in text.splitlines() if re.search(rf"\b(?:{pattern})\b", line)]


def test_neutral_lines_say_nothing() -> None:
    """S-02 No neutral line has a word about violence, programme, partner, question or alarm."""
    words = (
        r"violen\w*|abus\w*|harm\w*|danger\w*|safe\w*|risk\w*|programmes?|partners?|ex|child\w*|questions?|answer\w*|"
        r"alarm\w*|alerts?|police|court|group|home|nearby|alone|somebody|someone|emergency|help"
    )
    assert len(neutral_lines()) > 8
    for line in neutral_lines():
        assert not found(words, line.msgid.lower()), line.msgid


def test_closings_look_alike() -> None:
    """S-04 The closing names nobody, asks nothing of anybody else, and offers later or elsewhere."""
    later, before_session = (lines.CLOSINGS[key].msgid for key in lines.CLOSINGS if key[0] == "nearby")
    assert "later or from another place" in later
    assert before_session.startswith(later)
    assert "wait for a message from us before you join" in before_session


@every_script
def test_no_score_and_no_praise(script: str) -> None:
    """S-08 No points, marks given, streaks, certificates, success or progress; nobody is called suitable."""
    words = r"points? for|scores?|streaks?|certificates?|progress|success\w*|congratulations|well done|great|passed the|failed|(?:un)?suitable for online|level up|badge"
    assert not found(words, texts(script))


@every_script
def test_own_plain_words(script: str) -> None:
    """S-09 Plain words without blame or jargon; the other person is "they"."""
    jargon = r"perpetrators?|victims?|survivors?|offenders?|de-escalat\w*|cognitive|dysregulat\w*|triggers?|accountability|compliance|criminogenic|your (?:wife|husband|girlfriend|boyfriend)"
    gendered = r"she|he|her|him|his|wife|husband|girlfriend|boyfriend"
    assert not found(jargon, texts(script))
    assert not found(gendered, texts(script))
    assert not [line for line in found("partners?", texts(script)) if not found("ex", line)]


@every_script
def test_long_sentences_are_rare(script: str) -> None:
    """S-09 About B1: no sentence of more than 32 words, and 16 on average at most."""
    sentences = [s.split() for s in re.split(r"[.?!:;\n]+\s*", texts(script)) if len(s.split()) > 3]
    assert max(map(len, sentences)) <= 32, max(sentences, key=len)
    assert sum(map(len, sentences)) / len(sentences) <= 16


def test_text_prompts_ask_for_no_names() -> None:
    """S-09 Every question that takes free text says "no names, please"."""
    for script in scripts():
        for step in script.steps:
            if step.kind == "text":
                assert "no names, please" in step.text.lower(), step.id


def test_nobody_from_home_is_offered_as_support() -> None:
    """S-09 No choice of the support, calming, plan or accountability questions is a partner, ex-partner or child."""
    offering = (
        "RD-P2",
        "RD-P3",
        "RD-P4",
        "RE-A2",
        "RE-A4",
        "RE-N1",
        "RE-N2",
        "RE-N3",
        "AS-04",
        "CI-05",
        "RD-G1",
    )
    for script in scripts():
        for step in script.steps:
            if step.id in offering:
                shown = "\n".join(c.label for c in step.choices).lower()
                assert not found(r"partners?|ex|ex-partner|child\w*|kids|sons?|daughters?|family", shown), (
                    step.id
                )


def test_no_cause_and_no_time_out() -> None:
    """S-09 Nobody's behaviour is a cause, nothing is to be talked through with a partner, no time-out is taught."""
    words = (
        r"provok\w*|because of (?:a|your|the) (?:ex-)?partner|made you|makes you|time-out|time out|leave the house|"
        r"talk (?:it|this) (?:over|through) with (?:a|your) (?:ex-)?partner|walk out|their fault"
    )
    for name in SCRIPTS:
        assert not found(words, texts(name))


@every_script
def test_no_lessons_in_surveillance(script: str) -> None:
    """S-10 No channel, tool or method of watching anybody is named, in any step."""
    words = (
        r"gps|spyware|stalkerware|airtag\w*|trackers?|keylog\w*|find my|whatsapp|instagram|facebook|tiktok|snapchat|"
        r"hack\w*|spy\w*|bug(?:s|ged)?|hidden camera|location sharing|mirror\w*|icloud|google"
    )
    assert not found(words, texts(script))


@every_script
def test_children_come_first(script: str) -> None:
    """S-11 Never a hint to send children away, or to leave their care to the partner or anybody for the session."""
    words = (
        r"send (?:them|the child\w*|your child\w*) (?:out|away|off|to)|babysit\w*|(?:partner|they|somebody|someone) "
        r"(?:can|could|should) (?:take|look after|mind) (?:care|the child\w*|them)|put the child\w* to bed|"
        r"ask (?:your|a|the) (?:partner|mother|somebody|someone|others?) to|out of the room"
    )
    assert not found(words, texts(script))


@every_script
def test_nobody_is_sent_out(script: str) -> None:
    """S-04 Nobody is ever asked to leave a room or home, and nobody there is to be spoken to now."""
    words = r"(?:ask|tell|send) (?:them|him|her|others?|people|everybody|anybody|somebody|your \w+) (?:to|out|away)|leave you alone"
    assert not found(words, texts(script))


@every_script
def test_lengths(script: str) -> None:
    """S-09 Texts up to 600 characters, labels up to 40; ids up to 20 bytes, so that callbacks stay short."""
    for step in library().newest(script).script.steps:
        assert len(step.id.encode()) <= 20
        for choice in step.choices:
            assert len(choice.id.encode()) <= 20
            assert len(choice.label) <= 40
        assert all(len(text) <= 600 for text in said(step))


@every_script
def test_texts_are_tidy(script: str) -> None:
    """No text has two spaces in a row or a space at its end, which YAML folding easily leaves."""
    assert not [
        t for step in library().newest(script).script.steps for t in said(step) if "  " in t or t != t.strip()
    ]


@every_script
def test_placeholders_are_known(script: str) -> None:
    """Every placeholder in a text is one that the shell fills."""
    assert set(re.findall(r"{(\w*)}", texts(script))) <= PLACEHOLDERS


def test_released_questions_are_marked() -> None:
    """S-12 RS-D4 and RS-H1 to H4, with what belongs to them, open only when released; each has its calming card."""
    for step in library().newest("reflection_start").script.steps:
        assert step.release == step.id.startswith(tuple(RELEASED.split())), step.id
    ids = [step.id for step in library().newest("reflection_start").script.steps]
    assert all(f"{step}-CALM" in ids for step in RELEASED.split())


def test_all_38_reflection_questions_are_there() -> None:
    """Every question of the three reflection scripts has its id and counts towards the sitting."""
    wanted = [
        *(f"RS-L{n}" for n in range(1, 6)), *(f"RS-D{n}" for n in range(1, 6)), *(f"RS-H{n}" for n in range(1, 5)),
        *(f"RS-M{n}" for n in range(1, 4)), *(f"RD-P{n}" for n in range(1, 5)), *(f"RD-E{n}" for n in range(1, 5)),
        *(f"RD-G{n}" for n in range(1, 4)), *(f"RE-A{n}" for n in range(1, 5)), *(f"RE-N{n}" for n in range(1, 4)),
        *(f"RE-B{n}" for n in range(1, 4)),
    ]  # fmt: skip
    asked = [s.id for script in scripts() if script.paced for s in script.steps if s.question]
    assert sorted(asked) == sorted(wanted)
    assert len(asked) == 38


def test_self_test_has_its_order() -> None:
    """S-08 The self-test asks in the order that safety fixes, and risk runs from ST-08 to ST-13."""
    order = ["07", "08", "09", "10", "13", "12", "11", "02", "01", "03", "04", "05", "06", "14", "15", "16"]
    script = library().newest("self_test").script
    assert [s.id for s in script.steps] == [f"ST-{n}" for n in order]
    assert {s.id for s in script.steps if s.risk} >= {f"ST-{n}" for n in ["08", "09", "10", "11", "12", "13"]}


@pytest.mark.parametrize("script", ["orientation_zoom", "orientation_teams"])
def test_orientation_teaches(script: str) -> None:
    """The orientation has at least eight questions with a right answer and an explanation."""
    assert sum(s.kind == "teach" for s in library().newest(script).script.steps) >= 8


def test_enrolment_says_that_this_is_no_emergency_line() -> None:
    """S-07 The welcome says that this is no emergency line, with both numbers."""
    [card] = [s for s in library().newest("welcome").script.steps if "emergency line" in s.text]
    assert "{emergency_number}" in card.text
    assert "{service_number}" in card.text


def test_next_steps_do_no_harm() -> None:
    """S-26 No suggested next step tells the participant about others; the three that need it assume phones are read."""
    for entry in library().catalogue.concerns:
        assert not found(
            r"tell the participant that (?:somebody|someone)(?! else used)", entry.next_step.lower()
        )
        if "P" in [role.value for role in entry.route] and "partner support" in entry.next_step.lower():
            assert found(r"agreed safe|never", entry.next_step.lower()), entry.id
    for concern in ("surveillance", "partner_access", "shared_accounts"):
        assert "read" in library().catalogue[concern].next_step
