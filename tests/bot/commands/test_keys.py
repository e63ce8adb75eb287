"""`vestibule keys`: files of keys, and everything sealed anew."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.storage.key_file import CREDENTIAL, put_in_front, read_keys
from bot.storage.sealing import BadKeys, Keyring
from bot.storage.sqlite import SqliteStorage
from bot.usecases import rotate_keys
from tests.bot.commands.conftest import Vestibule
from tests.bot.conftest import TEST_KEYS
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW

OLD = "old:" + "E" * 43


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """A file with the keys of the tests, closed to others."""
    file = tmp_path / "keys"
    file.write_text(TEST_KEYS.replace(" ", "\n") + "\n", encoding="ascii")
    file.chmod(0o600)
    return file


def fill(opened: Callable[[], SqliteStorage]) -> None:
    """Rows sealed with the newest key of the tests, and a bot that was started with it."""

    async def work() -> None:
        storage = opened()
        async with storage.unit() as unit:
            await make.settle(unit, people=3)
            await rotate_keys.note_sealing(unit, NOW)
            await unit.commit()
        await storage.close()

    asyncio.run(work())


def test_keys_can_stand_in_a_file(
    vestibule: Vestibule, service: str, keys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-41: a file named by VESTIBULE_KEYS_FILE holds the keys, one a line; both at once are refused."""
    monkeypatch.setenv("VESTIBULE_KEYS_FILE", str(keys_file))
    both = vestibule("keys", "check")
    assert (both.code, "are both set" in both.err) == (1, True)
    monkeypatch.delenv("VESTIBULE_KEYS")
    assert vestibule("keys", "check").code == 0
    assert f"{keys_file}: they can be used and open what the database holds" in vestibule("doctor").out


def test_systemd_may_hand_the_keys_over(
    vestibule: Vestibule, service: str, keys_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-41: without either variable the credential vestibule-keys is taken; a variable goes before it."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    keys_file.rename(tmp_path / "credentials" / CREDENTIAL)
    (tmp_path / "credentials" / CREDENTIAL).chmod(0o440)
    monkeypatch.delenv("VESTIBULE_KEYS")
    assert vestibule("keys", "check").code == 0
    (tmp_path / "credentials" / CREDENTIAL).chmod(0o444)
    assert "others on this machine have rights to it (0444)" in vestibule("keys", "check").err
    monkeypatch.setenv("VESTIBULE_KEYS", TEST_KEYS)
    assert vestibule("keys", "check").code == 0


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o620, 0o601, 0o777])
def test_a_file_that_others_can_get_at_is_refused(
    vestibule: Vestibule, service: str, keys_file: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """S-41: a file of keys to which its group or others have any right is refused with what to do, and not shown."""
    monkeypatch.delenv("VESTIBULE_KEYS")
    monkeypatch.setenv("VESTIBULE_KEYS_FILE", str(keys_file))
    keys_file.chmod(mode)
    for command in (("keys", "check"), ("keys", "rotate"), ("doctor",)):
        told = vestibule(*command)
        assert told.code == 1
        assert f"({mode:04o}); nothing was read. Close it with: chmod 600 {keys_file}" in told.err + told.out
        assert "E" * 20 not in told.err + told.out


def test_a_file_of_no_use_is_named_but_never_shown(tmp_path: Path) -> None:
    """S-20: a file that is missing, empty, too long or of other bytes is refused by name, nothing of it repeated."""
    file = tmp_path / "keys"
    with pytest.raises(BadKeys, match="cannot be read: No such file"):
        read_keys(file)
    for content, says in (
        (b" \n", "holds no key"),
        ("schlüssel".encode(), "no file of keys"),
        (b"k" * 70_000, "no file"),
    ):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(BadKeys, match=says) as refused:
            read_keys(file)
        assert "schl" not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_new_key_goes_in_front_and_loses_none(vestibule: Vestibule, tmp_path: Path, umask: int) -> None:
    """S-41: `keys new --file` makes a file for its owner alone, then puts each new key before those that are there."""
    file, before = tmp_path / "keys", os.umask(umask)
    try:
        first = vestibule("keys", "new", "--file", file)
        second = vestibule("keys", "new", "--file", file)
    finally:
        os.umask(before)
    assert (first.code, second.code) == (0, 0)
    assert "2 keys now" in second.out
    assert "vestibule keys rotate" in second.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    newest, oldest = file.read_text("ascii").split()
    assert newest not in first.out + second.out
    assert Keyring(f"{newest} {oldest}").lookup("chat", 1) == Keyring(oldest).lookup("chat", 1)
    assert [one.name for one in tmp_path.iterdir()] == ["keys"]
    file.chmod(0o644)
    assert "chmod 600" in vestibule("keys", "new", "--file", file).err
    assert len(file.read_text("ascii").split()) == 2


def test_a_key_that_cannot_be_written_leaves_the_old_ones(tmp_path: Path) -> None:
    """S-41: a file that cannot be replaced stays as it is, and the fault says so."""
    with pytest.raises(BadKeys, match="could not be written"):
        put_in_front(tmp_path / "none" / "keys", Keyring.generate())


def test_rotate_says_what_can_go(
    vestibule: Vestibule,
    service: str,
    opened: Callable[[], SqliteStorage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S-41: rotate tells its progress and which keys are not needed any more; check says the same afterwards."""
    fill(opened)
    newest = Keyring.generate()
    name = newest.partition(":")[0]
    monkeypatch.setenv("VESTIBULE_KEYS", f"{newest},{TEST_KEYS}")
    checked = vestibule("keys", "check")
    assert "new: opens 9 values still; to seal them anew: vestibule keys rotate" in checked.out
    refused = vestibule("keys", "rotate")
    assert refused.code == 1
    assert (
        f"the bot that was started last seals with new, not with {name}; nothing was changed" in refused.err
    )
    done = vestibule("keys", "rotate", "--stopped")
    assert done.code == 0
    assert "people.body: 3 of 3" in done.out
    assert f"9 values sealed anew with {name}" in done.out
    for told in (done, vestibule("keys", "check")):
        assert f"{name}: seals; 9 values" in told.out
        assert "new: not needed any more" in told.out
        assert (
            "old: opens nothing any more; look-ups need its bytes: write lookup: instead of old:" in told.out
        )
        assert not any(entry.partition(":")[2] in told.out for entry in (newest, *TEST_KEYS.split()))
    monkeypatch.setenv("VESTIBULE_KEYS", f"{newest} {OLD.replace('old:', 'lookup:')}")
    assert vestibule("keys", "check").code == 0
    assert "0 values sealed anew" in vestibule("keys", "rotate", "--stopped").out


def test_check_finds_what_no_key_opens(
    vestibule: Vestibule,
    service: str,
    opened: Callable[[], SqliteStorage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S-41: a key that was taken away too early is told, also when the oldest and newest rows open."""
    fill(opened)
    monkeypatch.setenv("VESTIBULE_KEYS", OLD)
    assert "does not hold the keys" in vestibule("keys", "check").err
