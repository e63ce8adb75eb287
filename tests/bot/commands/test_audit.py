"""`vestibule audit`: whether the log is whole, and what stands in it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from bot.ports.records import AuditEntry
from bot.storage.sqlite import SqliteStorage
from tests.bot.commands.conftest import Vestibule
from tests.bot.storage import rows as make
from tests.bot.storage.rows import at, named

Opened = Callable[[], SqliteStorage]
DEEDS = (
    ("staff", "case.take", "case", {"role": "F"}),
    ("staff", "case.details", "case", {"roles": "F,P"}),
    ("person", "enrolled", "person", {"role": "participant"}),
)


@pytest.fixture
def log(opened: Opened) -> None:
    """People, a case, and a log of three entries."""

    async def work() -> None:
        storage = opened()
        async with storage.unit() as unit:
            await make.settle(unit)
            await unit.people.add(make.staff(alias="Robin of the staff"))
            await unit.cases.add(make.case(101), [])
            ids = {"case": named("case", 101), "staff": named("staff"), "person": named("person")}
            for number, (who, deed, what, detail) in enumerate(DEEDS, start=1):
                entry = AuditEntry(named("audit", number), at(number * 60), ids[who], deed, ids[what], detail)
                await unit.audit.add(entry)
            await unit.commit()
        await storage.close()

    asyncio.run(work())


def run(url: str, *statements: str) -> None:
    """Change something behind the software's back."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.usefixtures("log")
def test_show_says_who_saw_what_when_and_why(vestibule: Vestibule) -> None:
    """R-16, S-20: a table by pseudonymous ids and UTC times; no name, though the database has them."""
    shown = vestibule("audit", "show")
    assert shown.code == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.out.splitlines()]
    assert lines[0] == ["when (UTC)", "who", "what", "of", "why"]
    # The ids of these tests end with the same digits.
    assert lines[2] == [
        f"{at(120):%Y-%m-%d %H:%M:%S}",
        "staff 00000001",
        "saw the details of",
        "K-101",
        "roles: F, P",
    ]
    assert lines[3][1:4] == ["participant 00000001", "enrolled", "participant 00000001"]
    assert "Robin" not in shown.out
    assert make.person().alias not in shown.out
    assert lines[-1] == ["3 entries"]


@pytest.mark.usefixtures("log")
def test_show_can_be_narrowed(vestibule: Vestibule) -> None:
    """R-16: by time, by case reference or id, and by deed or its beginning; a word that only begins alike is none."""
    for asked, found in {
        ("--since", f"{at(120):%Y-%m-%dT%H:%M}"): 2,
        ("--subject", "K-101"): 2,
        ("--subject", named("person")): 1,
        ("--action", "case"): 2,
        ("--action", "case.details"): 1,
        ("--action", "cas"): 0,
    }.items():
        told = vestibule("audit", "show", *asked).out.splitlines()
        shown = [
            line for line in told[:-1] if "read the audit log" not in line and not line.startswith("when")
        ]
        assert len(shown) == found, asked
    assert vestibule("audit", "show", "--since", "lately").code == 2


@pytest.mark.usefixtures("log")
def test_that_the_log_was_read_is_in_the_log(vestibule: Vestibule) -> None:
    """R-16: reading the log is an entry of its own, with how many entries were shown."""
    vestibule("audit", "show", "--since", f"{at(0):%Y-%m-%d}")
    told = vestibule("audit", "show", "--action", "audit.shown").out
    assert "operator" in told
    assert "read the audit log" in told
    assert "count: 3; since:" in told


@pytest.mark.usefixtures("log")
def test_verify_ends_with_0_or_1(vestibule: Vestibule, service: str) -> None:
    """R-16: a whole log ends with 0 and its end to be written down; one that was changed with 1 and which entry."""
    whole = vestibule("audit", "verify")
    assert whole.code == 0
    assert "3 entries, whole" in whole.out
    assert re.search(r"^end: 3:[0-9a-f]{64}$", whole.out, re.MULTILINE)
    run(service, "DROP TRIGGER audit_no_update", "UPDATE audit SET actor = 'somebody' WHERE seq = 2")
    changed = vestibule("audit", "verify")
    assert (changed.code, "not whole: entry 2 was changed" in changed.err) == (1, True)


@pytest.mark.usefixtures("log")
def test_an_end_written_down_shows_a_log_written_anew(vestibule: Vestibule, service: str) -> None:
    """R-16: whoever writes the whole chain anew, count and all, is found by an end that was kept elsewhere."""
    end = vestibule("audit", "verify").out.split("end: ")[1].strip()
    vestibule("audit", "show")
    assert vestibule("audit", "verify", "--head", end).code == 0
    run(
        service,
        *(f"DROP TRIGGER audit_{name}" for name in ("no_update", "no_delete", "no_insert_between", "count")),
        "DELETE FROM audit WHERE seq >= 2",
        "UPDATE counters SET value = 1 WHERE name = 'audit'",
    )
    assert vestibule("audit", "verify").code == 0
    found = vestibule("audit", "verify", "--head", end)
    assert (found.code, "entry 3 is not the one that --head names" in found.err) == (1, True)
    assert vestibule("audit", "verify", "--head", "3:short").code == 2


@pytest.mark.usefixtures("log")
def test_an_end_that_left_by_retention_is_said_to_have(
    vestibule: Vestibule, service: str, opened: Opened
) -> None:
    """R-16: an end whose entries left below an anchor can be compared with nothing, and that is said."""
    end = vestibule("audit", "verify").out.split("end: ")[1].strip()

    async def ran() -> None:
        storage = opened()
        async with storage.unit() as unit:
            when = at(401 * 24 * 60)
            await unit.audit.add(
                AuditEntry(named("audit", 9), when, "retention", "retention.ran", "database", {})
            )
            await unit.commit()
        await storage.close()

    asyncio.run(ran())
    run(
        service,
        "INSERT INTO audit_anchors SELECT 'a', seq, hash, at + 34560000000000, at + 1 FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq <= 3",
    )
    told = vestibule("audit", "verify", "--head", end)
    assert (told.code, "has left the log by retention" in told.out) == (0, True)
