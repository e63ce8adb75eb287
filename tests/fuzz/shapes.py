"""Updates as Telegram sends them, as it never would, and as somebody who means harm would have them look."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.fuzz.town import CHATS, MARKS, STRANGERS

Raw = dict[str, Any]

_LETTERS = st.characters(exclude_categories=())  # lone surrogates and control characters too
_ODD = st.sampled_from([
    "", "\0", "\ud83d", "\u202e" * 9, "a\u0301" * 40, "\U0001f468\u200d" * 12, "x" * 4096, "/" * 300, "%s%n{0}{name}",
    "' OR 1=1 --", "<b>&lt;", "$(id)", "../../etc", "\u0660\u0661", "K-1", "null",
])  # fmt: skip
WORDS = st.one_of(st.sampled_from(MARKS), _ODD, st.text(_LETTERS, max_size=20))
_NUMBERS = st.one_of(
    st.sampled_from([0, -1, 2**31, -(2**63), 2**63 - 1, 2**63, 2**200, True, 1.5, 1e308]),
    st.integers(-5, 2000),
)
_DEEP: Any = "end"
for _ in range(60):
    _DEEP = {"message": [_DEEP], "chat": {"id": _DEEP} if len(str(_DEEP)) < 200 else 1}
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "chat", "from", "text", "type", "date"]) | WORDS, inner, max_size=3
        )
    ),
    max_leaves=6,
) | st.just(_DEEP)

_COMMANDS = (
    "start", "menu", "ready", "stop", "language", "privacy", "help", "selftest", "orientation", "reflection", "ack",
    "seen", "details", "resolve", "lift", "handover", "strike", "case", "release", "allow", "roster", "duty", "here",
    "me", "export", "erase", "nonsense",
)  # fmt: skip
_ARGUMENTS = st.one_of(
    st.sampled_from([
        "", "K-1", "K-2 done", "K-0", "K--1", "K-99999999999999999999", "k-1 " * 60, "@" + MARKS[0], "1; 2", "all",
        "de", "xx", "token" + "0" * 17, "A" * 22, "A" * 5000, "\ud800",
    ]),
    WORDS,
)  # fmt: skip
_COMMAND = st.builds(lambda name, argument: f"/{name} {argument}", st.sampled_from(_COMMANDS), _ARGUMENTS)
_SAID = st.one_of(WORDS, _COMMAND, _COMMAND)

_STEPS = (
    "DOOR",
    "MENU",
    "CASE",
    "OUT",
    "LIFT",
    "LANG",
    "ST-07",
    "ST-08",
    "ST-09",
    "WE-01",
    "RS-D4",
    "HAND",
    "STRIKE",
)
_DATA = st.one_of(
    # `n` is put in the place of a button that stands or stood somewhere: one's own, or somebody else's.
    st.builds(lambda n, spoil: {"n": n, "spoil": spoil}, st.integers(0, 400), st.sampled_from(["", "", "", "", "tail", "cut", "more"])),
    st.builds(
        lambda step, choice, tail: f"{step}:{choice}:{tail}",
        st.sampled_from(_STEPS), st.sampled_from(["yes", "no", "open", "take", "details", "K-1", "de", "car", "-"]), WORDS,
    ),
    WORDS,
)  # fmt: skip

_CHAT = st.sampled_from(CHATS + STRANGERS)


def _person(chat: int, name: str) -> Raw:
    return {
        "id": chat,
        "is_bot": False,
        "first_name": name,
        "last_name": MARKS[1],
        "username": MARKS[2],
        "language_code": "de",
    }


def _message(chat: int, name: str, number: int, content: Raw) -> Raw:
    return {
        "message_id": number, "date": 1803916800, "chat": {"id": chat, "type": "private", "first_name": name},
        "from": _person(chat, name), **content,
    }  # fmt: skip


_CONTENT = st.one_of(
    st.builds(lambda text: {"text": text}, _SAID),
    st.builds(lambda text: {"text": text}, _SAID),
    st.builds(
        lambda kind, caption: {kind: {"file_id": MARKS[3], "file_name": MARKS[4]}, "caption": caption},
        st.sampled_from([
            "voice", "photo", "sticker", "video", "document", "contact", "location", "poll", "dice", "venue", "story",
            "web_app_data", "passport_data", "successful_payment", "users_shared", "pinned_message", "left_chat_member",
        ]),
        WORDS,
    ),
    st.builds(lambda text: {"text": text, "forward_origin": {"sender_user_name": MARKS[0]}}, _COMMAND),
)  # fmt: skip
_MESSAGE = st.builds(_message, _CHAT, WORDS, st.integers(1, 10**6), _CONTENT)


def _pressed(message: Raw, data: Any) -> Raw:
    return {"id": "cb", "from": message["from"], "chat_instance": "1", "data": data, "message": message}


_BODY = st.one_of(
    st.tuples(st.just("message"), _MESSAGE),
    st.tuples(st.just("edited_message"), _MESSAGE),
    st.tuples(st.just("callback_query"), st.builds(_pressed, _MESSAGE, _DATA)),
    st.tuples(st.just("callback_query"), st.builds(_pressed, _MESSAGE, _DATA)),
    st.tuples(st.just("callback_query"), st.builds(_pressed, _MESSAGE, _DATA)),
    st.tuples(
        st.just("my_chat_member"),
        st.builds(
            lambda message, status: {**message, "old_chat_member": {"status": "member"}, "new_chat_member": {"status": status}},
            _MESSAGE, st.sampled_from(["member", "kicked", "left", "creator", "odd"]),
        ),
    ),
    st.tuples(st.sampled_from(["channel_post", "poll", "message_reaction", "business_message"]), _MESSAGE),
)  # fmt: skip

_SPOIL = st.one_of(
    st.none(), st.none(), st.none(),
    st.tuples(st.sampled_from(["drop", "put", "group"]), st.lists(st.integers(0, 9), min_size=1, max_size=4), JUNK),
)  # fmt: skip


def _update(body: tuple[str, Raw], spoil: tuple[str, list[int], Any] | None) -> Raw:
    update: Raw = {body[0]: {**body[1]}}
    if spoil is not None:
        _spoilt(update, *spoil)
    return update


def _spoilt(update: Raw, how: str, path: list[int], junk: Any) -> None:
    """Walk down by numbers; at the end drop a field, put junk in its place, or make the chat a group's."""
    holder: Any = update
    for number in path:
        key = sorted(holder, key=str)[number % len(holder)]
        inner = holder[key]
        if isinstance(inner, dict) and inner and number != path[-1]:
            holder[key] = holder = {**inner}
            continue
        if how == "drop":
            del holder[key]
        elif how == "put":
            holder[key] = junk
        else:
            holder["chat"] = {"id": -100123, "type": "supergroup"}
        return


UPDATE = st.one_of(
    st.builds(_update, _BODY, _SPOIL),
    st.builds(_update, _BODY, _SPOIL),
    st.builds(_update, _BODY, _SPOIL),
    st.builds(
        lambda kind, junk: {kind: junk},
        st.sampled_from(["message", "callback_query", "my_chat_member"]),
        JUNK,
    ),
)
BATCH = st.lists(UPDATE, min_size=8, max_size=16)
