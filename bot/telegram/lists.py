"""The "/" list of single chats: staff's own commands, and everybody's in the language they chose. Best effort."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.ports.inbound import Command, Inbound, Malformed, Press
from bot.ports.records import Chat, Person, StaffRole
from bot.ports.stores import Storage, StorageFault, Unit, Unreadable
from bot.usecases.commands import commands_for
from bot.usecases.desk import Desk

LOOK_AGAIN: Final = 300.0
"""Real seconds until staff's roles are looked at again; they change by `import` and `leave`, in other processes."""
Listed = tuple[tuple[str, str], ...]
log = structlog.get_logger(__name__)


class CommandLists:
    """Tells Telegram what a chat's list holds, beside everything else: nothing waits for it, nothing depends on it.

    After a start staff's lists are told anew; those of participants stand at Telegram. What was told is kept in
    memory only, so that whoever leaves while the bot is stopped goes on seeing the list.
    """

    def __init__(self, bot: Bot, bot_id: int, storage: Storage, desk: Desk) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._storage = storage
        self._desk = desk
        self._told: dict[str, tuple[int, Listed]] = {}  # staff's id -> their Telegram chat, and what it lists
        self._asked: dict[int, None] = {}  # Telegram chats
        self._woken = asyncio.Event()

    def note(self, taken: Iterable[Inbound | Malformed]) -> None:
        """Once it is committed: somebody may have enrolled, or chosen a language."""
        asked = [one.telegram_chat for one in taken if isinstance(one, Inbound) and _changes(one)]
        self._asked |= dict.fromkeys(asked)
        if asked:
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self.look()
            until = loop.time() + LOOK_AGAIN
            while (seconds := until - loop.time()) > 0:
                try:
                    await asyncio.wait_for(self._woken.wait(), seconds)
                except TimeoutError:
                    break
                await self.tell_asked()

    async def tell_asked(self) -> None:
        """The chats that were noted, one after the other."""
        self._woken.clear()
        while self._asked:
            chat = next(iter(self._asked))
            del self._asked[chat]
            try:
                async with self._storage.unit(beside=True) as unit:
                    person = await self._person_in(unit, chat)
            except (StorageFault, Unreadable) as fault:
                log.warning("commands.not_read", fault=type(fault).__name__)
                continue
            if person is not None and person.state != "left":
                await self._tell(person, chat)

    async def look(self) -> None:
        """All staff: whose role or language is another now, and who is none of staff any more."""
        try:
            async with self._storage.unit(beside=True) as unit:
                staff = {person.id: person for person in await _staff(unit)}
                chats = [(one, await _chat_of(unit, one)) for one in staff.values() if self._differs(one)]
        except (StorageFault, Unreadable) as fault:
            log.warning("commands.not_read", fault=type(fault).__name__)
            return
        for person_id, (chat, _) in list(self._told.items()):
            if person_id not in staff and await self._take_away(chat):
                del self._told[person_id]
        for person, found in chats:
            open_here = found is not None and found.state == "open" and found.bot_id == self._bot_id
            if found and open_here and not await self._tell(person, found.telegram_id):
                return  # Telegram is in trouble; at the next look again

    async def _person_in(self, unit: Unit, telegram_chat: int) -> Person | None:
        chat = await unit.chats.by_telegram(self._bot_id, telegram_chat)
        return await unit.people.get(chat.person_id) if chat is not None and chat.state == "open" else None

    def _differs(self, person: Person) -> bool:
        known = self._told.get(person.id)
        return known is None or known[1] != commands_for(self._desk, person)

    async def _tell(self, person: Person, chat: int) -> bool:
        """False where a later try may do better."""
        listed = commands_for(self._desk, person)
        former = self._told.get(person.id)
        if former is not None and former[0] != chat:
            await self._take_away(former[0])  # they go on in another account
        try:
            scope = BotCommandScopeChat(chat)
            await self._bot.set_my_commands([BotCommand(*one) for one in listed], scope=scope)
        except TelegramError as error:
            return _hopeless(error)
        if person.kind == "staff":
            self._told[person.id] = (chat, listed)
        return True

    async def _take_away(self, chat: int) -> bool:
        try:
            await self._bot.delete_my_commands(scope=BotCommandScopeChat(chat))
        except TelegramError as error:
            return _hopeless(error)
        return True


def _changes(inbound: Inbound) -> bool:
    match inbound.what:
        case Press(step="LANG") | Command(name="language"):
            return True
        case Command(name="start", argument=argument):
            return bool(argument)
    return False


async def _staff(unit: Unit) -> list[Person]:
    return [
        person
        for programme in await unit.programmes.all()
        for role in StaffRole
        for person in await unit.people.in_role(programme.id, role)
    ]


async def _chat_of(unit: Unit, person: Person) -> Chat | None:
    try:
        return await unit.chats.of_person(person.id)
    except Unreadable as fault:
        log.warning("commands.not_read", fault=type(fault).__name__)
        return None


def _hopeless(error: TelegramError) -> bool:
    """Whether this chat will never have a list; anything else is Telegram's trouble, or the network's."""
    log.info("commands.not_set", fault=type(error).__name__)
    return isinstance(error, (BadRequest, Forbidden))
