"""Take a batch of updates: decide, and commit all that follows in one transaction, before it is confirmed.

If the batch fails it is rolled back and run again person by person; an update that still fails is
recorded as seen with its fault, and staff are told (S-23). A database fault is never recorded as
handled: it is raised, and the intake gives the same batch again (R-01).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.ports.inbound import Command, Inbound, Malformed, Membership, Sent
from bot.ports.records import Chat, Person
from bot.ports.stores import Storage, StorageFault, Unit
from bot.usecases import neutral, participant_desk
from bot.usecases.desk import Desk, post
from bot.usecases.enrol import enrol, used_again
from bot.usecases.gate import Gate
from bot.usecases.open_case import raise_concerns
from bot.usecases.render import notice, open_menu
from bot.usecases.staff_notice import tell_administrators
from flows.effects import Line, RaiseConcern

log = structlog.get_logger(__name__)
FAULT = Line(
    "staff",
    "A message could not be handled because of a fault in the software. Whose it was is not known here; "
    "please look at the log, and ask the facilitators to look after their groups.",
)
Teller = Callable[[Unit, Inbound], Awaitable[None]]
Members = set[tuple[int, int | None]]
"""Bot and Telegram chat of those that are somebody's."""
Chats = dict[tuple[int, int | None], Chat | None]


class StaffDesk(Protocol):
    """What staff send; see bot.usecases.staff_desk."""

    async def __call__(self, unit: Unit, desk: Desk, person: Person, chat: Chat, inbound: Inbound) -> None:
        """Stage what follows from it."""
        ...


@dataclass(slots=True)
class Taken:
    """What came of a batch besides the rows: strangers to be answered once, best effort, without a row (S-44)."""

    strangers: list[Inbound] = field(default_factory=list)
    faults: int = 0


class TakeUpdates:
    """The use case behind long polling and webhooks alike."""

    def __init__(self, storage: Storage, desk: Desk, staff: StaffDesk) -> None:
        self._storage = storage
        self._desk = desk
        self._staff = staff
        self._gate = Gate(desk.clock)

    async def __call__(self, batch: Sequence[Inbound | Malformed]) -> Taken:
        """Everything in the batch is handled and durable when this returns. Raises StorageFault."""
        try:
            return await self._together(batch)
        except StorageFault:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is run again one by one and recorded
            log.warning("batch.rerun", fault=type(error).__name__, updates=len(batch))
            return await self._apart(batch)

    async def _together(self, batch: Sequence[Inbound | Malformed]) -> Taken:
        taken = Taken()
        async with self._storage.unit() as unit:
            known, chats = await _known(unit, batch), await _chats(unit, batch)
            await _prepare(unit, batch, chats)
            members = set(chats)
            # Whoever is enrolled goes first: strangers, however many, hold up nobody (S-44).
            for update in sorted(batch, key=lambda update: _chat_of(update) not in members):
                key = (update.bot_id, update.update_id)
                if key not in known:
                    known.add(key)
                    await self._one(unit, update, taken, members)
            await unit.commit()
        return taken

    async def _apart(self, batch: Sequence[Inbound | Malformed]) -> Taken:
        taken = Taken()
        for update in batch:
            try:
                alone = await self._together([update])
            except StorageFault:
                raise
            except Exception as error:  # noqa: BLE001 - recorded with its kind, and staff are told (S-23)
                await self._faulty(update, type(error).__name__)
                taken.faults += 1
            else:
                taken.strangers += alone.strangers
        return taken

    async def _one(self, unit: Unit, update: Inbound | Malformed, taken: Taken, members: Members) -> None:
        """`members`: the batch's chats that are somebody's; of no other is anything looked up but a link's token."""
        now = self._desk.now()
        if isinstance(update, Malformed):
            log.warning("update.malformed", reason=update.reason)
            await unit.seen.add(update.bot_id, update.update_id, now, fault="malformed")
            if _chat_of(update) in members:
                await self._unreadable(unit, update)
            return
        await unit.seen.add(update.bot_id, update.update_id, now)
        if not update.private:
            return
        if _chat_of(update) not in members:
            return await self._stranger(unit, update, taken, members)
        chat = await unit.chats.by_telegram(update.bot_id, update.telegram_chat)
        person = await unit.people.get(chat.person_id) if chat else None
        if chat is None or person is None or chat.state == "left":
            await self._stranger(unit, update, taken, members)
        elif isinstance(update.what, Membership):
            await self._membership(unit, person, chat, update.what)
        elif person.kind == "staff":
            await self._staff(unit, self._desk, person, await _reachable(unit, chat), update)
        else:
            chat = await _reachable(unit, chat)
            if not await self._token_again(unit, person, chat, update):
                await participant_desk.handle(unit, self._desk, person, chat, update)

    async def _unreadable(self, unit: Unit, update: Malformed) -> None:
        """What cannot be read may have been an answer: where its chat is known it is an unclear one (S-23)."""
        if update.telegram_chat is None:
            return
        chat = await unit.chats.by_telegram(update.bot_id, update.telegram_chat)
        person = await unit.people.get(chat.person_id) if chat else None
        if chat is not None and person is not None and person.kind == "participant":
            at = self._desk.now()
            sent = Inbound(
                update.bot_id, update.update_id, update.telegram_chat, True, "", Sent("other"), None, at
            )
            await participant_desk.handle(unit, self._desk, person, chat, sent)

    async def _stranger(self, unit: Unit, update: Inbound, taken: Taken, members: Members) -> None:
        match update.what:
            case Command(name="start", argument=token) if token:
                may = self._gate.may_try(update.telegram_chat, token)
                if may and await enrol(unit, self._desk, update, token):
                    members.add((update.bot_id, update.telegram_chat))
                else:
                    taken.strangers.append(update)
            case Membership():
                return
            case _:
                taken.strangers.append(update)

    async def _token_again(self, unit: Unit, person: Person, chat: Chat, update: Inbound) -> bool:
        """Somebody enrolled opens a link again: their own is the menu, another's changes nothing."""
        match update.what:
            case Command(name="start", argument=token) if token:
                may = self._gate.may_try(update.telegram_chat, token)
                invitation = await unit.invitations.by_token(token) if may else None
                if invitation is not None and person.id in (invitation.used_by, invitation.replaces):
                    return False
                if invitation is not None:
                    await used_again(unit, self._desk, invitation, by=person.id)
                line = notice(self._desk, person, neutral.NOTHING_PLANNED, open_menu(self._desk, person))
                await post(unit, self._desk, chat, line)
                return True
        return False

    async def _membership(self, unit: Unit, person: Person, chat: Chat, what: Membership) -> None:
        await unit.chats.set_state(chat.id, what.state)
        if what.state == "open" and chat.state != "open":
            await post(unit, self._desk, chat, notice(self._desk, person, neutral.BLOCKED_AGAIN))

    async def _faulty(self, update: Inbound | Malformed, fault: str) -> None:
        """Seen, with its fault; the participant gets a neutral line, and staff a case without content.

        Where even that fails, the administrators are told; at the least it is recorded, so that one update
        that cannot be handled does not come again for ever and stop everybody else's.
        """
        log.error("update.fault", fault=fault)
        for tell in (self._tell, self._tell_administrators):
            try:
                return await self._record(update, fault, tell)
            except StorageFault:
                raise
            except Exception as error:  # noqa: BLE001 - a row that cannot be read must not stop everybody else's
                log.error("update.fault_untold", fault=type(error).__name__)  # noqa: TRY400 - its text may tell (S-20)
        return await self._record(update, fault, None)

    async def _record(self, update: Inbound | Malformed, fault: str, tell: Teller | None) -> None:
        async with self._storage.unit() as unit:
            await unit.seen.add(update.bot_id, update.update_id, self._desk.now(), fault=fault)
            if tell is not None and isinstance(update, Inbound) and update.private:
                await tell(unit, update)
            await unit.commit()

    async def _tell_administrators(self, unit: Unit, update: Inbound) -> None:
        for programme in await unit.programmes.all():
            await tell_administrators(unit, self._desk, programme.id, FAULT)

    async def _tell(self, unit: Unit, update: Inbound) -> None:
        chat = await unit.chats.by_telegram(update.bot_id, update.telegram_chat)
        person = await unit.people.get(chat.person_id) if chat else None
        if chat is None or person is None or chat.state == "left":
            return
        await post(
            unit,
            self._desk,
            chat,
            notice(self._desk, person, neutral.TRY_AGAIN, open_menu(self._desk, person)),
        )
        if person.kind == "staff":
            return
        entry = self._desk.library.catalogue["unreadable_answer"]
        concern = RaiseConcern(entry.id, entry.urgency, entry.route, "FAULT")
        await raise_concerns(
            unit, self._desk, person=person, visit_id=person.visit_id,
            session=await unit.sessions.next_for(person, self._desk.now()), script="fault", raised=[concern],
            unasked=[], at=self._desk.now(), raised_by="fault",
        )  # fmt: skip


async def _known(unit: Unit, batch: Sequence[Inbound | Malformed]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for bot_id in {u.bot_id for u in batch}:
        ids: Iterable[int] = [u.update_id for u in batch if u.bot_id == bot_id]
        found |= {(bot_id, update_id) for update_id in await unit.seen.known(bot_id, ids)}
    return found


def _chat_of(update: Inbound | Malformed) -> tuple[int, int | None]:
    return update.bot_id, update.telegram_chat


async def _chats(unit: Unit, batch: Sequence[Inbound | Malformed]) -> Chats:
    """The chats of the batch that are somebody's; None for one that does not open."""
    found: Chats = {}
    for bot_id in {u.bot_id for u in batch}:
        chats = {u.telegram_chat for u in batch if u.bot_id == bot_id}
        asked = [chat for chat in chats if chat is not None]
        members = await unit.chats.members(bot_id, asked)
        found |= {(bot_id, telegram): chat for telegram, chat in members.items()}
    return found


async def _prepare(unit: Unit, batch: Sequence[Inbound | Malformed], chats: Chats) -> None:
    """Read in one go what nearly every update asks for: who it is, their visit and its session, which message it is."""
    people = await unit.people.prepare({chat.person_id for chat in chats.values() if chat is not None})
    visits = [await unit.visits.get(person.visit_id) for person in people if person.visit_id]
    await unit.sessions.prepare({visit.session_id for visit in visits if visit and visit.session_id})
    messages = [
        (chat.id, update.message_id)
        for update in batch
        if isinstance(update, Inbound) and update.message_id is not None
        and (chat := chats.get(_chat_of(update))) is not None
    ]  # fmt: skip
    await unit.ledger.prepare(messages)


async def _reachable(unit: Unit, chat: Chat) -> Chat:
    """Who writes can be reached again."""
    if chat.state != "open":
        await unit.chats.set_state(chat.id, "open")
    return chat
