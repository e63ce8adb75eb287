"""Puts the rooms together: the one place that knows all of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from starlette.types import ASGIApp
from telegram import Bot
from telegram.error import TelegramError

from bot.clock import SystemClock
from bot.escalation.cycle import Cycle
from bot.heartbeat import Heartbeat
from bot.ids import SystemIds
from bot.mail.mailer import Mailer, NoMail
from bot.ports.inbound import Inbound, Malformed
from bot.ports.records import Lane, OutboxRow
from bot.ports.services import Clock, Ids, Messenger, SendLimits
from bot.ports.stores import Storage, Unit, Unreadable
from bot.schedule.cycle import Schedule
from bot.settings import Settings
from bot.signposts import read_signposts
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.telegram.lists import CommandLists
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.poller import Poller
from bot.telegram.profile import introduce
from bot.telegram.transport import build_bot, id_of
from bot.telegram.webhook import delete_webhook
from bot.texts import GettextTexts, own_name
from bot.usecases import staff_desk
from bot.usecases.carry_out import MissingScript
from bot.usecases.climb import unreachable
from bot.usecases.deliver import Sender
from bot.usecases.desk import Desk
from bot.usecases.other_way import by_other_way
from bot.usecases.outage import Pulse
from bot.usecases.rotate_keys import note_sealing
from bot.usecases.rounds import CYCLES, ESCALATION, MAIL, POLL, SCHEDULE, SENDER, Rounds
from bot.usecases.staff_notice import is_notice, notice_failed, tell_administrators
from bot.usecases.strangers import Strangers
from bot.usecases.take_updates import TakeUpdates
from bot.web.app import create_app
from bot.web.metrics import Metrics
from bot.web.server import WebServer
from bot.web.systemd import notify
from bot.web.watch import Ping, Watch, pinger
from flows.effects import Line
from flows.read import load_library

log = structlog.get_logger(__name__)
UNDELIVERED = Line("staff", "A message could not be delivered. It was not an alert; please look at /case.")


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


def make_storage(settings: Settings, ids: Ids) -> SqliteStorage:
    """The storage the settings name, not yet opened."""
    return SqliteStorage(settings.database_url, Keyring(settings.keys_text()), ids)


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


async def on_fault(unit: Unit, desk: Desk, row: OutboxRow, why: str) -> None:
    """A message that will never arrive: an alert goes to the next rung at once, of anything else staff are told.

    Where it cannot be read whose it was, the administrators of all programmes are told. Never raises
    Unreadable: one row must not stop the sender.
    """
    try:
        await _tell_somebody(unit, desk, row)
    except Unreadable as fault:
        log.warning("on_fault.unreadable", reason=why, error=str(fault))
        for programme in await unit.programmes.all():
            await tell_administrators(unit, desk, programme.id, UNDELIVERED)


async def _tell_somebody(unit: Unit, desk: Desk, row: OutboxRow) -> None:
    if row.op != "say":
        return  # what could not be cleared is counted (bot.usecases.tidy)
    if row.lane is Lane.ALERT and await by_other_way(unit, desk, row):
        return
    if is_notice(row):
        await notice_failed(unit, desk, row)
        return
    if row.lane is Lane.ALERT:
        await unreachable(unit, desk, row)
        return
    chat = await unit.chats.get(row.chat_id)
    if chat is not None and chat.state == "left":
        return  # closed for good: nobody waits for what was to go there
    person = await unit.people.get(chat.person_id) if chat else None
    if person is not None and person.kind == "participant":
        await tell_administrators(unit, desk, person.programme_id, UNDELIVERED)


@dataclass(slots=True)
class Vestibule:
    """A bot ready to run: its parts, for `run` and for tests that step them by hand."""

    desk: Desk
    storage: Storage
    messenger: Messenger
    sender: Sender
    mail: Sender
    cycle: Cycle
    schedule: Schedule
    take: TakeUpdates
    poller: Poller
    strangers: Strangers
    lists: CommandLists
    heartbeat: Heartbeat
    rounds: Rounds
    watch: Watch
    web: WebServer | None

    async def run(self) -> None:
        """Run until cancelled. A loop that breaks ends all of them: better restarted than half alive.

        Raises the TelegramError itself when Telegram refuses us for good, such as InvalidToken.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for loop in self._loops():
                    group.create_task(loop())
        except BaseExceptionGroup as broken:
            for error in broken.exceptions:
                if isinstance(error, TelegramError):
                    raise error from None
            raise

    def _loops(self) -> tuple[Callable[[], Coroutine[None, None, None]], ...]:
        return (
            self.poller.run,
            self.sender.run,
            self.mail.run,
            self.cycle.run,
            self.schedule.run,
            self.strangers.run,
            self.lists.run,
            self.heartbeat.run,
            self.watch.run,
            *((self.web.run,) if self.web else ()),
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
        yield _assemble(settings, desk, kept, telegram, mailer or _mailer(settings, clock))
    finally:
        await telegram.shutdown()
        await telegram.request.shutdown()  # the library closes it only if Telegram was ever asked
        if own is not None:
            await own.close()


def _assemble(
    settings: Settings, desk: Desk, storage: Storage, telegram: Bot, mailer: Messenger
) -> Vestibule:
    messenger = TelegramMessenger(telegram)
    rounds = Rounds(CYCLES)
    metrics = Metrics(rounds)
    limits = SendLimits(off=settings.send_limits_off())

    async def faulty(unit: Unit, row: OutboxRow, why: str) -> None:
        await on_fault(unit, desk, row, why)
        wake()  # what follows may go by the other way; its sender waits for this unit to end

    def told(name: str) -> Callable[[bool], None]:
        return rounds.teller(name)

    by = (desk.clock, desk.ids, limits, faulty)
    sender = Sender(storage, messenger, *by, turned=told(SENDER))
    mail = Sender(storage, mailer, *by, way="email", turned=told(MAIL))

    def wake() -> None:
        sender.wake()
        mail.wake()

    take = TakeUpdates(storage, desk, staff_desk.handle)
    strangers = Strangers(messenger, desk.clock, sender.pace, desk.texts, desk.languages)
    lists = CommandLists(telegram, id_of(telegram), storage, desk)

    async def reach() -> None:
        await telegram.initialize()
        await delete_webhook(telegram)
        await introduce(telegram, desk)

    poller = Poller(
        telegram,
        id_of(telegram),
        _intake(take, wake, strangers, lists, metrics),
        desk.clock,
        answer=messenger.answer_press,
        reach=reach,
        long_poll=settings.long_poll_seconds,
        turned=told(POLL),
    )
    return Vestibule(
        desk,
        storage,
        messenger,
        sender,
        mail,
        Cycle(storage, desk, wake, told(ESCALATION)),
        Schedule(
            storage, desk, wake, poller.caught_up.wait, Pulse(storage, desk, wake, poller), told(SCHEDULE)
        ),
        take,
        poller,
        strangers,
        lists,
        Heartbeat(rounds, settings.heartbeat_file, notify),
        rounds,
        Watch(storage, desk, rounds, metrics, wake, _ping(settings)),
        _web(settings, create_app(storage, rounds, metrics)),
    )


def _mailer(settings: Settings, clock: Clock) -> Messenger:
    server = settings.mail_server()
    return Mailer(server, settings.mail_from, clock) if server and settings.mail_from else NoMail()


def _ping(settings: Settings) -> Ping | None:
    return pinger(settings.ping_url.get_secret_value()) if settings.ping_url else None


def _web(settings: Settings, app: ASGIApp) -> WebServer | None:
    return WebServer(app, settings.web_host, settings.web_port) if settings.web_port else None


def _intake(
    take: TakeUpdates,
    wake: Callable[[], None],
    strangers: Strangers,
    lists: CommandLists,
    metrics: Metrics,
) -> Callable[[Sequence[Inbound | Malformed]], Awaitable[None]]:
    async def intake(batch: Sequence[Inbound | Malformed]) -> None:
        taken = await take(batch)
        faulty = taken.faults + sum(isinstance(update, Malformed) for update in batch)
        metrics.updates(len(batch) - faulty, faulty)
        wake()
        strangers.offer(taken.strangers)
        lists.note(update for update in batch if update not in taken.strangers)

    return intake


async def run(settings: Settings) -> int:
    """`vestibule run`: until SIGTERM or SIGINT; gives the exit code."""
    async with open_bot(settings) as bot:
        await until_stopped(bot.run())
    return 0


async def until_stopped(work: Awaitable[None]) -> None:
    """Run the work; SIGTERM and SIGINT end it cleanly."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
    finally:
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
