"""Addresses of staff: from the file to the invitation, to the person who comes, and brought up to date."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports.inbound import Command, Inbound
from bot.ports.records import StaffRole
from bot.storage.sqlite import SqliteStorage
from bot.texts import GettextTexts
from bot.usecases.desk import Desk
from bot.usecases.enrol import enrol
from flows.read import load_library
from tests.bot.commands.conftest import Vestibule
from tests.bot.commands.test_import import SMALL

Opened = Callable[[], SqliteStorage]
PLACE = "    role: facilitator\n"
ADDRESS = "one@service.example"


def written(folder: Path, more: str) -> Path:
    """The small file with more about the facilitator."""
    file = folder / "small.yaml"
    file.write_text(SMALL.replace(PLACE, PLACE + more), encoding="utf-8")
    return file


def comes(opened: Opened, token: str) -> None:
    """Whoever was invited opens the link."""

    async def work() -> None:
        desk, storage = Desk(SystemClock(), SystemIds(), GettextTexts(), load_library()), opened()
        async with storage.unit() as unit:
            assert await enrol(
                unit, desk, Inbound(1, 1, 5, True, "en", Command("start", token), 1, desk.now()), token
            )
            await unit.commit()
        await storage.close()

    asyncio.run(work())


def reached(opened: Opened) -> tuple[str, str]:
    """The facilitator's address and way."""

    async def work() -> tuple[str, str]:
        storage = opened()
        async with storage.unit() as unit:
            programme = await unit.programmes.by_key("small")
            assert programme is not None
            [person] = await unit.people.in_role(programme.id, StaffRole.FACILITATOR)
        await storage.close()
        return person.email, person.reach

    return asyncio.run(work())


def test_an_address_goes_with_the_invitation(
    vestibule: Vestibule, opened: Opened, tmp_path: Path, database_url: str
) -> None:
    """S-41: address and way reach the person who comes, sealed on the way; again, the file brings them up to date."""
    out = vestibule("import", written(tmp_path, f"    email: {ADDRESS}\n    reach: both\n")).out
    token = re.findall(r"start=([\w-]+)", out)[0]
    assert ADDRESS.encode() not in Path(database_url.removeprefix("sqlite:///")).read_bytes()
    comes(opened, token)
    assert reached(opened) == (ADDRESS, "both")
    assert "facilitator Facilitator: as it was" in vestibule("import", written(tmp_path, "")).out
    assert reached(opened) == (ADDRESS, "both")
    changed = written(tmp_path, "    email: two@service.example\n    reach: email\n")
    assert "facilitator Facilitator: changed" in vestibule("import", changed).out
    assert reached(opened) == ("two@service.example", "email")
    vestibule("import", written(tmp_path, '    email: ""\n'))
    assert reached(opened) == ("", "telegram")


def test_an_address_before_they_come(vestibule: Vestibule, opened: Opened, tmp_path: Path) -> None:
    """S-31: an address written down while the invitation is unused is theirs when they come."""
    out = vestibule("import", written(tmp_path, "")).out
    vestibule("import", written(tmp_path, f"    email: {ADDRESS}\n"))
    comes(opened, re.findall(r"start=([\w-]+)", out)[0])
    assert reached(opened) == (ADDRESS, "telegram")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("    email: nowhere\n", "it should look like duty@example.org"),
        ("    reach: email\n", "an address is missing; add email:"),
        (f"    email: {ADDRESS}\n    reach: pigeon\n", "'telegram', 'email' or 'both'"),
    ],
)
def test_what_cannot_be_reached_is_a_fault(
    vestibule: Vestibule, service: str, tmp_path: Path, more: str, says: str
) -> None:
    """S-31: a way without an address, and an address that is none, are faults of the file."""
    outcome = vestibule("import", written(tmp_path, more))
    assert outcome.code == 1
    assert says in outcome.err
