"""What is offered, what Telegram lists, and that nothing is read in English unnoticed."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from babel.messages import Catalog
from babel.messages.pofile import write_po
from telegram.error import BadRequest

from bot import texts as texts_module
from bot.ports.records import Programme, StaffRole
from bot.telegram.profile import introduce
from bot.texts import GettextTexts, languages
from bot.usecases.choose_language import offered
from bot.usecases.commands import COMMANDS, commands_for
from bot.usecases.staff_help import help_for

_UNSEEN = re.compile("[\u200e\u200f\u2066-\u2069]")


def programme(*codes: str) -> Programme:
    """A programme with these languages."""
    return Programme("0" * 32, "p", "P", "zoom", "Europe/London", codes, "0300", "999")


@pytest.mark.parametrize(
    ("own", "served", "found"),
    [
        (("de", "sv"), ("en", "de", "sv"), ("de", "sv", "en")),
        (("de",), ("en",), ("en",)),
        (("en", "de"), ("en", "de"), ("en", "de")),
    ],
)
def test_english_can_always_be_chosen(own: Any, served: Any, found: Any) -> None:
    """Whatever languages a programme names, English is among those that can be chosen; its own come first."""
    desk: Any = SimpleNamespace(languages=served)
    assert offered(desk, programme(*own)) == found


async def test_every_code_of_telegrams_gets_its_commands() -> None:
    """S-02: who has `no` or `nn` in Telegram reads the Norwegian list; a language that is refused stops no other."""
    said: dict[str | None, str] = {}

    class Api:
        async def set_my_commands(self, commands: Any, language_code: str | None) -> None:
            if language_code == "de":
                raise BadRequest("no")
            said[language_code] = commands[0].description

    api: Any = Api()
    desk: Any = SimpleNamespace(languages=languages(), texts=GettextTexts())
    await introduce(api, desk)
    first = next(iter(COMMANDS.values()))
    assert said[None] == first.msgid
    assert said["no"] == said["nn"] == said["nb"] == GettextTexts().line("nb", first)
    assert set(said) == {None, *languages()[1:], "no", "nn", "mo"} - {"de"}


@pytest.mark.parametrize("language", languages())
def test_each_line_of_staffs_help_can_be_listed(language: str) -> None:
    """Each command of /help is listed once, as its first line has it, without the command and within Telegram's limits."""
    desk: Any = SimpleNamespace(texts=GettextTexts())
    person: Any = SimpleNamespace(kind="staff", language=language, roles=tuple(StaffRole))
    listed = dict(commands_for(desk, person))
    lines = [_UNSEEN.sub("", line) for line in help_for(desk, person).split("\n")]
    first = {line.split()[0].strip("/:"): line for line in reversed(lines)}
    assert list(listed) == [*dict.fromkeys(line.split()[0].strip("/:") for line in lines), "help"]
    for name, line in first.items():
        does = _UNSEEN.sub("", listed[name])
        assert 1 <= len(does) <= 256
        assert re.fullmatch(rf"/{name}(\s?:\s| ){re.escape(does)}\.", line)


def test_a_text_that_is_unsure_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A catalogue with fuzzy or empty texts is named in the log, with how many are read in English because of it."""
    catalogue = Catalog("de")
    catalogue.add("Yes", "Ja", context="button")
    catalogue.add("No", "", context="button")
    catalogue.add("Stop", "Halt", context="button", flags=["fuzzy"])
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, catalogue)
    monkeypatch.setattr(texts_module, "catalogue_file", lambda _: tmp_path / "de.po")
    with structlog.testing.capture_logs() as logs:
        found = texts_module.catalogue.__wrapped__("de")
    assert found.pgettext("button", "Stop") == "Stop"
    assert [(one["event"], one["count"]) for one in logs] == [("texts.in_english", 2)]
