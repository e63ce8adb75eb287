"""`vestibule doctor`: explains every setting and finds what is not as it should be."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import namedtuple
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import MovableClock, SystemClock
from bot.commands import doctor, examine
from bot.commands.examine_bot import bot_findings
from bot.commands.examine_sessions import session_findings
from bot.commands.examine_staff import staff_findings
from bot.ports.records import Reach, StaffRole
from bot.review import BadReview, is_draft
from bot.settings import Settings, variable
from bot.simulator import World, serve
from bot.storage.sealing import Keyring
from bot.texts import SOURCE, languages
from flows.read import load_library
from tests.bot.commands.conftest import Vestibule
from tests.bot.conftest import TEST_KEYS
from tests.bot.desks import START, open_room

HOUSE = Path(__file__).parents[3]
TOKEN = "123456:" + "A" * 35


def test_every_setting_is_explained(vestibule: Vestibule) -> None:
    """doctor names every variable with its state and what it is for."""
    outcome = vestibule("doctor")
    for name, about in Settings.model_fields.items():
        assert f"{variable(name)}: " in outcome.out
        assert str(about.description) in outcome.out
    assert "VESTIBULE_DOOR_MINUTES: not set, so 10" in outcome.out


def test_secrets_are_only_set_or_not_set(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: of token and keys only whether they are set is said."""
    key = "B" * 43
    monkeypatch.setenv("VESTIBULE_KEYS", f"mine:{key}")
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "not-a-token")
    monkeypatch.setenv("VESTIBULE_DOOR_MINUTES", "5")
    outcome = vestibule("doctor")
    assert "VESTIBULE_KEYS: set\n" in outcome.out
    assert "VESTIBULE_BOT_TOKEN: set\n" in outcome.out
    assert "VESTIBULE_DOOR_MINUTES: set to 5\n" in outcome.out
    assert key not in outcome.out + outcome.err
    assert "not-a-token" not in outcome.out + outcome.err


def test_what_is_wrong_is_a_fault(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing database, no token, no keys, no assessment and a misspelt variable are faults; exit code 1."""
    monkeypatch.setenv("VESTIBULE_DOR_MINUTES", "5")
    outcome = vestibule("doctor")
    assert outcome.code == 1
    assert "make it with: vestibule migrate" in outcome.out
    assert "VESTIBULE_DOR_MINUTES is read by nothing; VESTIBULE_DOOR_MINUTES was perhaps meant" in outcome.out
    lines = outcome.out.splitlines()
    faults = [line.removeprefix("fault  ").partition(":")[0] for line in lines if line.startswith("fault  ")]
    assert sorted(faults) == ["database", "impact assessment", "keys", "settings", "token"]
    assert outcome.err == "5 faults\n"
    assert all(line.startswith("fault  ") for line in lines[:5])
    assert lines.index("5 faults") < lines.index("VESTIBULE_BOT_TOKEN: not set")


def test_what_the_tests_read_is_not_called_misspelt(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever exports what .ci/run asks of the tests is not told that nothing reads it."""
    asked = re.findall(r"\bVESTIBULE_[A-Z_]+(?==)", (HOUSE / ".ci" / "run").read_text())
    assert "VESTIBULE_REQUIRE_POSTGRES" in asked
    for name in [*asked, "VESTIBULE_TEST_BACKEND", "VESTIBULE_CHROMIUM"]:
        monkeypatch.setenv(name, "1")
    assert "is read by nothing" not in vestibule("doctor").out


def test_an_unknown_language_is_a_fault(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language without a catalogue would be left out without a word."""
    monkeypatch.setenv("VESTIBULE_LANGUAGES", "en,tlh")
    says = "VESTIBULE_LANGUAGES: there is no catalogue for tlh; there are: en, "
    assert f"fault  languages: {says}" in vestibule("doctor").out


@pytest.mark.parametrize("drafts", ["yes", "no"])
def test_unset_languages_are_explained_as_those_that_are_offered(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, drafts: str
) -> None:
    """While drafts are off doctor does not say that every language there is can be chosen."""
    monkeypatch.setenv("VESTIBULE_DRAFTS", drafts)
    there = [code for code in languages() if drafts == "yes" or code == SOURCE or not is_draft(code)]
    assert f"VESTIBULE_LANGUAGES: not set, so {','.join(there)}\n" in vestibule("doctor").out


def test_unset_languages_are_explained_though_reviews_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spoilt review.yaml, which is a fault of its own, does not end the explanations."""

    def spoilt(_: str) -> bool:
        raise BadReview("locales/de/review.yaml:1: cannot be read")

    monkeypatch.setattr("bot.review.is_draft", spoilt)
    said: list[str] = []
    monkeypatch.setattr(doctor, "say", lambda text="", style="": said.append(text))
    doctor.explain(Settings(_env_file=None))
    assert "VESTIBULE_LANGUAGES: not set, so English and what is reviewed" in said


def test_what_would_be_read_in_english_is_a_fault(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A language that lacks texts is named with how many, so that nobody reads English unnoticed."""
    monkeypatch.setenv("VESTIBULE_DRAFTS", "yes")
    lacks = {"de": frozenset({("neutral", ("Help",))})}
    monkeypatch.setattr(examine, "missing", lambda code: lacks.get(code, frozenset()))
    says = "de: 1 texts would be read in English; vestibule check names them"
    assert f"fault  languages: {says}" in vestibule("doctor").out


def test_files_that_others_can_read_are_noted(database_url: str) -> None:
    """S-41: a database that others on the machine can read is noted with what to do."""
    file = Path(database_url.removeprefix("sqlite:///"))
    file.chmod(0o600)
    assert list(examine.private(Settings(database_url=database_url))) == []
    file.chmod(0o644)
    [finding] = examine.private(Settings(database_url=database_url))
    assert (finding.mark, finding.says.endswith(f"chmod 600 {file}")) == ("note", True)
    file.write_text("a letter")
    assert list(examine.private(Settings(database_url=database_url))) == []


@pytest.mark.parametrize(
    ("email", "reach", "smtp", "says"),
    [
        ("", "telegram", False, "nobody can be told but by Telegram"),
        ("d@service.example", "telegram", False, "nobody can be told but by Telegram"),
        ("d@service.example", "email", False, "1 want to be told by mail, but no mail goes out"),
        ("d@service.example", "both", False, "1 want to be told by mail, but no mail goes out"),
        ("", "telegram", True, "nobody can be told but by Telegram"),
        ("d@service.example", "email", True, ""),
    ],
)
async def test_staff_without_another_way_are_noted(
    database_url: str, keyring: Keyring, email: str, reach: Reach, smtp: bool, says: str
) -> None:
    """R-07: that nobody could be told if Telegram failed is said before it does, without anybody's address."""
    async with open_room(database_url, keyring, load_library()) as room, room.storage.unit() as unit:
        duty = await unit.people.get(room.people[StaffRole.DUTY])
        assert duty is not None
        await unit.people.save(replace(duty, email=email, reach=reach))
        await unit.commit()
    more = {"smtp_url": "smtp://127.0.0.1:25", "mail_from": "notes@assistant.example"} if smtp else {}
    settings = Settings(_env_file=None, database_url=database_url, keys=TEST_KEYS, **more)
    found = await staff_findings(settings)
    assert [one.mark for one in found] == (["note"] if says else [])
    assert all(says in one.says and "@" not in one.says for one in found)


@pytest.mark.parametrize(("hour", "marks"), [(8, ["note"]), (9, [])])
async def test_sessions_that_are_too_early_are_noted(
    database_url: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, hour: int, marks: list[str]
) -> None:
    """S-02: that lines come in quiet hours because sessions are so early is said once for a programme."""
    async with open_room(database_url, keyring, load_library()) as room, room.storage.unit() as unit:
        [session] = await unit.sessions.between(room.clock.now(), room.clock.now() + timedelta(days=1))
        await unit.sessions.save(replace(session, starts_at=START.replace(day=4, hour=hour, minute=0)))
        await unit.commit()
    monkeypatch.setattr("bot.commands.examine_sessions.SystemClock", lambda: MovableClock(START))
    found = await session_findings(Settings(_env_file=None, database_url=database_url, keys=TEST_KEYS))
    assert [one.mark for one in found] == marks
    assert all("2027-03-04 08:00 Europe/London" in one.says for one in found)


def test_wrong_settings_are_said_beside_what_is_right(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that cannot be used are named, and all are explained all the same."""
    monkeypatch.setenv("VESTIBULE_LOG_LEVEL", "loud")
    outcome = vestibule("doctor")
    assert outcome.code == 1
    assert outcome.err.startswith("VESTIBULE_LOG_LEVEL: ")
    assert "VESTIBULE_KEYS: not set" in outcome.out


def test_a_good_database_passes(database_url: str) -> None:
    """A migrated database is whole; SQLite's version, the disk and the keys are looked at."""
    settings = Settings(database_url=database_url, keys="a:" + "A" * 43)
    looks = (examine.database, examine.sqlite, examine.disk, examine.keys)
    findings = [finding for look in looks for finding in look(settings)]
    assert [f.mark for f in findings if f.what != "disk"] == ["ok", "ok", "ok"]
    assert "revision" in findings[0].says


def test_a_damaged_database_is_a_fault(database_url: str) -> None:
    """A database with a spoilt page, or rows that point nowhere, is a fault."""
    file = Path(database_url.removeprefix("sqlite:///"))
    settings = Settings(database_url=database_url)
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO groups VALUES ('g', 'nowhere', 'k', 'n', 'UTC')")
    connection.close()
    assert [f.mark for f in examine.database(settings)] == ["fault"]
    body = bytearray(file.read_bytes())
    body[4096 : len(body)] = os.urandom(len(body) - 4096)
    file.write_bytes(body)
    assert [f.mark for f in examine.database(settings)] == ["fault"]


@pytest.mark.parametrize(("version", "says"), [((3, 40, 1), "our file lock"), ((3, 51, 3), "")])
def test_sqlite_that_can_spoil_its_log_is_told(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], says: str
) -> None:
    """Before 3.51.3 doctor says that the file lock covers SQLite's fault."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    [finding] = examine.sqlite(Settings())
    assert finding.mark == "ok"
    assert ("our file lock" in finding.says) == bool(says)


@pytest.mark.parametrize(
    ("free", "mark"), [(50_000_000, "fault"), (500_000_000, "note"), (5_000_000_000, "ok")]
)
def test_free_disk_is_judged(monkeypatch: pytest.MonkeyPatch, free: int, mark: str) -> None:
    """Little room is noted, too little is a fault."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(examine.shutil, "disk_usage", lambda _: usage(10**12, 0, free))
    assert [f.mark for f in examine.disk(Settings())] == [mark]


async def test_a_neutral_bot_passes() -> None:
    """S-02: doctor asks Telegram for the bot's name, descriptions and commands, and finds them neutral."""
    world = World(SystemClock(), limits=False, seed=1)
    async with serve(world) as address:
        settings = Settings(bot_token=world.token, bot_api_url=address.base_url)
        findings = await bot_findings(settings)
        skew = await examine.clock(settings)
    assert {f.mark for f in findings} == {"ok"}, findings
    assert {"token", "name", "name (en)", "short description (en)", "description (en)"} <= {
        f.what for f in findings
    }
    assert [f.mark for f in skew] == ["ok"]


async def test_a_telling_description_is_a_fault() -> None:
    """S-02: a description with a word that tells is a fault, in the language it stands in."""
    from bot.telegram.transport import build_bot

    world = World(SystemClock(), limits=False, seed=1)
    async with serve(world) as address:
        settings = Settings(bot_token=world.token, bot_api_url=address.base_url, drafts="yes")
        bot = build_bot(world.token, settings.api_root())
        await bot.initialize()
        await bot.set_my_description("Three questions about violence")
        await bot.set_my_short_description("Das Gruppenprogramm", language_code="de")
        await bot.shutdown()
        findings = {f.what: f for f in await bot_findings(settings)}
    assert findings["description (en)"].mark == "fault"
    assert "questions, violence" in findings["description (en)"].says
    assert findings["short description (de)"].mark == "fault"
    assert findings["name (de)"].mark == "ok"


async def test_a_wrong_token_and_a_dead_server_are_faults() -> None:
    """A token Telegram does not know, and a server that is not there, are told apart."""
    world = World(SystemClock(), limits=False, seed=1)
    async with serve(world) as address:
        unknown = await bot_findings(Settings(bot_token=TOKEN, bot_api_url=address.base_url))
    dead = await bot_findings(Settings(bot_token=TOKEN, bot_api_url=address.base_url))
    assert "does not know it" in unknown[-1].says
    assert "cannot be reached" in dead[-1].says
    assert [f.mark for f in await examine.clock(Settings(bot_api_url=address.base_url))] == ["note"]


def test_an_open_way_is_noted() -> None:
    """A Bot API server elsewhere without https is noted: the token and all texts go in the clear."""
    from bot.commands.examine_bot import _address

    assert [f.mark for f in _address(Settings(bot_api_url="http://bench.example/bot"))] == ["note"]
    assert not list(_address(Settings(bot_api_url="http://127.0.0.1:8081/bot")))


def test_health_is_the_heartbeats_age(vestibule: Vestibule, tmp_path: Path) -> None:
    """--health is 0 while the heartbeat file is fresh, 1 when it is old, ahead or missing."""
    beat = tmp_path / "vestibule.heartbeat"
    never = vestibule("doctor", "--health")
    assert never.code == 1
    assert never.err.startswith("the bot has never run here: there is no vestibule.heartbeat")
    beat.touch()
    assert vestibule("doctor", "--health").code == 0
    for age in (doctor.FRESH_SECONDS + 1, -3600):
        os.utime(beat, (time.time() - age, time.time() - age))
        outcome = vestibule("doctor", "--health")
        assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
