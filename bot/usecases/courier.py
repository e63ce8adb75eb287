"""Carries one outbox row to its chat: resolves the slot, chooses send, edit or delete, and says what came of it.

Nothing here touches the database: what has to be written is handed back as a `Result`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal

from bot.ports.records import Lane, LedgerEntry, OutboxRow
from bot.ports.services import (
    Address,
    Ambiguous,
    CannotDelete,
    Clock,
    DeliveryFault,
    Ids,
    Messenger,
    MissingMessage,
    Refused,
    TryLater,
    Unreachable,
)
from bot.usecases.pace import Pace

Why = Literal["unreachable", "refused", "unanswered"]

NOT_DELETABLE: Final = "not deletable"
NOTHING: Final = "·"
"""What a sensitive message becomes that Telegram will not delete."""

UNANSWERED_TRIES: Final = 6
"""How often a message other than an alert is sent without a readable answer; each may leave a copy behind."""
SWEEP_AT_ONCE: Final = 50
"""Deletions per pass of a sweep, so that what was done is kept in between."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A row with whom it is for and the messages standing there, oldest first."""

    row: OutboxRow
    to: Address
    standing: tuple[LedgerEntry, ...]

    @property
    def in_slot(self) -> list[LedgerEntry]:
        """Our messages of the row's slot, oldest first."""
        return [entry for entry in self.standing if entry.side == "bot" and entry.slot == self.row.slot]

    @property
    def to_clear(self) -> list[LedgerEntry]:
        """What a row that takes messages away takes, oldest first."""
        return _swept(self) if self.row.op == "sweep" else self.in_slot

    @property
    def needs_call(self) -> bool:
        """Whether there is anything to say or to take away."""
        return self.row.op == "say" or bool(self.to_clear)


@dataclass(slots=True)
class Result:
    """What is to be written: the row, the message that stands now, those that are gone (id, kept)."""

    row: OutboxRow
    put: LedgerEntry | None = None
    gone: list[tuple[str, str]] = field(default_factory=list)
    why: Why | None = None
    pause_chat: float = 0.0
    pause_all: float = 0.0


class Courier:
    """Makes the calls of a row. The same row may be carried again after a crash: at most one extra copy (R-10)."""

    def __init__(self, messenger: Messenger, clock: Clock, ids: Ids, pace: Pace) -> None:
        self._messenger = messenger
        self._clock = clock
        self._ids = ids
        self._pace = pace

    async def carry(self, errand: Errand) -> Result:
        """Carry the row. Never raises a DeliveryFault; the result says what to do next."""
        result = Result(errand.row)
        try:
            done = await self._do(errand, result)
        except DeliveryFault as fault:
            self._judge(fault, result)
        else:
            result.row = replace(result.row, state="sent" if done else "waiting")
        return result

    async def _do(self, errand: Errand, result: Result) -> bool:
        """True when the row is done, False when a further pass is needed."""
        match errand.row.op:
            case "say":
                return await self._say(errand, result)
            case "retract" | "sweep":
                return await self._clear(errand, errand.to_clear, result)

    async def _say(self, errand: Errand, result: Result) -> bool:
        row = errand.row
        if not row.text:
            raise Refused("empty text")
        old = errand.in_slot
        if old and await self._edited(errand, old[-1], result):
            old = old[:-1]
        else:
            await self._send(errand, result)
        gone = {entry_id for entry_id, _ in result.gone}
        for entry in old:
            if entry.id not in gone:
                await self._tidy_away(errand, entry, result)
        return True

    async def _edited(self, errand: Errand, target: LedgerEntry, result: Result) -> bool:
        """Whether the slot's message could become the row's text.

        Only a message as sensitive as the text is edited: a neutral one lacks protect_content, which no edit
        can add, and a sensitive one that became neutral would be tidied away as sensitive (S-43).
        """
        row = errand.row
        below = any(
            entry.side == "person" and entry.message_id > target.message_id for entry in errand.standing
        )
        if row.fresh or below or row.sensitive != target.sensitive:
            return False
        try:
            await self._messenger.edit(errand.to, target.message_id, row.text, row.rows)
        except MissingMessage:
            result.gone.append((target.id, ""))
            self._pace.take(errand.to)  # for the message that goes out instead
            return False
        except Ambiguous as fault:
            # An edit made twice is the same edit, so that it leaves nothing behind.
            raise TryLater(backoff(row.attempts)) from fault
        return True

    async def _send(self, errand: Errand, result: Result) -> None:
        row = errand.row
        message_id = await self._messenger.send(errand.to, row.text, row.rows, protect=row.sensitive)
        if not message_id:
            return  # a way on which nothing is known to stand
        result.put = LedgerEntry(
            id=self._ids.new(),
            chat_id=row.chat_id,
            message_id=message_id,
            side="bot",
            slot=row.slot,
            sensitive=row.sensitive,
            at=self._clock.now(),
        )

    async def _tidy_away(self, errand: Errand, entry: LedgerEntry, result: Result) -> None:
        """Delete what the slot showed before. The row is delivered whatever comes of it: it must not go again."""
        try:
            await self._drop(errand, entry, result)
        except DeliveryFault:
            return  # it keeps standing in the ledger, and the slot's next row or the sweep takes it

    async def _clear(self, errand: Errand, entries: list[LedgerEntry], result: Result) -> bool:
        for entry in entries[:SWEEP_AT_ONCE]:
            try:
                await self._drop(errand, entry, result)
            except Ambiguous as fault:
                raise TryLater(backoff(errand.row.attempts)) from fault
        return len(entries) <= SWEEP_AT_ONCE

    async def _drop(self, errand: Errand, entry: LedgerEntry, result: Result) -> None:
        kept = ""
        try:
            await self._messenger.delete(errand.to, entry.message_id)
        except (CannotDelete, Refused):
            kept = NOT_DELETABLE
            if entry.side == "bot" and entry.sensitive:
                await self._blank(errand, entry)
        result.gone.append((entry.id, kept))

    async def _blank(self, errand: Errand, entry: LedgerEntry) -> None:
        """Edit the text away where the message itself has to stay."""
        self._pace.take(errand.to)
        try:
            await self._messenger.edit(errand.to, entry.message_id, errand.row.instead or NOTHING, ())
        except (MissingMessage, Refused):
            return  # counted as kept

    def _judge(self, fault: DeliveryFault, result: Result) -> None:
        row = result.row
        match fault:
            case TryLater(chat_only=True, seconds=seconds):
                result.pause_chat = seconds
                result.row = self._again(row, seconds)
            case TryLater(seconds=seconds):
                result.pause_all = seconds
                result.row = self._again(row, seconds)
            case Ambiguous():
                tried = replace(row, attempts=row.attempts + 1, ambiguous=True)
                if row.lane is not Lane.ALERT and tried.attempts >= UNANSWERED_TRIES:
                    result.row, result.why = replace(tried, state="failed"), "unanswered"
                else:
                    result.row = self._again(tried, backoff(row.attempts))
            case Unreachable():
                result.row, result.why = replace(row, state="failed"), "unreachable"
            case _:
                result.row, result.why = replace(row, state="failed"), "refused"

    def _again(self, row: OutboxRow, seconds: float) -> OutboxRow:
        return replace(row, next_try_at=self._clock.now() + timedelta(seconds=seconds))


def backoff(attempts: int) -> float:
    """Seconds before the next try after so many: 1, 2, 4, ... 30."""
    return min(30.0, 2.0 ** min(attempts, 5))


def _swept(errand: Errand) -> list[LedgerEntry]:
    """What a sweep takes, both sides. One of the tidy lane may have been passed by newer messages: not those."""
    row = errand.row
    return [
        entry
        for entry in errand.standing
        if (row.slot == "all" or entry.sensitive) and (row.lane is not Lane.TIDY or entry.at <= row.due_at)
    ]
