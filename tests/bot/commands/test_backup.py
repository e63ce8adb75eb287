"""`vestibule backup` and `vestibule restore` as an operator uses them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports.records import Invitation, Lane, OutboxRow, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases.invite import OPERATOR
from flows.read import load_library
from tests.bot.commands.conftest import Vestibule
from tests.bot.conftest import TEST_KEYS
from tests.bot.desks import STAFF, START, Room, open_room

BACKUP_KEYS = "b1:" + "B" * 42 + "A"


def settled(url: str) -> None:
    """A participant at the self-test who has just said that somebody is near: alerts, replies and a case."""

    async def play() -> None:
        async with open_room(url, Keyring(TEST_KEYS), load_library()) as room:
            await room.begin()
            await room.play("ST-07:car")
            await _more(room)

    asyncio.run(play())


async def _more(room: Room) -> None:
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        rows = [
            OutboxRow(chat.id, Lane.REPLY, "question", "say", START, "a sensitive question", sensitive=True),
            OutboxRow(chat.id, Lane.REMINDER, "line", "say", START, "a neutral line"),
            OutboxRow(chat.id, Lane.TIDY, "all", "sweep", START),
        ]
        for row in rows:
            await unit.outbox.add(row)
        invitation = Invitation(
            id=room.desk.ids.new(), programme_id=room.programme, group_id=None, role="duty", alias="Alias",
            language="en", timezone="UTC", expires_at=START + timedelta(days=3650),
        )  # fmt: skip
        await unit.invitations.add(invitation, "token")
        await unit.commit()


def rows_of(url: str) -> dict[str, list[tuple[str, str, str]]]:
    """Lane, op and state of the outbox, and what else a restore touches."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        ask = connection.execute
        return {
            "outbox": ask("SELECT lane, op, state FROM outbox ORDER BY id").fetchall(),
            "cases": ask("SELECT number, state FROM cases").fetchall(),
            "open invitations": ask("SELECT id FROM invitations WHERE revoked_at IS NULL").fetchall(),
            "audit": ask("SELECT actor, action FROM audit WHERE action = 'restored'").fetchall(),
        }


def test_restored_nothing_is_doubled(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """R-01, S-30: after a restore cases stand, alerts go out again, all else that waited is withheld, and staff are told once."""
    settled(service)
    before = rows_of(service)
    alerts = [row for row in before["outbox"] if row[0] == "alert" and row[2] == "waiting"]
    assert alerts
    assert before["cases"]
    file = tmp_path / "b.vestibule"
    done = vestibule("backup", file)
    assert (done.code, done.err) == (0, "")
    assert "is whole" in done.out
    (tmp_path / "vestibule.db").unlink()
    done = vestibule("restore", file)
    assert done.code == 0, done.err
    after = rows_of(service)
    assert after["cases"] == before["cases"]
    assert not after["open invitations"]
    assert after["audit"] == [(OPERATOR, "restored")]
    waiting = [row for row in after["outbox"] if row[2] == "waiting"]
    told = {StaffRole.FACILITATOR, StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR} & STAFF.keys()
    assert not [row for row in waiting if row[1] == "say" and row[0] != "alert"]
    assert len([row for row in waiting if row[0] == "alert"]) == len(alerts) + len(told)
    assert ("tidy", "sweep", "waiting") in waiting
    assert sum(row[2] == "withheld" for row in after["outbox"]) >= 2


def test_restore_asks_before_it_replaces(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """R-01: a database that is there stays unless --force is given, and then it is put aside."""
    file = tmp_path / "b.vestibule"
    assert vestibule("backup", file).code == 0
    refused = vestibule("restore", file)
    assert refused.code == 1
    assert "--force" in refused.err
    done = vestibule("restore", file, "--force")
    assert done.code == 0
    assert "before-" in done.out
    again = vestibule("backup", file)
    assert (again.code, "there already" in again.err) == (1, True)
    assert vestibule("backup", file, "--force").code == 0


def test_keys_of_their_own(
    vestibule: Vestibule, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-41: with VESTIBULE_BACKUP_KEYS the data's keys alone open no backup; older backups still open with both."""
    older, newer = tmp_path / "older.vestibule", tmp_path / "newer.vestibule"
    assert vestibule("backup", older).code == 0
    monkeypatch.setenv("VESTIBULE_BACKUP_KEYS", BACKUP_KEYS)
    assert vestibule("backup", newer).code == 0
    assert vestibule("restore", older, "--force").code == 0
    monkeypatch.delenv("VESTIBULE_BACKUP_KEYS")
    refused = vestibule("restore", newer, "--force")
    assert refused.code == 1
    assert "no key opens" in refused.err
    monkeypatch.setenv("VESTIBULE_BACKUP_KEYS", "nonsense")
    assert "VESTIBULE_BACKUP_KEYS" in vestibule("backup", tmp_path / "c").err


def test_other_keys_of_the_data(
    vestibule: Vestibule, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-41: a backup whose data the keys at hand do not open is not made, and not put back."""
    settled(service)
    monkeypatch.setenv("VESTIBULE_BACKUP_KEYS", BACKUP_KEYS)
    file = tmp_path / "b.vestibule"
    assert vestibule("backup", file).code == 0
    monkeypatch.setenv("VESTIBULE_KEYS", "k:" + "D" * 42 + "A")
    before = (tmp_path / "vestibule.db").read_bytes()
    for tried in (vestibule("backup", tmp_path / "c.vestibule"), vestibule("restore", file, "--force")):
        assert tried.code == 1
        assert "does not hold the keys" in tried.err
    assert (tmp_path / "vestibule.db").read_bytes() == before
    assert not (tmp_path / "c.vestibule").exists()


def test_a_bad_backup_changes_nothing(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """S-41: a backup cut off or altered is refused before anything is touched."""
    file = tmp_path / "b.vestibule"
    assert vestibule("backup", file).code == 0
    whole, before = file.read_bytes(), (tmp_path / "vestibule.db").read_bytes()
    for bad in (
        whole[:-1],
        whole[: len(whole) // 2],
        whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:],
        b"",
        b"SQLite format 3\0",
    ):
        file.write_bytes(bad)
        assert vestibule("restore", file, "--force").code == 1
    assert (tmp_path / "vestibule.db").read_bytes() == before
    assert not list(tmp_path.glob(".vestibule-copy-*"))


def test_what_is_over_goes_before_anything_is_sent(
    vestibule: Vestibule, service: str, tmp_path: Path
) -> None:
    """S-42: what should have expired by now is gone when a backup was put back, before the bot runs on it."""
    with closing(sqlite3.connect(tmp_path / "vestibule.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO seen (bot_id, update_id, at, fault) VALUES (7, 1, 1000000, '')")
        file = tmp_path / "b.vestibule"
        assert vestibule("backup", file).code == 0
    assert vestibule("restore", file, "--force").code == 0
    with closing(sqlite3.connect(tmp_path / "vestibule.db")) as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone()[0] == 0
