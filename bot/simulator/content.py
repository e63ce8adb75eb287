"""What the bot puts into a message: text, HTML entities and buttons, judged as Telegram judges them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.records import Button
from bot.simulator.refusals import Refusal, bad_request
from bot.simulator.shapes import LIMITS

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}
_TOKEN = re.compile(r"<(?P<end>/?)(?P<tag>[a-zA-Z0-9-]*)(?P<attributes>[^<>]*)>|<|(?P<text>[^<]+)")
_HREF = re.compile(r"""^\s+href\s*=\s*(?:"([^"]*)"|'([^']*)')\s*$""")
_NAMED = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_URL = re.compile(r"^(https?|tg)://\S+$")


@dataclass(frozen=True)
class Text:
    """A text as people see it, and what is marked in it (Bot API MessageEntity objects)."""

    plain: str
    entities: tuple[dict[str, Any], ...] = ()


def read_text(
    given: str,
    parse_mode: str | None,
    entities: list[dict[str, Any]] | None = None,
    *,
    limit: str = "text_chars",
) -> Text:
    """The text of a call. Without `parse_mode` it is taken as it stands, but for white space around it.

    Raises Refusal 400: empty, longer than 4,096 characters, markup that cannot be read.
    """
    if parse_mode:
        if parse_mode.lower() != "html":
            raise bad_request("unsupported parse_mode")
        text = _Html(given).read()
    else:
        text = Text(given, tuple(entities or ()))
    text = _stripped(text)
    if not text.plain:
        raise bad_request("message text is empty")
    if len(text.plain) > LIMITS[limit]:
        raise bad_request("message is too long" if limit == "text_chars" else "message caption is too long")
    return text


def read_keyboard(markup: dict[str, Any] | None) -> tuple[tuple[Button, ...], ...]:
    """The rows of an inline keyboard; other markups have none.

    Raises Refusal 400 for a button without or with two purposes, callback_data that is empty or longer than
    64 bytes, an address that is none.
    """
    rows = (markup or {}).get("inline_keyboard", [])
    return tuple(tuple(_button(button) for button in row) for row in rows if row)


def _button(given: dict[str, Any]) -> Button:
    text = given["text"].strip()
    if not text:
        raise bad_request("can't parse inline keyboard button: text must be non-empty")
    purposes = sorted(set(given) - {"text", "style"})
    if not purposes:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    data, url = given.get("callback_data"), given.get("url")
    if purposes not in (["callback_data"], ["url"]):
        raise bad_request(f"can't parse inline keyboard button: {' and '.join(purposes)} cannot be used here")
    if data is not None and not 1 <= len(data.encode()) <= LIMITS["callback_data_bytes"]:
        raise bad_request("BUTTON_DATA_INVALID")
    if url is not None and not _URL.match(url):
        raise bad_request("BUTTON_URL_INVALID")
    return Button(text, data, url)


def _units(text: str) -> int:
    """Telegram counts offsets in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _stripped(text: Text) -> Text:
    plain = text.plain.strip()
    if plain == text.plain:
        return text
    lead = _units(text.plain[: len(text.plain) - len(text.plain.lstrip())])
    total = _units(plain)
    kept = []
    for entity in text.entities:
        start = max(0, entity["offset"] - lead)
        end = min(total, entity["offset"] + entity["length"] - lead)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return Text(plain, tuple(kept))


@dataclass
class _Html:
    """One reading of Telegram's HTML: only its own tags, closed in order."""

    source: str
    plain: str = ""
    open: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    entities: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> Text:
        for token in _TOKEN.finditer(self.source):
            at = len(self.source[: token.start()].encode())
            if token["text"] is not None:
                self.plain += _NAMED.sub(lambda found: html.unescape(found[0]), token["text"])
            elif token["tag"] is None:
                raise _unreadable(f"Unclosed start tag at byte offset {at}")
            elif token["end"]:
                self._close(token["tag"].lower(), at)
            else:
                self._open(token["tag"].lower(), token["attributes"], at)
        if self.open:
            raise _unreadable(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        return Text(self.plain, tuple(sorted(self.entities, key=lambda entity: entity["offset"])))

    def _open(self, tag: str, attributes: str, at: int) -> None:
        kind = _TAGS.get(tag)
        if kind is None:
            raise _unreadable(f'Unsupported start tag "{tag}" at byte offset {at}')
        entity: dict[str, Any] = {"type": kind, "offset": _units(self.plain)}
        if tag == "a":
            href = _HREF.match(attributes)
            if href is None:
                raise _unreadable(f'Tag "a" at byte offset {at} has no address')
            entity["url"] = html.unescape(href[1] or href[2] or "")
        elif attributes.strip():
            raise _unreadable(f'Unexpected attributes of tag "{tag}" at byte offset {at}')
        self.open.append((tag, entity))

    def _close(self, tag: str, at: int) -> None:
        if not self.open:
            raise _unreadable(f"Unexpected end tag at byte offset {at}")
        expected, entity = self.open.pop()
        if tag and tag != expected:
            raise _unreadable(
                f'Unmatched end tag at byte offset {at}, expected "</{expected}>", found "</{tag}>"'
            )
        length = _units(self.plain) - entity["offset"]
        if length:
            self.entities.append(entity | {"length": length})


def _unreadable(why: str) -> Refusal:
    return bad_request(f"can't parse entities: {why}")
