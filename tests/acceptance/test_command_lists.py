"""The "/" list on each phone: staff's commands on theirs, and everybody's in the language they chose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot.ports.records import StaffRole
from bot.simulator.faults import ErrorAnswer, Fault, ResetBefore
from bot.simulator.phone import Phone
from bot.usecases.commands import COMMANDS
from bot.usecases.invite import invite_again
from bot.usecases.leave import leave
from tests.acceptance.house import House, open_house

CHOICE = ("en", "de")


def listed(house: House, phone: Phone) -> dict[str, str]:
    """What the phone lists, by command."""
    person = house.world.people[phone.id]
    shown = house.world.profile.commands_for(phone.id, person.language)
    return {one["command"]: one["description"] for one in shown}


def shows(house: House, phone: Phone, wanted: dict[str, str]) -> bool:
    """Whether that is what the phone lists."""
    return listed(house, phone) == wanted


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what is told beside everything else."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def comes_as_staff(house: House, role: str, language: str = "en") -> Phone:
    """A phone that is set to English, whose person opens an invitation in the language."""
    phone = Phone(house.world, role, role=role)
    await phone.start(await house.invite(role, f"{role} new", language))
    await house.quiet()
    await until(lambda: "case" in listed(house, phone))
    return phone


async def change(house: House, phone: Phone, role: StaffRole | None) -> None:
    """Another role, or none any more, by another process: the bot looks again after a while."""
    async with house.bot.storage.unit() as unit:
        chat = await unit.chats.by_telegram(house.world.bot["id"], phone.id)
        assert chat is not None
        person = await unit.people.get(chat.person_id)
        assert person is not None
        if role is None:
            await leave(unit, house.bot.desk, person, "ended", person.id)
        else:
            await unit.people.add_role(person.id, role, None)
        await unit.commit()
    await house.bot.lists.look()


async def test_staff_see_their_commands_in_their_language(database: Path) -> None:
    """S-02: what a role can do is listed in its own chat alone, in its language, and goes when the role does."""
    async with open_house(database, languages=CHOICE) as house:
        phone, other = await comes_as_staff(house, "tech", "de"), Phone(house.world)
        assert list(listed(house, phone))[:2] == ["case", "ack"]
        assert listed(house, phone)["case"] == "offene Fälle"
        assert set(listed(house, other)) == set(COMMANDS)
        await house.write(phone, "/language en")
        await until(lambda: listed(house, phone)["case"] == "open cases")
        assert "lift" not in listed(house, phone)
        await change(house, phone, StaffRole.DUTY)
        assert "lift" in listed(house, phone)
        await change(house, phone, None)
        assert listed(house, phone) == listed(house, other)


async def test_a_start_tells_staff_anew(database: Path) -> None:
    """Whoever was enrolled before, or got another role while the bot was stopped, sees it after a start."""
    async with open_house(database) as house:
        duty = (await house.staff("duty"))["duty"]
        assert "case" not in listed(house, duty)
        await house.stop()
        await house.start()
        await until(lambda: "lift" in listed(house, duty))


async def test_another_account_takes_the_list_along(database: Path) -> None:
    """Who goes on in another Telegram account leaves no list of staff's in the former one."""
    async with open_house(database) as house:
        phone, new = await comes_as_staff(house, "tech"), Phone(house.world)
        async with house.bot.storage.unit() as unit:
            [person] = await unit.people.in_role(house.programme.id, StaffRole.TECH)
            issued = await invite_again(unit, house.clock, house.ids, house.programme, person, 14)
            await unit.commit()
        await new.start(issued.token)
        await house.quiet()
        await until(lambda: "case" in listed(house, new) and "case" not in listed(house, phone))


async def test_participants_see_the_list_in_the_language_they_chose(database: Path) -> None:
    """S-02: the neutral list, whatever Telegram itself is set to; typed and by the button."""
    async with open_house(database, languages=CHOICE) as house:
        phone = Phone(house.world, "participant", language="en")
        await phone.start(await house.invite("participant", "P-07"))
        await house.quiet()
        await house.press(phone, "LANG:de")
        for language in ("de", "en", "de"):
            wanted = {name: house.bot.desk.texts.line(language, line) for name, line in COMMANDS.items()}
            await until(partial(shows, house, phone, wanted))
            await house.write(phone, "/language en" if language == "de" else "/language de")


@pytest.mark.parametrize(
    "fault",
    [
        ErrorAnswer(500, "Internal Server Error"),
        ErrorAnswer(400, "Bad Request: no"),
        ResetBefore(),
    ],
)
async def test_a_list_that_fails_holds_up_nothing(database: Path, fault: Fault) -> None:
    """R-12: the answer comes though Telegram refuses every list; at the next look it is told again."""
    async with open_house(database) as house:
        house.world.faults.add("setMyCommands", fault, times=None)
        phone = Phone(house.world, "tech", role="tech")
        await phone.start(await house.invite("tech", "tech new"))
        await house.quiet()
        assert "You are enrolled as staff" in phone.last.text
        assert "case" not in listed(house, phone)
        house.world.faults.clear()
        await house.bot.lists.look()
        assert "case" in listed(house, phone)
