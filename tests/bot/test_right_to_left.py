"""What is written from right to left: every line begins at the right, and what is filled in turns nothing over."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.commands.catalogues import Text, texts
from bot.storage.sealing import Keyring
from bot.texts import GettextTexts, catalogue_file, languages, set_apart
from bot.usecases import staff_texts
from bot.usecases.mail import case_mail
from bot.usecases.render import messages
from bot.usecases.roster_text import Entry, Standing, text_of
from flows import lines
from flows.effects import Button, Line, Say, Slot
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import Room, open_room
from tests.bot.storage.rows import case

ISOLATE, END, RIGHT = "\u2068", "\u2069", "\u200f"
MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
COMMAND = re.compile(r"/[a-z]+")


def outside(line: str) -> str:
    """The line without what stands in isolates. Fails where one does not close in it."""
    found, depth = "", 0
    for sign in line:
        depth -= sign == END
        assert depth >= 0, line
        found += sign if depth == 0 and sign not in (ISOLATE, END) else ""
        depth += sign == ISOLATE
    assert depth == 0, line
    return found


def begins_at_the_right(text: str) -> bool:
    """Whether each line does, by the first letter that is in no isolate (rules P2 and P3 of UAX 9)."""
    for line in filter(None, text.split("\n")):
        kinds = [unicodedata.bidirectional(sign) for sign in outside(line)]
        if next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") == "L":
            return False
    return True


def said(text: Text, number: int) -> str:
    """The text in Arabic, with Latin words in its placeholders."""
    names = {name for form in text.forms for name in PLACEHOLDER.findall(form)}
    params: dict[str, str | int] = {name: "P-07 London" for name in names if name != "number"}
    line = Line(text.context, text.msgid, plural=text.plural)
    return GettextTexts().line("ar", line, params | {"number": number})


@pytest.mark.parametrize("number", [0, 1, 2, 3, 11, 100])
def test_every_arabic_text_begins_at_the_right(number: int) -> None:
    """Each line of each text does, with Latin names and numbers in its placeholders; all isolates close."""
    assert not [text.msgid for text in texts() if not begins_at_the_right(said(text, number))]


def test_commands_are_isolated() -> None:
    """No command stands free in an Arabic text: its slash would go to the wrong side."""
    for text in texts():
        for line in said(text, 3).split("\n"):
            assert not COMMAND.search(outside(line)), text.msgid


@pytest.mark.parametrize("language", languages()[1:])
def test_translators_put_no_marks(language: str) -> None:
    """Marks of direction are put in one place, by the bot; in a catalogue they would fight with those."""
    assert not MARKS.search(catalogue_file(language).read_text(encoding="utf-8"))


def test_several_lines_each_have_their_own_isolate() -> None:
    """An isolate ends with its line, so that each line of a value has one, and begins at the right."""
    assert set_apart("ar", "K-101\n\nP-07") == f"{ISOLATE}K-101{END}\n{RIGHT}\n{RIGHT}{ISOLATE}P-07{END}"
    assert set_apart("de", "K-101\nP-07") == "K-101\nP-07"


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    library: Library = load_library()
    async with open_room(database_url, keyring, library) as room:
        yield room


async def test_a_roster_in_arabic(room: Room) -> None:
    """Aliases and times are isolated, each line begins at the right, and the time left follows its number."""
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        reader = await unit.people.get(room.participant)
    assert session is not None
    assert reader is not None
    entries = [
        Entry("P-07", Standing.READY, at_home=True),
        Entry("ل-٢", Standing.READY),
        Entry("P-08", Standing.HOLD, "call_us"),
    ]
    text = text_of(room.desk, replace(reader, language="ar"), session, "London", entries, final=True)
    assert begins_at_the_right(text)
    assert f"\n{RIGHT}• {ISOLATE}P-07 *{END}\n{RIGHT}• {ISOLATE}ل-٢{END}\n" in text
    assert f"\n{RIGHT}• {ISOLATE}P-08{END}: {ISOLATE}" in text
    assert f"{ISOLATE}London{END}" in text
    assert f"({ISOLATE}2{END})" in text
    assert "ساعة" in text  # 1 hour and 30 minutes: the hour without its number
    assert "و\u206830 دقيقة\u2069" in text


async def test_a_mail_in_arabic(room: Room) -> None:
    """S-20 The subject holds the reference and the urgency only, the reference isolated."""
    async with room.storage.unit() as unit:
        reader = await unit.people.get(room.participant)
    assert reader is not None
    arabic = replace(reader, language="ar")
    alert = GettextTexts().line("ar", staff_texts.URGENCY_LATER[next(iter(staff_texts.URGENCY_LATER))])
    mail = case_mail(room.desk, arabic, case(), alert, [])
    subject = mail.partition("\n")[0]
    assert subject == f"{RIGHT}{ISOLATE}{case().ref}{END} · {ISOLATE}{alert}{END}"
    assert begins_at_the_right(mail)


def test_what_reads_from_the_right_is_set_apart_for_others_too() -> None:
    """An Arabic name or answer in a German or English line is isolated, so that the time behind it stays in its place."""
    assert set_apart("de", "\u0623\u062d\u0645\u062f") == "\u2068\u0623\u062d\u0645\u062f\u2069"
    assert set_apart("de", "18:30") == "18:30"


@pytest.mark.parametrize("language", ["ar", "de"])
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\u202eb\u2069c", "abc"),
        ("\u2067x", "\u2067x\u2069"),
        ("\u2069\u2069y", "y"),
        ("\u2068a\u2069 \u2066b\nc", "\u2068a\u2069 \u2066b\u2069\nc"),
    ],
)
def test_typed_marks_do_not_reach_beyond_the_text(language: str, typed: str, kept: str) -> None:
    """S-20, S-24: whatever marks of direction somebody types, they end with the text, and overrides are not taken over."""
    shown = set_apart(language, typed)
    if language == "de":
        assert shown == kept
    for line in shown.split("\n"):
        depth = 0
        for sign in line:
            depth += (sign in "\u2066\u2067\u2068") - (sign == "\u2069")
            assert depth >= 0
        assert depth == 0
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e")


@pytest.mark.parametrize(("language", "wanted"), [("ar", ["pause", "back"]), ("de", ["back", "pause"])])
async def test_a_row_reads_onward(room: Room, language: str, wanted: list[str]) -> None:
    """A row is laid out from the left: its first button is put where the reader begins; rows keep their order."""
    async with room.storage.unit() as unit:
        reader = await unit.people.get(room.participant)
    assert reader is not None
    choice = Button("ST-01", "tablet", Line("self_test/ST-01", "Tablet"), marked=True)
    row = (Button("ST-01", "back", lines.BACK), Button("ST-01", "pause", lines.PAUSE))
    say = Say(Slot.QUESTION, (lines.CHOOSE_ONE,), ((choice,), row), asking=1)
    [message] = messages(room.desk, replace(reader, language=language), "0123456789ab", say, {}, None)
    [[(label, _)], shown] = message.rows
    assert label == "✓ " + GettextTexts().line(language, choice.label)
    assert [data.split(":")[1] for _, data in shown] == wanted
