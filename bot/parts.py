"""Makes the parts of one process out of settings, storage and messengers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog
from starlette.routing import Route
from telegram import Bot

from bot.escalation.cycle import Cycle
from bot.heartbeat import Heartbeat
from bot.ports.inbound import Inbound, Malformed
from bot.ports.records import OutboxRow
from bot.ports.replicas import Bell, Shared
from bot.ports.services import Messenger, SendLimits
from bot.ports.stores import Storage, StorageFault, Unit
from bot.running import Duties, Inlet, Loop, Vestibule
from bot.schedule.cycle import Schedule
from bot.settings import Settings
from bot.telegram.inbound import parse
from bot.telegram.listener import Listener, listen_at, look_at
from bot.telegram.lists import CommandLists
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.poller import Poller
from bot.telegram.profile import introduce
from bot.telegram.reaching import reached
from bot.telegram.transport import id_of
from bot.telegram.webhook import delete_webhook
from bot.usecases import staff_desk
from bot.usecases.bell import SharedBell
from bot.usecases.deliver import Sender
from bot.usecases.desk import Desk
from bot.usecases.intake import AT_ONCE, WAITING, Intake, Keep
from bot.usecases.lead import Alone, Elected, Leadership
from bot.usecases.outage import Pulse
from bot.usecases.own_bot import note_bot
from bot.usecases.pace import Pace
from bot.usecases.rounds import CYCLES, ESCALATION, LEASE, MAIL, POLL, SCHEDULE, SENDER, WEBHOOK, Rounds
from bot.usecases.spinners import Spinners
from bot.usecases.strangers import Strangers
from bot.usecases.take_updates import TakeUpdates, nothing_along
from bot.usecases.undelivered import on_fault
from bot.web.app import create_app
from bot.web.metrics import Metrics
from bot.web.server import WebServer
from bot.web.systemd import notify
from bot.web.watch import Ping, Watch, pinger
from bot.web.webhook import WebhookDoor

AGAIN: Final = 5.0
"""Real seconds until the database is asked once more whose it is."""

log = structlog.get_logger(__name__)


class Parts:
    """Makes the parts of one process, and a leader's anew whenever it begins to lead."""

    def __init__(
        self, settings: Settings, desk: Desk, storage: Storage, telegram: Bot, mailer: Messenger
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._storage = storage
        self._telegram = telegram
        self._mailer = mailer
        self._messenger = TelegramMessenger(telegram)
        self._rounds = Rounds(())
        self._metrics = Metrics(self._rounds, desk.clock)
        self._limits = SendLimits(off=settings.send_limits_off())
        # Of the process, not of a time of leading: Telegram counts on, and strangers are answered by followers too.
        self._pace = Pace(desk.clock, self._limits)
        self._webhook = settings.webhook()
        self._leadership: Leadership = Alone()
        if isinstance(storage, Shared):
            told = self._rounds.teller(LEASE)
            self._leadership = Elected(storage, desk.clock, desk.ids.new(), turned=told)
        self._fenced = self._leadership.fenced(storage)
        self._known = asyncio.Event()
        self._bot: Vestibule

    def assembled(self) -> Vestibule:
        """Everything, put together."""
        desk, web = self._desk, self._settings.web_port
        strangers = Strangers(self._messenger, desk.clock, self._pace, desk.texts, desk.languages)
        spinners = Spinners(self._messenger.answer_press)
        bell, loops = self._bell()
        # Updates that a webhook brings may be kept by any process, those that the leader asked for by the leader.
        storage = self._storage if self._webhook else self._fenced
        # Where several processes write, another's unit may come between a commit and what is remembered of it.
        along = nothing_along if isinstance(self._storage, Shared) else self._along
        take = TakeUpdates(storage, desk, staff_desk.handle, bell.ring, along)
        lists = CommandLists(self._telegram, id_of(self._telegram), self._storage, desk)
        keep = keeping(take, strangers, spinners, lists, self._metrics)
        self._intake = Intake(self._noting(keep) if self._webhook else keep)
        lease = (LEASE,) if isinstance(self._storage, Shared) else ()
        self._bot = Vestibule(
            desk,
            self._storage,
            self._messenger,
            take,
            self._intake,
            spinners,
            strangers,
            lists,
            Heartbeat(self._rounds, self._settings.heartbeat_file, notify),
            self._rounds,
            self._leadership,
            self._duties,
            leading=(*(WEBHOOK if self._webhook and name == POLL else name for name in CYCLES), *lease),
            following=lease,
            more=(*loops, self._own),
            web=self._web() if web else None,
        )
        return self._bot

    def _bell(self) -> tuple[Bell, tuple[Loop, ...]]:
        if isinstance(self._storage, Shared):
            shared = SharedBell(self._storage, self._wake, self._leadership.leads)
            return shared, (shared.run, self._try_token)
        return _HouseBell(self._wake), ()

    async def _know(self) -> None:
        await self._telegram.initialize()
        self._known.set()

    async def _try_token(self) -> None:
        """At the start, as who follows would find it refused only once it leads. Raises InvalidToken."""
        await reached(self._know, self._desk.clock, lambda _: None)

    async def _own(self) -> None:
        """Once Telegram knows the token the database is its bot's, if it was nobody's. Raises AnotherBot."""
        await self._known.wait()
        while True:
            try:
                async with self._storage.unit() as unit:
                    await note_bot(unit, id_of(self._telegram), self._desk.clock.now())
                    return await unit.commit()
            except StorageFault as fault:
                log.warning("own_bot.storage_fault", fault=type(fault).__name__)
            await asyncio.sleep(AGAIN)

    def _wake(self) -> None:
        self._bot.duties.wake()

    async def _along(self, unit: Unit) -> Callable[[], None]:
        return await self._bot.sender.along(unit)

    def _duties(self) -> Duties:
        """What only the leader does; all it writes is fenced."""
        storage, desk, told = self._fenced, self._desk, self._rounds.teller
        inlet = self._inlet()
        pulse = Pulse(storage, desk, self._wake, inlet)
        return Duties(
            inlet,
            self._sender(self._messenger, SENDER),
            self._sender(self._mailer, MAIL),
            Cycle(storage, desk, self._wake, told(ESCALATION)),
            Schedule(storage, desk, self._wake, inlet.caught_up.wait, pulse, told(SCHEDULE)),
            Watch(storage, desk, self._rounds, self._metrics, self._wake, _ping(self._settings)),
        )

    def _sender(self, messenger: Messenger, name: str) -> Sender:
        return Sender(
            self._fenced,
            messenger,
            self._desk.clock,
            self._desk.ids,
            self._limits,
            self._faulty,
            way="email" if name == MAIL else "telegram",
            turned=self._rounds.teller(name),
            pace=None if name == MAIL else self._pace,
            may_send=self._leadership.leads,
        )

    async def _faulty(self, unit: Unit, row: OutboxRow, why: str) -> None:
        await on_fault(unit, self._desk, row, why)
        self._wake()  # what follows may go by the other way; its sender waits for this unit to end

    def _inlet(self) -> Inlet:
        clock, told = self._desk.clock, self._rounds.teller
        if self._webhook:
            address, _, secret = self._webhook
            return Listener(
                clock,
                address,
                reach=partial(self._listen, address, secret),
                look=partial(look_at, self._telegram),
                turned=told(WEBHOOK),
            )
        return Poller(
            self._telegram,
            id_of(self._telegram),
            self._intake,
            clock,
            reach=self._reach,
            long_poll=self._settings.long_poll_seconds,
            turned=told(POLL),
        )

    async def _reach(self) -> None:
        await self._know()
        await delete_webhook(self._telegram)
        await introduce(self._telegram, self._desk)

    async def _listen(self, address: str, secret: str) -> None:
        await self._know()
        await listen_at(self._telegram, address, secret, AT_ONCE)
        await introduce(self._telegram, self._desk)

    def _noting(self, keep: Keep) -> Keep:
        """The listener hears whether this process can keep what is brought (R-11)."""

        async def noted(updates: Sequence[Inbound | Malformed]) -> None:
            inlet = self._bot.duties.inlet
            try:
                await keep(updates)
            except StorageFault:
                if isinstance(inlet, Listener):
                    inlet.not_kept()
                raise
            if isinstance(inlet, Listener):
                inlet.kept()

        return noted

    def _web(self) -> WebServer:
        app = create_app(self._storage, self._rounds, self._metrics, *self._routes())
        at_once = WAITING if self._webhook else 0
        return WebServer(app, self._settings.web_host, self._settings.web_port, more_at_once=at_once)

    def _routes(self) -> tuple[Route, ...]:
        if self._webhook is None:
            return ()
        _, path, secret = self._webhook
        bot_id = id_of(self._telegram)

        def read(raw: object) -> Inbound | Malformed | None:
            return parse(bot_id, raw, self._desk.clock.now())

        def unreadable() -> None:
            self._metrics.updates(0, 1)

        return (WebhookDoor(secret, read, self._intake, unreadable).route(path),)


class _HouseBell:
    """The bell where every process is this one."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def ring(self) -> None:
        """Heard at once."""
        self._heard()


def _ping(settings: Settings) -> Ping | None:
    return pinger(settings.ping_url.get_secret_value()) if settings.ping_url else None


def keeping(
    take: TakeUpdates,
    strangers: Strangers,
    spinners: Spinners,
    lists: CommandLists,
    metrics: Metrics,
) -> Keep:
    """What the intake does with a batch; all that follows the commit is best effort and waits for nobody."""

    async def keep(batch: Sequence[Inbound | Malformed]) -> None:
        taken = await take(batch)
        faulty = taken.faults + sum(isinstance(update, Malformed) for update in batch)
        metrics.updates(len(batch) - faulty, faulty)
        strangers.offer(taken.strangers)
        spinners.stop_soon(batch)
        lists.note(update for update in batch if update not in taken.strangers)

    return keep
