"""Clears the chats of everything sensitive, of both sides, and tells people what may still stand there (S-43).

Nothing is kept in memory: what stands is in the ledger, and a sweep is a row like any other. So a restart, an
outage or a 429 delays a sweep but loses none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.ports.inbound import Inbound, Press
from bot.ports.messages import Standing
from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow, VisitRow
from bot.ports.stores import Storage, Unit, Unreadable
from bot.usecases.desk import Desk, retract
from bot.usecases.staff_notice import Told, tell_administrators
from flows.effects import Line

log = structlog.get_logger(__name__)

AT_MOST: Final = timedelta(hours=23)
"""How long something sensitive may stand; an hour less than the 24 promised, for a queue or an outage."""
LIVE: Final = timedelta(hours=1)
"""What is newer than this stays when only something else has become too old: a conversation may be under way."""
TELEGRAM: Final = timedelta(hours=48)
"""After this Telegram deletes nothing any more."""
AT_ONCE: Final = 20
"""How many chats are looked at in one unit of work."""
AGAIN: Final = timedelta(minutes=30)
"""Between tries in a chat that is closed."""
UNREACHABLE: Final = "unreachable"
SLOT: Final = "question"
"""Where a question stands."""
COPY: Final = "copy"
"""Where a copy that a crash left is put once it is known of."""

KEPT = Line(
    "staff",
    "Clearing the chats: since the last such notice {number} message could not be deleted. "
    "It may still be read on phones.",
    plural="Clearing the chats: since the last such notice {number} messages could not be deleted. "
    "They may still be read on phones.",
)
PERHAPS = Line(
    "staff",
    "Clearing the chats: since the last such notice {number} message may have been sent twice, with a copy that "
    "cannot be found. It may still be read on phones.",
    plural="Clearing the chats: since the last such notice {number} messages may have been sent twice, with copies "
    "that cannot be found. They may still be read on phones.",
)


async def remember(unit: Unit, desk: Desk, chat: Chat, inbound: Inbound) -> None:
    """Note what a person sent in the ledger, so that it is deleted too: also a command alone shows that there is something."""
    if isinstance(inbound.what, Press) or inbound.message_id is None:
        return
    if not await unit.ledger.is_entered(chat.id, inbound.message_id):
        await unit.ledger.add(
            LedgerEntry(desk.ids.new(), chat.id, inbound.message_id, "person", "", True, inbound.at)
        )


async def take_copy_away(
    unit: Unit, desk: Desk, chat: Chat, message_id: int | None, *, sensitive: bool
) -> bool:
    """A message of ours that was pressed and is not known is a copy that a crash left: it goes (S-43). Whether it is one.

    While anything is still on its way to the chat that may be what was pressed, so that it stays.
    """
    if message_id is None or await unit.ledger.is_entered(chat.id, message_id):
        return False
    if any(row.op == "say" and row.due_at <= desk.now() for row in await unit.outbox.waiting(chat.id)):
        return True
    if await unit.ledger.by_message(chat.id, message_id) is not None:
        return False  # it was still on its way when the batch was read
    await unit.ledger.add(
        LedgerEntry(desk.ids.new(), chat.id, message_id, "bot", COPY, sensitive, desk.now())
    )
    await retract(unit, desk, chat, COPY)
    return True


async def tidy(storage: Storage, desk: Desk, now: datetime) -> int:
    """Stage a sweep for every chat in which something sensitive has stood long enough; gives how many.

    That is: in a participant's chat at rest, the door's minutes after the last of it, so that a closing message
    has had its time; anywhere, `AT_MOST` after the oldest. So many chats in each unit of work: nobody waits long (R-12).
    """
    async with storage.unit() as unit:
        await unit.ledger.clock_set_back(now)
        found = [one for one in await unit.ledger.sensitive() if _old(one, now) or _quiet(desk, one, now)]
        await unit.commit()
    staged = 0
    for start in range(0, len(found), AT_ONCE):
        async with storage.unit() as unit:
            swept = [await _looked(unit, desk, one, now) for one in found[start : start + AT_ONCE]]
            await unit.commit()
        staged += sum(swept)
        await asyncio.sleep(0)  # everybody else's turn
    return staged


async def _looked(unit: Unit, desk: Desk, standing: Standing, now: datetime) -> bool:
    try:
        return await _look(unit, desk, standing, now)
    except Unreadable as fault:  # one chat that cannot be read stops no other
        log.warning("tidy.unreadable", error=str(fault))
        return False


def _old(standing: Standing, now: datetime) -> bool:
    return now - standing.oldest >= AT_MOST


def _quiet(desk: Desk, standing: Standing, now: datetime) -> bool:
    return now - standing.newest >= timedelta(minutes=desk.numbers.door)


async def _look(unit: Unit, desk: Desk, standing: Standing, now: datetime) -> bool:
    old, quiet = _old(standing, now), _quiet(desk, standing, now)
    chat = await unit.chats.get(standing.chat_id)
    if chat is None:
        return False
    visit = await _visit_of(unit, chat)
    # A question is edited in place, which the ledger does not note: when it was answered last counts.
    touched = visit.touched_at if visit else standing.newest
    over = (
        quiet and now - touched >= timedelta(minutes=desk.numbers.door) and await _at_rest(unit, chat, visit)
    )
    if not (old or over):
        return False
    waiting = await unit.outbox.waiting(chat.id)
    # It would wait for what is to go first; staged in the past, it would have the sender look for it all the while.
    if any(
        row.op == "sweep" or (not over and row.way == "telegram" and row.due_at <= now) for row in waiting
    ):
        return False
    if chat.state != "open" and not await _within_reach(unit, chat, now):
        return False
    # A sweep of this lane takes what stood when it was due, so that it cannot overtake what comes meanwhile. A question
    # that is open stays, unless it is old itself: somebody may be answering it.
    due = (
        now + AGAIN if chat.state != "open" else now if over else await _before_live(unit, chat, now, touched)
    )
    await unit.outbox.add(OutboxRow(chat.id, Lane.TIDY, "sensitive", "sweep", due))
    return True


async def _before_live(unit: Unit, chat: Chat, now: datetime, touched: datetime) -> datetime:
    """Up to when what stands is swept while something newer stays; a question answered of late stays with it."""
    upto = now - LIVE
    if touched > upto:
        asked = [entry.at for entry in await unit.ledger.standing(chat.id, SLOT)]
        live = [
            at for at in asked if now - at < AT_MOST
        ]  # an older one goes all the same, while it still can
        upto = min([upto, *(at - timedelta(microseconds=1) for at in live)])
    return upto


async def _visit_of(unit: Unit, chat: Chat) -> VisitRow | None:
    """The visit in front of the person."""
    person = await unit.people.get(chat.person_id)
    return await unit.visits.get(person.visit_id) if person and person.visit_id else None


async def _at_rest(unit: Unit, chat: Chat, visit: VisitRow | None) -> bool:
    """Whether a participant has no question open. Staff's details and rosters go away at times of their own."""
    person = await unit.people.get(chat.person_id)
    if person is None or person.kind == "staff":
        return False
    return chat.state != "open" or person.state == "left" or visit is None or visit.status != "open"


async def _within_reach(unit: Unit, chat: Chat, now: datetime) -> bool:
    """Whether anything in a closed chat can still be deleted; what cannot is given up and counted."""
    left = False
    for entry in await unit.ledger.standing(chat.id, sensitive_only=True):
        if now - entry.at >= TELEGRAM:
            await unit.ledger.gone(entry.id, now, UNREACHABLE)
        else:
            left = True
    return left


async def tell_left_behind(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """Tell the administrators how much could not be cleared since they were told last; gives how much, and to how many.

    Counts only, and only if there are any. Called once a day.
    """
    now, name = desk.now(), f"tidy-{programme_id}"
    since = await unit.pulses.last(name) or now - TELEGRAM
    kept = await _of_programme(unit, programme_id, await unit.ledger.left_behind(since, now))
    perhaps = await _of_programme(unit, programme_id, await unit.outbox.left_behind(since, now))
    told = 0
    for line, number in ((KEPT, kept), (PERHAPS, perhaps)):
        if number:
            told = await tell_administrators(unit, desk, programme_id, line, {"number": number})
    if told or not (kept or perhaps):
        await unit.pulses.beat(name, now)
    return Told(kept + perhaps, told)


async def _of_programme(unit: Unit, programme_id: str, by_chat: Mapping[str, int]) -> int:
    count = 0
    for chat_id, number in by_chat.items():
        chat = await unit.chats.get(chat_id)
        person = await unit.people.get(chat.person_id) if chat else None
        count += number if person is not None and person.programme_id == programme_id else 0
    return count
