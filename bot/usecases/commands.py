"""The commands Telegram lists: for everybody neutral ones (S-02), in the chats of staff those of their roles."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.ports.records import Person
from bot.usecases.desk import Desk
from bot.usecases.staff_help import lines_for
from flows.effects import Line

# `/case: open cases.` and `/ack K-101: take it on.`, in an isolate where the language is written from right to left.
_WRITTEN = re.compile(r"(\u200f?)(\u2068?)/[a-z]+ ?(\u2069?\s*:\s*)?")
_NAME = re.compile(r"/([a-z]+)")
LONGEST = 256
"""Of a description, in characters (Bot API, BotCommand)."""

COMMANDS: Mapping[str, Line] = {
    "menu": Line("neutral", "What is next"),
    "ready": Line("neutral", "Get ready"),
    "stop": Line("neutral", "Stop and clear this chat"),
    "language": Line("neutral", "Change the language"),
    "privacy": Line("neutral", "What is kept"),
    "help": Line("neutral", "Help"),
}


def commands_for(desk: Desk, person: Person) -> tuple[tuple[str, str], ...]:
    """Names and descriptions for the person's own chat, in their language: of staff the lines of their /help."""
    say = desk.texts.line
    if person.kind != "staff":
        return tuple((name, say(person.language, line)) for name, line in COMMANDS.items())
    listed: dict[str, str] = {}
    for line in lines_for(person):  # of two about one command the first is listed
        listed.setdefault(_NAME.findall(line.msgid)[0], _does(say(person.language, line)))
    return (*listed.items(), ("help", say(person.language, COMMANDS["help"])))


def _does(line: str) -> str:
    """A line of /help without its command, as Telegram lists it; whole where it begins with something else."""
    found = _WRITTEN.match(line)
    if found is None:
        return line[:LONGEST]
    mark, isolate, colon = found.groups()
    return (mark + ("" if colon else isolate) + line[found.end() :]).removesuffix(".")[:LONGEST]
