"""What every use case has at hand, and the one way to put a message into the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bot.ports.records import Chat, Lane, OutboxRow, Way
from bot.ports.services import Clock, Ids, Rows, Texts
from bot.ports.stores import Unit
from flows.library import Library
from flows.values import Urgency

if TYPE_CHECKING:
    from bot.usecases.signposts import Signpost


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a service may set otherwise (bot.settings); minutes unless said. Defaults from 2-safety.md."""

    door: int = 10
    details: int = 10
    per_sitting: int = 3
    sitting_gap: int = 60
    quiet_before_session: int = 120
    quiet_after_session: int = 60
    visit_lapses_days: int = 30
    ladder: dict[Urgency, int] = field(
        default_factory=lambda: {
            Urgency.NOW: 5,
            Urgency.SESSION: 15,
            Urgency.ROSTER: 60,
        }
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The services and rules a use case works with.

    `languages`: those that are offered; `own_name`: a language's name in itself; `signposts`: the service's help contacts.
    """

    clock: Clock
    ids: Ids
    texts: Texts
    library: Library
    numbers: Numbers = Numbers()
    languages: tuple[str, ...] = ("en",)
    own_name: Callable[[str], str] = str
    signposts: tuple[Signpost, ...] = ()

    def now(self) -> datetime:
        """Aware UTC."""
        return self.clock.now()


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message for one slot of one chat. `reminder`: the id of the reminder whose line it is (R-18)."""

    slot: str
    text: str
    rows: Rows = ()
    sensitive: bool = False
    not_after: datetime | None = None
    instead: str = ""
    fresh: bool = False
    reminder: str = ""


async def post(
    unit: Unit,
    desk: Desk,
    chat: Chat,
    message: Message,
    *,
    lane: Lane = Lane.REPLY,
    case_id: str | None = None,
    way: Way = "telegram",
    due_at: datetime | None = None,
) -> None:
    """Stage a message in the outbox, due now unless `due_at` says later."""
    await unit.outbox.add(
        OutboxRow(
            chat_id=chat.id,
            lane=lane,
            slot=message.slot,
            op="say",
            due_at=due_at or desk.now(),
            text=message.text,
            rows=message.rows,
            sensitive=message.sensitive,
            not_after=message.not_after,
            instead=message.instead,
            fresh=message.fresh,
            case_id=case_id,
            ref=message.reminder,
            way=way,
        )
    )


async def retract(
    unit: Unit, desk: Desk, chat: Chat, slot: str, *, after: timedelta = timedelta(), lane: Lane = Lane.REPLY
) -> None:
    """Stage the withdrawal of what stands in the slot, due after `after`. Unsent rows of the slot give way."""
    if not after:
        await unit.outbox.cancel(chat.id, [slot])
    await unit.outbox.add(
        OutboxRow(chat_id=chat.id, lane=lane, slot=slot, op="retract", due_at=desk.now() + after)
    )


async def sweep(unit: Unit, desk: Desk, chat: Chat, scope: Literal["sensitive", "all"] = "sensitive") -> None:
    """Stage the deletion of everything (sensitive) that stands in the chat, of both sides."""
    await unit.outbox.add(
        OutboxRow(chat_id=chat.id, lane=Lane.REPLY, slot=scope, op="sweep", due_at=desk.now())
    )
