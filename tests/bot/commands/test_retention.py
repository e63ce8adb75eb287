"""`vestibule retention` and `vestibule requests`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.ports.records import AuditEntry, Request
from bot.ports.stores import Unit
from bot.storage.sqlite import SqliteStorage
from bot.usecases.retention import KEPT, TABLE
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.storage import rows
from tests.bot.storage.rows import named

Opened = Callable[[], SqliteStorage]


def kept(opened: Opened, work: Callable[[Unit], Awaitable[object]]) -> object:
    """Do it in the service's storage, and keep it."""

    async def run() -> object:
        storage = opened()
        async with storage.unit() as unit:
            found = await work(unit)
            await unit.commit()
        await storage.close()
        return found

    return asyncio.run(run())


async def _fill(unit: Unit) -> None:
    now = datetime.now(UTC)
    await unit.programmes.save(rows.programme(settings={"legal_hold": ["K-7"]}))
    await unit.programmes.save_group(rows.group())
    await unit.people.add(rows.person(alias="Blue 4"))
    for number, days in ((1, 91), (2, 80), (3, 1)):
        due_at = now - timedelta(days=days)
        await unit.reminders.add(rows.reminder(number, due_at=due_at, fate="sent"))
    await unit.requests.add(
        Request("f" * 26 + "4f21c0", named("programme"), named("person"), "erasure", now - timedelta(days=40))
    )


def test_it_says_what_goes_when(vestibule: Vestibule, opened: Opened) -> None:
    """S-42 Every kind with its time, reason and law, how many rows go now and in 30 days, and what is kept and why."""
    kept(opened, _fill)
    shown = vestibule("retention")
    assert (shown.code, shown.err) == (0, "")
    for kind in TABLE:
        assert f"{kind.setting}: {kind.time}" in shown.out
        assert f"{kind.reason} ({kind.hook})" in shown.out
    assert all(f"{table}: kept; {why}" in shown.out for table, why in KEPT.items())
    after = shown.out.split("reminders_days: 90")[1]
    assert after.split("goes: ")[1].startswith("1 now, 2 within 30 days")
    assert "under a legal hold: K-7 (0 people)" in shown.out
    assert "last run: never" in shown.out


def test_it_takes_away_what_is_over(vestibule: Vestibule, opened: Opened) -> None:
    """S-42 R-16 `--now` runs at once, as after a restore; recorded, and without a name."""
    kept(opened, _fill)
    shown = vestibule("retention", "--now", "--programme", "north")
    assert "1 rows have gone" in shown.out
    assert "reminders_days: 90, counted from when it was due" in shown.out
    assert "goes: 0 now, 1 within 30 days" in shown.out
    assert "last run: never" not in shown.out
    [entry] = _entries(opened, "database")
    assert entry.detail == {"gone": "reminders:1"}


def test_an_unknown_programme_is_a_fault(vestibule: Vestibule, opened: Opened) -> None:
    """S-42 Which there are is said, and nothing is done."""
    kept(opened, _fill)
    assert vestibule("retention", "--programme", "south").code == 1


def test_times_of_the_file_are_judged(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """S-42 A time out of bounds is a fault with its line; one within them holds."""
    text = EXAMPLE.read_text(encoding="utf-8")
    before = "    retention_months: 12"
    file = tmp_path / "p.yaml"
    file.write_text(text.replace(before, f"    retention: {{message_ids_days: 1}}\n{before}"))
    refused = vestibule("import", file)
    assert refused.code == 1
    assert "message_ids_days should be from 7 to 180" in refused.err
    file.write_text(text.replace(before, "    retention: {answers_months: 6}\n    retention_months: 9"))
    assert vestibule("import", file).code == 0
    shown = vestibule("retention").out
    assert "answers_months: 6," in shown
    assert "reflections_months: 9," in shown
    assert "cases_months: 24," in shown


def test_requests_are_listed_and_done(vestibule: Vestibule, opened: Opened) -> None:
    """S-45 R-16 Whose it is, by when, and that it is late; that it was read, and what came of it, is recorded."""
    kept(opened, _fill)
    listed = vestibule("requests")
    assert "R-4F21C0  erasure  Blue 4  asked " in listed.out
    assert "  LATE" in listed.out
    assert vestibule("requests", "done", "R-4F21C0", "--outcome", "lost").code == 2
    assert vestibule("requests", "done", "R-1", "--outcome", "granted").err == (
        "there is no one open request R-1; open: R-4F21C0\n"
    )
    done = vestibule("requests", "done", "R-4F21C0", "--outcome", "withdrawn")
    assert (done.code, done.out) == (0, "R-4F21C0  erasure  withdrawn\n")
    assert vestibule("requests").out == "no request is open\n"
    entries = _entries(opened, "f" * 26 + "4f21c0")
    assert [entry.action for entry in entries] == ["request.listed", "request.done"]


def _entries(opened: Opened, subject: str) -> list[AuditEntry]:
    async def work(unit: Unit) -> list[AuditEntry]:
        return await unit.audit.of_subject(subject)

    found = kept(opened, work)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("arguments", [("retention",), ("requests",), ("requests", "done")])
def test_help_says_enough(vestibule: Vestibule, arguments: tuple[str, ...]) -> None:
    """S-42 S-45 Each can be learned from its help."""
    shown = vestibule(*arguments, "--help")
    assert shown.code == 0
    assert len(shown.out) > 300
