"""Picks the outbox rows that may go now: by lane, within the limits, at most one per chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.ports.everything import FAREWELL
from bot.ports.plan import Fate
from bot.ports.records import Lane, OutboxRow, Way
from bot.ports.services import Address, Clock
from bot.ports.stores import Unit, Unreadable
from bot.usecases.courier import Errand
from bot.usecases.pace import Pace

log = structlog.get_logger(__name__)

OnFault = Callable[[Unit, OutboxRow, str], Awaitable[None]]
"""Told in the same unit of work that a row failed, and why: unreachable, refused, unanswered, unreadable (R-07)."""

IN_FLIGHT: Final = 20
FOR_ALERTS: Final = 10
"""Calls more that may be in flight for alerts, so that twenty calls that hang hold none up (R-12)."""
ROWS_AT_ONCE: Final = 20
"""Of one chat in one unit, where all but the last take nothing away."""
TOO_LATE: Final = "not_delivered_in_time"


@dataclass(slots=True)
class Picked:
    """What may go, how many rows were settled without a call, and when to look again.

    `crowded`: calls are in flight, or rows are due that have to wait for their chat, so `until` may miss others behind
    them. `marked`: rows kept as perhaps sent from before their call, so that one killed in flight is counted (S-43).
    `settles`: whether rows that need no call may be settled here; `to_settle`: some were met, and left.
    """

    errands: list[Errand] = field(default_factory=list)
    settled: int = 0
    until: datetime | None = None
    crowded: bool = False
    marked: int = 0
    settles: bool = True
    to_settle: bool = False

    def not_after(self, when: datetime) -> None:
        """Look again at `when` at the latest."""
        self.until = when if self.until is None else min(self.until, when)


class Picker:
    """Picks within one unit of work. Rows that need no call (withheld, chat closed) are settled on the way, if it is alone.

    Beside an intake, what it brings about would be written while that is under way: of the same chat, where its
    rows were read before, or of a case, where each would wait for the other (decision 0013).
    """

    def __init__(self, pace: Pace, clock: Clock, on_fault: OnFault, way: Way = "telegram") -> None:
        self._pace = pace
        self.way = way
        self._clock = clock
        self._on_fault = on_fault

    async def pick(self, unit: Unit, busy: Set[str], flying: int, *, settling: bool = True) -> Picked:
        """Rows for chats that are not `busy`, with `flying` calls already under way. Alerts come first (R-12).

        `settling`: whether rows that need no call are settled, if the unit is alone in the database.
        """
        now, taken = self._clock.now(), set(busy)
        picked = Picked(settles=settling and not unit.beside)
        for _ in range(ROWS_AT_ONCE):
            found = await self._found(unit, now, taken, flying + len(picked.errands), picked)
            errands = await self._with_standing(unit, found)
            picked.errands += [one for one in errands if one.needs_call]
            idle = [one.row for one in errands if not one.needs_call]
            if not idle:
                break
            for row in idle:  # nothing stands there; what comes after it need not wait for a commit
                await unit.outbox.save(replace(row, state="sent"))
                picked.marked += 1
                taken.discard(row.chat_id)
        else:
            picked.settled += 1  # there may be more of them
        await self._look_ahead(unit, picked, now, flying + len(picked.errands))
        return picked

    async def _found(
        self, unit: Unit, now: datetime, taken: set[str], flying: int, picked: Picked
    ) -> list[Errand]:
        """The next row of each chat that is not `taken`, as far as there is room; those chats are taken then."""
        found: list[Errand] = []
        for lane in await unit.outbox.lanes_due(now, self.way):
            spare = self._pace.spare(lane)
            if self._pace.room(spare) <= 0:
                picked.not_after(now + timedelta(seconds=self._pace.wait(spare=spare)))
            at_once = IN_FLIGHT + (FOR_ALERTS if lane is Lane.ALERT else 0)
            # A place is left for the round that settles what was left: it must not find none behind a backlog.
            room = min(at_once - flying - len(found), self._pace.room(spare)) - picked.to_settle
            if room <= 0:
                continue
            # Each chat that has to wait can stand before the others with one row only.
            look = room + len(taken) + self._pace.waiting_chats()
            due = await unit.outbox.due(now, lane, look, self.way, but=taken)
            await unit.chats.prepare(row.chat_id for row in due)
            for row in due:
                if room > 0:
                    taken.add(row.chat_id)
                    left = picked.to_settle
                    errand = await self._consider(unit, row, now, picked)
                    if errand is not None:
                        found.append(errand)
                    room -= errand is not None or picked.to_settle > left
        return found

    async def _look_ahead(self, unit: Unit, picked: Picked, now: datetime, flying: int) -> None:
        """Note when to look again. While calls are in flight that is when one of them ends, or soon."""
        if flying:
            picked.crowded = True
            return
        first = await unit.outbox.next_due_at(self.way)
        picked.crowded = first is not None and first <= now
        if first is not None and first > now:
            picked.not_after(first)

    async def _with_standing(self, unit: Unit, errands: list[Errand]) -> list[Errand]:
        """The errands with what stands in their chats, asked for all of them at once."""
        if self.way != "telegram":
            return errands
        standing = await unit.ledger.standing_in({one.row.chat_id for one in errands})
        return [replace(one, standing=tuple(standing.get(one.row.chat_id, ()))) for one in errands]

    async def _consider(self, unit: Unit, row: OutboxRow, now: datetime, picked: Picked) -> Errand | None:
        """The errand if the row goes now; notes in `picked` what was decided instead."""
        if row.op == "say" and not row.readable:
            await self._settle(unit, row, "unreadable", picked)
            return None
        if row.not_after is not None and now >= row.not_after:
            await self._settle(unit, row, TOO_LATE, picked)
            return None
        to = await _address(unit, row)
        if to is None:
            await self._settle(unit, row, "unreachable", picked)
            return None
        if not self._may(row, to, now, picked):
            return None
        if row.op == "say" and row.sensitive and row.way == "telegram":
            # Taken back with what comes of the call; the errand's own row says how it was before.
            await unit.outbox.save(replace(row, ambiguous=True, next_try_at=now))
            picked.marked += 1
        return Errand(row, to, ())

    async def _settle(self, unit: Unit, row: OutboxRow, why: str, picked: Picked) -> None:
        """Settle a row that no call can deliver, or none may any more."""
        if not picked.settles:
            picked.to_settle = True
            return
        picked.settled += 1
        if why == TOO_LATE:
            return await _withhold(unit, row, self._clock.now())
        failed = replace(row, state="failed")
        await unit.outbox.save(failed)
        await not_arrived(unit, row, Fate.FAILED, why)
        await self._on_fault(unit, failed, why)

    def _may(self, row: OutboxRow, to: Address, now: datetime, picked: Picked) -> bool:
        """Asks the limits, and counts the message where they let it go. Deletions are free."""
        if row.op != "say":
            return True
        if wait := self._pace.wait(to, self._pace.spare(row.lane)):
            picked.not_after(now + timedelta(seconds=wait))
            return False
        self._pace.take(to)
        return True


async def _address(unit: Unit, row: OutboxRow) -> Address | None:
    """Where the row goes; None where that is closed, or cannot be read, which stops no other."""
    try:
        chat = await unit.chats.get(row.chat_id)
        if chat is None:
            return None
        if row.way == "email":
            person = await unit.people.get(chat.person_id)
            return (person.email or None) if person else None
        last_line = chat.state == "left" and row.slot == FAREWELL
        return None if row.op == "say" and chat.state != "open" and not last_line else chat.telegram_id
    except Unreadable as fault:
        log.warning("deliver.unreadable", lane=row.lane.value, error=str(fault))
        return None


async def not_arrived(unit: Unit, row: OutboxRow, fate: Fate, why: str) -> None:
    """Where the row was a reminder's line, the reminder's fate is corrected with it (R-18)."""
    if row.ref:
        await unit.reminders.correct(row.ref, fate, why)


async def _withhold(unit: Unit, row: OutboxRow, now: datetime) -> None:
    """The row's time has passed, a sensitive one's with the door: it stays unsent (S-01).

    A neutral line takes its place where the row has one; a reminder, neutral itself, has none. One line is
    enough for several rows, and a newer message of the slot needs none.
    """
    await unit.outbox.save(replace(row, state="withheld"))
    await not_arrived(unit, row, Fate.WITHHELD, TOO_LATE)
    if not row.instead:
        return
    for other in await unit.outbox.waiting(row.chat_id):
        same_slot = other.op == "say" and other.slot == row.slot and other.id > row.id
        if same_slot or (other.text == row.instead and not other.sensitive):
            return
    await unit.outbox.add(
        OutboxRow(
            chat_id=row.chat_id,
            lane=row.lane,
            slot=row.slot,
            op="say",
            due_at=now,
            text=row.instead,
            fresh=row.fresh,
            case_id=row.case_id,
            ref=row.ref,
        )
    )
