"""A phone speaks its person's language: its own words, and the commands Telegram would list there."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import pytest

from bot.simulator import Phone
from bot.simulator.snapshot import phone_state
from bot.texts import from_right, languages
from bot.usecases.invite import ROLES

PAGE = resources.files("bot.simulator").joinpath("page")
TABLES: dict[str, dict[str, Any]] = json.loads(PAGE.joinpath("phone_strings.json").read_text("utf-8"))


def flat(table: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= (
            {f"{key}.{one}": text for one, text in value.items()} if isinstance(value, dict) else {key: value}
        )
    return found


def commands(description: str) -> list[dict[str, str]]:
    return [{"command": "menu", "description": description}]


def test_every_language_has_every_word() -> None:
    """A phone's words exist in every language the bot speaks: no key is missing, none is empty or left over."""
    assert sorted(TABLES) == sorted(languages())
    for language, table in TABLES.items():
        assert sorted(flat(table)) == sorted(flat(TABLES["en"])), language
        assert all(text.strip() for text in flat(table).values()), language
        assert sorted(table["roles"]) == sorted(role.replace("_", " ") for role in ROLES)


@pytest.mark.parametrize("language", sorted(TABLES))
def test_words_fit_their_place(language: str) -> None:
    """A translation keeps the placeholders, says its direction, and leaves no sentence in English."""
    table, english = flat(TABLES[language]), flat(TABLES["en"])
    for key, text in english.items():
        assert re.findall(r"{\w+}", table[key]) == re.findall(r"{\w+}", text), key
    assert table["dir"] == ("rtl" if from_right(language) else "ltr")
    sentences = [key for key, text in english.items() if len(text.split()) > 2]
    if language != "en":
        assert [key for key in sentences if table[key] == english[key]] == []


def test_the_page_uses_every_word() -> None:
    """Each word is used by the page's scripts, so that nobody translates what nobody sees."""
    scripts = "".join(
        PAGE.joinpath(name).read_text("utf-8") for name in ("phone.js", "message.js", "words.js", "app.js")
    )
    unused = [
        key
        for key in TABLES["en"]
        if not re.search(rf"(words|table)\.{key}\b|\b{key}\b.* = this\.words", scripts)
    ]
    assert unused == []


async def test_commands_by_language(api: Any) -> None:
    """A phone lists the commands of its language, and those of the default where its language has none."""
    await api.ok("setMyCommands", commands=commands("Menu"))
    await api.ok("setMyCommands", commands=commands("Menü"), language_code="de")
    expected = {"en": "Menu", "de": "Menü", "de-AT": "Menü", "ar": "Menu"}
    phones = {language: Phone(api.world, language=language) for language in expected}
    for language, phone in phones.items():
        state = phone_state(api.world, phone.id)
        assert (state["language"], state["commands"]) == (language, commands(expected[language]))
    await api.ok("deleteMyCommands", language_code="de")
    assert phone_state(api.world, phones["de"].id)["commands"] == commands("Menu")


async def test_commands_by_scope(api: Any, phone: Phone) -> None:
    """The narrower scope wins over the language: this chat, then private chats, then the default; never a group's."""
    other = Phone(api.world)

    def shown(one: Phone) -> list[dict[str, str]]:
        found: list[dict[str, str]] = phone_state(api.world, one.id)["commands"]
        return found

    await api.ok("setMyCommands", commands=commands("in groups"), scope={"type": "all_group_chats"})
    assert shown(phone) == []
    await api.ok("setMyCommands", commands=commands("default en"), language_code="en")
    assert shown(phone) == commands("default en")
    await api.ok("setMyCommands", commands=commands("private"), scope={"type": "all_private_chats"})
    assert shown(phone) == commands("private")
    await api.ok("setMyCommands", commands=commands("here"), scope={"type": "chat", "chat_id": phone.id})
    assert (shown(phone), shown(other)) == (commands("here"), commands("private"))


async def test_description_by_language(api: Any) -> None:
    """What is shown before the start follows the phone's language too."""
    await api.ok("setMyDescription", description="Hello")
    await api.ok("setMyDescription", description="Hallo", language_code="de")
    shown = [
        phone_state(api.world, Phone(api.world, language=code).id)["description"] for code in ("de", "tr")
    ]
    assert shown == ["Hallo", "Hello"]


async def test_new_commands_reach_every_phone(api: Any, phone: Phone) -> None:
    """Setting commands is a change of each phone, so a page that is open gets them."""
    before = api.world.chats[phone.id].version
    await api.ok("setMyCommands", commands=commands("Menu"))
    assert api.world.chats[phone.id].version > before
