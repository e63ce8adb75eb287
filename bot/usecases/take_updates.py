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
Along = Callable[[Unit], Awaitable[Callable[[], None]]]
"""What is done in a unit just before its commit; what it gives back is called just after (see Sender.along)."""
Update = Inbound | Malformed
Updates = Sequence[Update]
Members = set[tuple[int, int | None]]
"""Bot and Telegram chat of those that are somebody's."""
Chats = dict[tuple[int, int | None], Chat | None]


async def nothing_along(_: Unit) -> Callable[[], None]:
    """Nobody has anything to do in the unit."""
    return lambda: None


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

    def __init__(
        self,
        storage: Storage,
        desk: Desk,
        staff: StaffDesk,
        kept: Callable[[], None] = lambda: None,
        along: Along = nothing_along,
    ) -> None:
        """`kept`: told after each commit, so that what waits to be sent need not wait for the rest of the batch.

        `along`: who sends may pick what goes in the same unit, so that one commit comes before an answer instead of two.
        """
        self._storage = storage
        self._along = along
        self._kept = kept
        self._desk = desk
        self._staff = staff
        self._gate = Gate(desk.clock)

    async def __call__(self, batch: Updates) -> Taken:
        """Everything in the batch is handled and durable when this returns. Raises StorageFault."""
        try:
            return await self._together(batch, self._along)
        except StorageFault:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is run again one by one and recorded
            log.warning("batch.rerun", fault=type(error).__name__, updates=len(batch))
            return await self._apart(batch)

    async def _together(self, batch: Updates, along: Along = nothing_along) -> Taken:
        """What is about nobody else beside other units; all else alone in the database. Strangers last (S-44)."""
        taken = Taken()
        async with self._storage.unit(beside=True) as unit:
            chats = await _chats(unit, batch)
            theirs, others, strange = await _parted(unit, batch, chats)
            if not others:
                theirs, strange = theirs + strange, []
            if theirs:
                # Whoever had to be waited for may have written, or been found blocked by the sender, meanwhile.
                await self._all(
                    unit, theirs, await _chats(unit, theirs) if unit.beside else chats, taken, along
                )
        for updates, beside in ((others, False), (strange, True)):
            if updates:
                async with self._storage.unit(beside=beside) as unit:
                    await self._all(unit, updates, await _chats(unit, updates), taken, along)
        return taken

    async def _all(self, unit: Unit, updates: Updates, chats: Chats, taken: Taken, along: Along) -> None:
        known = await _known(unit, updates)
        await _prepare(unit, updates, chats)
        members = {_chat_of(update) for update in updates} & chats.keys()
        for update in sorted(updates, key=lambda update: _chat_of(update) not in members):
            key = (update.bot_id, update.update_id)
            if key not in known:
                known.add(key)
                await self._one(unit, update, taken, members)
        fly: list[Callable[[], None]] = []

        async def at_last(_: Sequence[str]) -> None:
            fly.append(await along(unit))

        unit.at_the_end(at_last, of="sender", about="all")  # after what else was left for the end
        await unit.commit()
        for go in fly:
            go()
        self._kept()

    async def _apart(self, batch: Updates) -> Taken:
        """One by one, and with nothing along: what went wrong there is not to be laid at an update's door."""
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

    async def _one(self, unit: Unit, update: Update, taken: Taken, members: Members) -> None:
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

    async def _faulty(self, update: Update, fault: str) -> None:
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

    async def _record(self, update: Update, fault: str, tell: Teller | None) -> None:
        async with self._storage.unit() as unit:
            await unit.seen.add(update.bot_id, update.update_id, self._desk.now(), fault=fault)
            if tell is not None and isinstance(update, Inbound) and update.private:
                await tell(unit, update)
            await unit.commit()
        self._kept()

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


async def _known(unit: Unit, batch: Updates) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for bot_id in {u.bot_id for u in batch}:
        ids: Iterable[int] = [u.update_id for u in batch if u.bot_id == bot_id]
        found |= {(bot_id, update_id) for update_id in await unit.seen.known(bot_id, ids)}
    return found


def _chat_of(update: Update) -> tuple[int, int | None]:
    return update.bot_id, update.telegram_chat


async def _chats(unit: Unit, batch: Updates) -> Chats:
    """The chats of the batch that are somebody's; None for one that does not open."""
    found: Chats = {}
    for bot_id in {u.bot_id for u in batch}:
        chats = {u.telegram_chat for u in batch if u.bot_id == bot_id}
        asked = [chat for chat in chats if chat is not None]
        members = await unit.chats.members(bot_id, asked)
        found |= {(bot_id, telegram): chat for telegram, chat in members.items()}
    return found


def _is_about_others(update: Update) -> bool:
    """Whether more may follow from it than what concerns its sender: a link that is opened, somebody who comes or goes."""
    if isinstance(update, Malformed):
        return False
    match update.what:
        case Command(name="start", argument=token):
            return bool(token)
        case Membership():
            return True
    return False


async def _parted(
    unit: Unit, batch: Updates, chats: Chats
) -> tuple[list[Update], list[Update], list[Update]]:
    """What participants sent, who are held from now on; what staff sent, or may be about others; what strangers wrote.

    Whose order counts stays together: of a chat with anything about others all is among the second.
    """
    about_others = {_chat_of(update) for update in batch if _is_about_others(update)}
    apart = [update for update in batch if _chat_of(update) not in about_others]
    whose = {
        _chat_of(update): chat.person_id
        for update in apart
        if (chat := chats.get(_chat_of(update))) is not None
    }
    held = await unit.people.hold(whose.values())
    theirs = [update for update in apart if whose.get(_chat_of(update)) in held]
    strange = [update for update in apart if _chat_of(update) not in chats]
    done = {(update.bot_id, update.update_id) for update in theirs + strange}
    return theirs, [u for u in batch if (u.bot_id, u.update_id) not in done], strange


async def _prepare(unit: Unit, batch: Updates, chats: Chats) -> None:
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
