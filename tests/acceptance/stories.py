"""What stories are told with: who answers what, and what a phone shows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bot.simulator.phone import Phone
from bot.simulator.records import Message
from flows.effects import Line
from flows.library import Library
from flows.read import load_library

START = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)
ALIAS = "Zugvogel-07"
SERVICE, EMERGENCY = "+44 1632 960000", "999"
LINK = "https://meeting.example/a-room-of-our-own"
STAFF = ("facilitator", "tech", "partner_support", "duty", "manager", "administrator")

WELCOME: dict[str, tuple[str, ...]] = {
    "WE-01": ("mine",), "WE-20": ("no",), "WE-TZ": ("right",), "WE-SAFE": ("any", "done"),
}  # fmt: skip
READY: dict[str, tuple[str, ...]] = {
    "ST-07": ("usual_room",), "ST-08": ("nobody", "done"), "ST-09": ("no",), "ST-10": ("yes",),
    "ST-13": ("calm", "done"), "ST-12": ("none",), "ST-11": ("yes",), "ST-02": ("mine",), "ST-01": ("laptop",),
    "ST-03": ("yes",), "ST-04": ("steady",), "ST-05": ("work",), "ST-06": ("both",),
    "ST-14": ("chair", "dressed", "no_food_smoke", "real_background", "done"), "ST-15": ("nothing",),
    "ST-16": ("continue",),
}  # fmt: skip
ORDER = tuple(READY)
ALONE = [step for step in ORDER if step not in ("ST-09", "ST-10", "ST-11")]


@cache
def published() -> Library:
    """The scripts as they are, read once: reading them takes longer than many a story."""
    return load_library()


def reads(line: Line) -> str:
    """The line in English, with the programme's numbers."""
    return line.msgid.replace("{service_number}", SERVICE).replace("{emergency_number}", EMERGENCY)


def asked(phone: Phone) -> list[str]:
    """The callback data of the script's question that stands in the chat; empty when none does."""
    for message in reversed(phone.messages):
        data = [button.data or "" for button in message.buttons]
        if data and data[0].count(":") == 2 and "." in data[0]:
            return data
    return []


def sent(phone: Phone, since: int = 0) -> list[Message]:
    """What the bot sent or edited in the chat, from the log's entry `since` on."""
    return [e.message for e in phone.log[since:] if e.what in ("sent", "edited") and e.message.from_bot]


def words(phone: Phone, since: int = 0) -> list[str]:
    """The texts the bot sent or edited, from the log's entry `since` on."""
    return [message.text for message in sent(phone, since)]


def rows_of(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a SQLite file, as it lies there."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}
    connection.close()
    return found
