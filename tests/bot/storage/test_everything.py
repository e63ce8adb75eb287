"""That no table holds something of a person which export and erasure do not know of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports.everything import CaseStillOpen
from bot.ports.records import Lane
from bot.storage import everything
from bot.storage.sqlite import SqliteStorage
from bot.storage.tables import metadata
from tests.bot.counted import Counted
from tests.bot.damage import damage
from tests.bot.storage import rows as make
from tests.bot.storage.rows import at, named

pytestmark = pytest.mark.both_databases

OF_A_PERSON = {
    ("agreements", "person_id"), ("allowances", "person_id"), ("answers", "person_id"), ("cases", "person_id"),
    ("invitations", "used_by"), ("person_roles", "person_id"), ("readiness", "person_id"), ("reminders", "person_id"),
    ("sessions", "person_id"), ("shifts", "person_id"), ("visits", "person_id"),
}  # fmt: skip
"""Rows that bot.storage.everything takes away with the person."""
OF_STAFF = {("allowances", "given_by"), ("case_roles", "taken_by"), ("readiness", "lifted_by")}
"""What somebody of staff did; it keeps their pseudonymous id, and their row stays empty."""
BY_CHAT = {("ledger", "chat_id"), ("outbox", "chat_id")}
"""Goes with the chat, once it was cleared."""
WITHOUT_A_KEY = {("people", "visit_id"), ("requests", "person_id")}
"""Names a row without a foreign key: cleared with the row, and kept as proof."""


def test_every_column_about_people_is_known_to_the_erasure() -> None:
    """S-45: a new column that points at people or chats is a decision on what an erasure does with it."""
    pointing = {
        (table.name, column.name): key.column.table.name
        for table in metadata.tables.values()
        for column in table.c
        for key in column.foreign_keys
    }
    assert {place for place, to in pointing.items() if to == "people"} == OF_A_PERSON | OF_STAFF
    assert {place for place, to in pointing.items() if to == "chats"} == BY_CHAT
    named = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.c
        if column.name in ("person_id", "visit_id", "chat_id") and not column.foreign_keys
    }
    assert named == WITHOUT_A_KEY


async def test_nothing_goes_while_a_case_is_open(storage: SqliteStorage) -> None:
    """S-30, S-45: the store itself refuses, whoever asks: the case, its parts and its waiting alerts stay."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.people.add(make.staff())
        await unit.cases.add(make.case(), [make.case_role()])
        await unit.outbox.add(make.message("alert", lane=Lane.ALERT, case_id=named("case", 101)))
        with pytest.raises(CaseStillOpen):
            await unit.everything.erase_content(make.person(), keep_cases=False)
        assert await unit.cases.get(named("case", 101)) == make.case()
        assert len(await unit.cases.roles(named("case", 101))) == 1
        assert len(await unit.outbox.waiting(named("chat"))) == 1


async def links(storage: SqliteStorage) -> set[str]:
    """Ids of the invitations there are."""
    async with storage.unit() as unit:
        found = {"one", "two", "three", "four", "five"}
        return {token for token in found if await unit.invitations.by_token(token) is not None}


async def test_a_successor_keeps_their_link(storage: SqliteStorage) -> None:
    """S-45: of an alias that goes on, only the links that brought or would move the erased person go, and dead ones."""
    gone = make.person(state="left", left_at=at(30), visit_id=None)
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.people.save(gone)
        await unit.invitations.add(make.invitation(1, used_by=gone.id, used_at=at(1)), "one")
        await unit.invitations.add(make.invitation(2, replaces=gone.id), "two")
        await unit.invitations.add(make.invitation(3, alias=gone.alias, revoked_at=at(2)), "three")
        await unit.invitations.add(make.invitation(4, alias=gone.alias, expires_at=at(20)), "four")
        await unit.invitations.add(make.invitation(5, alias=gone.alias), "five")
        await unit.commit()
    async with storage.unit() as unit:
        assert (await unit.everything.erase_content(gone, keep_cases=False))["invitations"] == 4
        await unit.commit()
    assert await links(storage) == {"five"}


async def test_links_under_an_alias_somebody_else_bears_stay(storage: SqliteStorage) -> None:
    """S-45: once somebody else bears the alias, nothing of theirs goes by its being equal."""
    gone = make.person(state="left", left_at=at(30), visit_id=None)
    async with storage.unit() as unit:
        await make.settle(unit, 2)
        await unit.people.save(gone)
        await unit.people.save(make.person(2, alias=gone.alias))
        await unit.invitations.add(make.invitation(1, used_by=gone.id, used_at=at(1)), "one")
        used = make.invitation(2, alias=gone.alias, used_by=named("person", 2), used_at=at(40))
        await unit.invitations.add(used, "two")
        await unit.invitations.add(make.invitation(3, alias=gone.alias, revoked_at=at(2)), "three")
        await unit.commit()
    async with storage.unit() as unit:
        await unit.everything.erase_content(gone, keep_cases=False)
        await unit.commit()
    assert await links(storage) == {"two", "three"}


@pytest.mark.parametrize(
    ("text", "goes"), [("N-07: ready", True), ("(N-07)", True), ("N-07-B: ready", False), ("AN-07", False)]
)
async def test_a_mention_is_of_the_whole_alias(storage: SqliteStorage, text: str, goes: bool) -> None:
    """S-45: what was sent about N-07-B stays when N-07 is erased."""
    async with storage.unit() as unit:
        await make.settle(unit, 2)
        gone = make.person(alias="N-07", visit_id=None)
        await unit.people.save(gone)
        await unit.outbox.add(
            make.message("roster", chat_id=named("chat", 2), text=text, state="sent", rows=())
        )
        await unit.commit()
    async with storage.unit() as unit:
        found = await unit.everything.erase_content(gone, keep_cases=False)
        assert found.get("outbox", 0) == int(goes)


async def test_an_alias_is_found_among_many(storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-45, R-12: by alias, a page after the other; no row is read whole but theirs, and letters count unless it is said."""
    monkeypatch.setattr(everything, "_AT_ONCE", 2)
    async with storage.unit() as unit:
        await make.settle(unit)
        for number in range(6):
            await unit.people.add(replace(make.person(), id=named("other", number), alias=f"N-{number}"))
        await unit.commit()
    counted = Counted(monkeypatch)
    async with storage.unit() as unit:
        look = unit.everything.by_alias
        assert await counted.of(lambda: look(make.person().programme_id, "n-4")) == (4, 7)
        assert await counted.of(lambda: look(make.person().programme_id, "N-4")) == (5, 8)
        [found] = await look(make.person().programme_id, " n-4", folded=True)
        assert found.alias == "N-4"
        assert await look("f" * 32, "N-4") == []


async def test_a_damaged_visit_hides_no_other_of_that_alias(
    storage: SqliteStorage, database_url: str
) -> None:
    """S-31, S-45: of two of one alias who cannot be read, for the visit in front of them, hides the other from nobody."""
    other = named("other", 1)
    async with storage.unit() as unit:
        await make.settle(unit)
        visit = make.visit()
        person = make.person()
        await unit.people.save(replace(await unit.people.get(person.id), visit_id=visit.id))  # type: ignore[type-var]  # is there
        await unit.people.add(replace(make.person(), id=other))
        await unit.commit()
    damage(database_url, "visits", "sealed_body", "id = ?", visit.id)
    async with storage.unit() as unit:
        found = await unit.everything.by_alias(person.programme_id, person.alias)
    assert [one.id for one in found] == [other]
