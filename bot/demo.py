"""The embedded default: the real bot, a simulated Telegram and a page with phones, in one process on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import MovableClock
from bot.commands.programme_yaml import read_programme
from bot.ids import SystemIds
from bot.ports.services import Clock, Ids
from bot.ports.stores import Storage
from bot.settings import Settings
from bot.simulator.phone import Phone
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.usecases.import_programme import import_programme
from bot.usecases.invite import Guest, Issued, invite, link_of
from bot.usecases.programme_file import ProgrammeFile
from bot.wiring import open_bot, until_stopped

BOT_NAME = "vestibule_demo_bot"
# Those of the example's staff who get a phone on the page, by role; beside them two participants.
STAFF = ("facilitator", "partner_support", "duty")


def example_file() -> Path:
    """The example programme: in docs/ of a checkout, inside the package when installed."""
    inside = Path(__file__).parent / "examples" / "programme.yaml"
    return (
        inside if inside.exists() else Path(__file__).parent.parent / "docs" / "examples" / "programme.yaml"
    )


async def demo(*, port: int, data: Path, ready: Callable[[str], None]) -> int:
    """Run until stopped, with a new database in the folder `data`. `ready` is given the page's address.

    Raises OSError when the port is taken.
    """
    clock, ids = MovableClock(datetime.now(UTC), running=True), SystemIds()
    world = World(clock, bot_username=BOT_NAME)
    url = f"sqlite+aiosqlite:///{data / 'demo.db'}"
    await asyncio.to_thread(migrate, url)
    async with serve(world, port=port) as address:
        settings = Settings(
            bot_token=world.token,
            bot_name=BOT_NAME,
            bot_api_url=address.base_url,
            database_url=url,
            keys=Keyring.generate(),
            send_limits="on",
            heartbeat_file=data / "heartbeat",
        )
        async with open_bot(settings, clock=clock, ids=ids) as bot:
            await _people(bot.storage, clock, ids, world, read_programme(example_file(), clock.now()))
            ready(address.page_url)
            await until_stopped(bot.run())
        world.close()
    return 0


async def _people(storage: Storage, clock: Clock, ids: Ids, world: World, file: ProgrammeFile) -> None:
    """The example programme with its staff, two participants, and a phone for some of them."""
    async with storage.unit() as unit:
        done = await import_programme(unit, clock, ids, file, lambda: None)
        programme = await unit.programmes.by_key(file.programme.key)
        assert programme is not None, "it was imported just now"
        group = await unit.programmes.group_by_key(programme.id, file.groups[0].key)
        for alias, language in (("P-07", "en"), ("P-12", "de")):
            guest = Guest("participant", alias, language, programme.timezone)
            done.invitations.append(await invite(unit, clock, ids, programme, group, guest, 14))
        await unit.commit()
    for issued in _on_the_page(done.invitations):
        guest = issued.guest
        phone = Phone(world, guest.alias, role=guest.role.replace("_", " "), language=guest.language)
        world.offer_invitation(phone.id, link_of(BOT_NAME, issued.token))


def _on_the_page(invitations: list[Issued]) -> list[Issued]:
    participants = [i for i in invitations if i.guest.role == "participant"]
    staff = [next(i for i in invitations if i.guest.role == role) for role in STAFF]
    return [participants[0], staff[0], *participants[1:], *staff[1:]]
