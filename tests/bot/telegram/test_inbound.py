"""Raw updates taken apart: what each becomes, and that nothing stops the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports.inbound import Command, Inbound, Malformed, Membership, Press, Sent, Text
from bot.telegram.inbound import clean, parse

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PERSON = {"id": 5, "is_bot": False, "first_name": "N", "language_code": "de"}
CHAT = {"id": 5, "type": "private"}


def message(**more: Any) -> dict[str, Any]:
    return {"message_id": 9, "date": int(NOW.timestamp()) - 60, "chat": CHAT, "from": PERSON} | more


def press(data: Any, **more: Any) -> dict[str, Any]:
    return {"callback_query": {"id": "77", "from": PERSON, "chat_instance": "x", "data": data} | more}


MEMBER = {"chat": CHAT, "from": PERSON, "date": 1, "old_chat_member": {"status": "member"}}

TABLE: list[tuple[str, dict[str, Any], Any]] = [
    ("text", {"message": message(text="hello")}, Text("hello")),
    ("html", {"message": message(text="<b>&amp;</b>")}, Text("<b>&amp;</b>")),
    ("null bytes", {"message": message(text="a\0b\x07c\r\nd")}, Text("abc\nd")),
    ("lone surrogate", {"message": message(text="a\ud83d")}, Text("a")),
    ("composed", {"message": message(text="u\u0308")}, Text("\u00fc")),
    ("rtl text keeps its marks", {"message": message(text="\u200fabc")}, Text("\u200fabc")),
    ("longest", {"message": message(text="x" * 4096)}, Text("x" * 4096)),
    ("nothing to see", {"message": message(text="\0\u200f \n")}, Sent("other")),
    ("slash alone", {"message": message(text="/")}, Text("/")),
    ("command", {"message": message(text="/start abc-DEF_1")}, Command("start", "abc-DEF_1")),
    ("command to the bot", {"message": message(text="/Ack@some_bot  K-104 ")}, Command("ack", "K-104")),
    ("command in isolates", {"message": message(text="\u2067/stop\u2069\u200f")}, Command("stop")),
    ("forwarded text", {"message": message(text="yes", forward_origin={})}, Sent("other", "yes")),
    ("forwarded command", {"message": message(text="/ack K-1", forward_date=1)}, Sent("other", "/ack K-1")),
    ("forwarded stop", {"message": message(text="/stop", forward_origin={})}, Command("stop")),
    ("voice", {"message": message(voice={"file_id": "x"})}, Sent("voice")),
    ("photo", {"message": message(photo=[{}], caption="see\0")}, Sent("photo", "see")),
    ("sticker", {"message": message(sticker={"emoji": "x"})}, Sent("sticker")),
    ("location", {"message": message(location={})}, Sent("other")),
    ("edited", {"edited_message": message(text="other words", edit_date=5)}, Sent("edited", "other words")),
    ("press", press("ST-09:maybe", message=message()), Press("ST-09", "maybe", "", "77", "ST-09:maybe")),
    ("press, tail", press("A:b:v1.2:x", message=message()), Press("A", "b", "v1.2:x", "77", "A:b:v1.2:x")),
    ("garbled press", press("??\0", message=message()), Press("", "", "", "77", "??")),
    ("press without data", press(None, message=message()), Press("", "", "", "77", "")),
    ("press, message gone", press("A:b"), Press("A", "b", "", "77", "A:b")),
    (
        "blocked",
        {"my_chat_member": MEMBER | {"new_chat_member": {"status": "kicked"}}},
        Membership("blocked"),
    ),
    ("unblocked", {"my_chat_member": MEMBER | {"new_chat_member": {"status": "member"}}}, Membership("open")),
]


@pytest.mark.parametrize(("raw", "what"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_an_update_becomes(raw: dict[str, Any], what: Any) -> None:
    """S-23 Each kind of update has its one form, with control characters removed and nothing downloaded."""
    got = parse(7, {"update_id": 3} | raw, NOW)
    assert isinstance(got, Inbound)
    assert got.what == what
    assert (got.bot_id, got.update_id, got.telegram_chat, got.private) == (7, 3, 5, True)
    assert got.language_code == "de"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"message": message(chat={"id": "secret"})}, "message: id"),
        ({"message": {"text": "secret"}}, "message: chat"),
        ({"message": "secret"}, "message: message"),
        ({"message": message(text=["secret"])}, "message: text"),
        ({"message": message(message_id="secret")}, "message: message_id"),
        ({"callback_query": {"data": "ST-09:secret", "from": PERSON}}, "callback_query: id"),
        ({"my_chat_member": MEMBER | {"new_chat_member": {"status": "secret"}}}, "my_chat_member: status"),
    ],
)
def test_a_malformed_update_names_its_field_only(raw: dict[str, Any], reason: str) -> None:
    """S-20 What is wrong with an update is said without a word of its content."""
    got = parse(7, {"update_id": 3} | raw, NOW)
    assert isinstance(got, Malformed)
    assert (got.update_id, got.reason) == (3, reason)


@pytest.mark.parametrize(
    "raw", [None, [], "x", {}, {"update_id": "3"}, {"update_id": True}, {"update_id": 2**70}]
)
def test_without_an_id_nothing_can_be_confirmed(raw: object) -> None:
    """An update without a readable id is malformed with the id -1."""
    assert parse(7, raw, NOW) == Malformed(7, -1, "update_id")


@pytest.mark.parametrize(
    "raw",
    [
        {"channel_post": message(text="x")},
        {"message": message(chat={"id": -1, "type": "channel"}, text="x")},
        {"message": message(pinned_message={})},
        {"message_reaction": {}},
    ],
)
def test_what_is_none_of_our_business(raw: dict[str, Any]) -> None:
    """Channels, service messages and kinds we did not ask for become nothing."""
    assert parse(7, {"update_id": 3} | raw, NOW) is None


def test_times() -> None:
    """A message carries Telegram's time, never later than now; a press carries now."""
    early = parse(7, {"update_id": 1, "message": message(text="x")}, NOW)
    late = parse(7, {"update_id": 2, "message": message(text="x", date=2**40)}, NOW)
    pressed = parse(7, {"update_id": 3} | press("A:b", message=message()), NOW)
    assert isinstance(early, Inbound)
    assert isinstance(late, Inbound)
    assert isinstance(pressed, Inbound)
    assert ((NOW - early.at).total_seconds(), late.at, pressed.at) == (60, NOW, NOW)


def test_groups_are_not_private() -> None:
    """A group's messages are marked as such; being put out of one is leaving it."""
    group = {"id": -9, "type": "supergroup"}
    got = parse(7, {"update_id": 3, "message": message(chat=group, text="/here")}, NOW)
    out = MEMBER | {"chat": group, "new_chat_member": {"status": "kicked"}}
    left = parse(7, {"update_id": 4, "my_chat_member": out}, NOW)
    assert isinstance(got, Inbound)
    assert isinstance(left, Inbound)
    assert (got.private, got.telegram_chat, left.what) == (False, -9, Membership("left"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*message(text=""), *CHAT, "data", "message", "status", "new_chat_member", "edit_date"]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(JSON, st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member"]), JSON)
def test_nothing_makes_it_raise(whole: Any, kind: str, body: Any) -> None:
    """S-23 Whatever JSON comes, it becomes one of three forms, and only text that a database can hold."""
    parse(7, whole, NOW)
    for shape in (body, message(text=body), message(**body) if isinstance(body, dict) else None):
        got = parse(7, {"update_id": 1, kind: shape}, NOW)
        assert got is None or isinstance(got, (Inbound, Malformed))
        repr(got).encode()


@given(st.text())
def test_cleaning_is_final(text: str) -> None:
    """Clean text stays as it is, holds no control character but newlines, and can be encoded."""
    once = clean(text)
    assert clean(once) == once
    assert json.loads(json.dumps(once)).encode().decode() == once
    assert not any(sign < " " and sign != "\n" for sign in once)
