"""Say -> message: the person's language, the length of S-09, and callback data that knows its visit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.ports.records import Person
from bot.ports.services import Rows
from bot.texts import from_right
from bot.usecases import neutral
from bot.usecases.desk import Desk, Message
from flows.effects import Button, Line, Say, Slot

LONGEST = 600
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def tail(visit_id: str, asking: int) -> str:
    """At most 20 bytes that tell which visit and which asking a button belongs to."""
    number, digits = asking, ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return f"{visit_id[-12:]}.{digits}"


def read_tail(text: str) -> tuple[str, int]:
    """The visit's last digits and the asking; ("", -1) when the tail is none of ours."""
    visit, dot, asking = text.partition(".")
    try:
        return (visit, int(asking, 36)) if dot and len(visit) == 12 else ("", -1)
    except ValueError:
        return "", -1


def _rows(desk: Desk, language: str, visit_id: str, say: Say) -> Rows:
    def one(button: Button) -> tuple[str, str]:
        label = desk.texts.line(language, button.label)
        data = f"{button.step}:{button.choice}:{tail(visit_id, say.asking)}"
        return (f"✓ {label}" if button.marked else label), data

    # Telegram lays a row out from the left; its first button belongs where the reader begins.
    onward = -1 if from_right(language) else 1
    return tuple(tuple(one(b) for b in row[::onward]) for row in say.rows)


def messages(
    desk: Desk, person: Person, visit_id: str, say: Say, params: Mapping[str, str], not_after: datetime | None
) -> list[Message]:
    """The messages of a Say: one, or, when it would be longer than S-09 allows, its lead apart."""
    texts = [(line, desk.texts.line(person.language, line, params)) for line in say.lines]
    parts = [f"• {text}" if line.item else text for line, text in texts]
    rows = _rows(desk, person.language, visit_id, say)
    if not say.sensitive:
        return [Message(say.slot.value, "\n\n".join(parts), rows or open_menu(desk, person), fresh=True)]
    instead = desk.texts.line(person.language, neutral.WAITING)
    found: list[Message] = []
    if len("\n\n".join(parts)) > LONGEST and len(parts) > 1:
        found.append(_sensitive("lead", "\n\n".join(parts[:-1]), (), not_after, instead, fresh=True))
        parts = parts[-1:]
    fresh = say.fresh or bool(found) or say.slot is Slot.HELP
    found.append(_sensitive(say.slot.value, "\n\n".join(parts), rows, not_after, instead, fresh=fresh))
    return found


def _sensitive(
    slot: str, text: str, rows: Rows, not_after: datetime | None, instead: str, *, fresh: bool
) -> Message:
    return Message(slot, text, rows, sensitive=True, not_after=not_after, instead=instead, fresh=fresh)


def notice(
    desk: Desk, person: Person, line: Line, rows: Rows = (), params: Mapping[str, str] | None = None
) -> Message:
    """A neutral line at the bottom of the chat."""
    return Message("notice", desk.texts.line(person.language, line, params), rows, fresh=True)


def open_menu(desk: Desk, person: Person) -> Rows:
    """The one button under neutral lines."""
    return (((desk.texts.line(person.language, neutral.MENU_BUTTON), "MENU:open"),),)
