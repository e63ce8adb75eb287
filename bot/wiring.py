"""Puts the rooms together: the one place that knows all of them."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.mail.mailer import Mailer, NoMail
from bot.parts import Parts
from bot.ports.services import Clock, Ids, Messenger
from bot.ports.stores import Storage
from bot.running import Vestibule, until_stopped
from bot.settings import Settings
from bot.signposts import read_signposts
from bot.storage.opening import storage_at
from bot.storage.postgres import PostgresStorage
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.telegram.transport import build_bot, number_in
from bot.texts import GettextTexts, own_name
from bot.usecases.carry_out import MissingScript
from bot.usecases.desk import Desk
from bot.usecases.own_bot import refuse_another
from bot.usecases.rotate_keys import note_sealing
from flows.read import load_library

COLLECT_AFTER: Final = (20_000, 20, 20)
"""Objects more than went, before garbage is looked for; then every how many times further. A tap leaves some hundred
that are in use until its answer is out: looked at every 700, as Python has it, they were most of what was looked at."""


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

    Telegram is not asked for anything before it runs. Raises StorageFault, ScriptFault, MissingScript or AnotherBot.
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
            if number := number_in(telegram.token):  # what is no token Telegram refuses
                await refuse_another(unit, number)
            await note_sealing(unit, clock.now())
            await unit.commit()
        await telegram.request.initialize()  # what is sent before Telegram was reached is tried as after it
        parts = Parts(settings, desk, kept, telegram, mailer or _mailer(settings, clock))
        yield parts.assembled()
    finally:
        await telegram.shutdown()
        await telegram.request.shutdown()  # the library closes it only if Telegram was ever asked
        if own is not None:
            await own.close()


def _mailer(settings: Settings, clock: Clock) -> Messenger:
    server = settings.mail_server()
    return Mailer(server, settings.mail_from, clock) if server and settings.mail_from else NoMail()


async def run(settings: Settings) -> int:
    """`vestibule run`: until SIGTERM or SIGINT; gives the exit code."""
    async with open_bot(settings) as bot:
        # What is loaded now stays: a full collection would look over all of it, for some 70 ms, now and then.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        await until_stopped(bot.run())
    return 0
