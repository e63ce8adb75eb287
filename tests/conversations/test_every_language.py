"""Every script in every language, each choice once, in this process: what is said is whole, and is the same conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from bot.commands.rehearse import PARAMS
from bot.texts import GettextTexts, languages
from flows.effects import Line, Say
from flows.read import load_library
from tests.conversations.playing import Conversation, plain_line

LIBRARY = load_library()
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
