"""The parts of a bot at work, which of them run in every process and which in the one that leads."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from telegram.error import TelegramError

from bot.escalation.cycle import Cycle
from bot.heartbeat import Heartbeat
from bot.ports.services import Away, Messenger
from bot.ports.stores import Storage
from bot.schedule.cycle import Schedule
from bot.telegram.lists import CommandLists
from bot.usecases.deliver import Sender
from bot.usecases.desk import Desk
from bot.usecases.intake import Intake
from bot.usecases.lead import Leadership
from bot.usecases.own_bot import AnotherBot
from bot.usecases.rounds import Rounds
from bot.usecases.spinners import Spinners
from bot.usecases.strangers import Strangers
from bot.usecases.take_updates import TakeUpdates
from bot.web.server import NoPlace, WebServer
from bot.web.watch import Watch

log = structlog.get_logger(__name__)
Loop = Callable[[], Coroutine[None, None, None]]


class Inlet(Protocol):
    """Where updates come from: the poller, or the listener beside a webhook."""

    caught_up: asyncio.Event

    def is_away(self) -> bool:
        """See bot.usecases.outage.Intake."""
        ...

    def was_away(self) -> Away | None:
        """See bot.usecases.outage.Intake."""
        ...

    async def run(self) -> None:
        """Until cancelled."""
        ...


@dataclass(slots=True)
class Duties:
    """What only the leader does, made anew each time a process begins to lead: nothing of an earlier time counts."""

    inlet: Inlet
    sender: Sender
    mail: Sender
    cycle: Cycle
    schedule: Schedule
    watch: Watch

    def wake(self) -> None:
        """Something was committed: the senders look at once."""
        self.sender.wake()
        self.mail.wake()

    def loops(self) -> tuple[Loop, ...]:
        """All of them."""
        return (
            self.inlet.run,
            self.sender.run,
            self.mail.run,
            self.cycle.run,
            self.schedule.run,
            self.watch.run,
        )


@dataclass(slots=True)
class Vestibule:
    """A bot ready to run: its parts, for `run` and for tests that step them by hand.

    `leading` and `following` name the loops that go round in this process while it leads and while it does not.
    """

    desk: Desk
    storage: Storage
    messenger: Messenger
    take: TakeUpdates
    intake: Intake
    spinners: Spinners
    strangers: Strangers
    lists: CommandLists
    heartbeat: Heartbeat
    rounds: Rounds
    leadership: Leadership
    make_duties: Callable[[], Duties]
    leading: tuple[str, ...]
    following: tuple[str, ...]
    more: tuple[Loop, ...] = ()
    web: WebServer | None = None
    duties: Duties = field(init=False)

    def __post_init__(self) -> None:
        self.duties = self.make_duties()  # for those who step the parts by hand

    @property
    def sender(self) -> Sender:
        """The leader's sender of Telegram messages."""
        return self.duties.sender

    @property
    def mail(self) -> Sender:
        """The leader's sender of mail."""
        return self.duties.mail

    @property
    def cycle(self) -> Cycle:
        """The leader's loop over cases."""
        return self.duties.cycle

    @property
    def schedule(self) -> Schedule:
        """The leader's loop over what the clock brings."""
        return self.duties.schedule

    async def run(self) -> None:
        """Run until cancelled. A loop that breaks ends all of them: better restarted than half alive.

        Raises the TelegramError itself when Telegram refuses us for good, such as InvalidToken; NoPlace for a taken port; AnotherBot.
        """
        try:
            await _together(
                self.intake.run,
                self._lead,
                self.strangers.run,
                self.lists.run,
                self.heartbeat.run,
                *self.more,
                *((self.web.run,) if self.web else ()),
            )
        except BaseExceptionGroup as broken:
            if refusal := _refusal(broken):
                raise refusal from None
            raise
        finally:
            await self.spinners.close()

    async def _lead(self) -> None:
        self.rounds.expect(self.following, leads=False)
        await self.leadership.run(self._do_duties)

    async def _do_duties(self) -> None:
        self.duties = self.make_duties()
        self.rounds.expect(self.leading, leads=True)
        try:
            await _together(*self.duties.loops())
        finally:
            self.rounds.expect(self.following, leads=False)


async def _together(*loops: Loop) -> None:
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop())


def _refusal(broken: BaseExceptionGroup[BaseException]) -> TelegramError | NoPlace | AnotherBot | None:
    """The first fault in it that somebody has to mend outside the software."""
    for error in broken.exceptions:
        if isinstance(error, TelegramError | NoPlace | AnotherBot):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := _refusal(error)):
            return found
    return None


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
