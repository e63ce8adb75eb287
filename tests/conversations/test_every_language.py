"""Every script in every language, each choice once, in this process: what is said is whole, and is the same conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from bot.clock import MovableClock
from bot.commands.glossary import glossary
from bot.commands.rehearse import PARAMS
from bot.ids import SystemIds
from bot.ports.records import Person
from bot.texts import GettextTexts, from_right, languages
from bot.usecases.desk import Desk, Message
from bot.usecases.render import LONGEST, messages
from flows.effects import Line, Say, Slot
from flows.read import load_library
from tests.conversations.playing import NOON, Conversation, plain_line

LIBRARY = load_library()
DESK = Desk(MovableClock(NOON), SystemIds(), GettextTexts(), LIBRARY)
VISIT = "0123456789ab"
LATIN = re.compile(r"[A-Za-z]{4,}")
NOT_LATIN = {"ar": "\u0600-\u06ff", "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff"}
NAMES = {"Zoom", "Teams", "Telegram", "Microsoft", "Example", "Service", "London", "months"}


SITUATIONS = (
    {"duty": "on", "released": "RS-D4 RS-H1 RS-H2 RS-H3 RS-H4"},
    {"duty": "off", "session": "individual", "platform": "teams", "device_agreed": "yes"},
)


@cache
def said(script: str) -> tuple[Say, ...]:
    """All that is said when each choice of the script is taken once; the core knows no language, so once is enough.

    First as many new choices in a conversation as it has, for what follows on several; then one in each.
    """
    found = list[Say]()
    for facts in SITUATIONS:
        for most in (200, 1):
            tried = set[str]()
            before = -1
            while len(tried) > before:
                before = len(tried)
                found += played(script, facts, tried, most)
    return tuple(found)


def played(script: str, facts: dict[str, str], tried: set[str], most: int) -> list[Say]:
    """One conversation to its end with at most so many choices that were not tried before, else plain answers."""
    c, left = Conversation(LIBRARY.newest(script), facts), most
    c.say("open")
    while c.visit.status != "done":
        fresh = [b for b in c.buttons if b not in tried and not b.endswith((":back", ":pause"))]
        line = plain_line(c)
        if fresh and left and c.visit.status == "open":
            line, left = f"press {fresh[0]}", left - 1
            tried.add(fresh[0])
        c.say(line)
    return [e for e in c.effects if isinstance(e, Say)]


def lines_of(script: str) -> Iterator[tuple[Line, int]]:
    """Each line said, with the length it may have; buttons 40, messages 600."""
    for one in said(script):
        yield from ((line, 600) for line in one.lines)
        yield from ((b.label, 40) for row in one.rows for b in row)


@pytest.mark.parametrize("script", LIBRARY.names)
def test_each_choice_is_taken(script: str) -> None:
    """The conversations take every choice of the script that can stand on a screen."""
    steps = LIBRARY.newest(script).script.steps
    shown = {f"{b.step}:{b.choice}" for one in said(script) for row in one.rows for b in row}
    wanted = {f"{s.id}:{c.id}" for s in steps for c in s.choices if c.id != "missing"}
    assert wanted - shown == set()


@pytest.mark.parametrize("language", languages()[1:])
@pytest.mark.parametrize("script", LIBRARY.names)
def test_every_script_is_whole_in_every_language(script: str, language: str) -> None:
    """S-09: each line is translated, filled, short enough, in the language's own script, and as many lines as English has."""
    texts = GettextTexts()
    for line, longest in {(one.context, one.msgid): (one, size) for one, size in lines_of(script)}.values():
        english, text = texts.line("en", line, PARAMS), texts.line(language, line, PARAMS)
        assert "{" not in text, text
        assert len(text) <= longest, text
        assert english.count("\n") == text.count("\n"), text
        if len(line.msgid.split()) > 3:
            assert text != english, text
        if language in NOT_LATIN:
            bare = texts.say(language, line.context, line.msgid)
            words = set(LATIN.findall(re.sub(r"\{\w+\}|/\w+", " ", bare)))
            assert words <= NAMES, f"{words - NAMES} in {bare}"


@cache
def screens(script: str) -> tuple[Say, ...]:
    """What is said, each once: the same lines with the same buttons and ticks are the same screen."""
    found = {repr(one): one for one in said(script)}.values()
    return (*found, crowded([one for one in found if one.slot is Slot.QUESTION]))


def crowded(questions: list[Say]) -> Say:
    """A screen as full as none is at present: the longest text there is leads up to the script's longest question."""
    longest = max(
        (one for one, size in lines_of("welcome") if size == LONGEST), key=lambda one: len(one.msgid)
    )
    last = max(questions, key=lambda one: len(one.lines[-1].msgid))
    return replace(last, lines=(longest, last.lines[-1]))


@cache
def transcript(script: str, language: str) -> tuple[tuple[Message, ...], ...]:
    """The messages of each screen as a reader of the language gets them."""
    person = Person("p", "p", None, "participant", "P-07", language, "Europe/London", "active")
    return tuple(tuple(messages(DESK, person, VISIT, say, PARAMS, NOON)) for say in screens(script))


def whole(sent: tuple[Message, ...]) -> list[str]:
    """The paragraphs of a screen, whether its lead was sent apart or not."""
    return [part for message in sent for part in message.text.split("\n\n")]


def left_in_english(english: list[str], theirs: list[str], same: set[str]) -> list[str]:
    """What reads as it does in English though it has words and the glossary does not allow it."""
    bare = (
        one.removeprefix("• ").removeprefix("✓ ")
        for one, other in zip(english, theirs, strict=True)
        if one == other
    )
    return [one for one in bare if any(sign.isalpha() for sign in one) and one not in same]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("script", LIBRARY.names)
def test_messages_keep_their_form(script: str, language: str) -> None:
    """S-09: no message is too long, a lead is apart only where it has to be, ticks are marked, a row reads onward."""
    for say, sent in zip(screens(script), transcript(script, language), strict=True):
        assert all(len(message.text) <= LONGEST for message in sent)
        apart = say.sensitive and len(say.lines) > 1 and len("\n\n".join(whole(sent))) > LONGEST
        assert [m.slot for m in sent] == (["lead"] if apart else []) + [say.slot.value]
        assert all(m.sensitive == say.sensitive and bool(m.instead) == say.sensitive for m in sent)
        assert all(not m.rows for m in sent[:-1]), "the buttons stand below the question"
        if not say.rows:
            continue
        onward = -1 if from_right(language) else 1
        wanted = [
            [("✓ " * b.marked + DESK.texts.line(language, b.label), f"{b.step}:{b.choice}") for b in row]
            for row in say.rows
        ]
        shown = [[(label, data.rpartition(":")[0]) for label, data in row] for row in sent[-1].rows]
        assert shown == [row[::onward] for row in wanted]


@pytest.mark.parametrize("language", languages()[1:])
@pytest.mark.parametrize("script", LIBRARY.names)
def test_the_same_conversation_in_every_language(script: str, language: str) -> None:
    """The same paragraphs and buttons in the same order as in English, none of them in English."""
    same, onward = set(glossary(language).same), -1 if from_right(language) else 1
    for english, theirs in zip(transcript(script, "en"), transcript(script, language), strict=True):
        ours = [row for m in english for row in m.rows]
        rows = [row[::onward] for m in theirs for row in m.rows]
        assert [[data for _, data in row] for row in rows] == [[data for _, data in row] for row in ours]
        assert theirs[-1].slot == english[-1].slot
        labels, wanted = ([label for row in some for label, _ in row] for some in (rows, ours))
        assert [label.startswith("✓ ") for label in labels] == [label.startswith("✓ ") for label in wanted]
        assert left_in_english(wanted, labels, same) == []
        assert left_in_english(whole(english), whole(theirs), same) == []


def test_every_form_comes_up() -> None:
    """The screens hold what the tests above look at: leads sent apart, ticks, rows of several, help texts, a closing."""
    all_of = [(say, sent) for script in LIBRARY.names
              for say, sent in zip(screens(script), transcript(script, "en"), strict=True)]  # fmt: skip
    for language in languages():
        assert any(len(sent) > 1 for script in LIBRARY.names for sent in transcript(script, language))
    assert any(b.marked for say, _ in all_of for row in say.rows for b in row)
    assert any(len(row) > 1 for say, _ in all_of for row in say.rows)
    assert any(line.item for say, _ in all_of for line in say.lines)
    assert {say.slot for say, _ in all_of} == set(Slot)
    assert any(not say.sensitive for say, _ in all_of)
