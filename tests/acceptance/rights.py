"""What stories about leaving, erasure and moving share: who lived in the house, and what is left of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.ports.records import Person
from bot.simulator.phone import Phone
from bot.storage.sealing import CannotOpen, Keyring
from bot.usecases.erase_person import erase, look
from tests.acceptance.house import House
from tests.acceptance.stories import ALIAS, READY

TYPED = "Zebra crossing marmalade"
KEPT = {
    "audit": ("actor", "subject", "detail"),
    "requests": ("person_id",),
}
"""Where an erased person's pseudonymous id may still stand, by law: the proof of who did what."""


def cells(file: Path) -> Iterator[tuple[str, str, str, Any]]:
    """Table, row, column and value of every cell of the database, sealed ones as they lie there."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in names:
            for row in connection.execute(f"SELECT * FROM {table}").fetchall():
                named = dict(row)
                place = str(named.get("id", ""))
                if table == "outbox":
                    place = f"{named['chat_id']}.{named['seal_id']}"
                for column, value in named.items():
                    yield table, place, column, value
    connection.close()


def traces(file: Path, keys: Keyring, marks: set[str]) -> list[tuple[str, str]]:
    """Tables and columns in which one of the marks stands, plain or sealed."""
    found = []
    for table, place, column, value in cells(file):
        text = str(value)
        if column.startswith("sealed_"):
            try:
                text = keys.open(table, column.removeprefix("sealed_"), place, value).decode(
                    "utf-8", "replace"
                )
            except CannotOpen:  # pragma: no cover - every sealed value of a story opens
                raise AssertionError(f"{table}.{column} of {place} does not open") from None
        if any(mark in text for mark in marks) and column not in KEPT.get(table, ()):
            found.append((table, column))
    return found


async def marks_of(house: House, phone: Phone) -> set[str]:
    """What must be nowhere once somebody is erased: ids, alias, Telegram's id, what was typed."""
    person = await house.person(phone)
    async with house.unit() as unit:
        chat = await unit.chats.of_person(person.id)
        visits = [row.id for row in await unit.visits.of_person(person.id)]
    assert chat is not None
    return {person.id, chat.id, *visits, ALIAS, TYPED, str(phone.id)}


async def do(house: House, what: Any, person: Person, *more: Any) -> Any:
    """Run one of the use cases as the command line does, in a transaction of its own."""
    async with house.bot.storage.unit() as unit:
        done = await what(unit, house.bot.desk, person, *more)
        await unit.commit()
    house.bot.sender.wake()
    return done


async def erased(house: House, person: Person) -> Any:
    """One go of the erasure, as the command line does it."""
    async with house.bot.storage.unit() as unit:
        current = (await unit.everything.by_alias(house.programme.id, person.alias))[0]
        programme = await unit.programmes.get(house.programme.id)
        assert programme is not None
        done = await erase(unit, house.bot.desk, programme, current)
        await unit.commit()
    house.bot.sender.wake()
    return done


async def looked(house: House, person: Person) -> Any:
    """The dry run."""
    async with house.unit() as unit:
        return await look(unit, house.bot.desk, house.programme, person)


async def lived_in(house: House) -> tuple[Phone, dict[str, Phone]]:
    """A participant with answers, an agreement, a hold that staff have dealt with, and typed text."""
    await house.plan_session()
    staff = await house.staff("facilitator", "administrator", "partner_support", "duty")
    phone = await house.participant()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-02": ("shared",)})
    await house.write(phone, TYPED)
    await house.write(staff["facilitator"], "/details K-101")
    await house.write(staff["facilitator"], "/roster")
    return phone, staff


async def settle_cases(house: House, staff: dict[str, Phone]) -> None:
    """Every open case is resolved by each of its roles."""
    roles = {"F": "facilitator", "P": "partner_support", "D": "duty"}
    for case in await house.cases():
        for letter in await house.roles(case):
            phone = staff.get(roles.get(letter, ""))
            if phone is None:
                continue
            await house.write(phone, f"/ack {case.ref}")
            await house.write(phone, f"/lift {case.ref}")
            await house.write(phone, f"/seen {case.ref}" if letter == "P" else f"/resolve {case.ref} handled")
    async with house.bot.storage.unit() as unit:  # what is left is closed by hand: this story is not about it
        for case in await unit.cases.open_in(house.programme.id):
            await unit.cases.save(replace(case, state="closed", closed_at=house.clock.now()))
            for part in await unit.cases.roles(case.id):
                await unit.cases.save_role(
                    replace(part, state="done", next_target=None, next_due_at=None, outcome="handled")
                )
        await unit.commit()
