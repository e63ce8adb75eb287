"""Takes one raw update apart, by hand: what Telegram sends tomorrow must not stop what it sent today."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from bot.ports.inbound import Command, Inbound, Malformed, Membership, Press, Sent, Text, What

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")

_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@[A-Za-z0-9_]+)?(?:\s+(.*))?", re.DOTALL)
_DATA = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,19}):([A-Za-z0-9_.-]{1,20})(?::([\x21-\x7e]{0,20}))?")
_FORWARDED: Final = frozenset(
    {"forward_origin", "forward_date", "forward_from", "forward_from_chat", "forward_sender_name"}
)
_KINDS: Final[tuple[tuple[str, Literal["voice", "photo", "sticker"]], ...]] = (
    ("voice", "voice"),
    ("photo", "photo"),
    ("sticker", "sticker"),
)
_SERVICE: Final = frozenset(
    {
        "channel_chat_created",
        "chat_background_set",
        "delete_chat_photo",
        "group_chat_created",
        "left_chat_member",
        "message_auto_delete_timer_changed",
        "migrate_from_chat_id",
        "migrate_to_chat_id",
        "new_chat_members",
        "new_chat_photo",
        "new_chat_title",
        "pinned_message",
        "supergroup_chat_created",
        "write_access_allowed",
    }
)
_STATES: Final[dict[str, Literal["open", "blocked", "left"]]] = {
    "creator": "open",
    "administrator": "open",
    "member": "open",
    "restricted": "open",
    "left": "left",
    "kicked": "blocked",
}


class _Unreadable(Exception):
    """A field is missing or of another type; the text is the field's name."""


def parse(bot_id: int, raw: object, now: datetime) -> Inbound | Malformed | None:
    """One update as the use cases take it; None for what is none of our business. Never raises.

    `now` stands in where Telegram gives no time of its own (presses) and caps what it gives.
    An update without a readable id is Malformed with the id -1: it cannot be confirmed alone.
    """
    update_id = raw.get("update_id") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not _is_int(update_id):
        return Malformed(bot_id, -1, "update_id")
    assert isinstance(update_id, int)
    for kind in ALLOWED_UPDATES:
        if raw.get(kind) is not None:
            try:
                return _read(bot_id, update_id, kind, _object(raw, kind), now)
            except _Unreadable as fault:
                return Malformed(bot_id, update_id, f"{kind}: {fault}", _chat_id(raw[kind]))
    return None


def clean(text: str) -> str:
    """The text in NFC, with line ends as newlines and without control characters and lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = (sign for sign in lines if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", "".join(kept))


def _read(bot_id: int, update_id: int, kind: str, body: Mapping[str, Any], now: datetime) -> Inbound | None:
    sender = _object(body, "from") if "from" in body else {}
    message = body
    if kind == "callback_query":
        # A message Telegram does not show any more; buttons only ever stand in the presser's own chat.
        message = _object(body, "message") if body.get("message") else {"chat": {**sender, "type": "private"}}
    chat = _object(message, "chat")
    if chat.get("type") == "channel":
        return None
    what = _what(kind, body)
    if what is None:
        return None
    return Inbound(
        bot_id=bot_id,
        update_id=update_id,
        telegram_chat=_int(chat, "id"),
        private=chat.get("type") == "private",
        language_code=_language(sender),
        what=what,
        message_id=_int(message, "message_id") if "message_id" in message else None,
        at=now if kind == "callback_query" else _time(body, now),
    )


def _what(kind: str, body: Mapping[str, Any]) -> What | None:
    if kind == "callback_query":
        return _press(body)
    if kind == "my_chat_member":
        state = _STATES.get(_text(_object(body, "new_chat_member"), "status"))
        if state is None:
            raise _Unreadable("status")
        return Membership(
            "left" if state == "blocked" and _object(body, "chat").get("type") != "private" else state
        )
    _int(body, "message_id")
    if kind == "edited_message":
        return Sent("edited", _words(body))
    return _message(body)


def _message(body: Mapping[str, Any]) -> What | None:
    if _FORWARDED & body.keys():
        return _passed_on(body)
    if "text" in body:
        text = clean(_text(body, "text"))
        if found := _COMMAND.fullmatch(_MARKS.sub("", text).strip()):
            return Command(found[1].lower(), (found[2] or "").strip())
        # Nothing to see is nothing said: unclear, as a sticker is (S-23).
        seen = any(sign.isprintable() and not sign.isspace() for sign in text)
        return Text(text) if seen else Sent("other")
    for field, kind in _KINDS:
        if field in body:
            return Sent(kind, _words(body))
    return None if _SERVICE & body.keys() else Sent("other", _words(body))


def _passed_on(body: Mapping[str, Any]) -> What:
    """A forwarded message is somebody else's words: no command and no answer (S-23), but /stop always works (S-06)."""
    words = _words(body)
    found = _COMMAND.fullmatch(_MARKS.sub("", words).strip())
    return Command("stop") if found and found[1].lower() == "stop" else Sent("other", words)


def _press(body: Mapping[str, Any]) -> Press:
    """A press; `step` is empty when the data are not ours."""
    callback_id = _text(body, "id")
    data = body.get("data")
    data = clean(data)[:64] if isinstance(data, str) else ""
    found = _DATA.fullmatch(data)
    if found is None:
        return Press("", "", "", callback_id, data)
    return Press(found[1], found[2], found[3] or "", callback_id, data)


def _words(body: Mapping[str, Any]) -> str:
    words = body.get("text") or body.get("caption") or ""
    return clean(words) if isinstance(words, str) else ""


def _language(sender: Mapping[str, Any]) -> str:
    code = sender.get("language_code")
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9-]{2,35}", code) else ""


def _time(body: Mapping[str, Any], now: datetime) -> datetime:
    """When it was written, as Telegram saw it, never later than now."""
    stamp = body.get("edit_date") or body.get("date")
    if not isinstance(stamp, int) or not 0 < stamp < now.timestamp():
        return now
    return datetime.fromtimestamp(stamp, UTC)


def _chat_id(body: object) -> int | None:
    """The chat of an unreadable update, where at least that can be read."""
    for holder in (body, body.get("message") if isinstance(body, Mapping) else None):
        chat = holder.get("chat") if isinstance(holder, Mapping) else None
        if isinstance(chat, Mapping) and _is_int(chat.get("id")):
            return int(chat["id"])
    return None


def _is_int(value: object) -> bool:
    """An integer that a database can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, Mapping):
        raise _Unreadable(name)
    return value


def _int(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not _is_int(value):
        raise _Unreadable(name)
    assert isinstance(value, int)
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _Unreadable(name)
    return value
