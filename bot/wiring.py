"""Puts the rooms together: the one place that knows all of them."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from starlette.routing import Route
from telegram import Bot

from bot.clock import SystemClock
from bot.escalation.cycle import Cycle
from bot.heartbeat import Heartbeat
from bot.ids import SystemIds
from bot.mail.mailer import Mailer, NoMail
from bot.ports.inbound import Inbound, Malformed
from bot.ports.records import OutboxRow
from bot.ports.replicas import Bell, Shared
from bot.ports.services import Clock, Ids, Messenger, SendLimits
from bot.ports.stores import Storage, StorageFault, Unit
from bot.running import Duties, Inlet, Loop, Vestibule, until_stopped
from bot.schedule.cycle import Schedule
from bot.settings import Settings
from bot.signposts import read_signposts
from bot.storage.opening import storage_at
from bot.storage.postgres import PostgresStorage
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.telegram.inbound import parse
from bot.telegram.listener import Listener, listen_at, look_at
from bot.telegram.lists import CommandLists
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.poller import Poller
from bot.telegram.profile import introduce
from bot.telegram.transport import build_bot, id_of
from bot.telegram.webhook import delete_webhook
from bot.texts import GettextTexts, own_name
from bot.usecases import staff_desk
from bot.usecases.bell import SharedBell
from bot.usecases.carry_out import MissingScript
from bot.usecases.deliver import Sender
from bot.usecases.desk import Desk
from bot.usecases.intake import AT_ONCE, WAITING, Intake, Keep
from bot.usecases.lead import Alone, Elected, Leadership
from bot.usecases.outage import Pulse
from bot.usecases.pace import Pace
from bot.usecases.rotate_keys import note_sealing
from bot.usecases.rounds import CYCLES, ESCALATION, LEASE, MAIL, POLL, SCHEDULE, SENDER, WEBHOOK, Rounds
from bot.usecases.spinners import Spinners
from bot.usecases.strangers import Strangers
from bot.usecases.take_updates import TakeUpdates
from bot.usecases.undelivered import on_fault
from bot.web.app import create_app
from bot.web.metrics import Metrics
from bot.web.server import WebServer
from bot.web.systemd import notify
from bot.web.watch import Ping, Watch, pinger
from bot.web.webhook import WebhookDoor
from flows.read import load_library


def make_desk(settings: Settings, clock: Clock, ids: Ids) -> Desk:
    """The services every use case works with. Raises ScriptFault or BadSignposts where a file is wrong."""
    return Desk(
        clock=clock,
        ids=ids,
        texts=GettextTexts(),
        library=load_library(),
        numbers=settings.numbers(),
        languages=settings.offered(),
        own_name=own_name,
        signposts=read_signposts(settings.signposts, clock.now().date()),
    )


def make_storage(settings: Settings, ids: Ids) -> SqliteStorage | PostgresStorage:
    """The storage the settings name, not yet opened. Raises StorageFault for an address of no kind known."""
    return storage_at(settings.database_url, Keyring(settings.keys_text()), ids)


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Storage for the command line; closed at the end. Raises StorageFault."""
    storage = make_storage(settings, SystemIds())
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


async def refuse_missing_scripts(storage: Storage, desk: Desk) -> None:
    """An open visit must find the script version it began with (S-34); raises MissingScript."""
    async with storage.unit() as unit:
        open_versions = await unit.visits.open_versions()
    missing = sorted(
        f"{name} version {version}" for name, version in open_versions if not desk.library.at(name, version)
    )
    if missing:
        raise MissingScript(
            f"visits are open on {', '.join(missing)}; put those files back under flows/scripts"
        )


@asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    storage: Storage | None = None,
    mailer: Messenger | None = None,
) -> AsyncIterator[Vestibule]:
    """A bot with its storage and connections, closed at the end. `mailer`: instead of the mail server of the settings.

    Telegram is not asked for anything before it runs. Raises StorageFault, ScriptFault or MissingScript.
    """
    clock = clock or SystemClock()
    ids = ids or SystemIds()
    desk = make_desk(settings, clock, ids)
    own = None if storage else make_storage(settings, ids)
    kept: Storage
    if own is not None:
        await own.open(sole=True)
        kept = own
    else:
        assert storage is not None, "either given or made"
        kept = storage
    telegram = build_bot(settings.token_text(), settings.api_root())
    try:
        await refuse_missing_scripts(kept, desk)
        async with kept.unit() as unit:
            await note_sealing(unit, clock.now())
            await unit.commit()
        await telegram.request.initialize()  # what is sent before Telegram was reached is tried as after it
        parts = _Parts(settings, desk, kept, telegram, mailer or _mailer(settings, clock))
        yield parts.assembled()
    finally:
        await telegram.shutdown()
        await telegram.request.shutdown()  # the library closes it only if Telegram was ever asked
        if own is not None:
            await own.close()


class _Parts:
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
        self._metrics = Metrics(self._rounds)
        self._limits = SendLimits(off=settings.send_limits_off())
        # Of the process, not of a time of leading: Telegram counts on, and strangers are answered by followers too.
        self._pace = Pace(desk.clock, self._limits)
        self._webhook = settings.webhook()
        self._leadership: Leadership = Alone()
        if isinstance(storage, Shared):
            told = self._rounds.teller(LEASE)
            self._leadership = Elected(storage, desk.clock, desk.ids.new(), turned=told)
        self._fenced = self._leadership.fenced(storage)
        self._bot: Vestibule

    def assembled(self) -> Vestibule:
        """Everything, put together."""
        desk, web = self._desk, self._settings.web_port
        strangers = Strangers(self._messenger, desk.clock, self._pace, desk.texts, desk.languages)
        spinners = Spinners(self._messenger.answer_press)
        bell, loops = self._bell()
        # Updates that a webhook brings may be kept by any process, those that the leader asked for by the leader.
        take = TakeUpdates(self._storage if self._webhook else self._fenced, desk, staff_desk.handle)
        lists = CommandLists(self._telegram, id_of(self._telegram), self._storage, desk)
        keep = _keep(take, bell.ring, strangers, spinners, lists, self._metrics)
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
            more=loops,
            web=self._web() if web else None,
        )
        return self._bot

    def _bell(self) -> tuple[Bell, tuple[Loop, ...]]:
        if isinstance(self._storage, Shared):
            shared = SharedBell(self._storage, self._wake, self._leadership.leads)
            return shared, (shared.run,)
        return _HouseBell(self._wake), ()

    def _wake(self) -> None:
        self._bot.duties.wake()

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
        await self._telegram.initialize()
        await delete_webhook(self._telegram)
        await introduce(self._telegram, self._desk)

    async def _listen(self, address: str, secret: str) -> None:
        await self._telegram.initialize()
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


def _mailer(settings: Settings, clock: Clock) -> Messenger:
    server = settings.mail_server()
    return Mailer(server, settings.mail_from, clock) if server and settings.mail_from else NoMail()


def _ping(settings: Settings) -> Ping | None:
    return pinger(settings.ping_url.get_secret_value()) if settings.ping_url else None


def _keep(
    take: TakeUpdates,
    ring: Callable[[], None],
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
        ring()
        strangers.offer(taken.strangers)
        spinners.stop_soon(batch)
        lists.note(update for update in batch if update not in taken.strangers)

    return keep


async def run(settings: Settings) -> int:
    """`vestibule run`: until SIGTERM or SIGINT; gives the exit code."""
    async with open_bot(settings) as bot:
        # What is loaded now stays: a full collection would look over all of it, for some 70 ms, now and then.
        gc.collect()
        gc.freeze()
        await until_stopped(bot.run())
    return 0
