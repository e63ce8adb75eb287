"""The embedded default: the real bot, a simulated Telegram and a page with phones, in one process on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import MovableClock
from bot.commands.programme_yaml import read_programme
from bot.ids import SystemIds
from bot.ports.services import Address, CannotDelete, MissingMessage, Rows
from bot.ports.stores import Storage
from bot.running import until_stopped
from bot.schedule.rota import DAYS
from bot.settings import Settings
from bot.simulator.phone import Phone
from bot.simulator.server import serve
from bot.simulator.world import Inviting, World
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.texts import best_of, own_name
from bot.usecases.desk import Desk
from bot.usecases.duty_file import RotaEntry
from bot.usecases.import_programme import import_programme
from bot.usecases.invite import (
    IN_A_GROUP,
    ROLES,
    CannotInvite,
    Guest,
    Issued,
    choose_programme,
    invite,
    link_of,
)
from bot.usecases.programme_file import ProgrammeFile
from bot.wiring import open_bot

BOT_NAME = "vestibule_demo_bot"
# Those of the example's staff who get a phone on the page, by role; a participant stands before them, one after.
STAFF = ("facilitator", "duty", "manager", "partner_support", "tech")


class MailBox:
    """The Messenger port on the page's mail box; as with real mail, what is sent stays as it is."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.mails = []

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """The first line is the subject, the rest the body; buttons are left out."""
        subject, _, body = text.partition("\n")
        self._world.mail(str(to), subject, body.strip() or subject)
        return 0

    async def edit(self, to: Address, message_id: int, text: str, rows: Rows) -> None:
        """A mail stays as it is."""
        raise MissingMessage("a mail cannot be edited")

    async def delete(self, to: Address, message_id: int) -> None:
        """A mail stays where it is."""
        raise CannotDelete("a mail cannot be deleted")

    async def answer_press(self, callback_id: str) -> None:
        """A mail has no buttons."""


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
    url = f"sqlite:///{data / 'demo.db'}"
    await asyncio.to_thread(migrate, url)
    async with serve(world, port=port) as address:
        settings = Settings(
            bot_token=world.token,
            bot_name=BOT_NAME,
            bot_api_url=address.base_url,
            database_url=url,
            keys=Keyring.generate(),
            send_limits="on",
            drafts="yes",
            heartbeat_file=data / "heartbeat",
        )
        async with open_bot(settings, clock=clock, ids=ids, mailer=MailBox(world)) as bot:
            example = _on_duty(read_programme(example_file(), clock.now()), bot.desk.languages)
            await _people(bot.storage, bot.desk, world, example)
            world.inviting = Inviting(ROLES, example.programme.languages, _inviter(bot.storage, bot.desk))
            ready(address.page_url)
            await until_stopped(bot.run())
        world.close()
    return 0


def _on_duty(file: ProgrammeFile, languages: tuple[str, ...]) -> ProgrammeFile:
    """With every language, and somebody on duty at whatever hour one looks, so that a ladder shows its duty rung."""
    who = next(one.alias for one in file.staff if one.role == "duty")
    weekly = [{"day": day, "from": "00:00", "to": "00:00", "who": who} for day in DAYS]
    rota = RotaEntry.model_validate({"role": "duty", "weekly": weekly})
    programme = file.programme.model_copy(update={"languages": languages})
    return file.model_copy(update={"rotas": file.rotas or (rota,), "programme": programme})


async def _people(storage: Storage, desk: Desk, world: World, file: ProgrammeFile) -> None:
    """The example programme with two participants, who have yet to come, and staff who are there already."""
    async with storage.unit() as unit:
        done = await import_programme(unit, desk, file, lambda: None)
        programme = await unit.programmes.by_key(file.programme.key)
        assert programme is not None, "it was imported just now"
        group = await unit.programmes.group_by_key(programme.id, file.groups[0].key)
        for alias, language in (("P-07", "en"), ("P-12", "de")):
            guest = Guest("participant", alias, language, programme.timezone)
            done.invitations.append(
                await invite(
                    unit, desk.clock, desk.ids, programme, group, guest, 14, languages=desk.languages
                )
            )
        await unit.commit()
    for issued in _on_the_page(done.invitations):
        guest, link = issued.guest, link_of(BOT_NAME, issued.token)
        name = guest.alias if guest.language == "en" else f"{guest.alias} ({own_name(guest.language)})"
        phone = Phone(world, name, role=guest.role.replace("_", " "), language=guest.language)
        if guest.role == "participant":
            world.offer_invitation(phone.id, link)
        else:
            # So that an alert finds somebody; the bot takes them in as soon as it runs.
            await phone.open_invitation(link)


def _on_the_page(invitations: list[Issued]) -> list[Issued]:
    first, *others = [i for i in invitations if i.guest.role == "participant"]
    return [first, *(next(i for i in invitations if i.guest.role == role) for role in STAFF), *others]


def _inviter(storage: Storage, desk: Desk) -> Callable[[str, str, str], Awaitable[str]]:
    """What the page's "Add a phone" calls: an invitation into the first group, or for the whole programme.

    A phone may be set to any language that Telegram has; who holds one set to `de-AT` is invited into German.
    """

    async def invited(role: str, alias: str, language: str) -> str:
        async with storage.unit() as unit:
            programme = await choose_programme(unit, None)
            groups = await unit.programmes.groups(programme.id)
            first = min(groups, key=lambda group: group.id) if role in IN_A_GROUP else None
            spoken = best_of(language, programme.languages) or language
            try:
                guest = Guest(role, alias, spoken, programme.timezone)
                issued = await invite(
                    unit, desk.clock, desk.ids, programme, first, guest, 14, languages=desk.languages
                )
            except CannotInvite as no:
                raise ValueError(str(no)) from None
            await unit.commit()
        return link_of(BOT_NAME, issued.token)

    return invited
