"""`vestibule import`: all of a file or nothing, and again brings up to date."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.records import Invitation, Person, Programme, Session, StaffRole
from bot.storage.sqlite import SqliteStorage
from bot.usecases.programme_file import WrongTime, start_of
from tests.bot.commands.conftest import EXAMPLE, Vestibule

Opened = Callable[[], SqliteStorage]
NOW = datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC)
SMALL = """\
programme:
  key: small
  name: Small Service
  platform: teams
  timezone: Europe/London
  languages: [en]
  service_number: 01632 960100
  emergency_number: 01632 960999
groups:
  - key: one
    name: One
staff:
  - alias: Facilitator
    role: facilitator
sessions:
  - key: first
    group: one
    starts: 2030-01-31 18:30
    link: https://example.org/one
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small programme file."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


async def kept(storage: SqliteStorage, key: str) -> tuple[Programme | None, list[Invitation], Session | None]:
    """The programme, its invitations and its first session."""
    async with storage.unit() as unit:
        programme = await unit.programmes.by_key(key)
        if programme is None:
            return None, [], None
        session = await unit.sessions.by_key(programme.id, "first")
        return programme, await unit.invitations.pending(programme.id), session


def look(opened: Opened, key: str = "small") -> tuple[Programme | None, list[Invitation], Session | None]:
    """What the database holds after a command."""

    async def looking() -> tuple[Programme | None, list[Invitation], Session | None]:
        storage = opened()
        try:
            return await kept(storage, key)
        finally:
            await storage.close()

    return asyncio.run(looking())


def test_the_example_is_imported(vestibule: Vestibule, opened: Opened) -> None:
    """The example that ships imports whole, and a link for the administrator and each of the staff is printed."""
    outcome = vestibule("import", EXAMPLE)
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("https://t.me/example_bot?start=") == 7
    programme, invitations, _ = look(opened, "example")
    assert programme is not None
    assert programme.languages == ("en", "de")
    set_ = {"retention_months": 12, "staffed_from": 9, "staffed_until": 17}
    assert set_.items() <= programme.settings.items()
    assert {i.role for i in invitations} == {role.value for role in StaffRole}
    assert {i.language for i in invitations} == {"en"}
    assert "language de: a draft" in outcome.out
    assert {i.timezone for i in invitations} == {"Europe/London", "Europe/Dublin"}


def test_an_administrator_is_invited_even_when_none_is_listed(
    vestibule: Vestibule, opened: Opened, small: Path
) -> None:
    """The first administrator's link is printed although the file lists none; a second import makes no second."""
    assert "administrator Administrator: invited\n" in vestibule("import", small).out
    assert "invited\n" not in vestibule("import", small).out
    assert [i.role for i in look(opened)[1]] == ["facilitator", "administrator"]


def test_again_changes_only_what_differs(vestibule: Vestibule, opened: Opened, small: Path) -> None:
    """R-14: a second import changes rows by their keys; a moved session's version grows, an unmoved one's stays."""
    vestibule("import", small)
    before = look(opened)[2]
    assert before is not None
    assert before.starts_at == datetime(2030, 1, 31, 18, 30, tzinfo=UTC)
    outcome = vestibule("import", small)
    assert "session first, 2030-01-31 18:30 Europe/London: as it was" in outcome.out
    assert look(opened)[2] == before
    small.write_text(SMALL.replace("18:30", "19:00").replace("name: One", "name: Two"), encoding="utf-8")
    outcome = vestibule("import", small)
    assert "group one: changed" in outcome.out
    moved = "session first, moved from 2030-01-31 18:30 to 2030-01-31 19:00 Europe/London: changed"
    assert moved in outcome.out
    assert look(opened)[2] == replace(before, starts_at=before.starts_at + timedelta(minutes=30), version=2)


def test_a_relative_time_counts_once(vestibule: Vestibule, opened: Opened, small: Path) -> None:
    """R-13: a time counted from now is that of a new session; a later import leaves it there and says so."""
    small.write_text(SMALL.replace("2030-01-31 18:30", "+45 min"), encoding="utf-8")
    vestibule("import", small)
    before = look(opened)[2]
    assert before is not None
    small.write_text(SMALL.replace("2030-01-31 18:30", "+2 h"), encoding="utf-8")
    outcome = vestibule("import", small)
    assert "(not moved: +2 h counts for a new session only): as it was" in outcome.out
    assert look(opened)[2] == before


def test_who_waits_can_be_given_a_new_link(vestibule: Vestibule, opened: Opened, small: Path) -> None:
    """For staff who are invited already the command for a new link is shown, and it works as shown."""
    vestibule("import", small)
    [command] = [
        line.strip() for line in vestibule("import", small).out.splitlines() if "vestibule invite" in line
    ]
    outcome = vestibule(*shlex.split(command)[1:])
    assert (outcome.code, outcome.out.count("https://t.me/example_bot?start=")) == (0, 1)
    assert [i.role for i in look(opened)[1]].count("facilitator") == 1


def test_another_role_before_enrolment_is_another_invitation(
    vestibule: Vestibule, opened: Opened, small: Path
) -> None:
    """Who waits under a role that the file no longer says is invited for the new one; the old link opens nothing."""
    vestibule("import", small)
    small.write_text(SMALL.replace("role: facilitator", "role: manager"), encoding="utf-8")
    assert "manager Facilitator: invited\n" in vestibule("import", small).out
    assert sorted(i.role for i in look(opened)[1]) == ["administrator", "manager"]


def test_without_the_bots_name_there_is_no_link(
    vestibule: Vestibule, service: str, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that leads nowhere is not printed, since it is shown only once: the words to write are."""
    monkeypatch.delenv("VESTIBULE_BOT_NAME")
    outcome = vestibule("import", small)
    assert outcome.out.count("write to the bot: /start ") == 2
    assert "t.me" not in outcome.out
    assert "set VESTIBULE_BOT_NAME" in outcome.err


def test_enrolled_staff_get_no_link_but_a_new_role(vestibule: Vestibule, opened: Opened, small: Path) -> None:
    """Staff who are enrolled under the alias are not invited again; a role that is new for them is added."""
    vestibule("import", small)
    programme, invitations, _ = look(opened)
    assert programme is not None

    async def enrol_one() -> None:
        storage = opened()
        async with storage.unit() as unit:
            person = Person(
                CountingIds(500).new(),
                programme.id,
                None,
                "staff",
                "Facilitator",
                "en",
                "Europe/London",
                "active",
            )
            await unit.people.add(person)
            await unit.people.add_role(person.id, StaffRole.FACILITATOR, invitations[0].group_id)
            await unit.commit()
        await storage.close()

    asyncio.run(enrol_one())
    assert "facilitator Facilitator: as it was" in vestibule("import", small).out
    small.write_text(SMALL.replace("role: facilitator", "role: manager"), encoding="utf-8")
    outcome = vestibule("import", small)
    assert "manager Facilitator: changed" in outcome.out
    assert "t.me" not in outcome.out


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("name: One", "name: One\n    nmae: One", 12, "groups.0.nmae (one): there is no such field"),
        ("  platform: teams\n", "", 1, "programme.platform (small): this field is needed"),
        ("platform: teams", "platform: skype", 4, "'zoom' or 'teams'"),
        ("Europe/London", "London", 5, "there is no such time zone; it should look like Europe/London"),
        ("[en]", "[english]", 6, "there is no such language; it should look like en or pt_BR"),
        ("group: one", "group: two", 17, "sessions.0.group (first): there is no group two; there are: one"),
        ("role: facilitator", "role: boss", 14, "'facilitator', 'tech', 'partner_support'"),
        ("role: facilitator", "role: duty\n    language: de", 15, "the programme has no de; it has: en"),
        ("2030-01-31 18:30", "soon", 18, "this is no time; it should look like 2030-01-31T18:30+00:00"),
        ("2030-01-31 18:30", "2030-01-31", 18, "the time of day is missing"),
        ("2030-01-31 18:30", "2030-03-31 01:30", 18, "does not exist in Europe/London"),
        ("2030-01-31 18:30", "2030-10-27 01:30", 18, "comes twice in Europe/London"),
        ("https://example.org/one", "example.org", 19, "it should begin with https://"),
        ("    name: One", "    name: One\n  - key: one\n    name: Two", 12, "one stands twice"),
        ("    name: One", "    name: One\n  - key: two\n    name: Two", 15, "a facilitator needs a group"),
        ("  key: small", "  key: small\n  key: large", 3, "a field stands twice"),
        ("languages: [en]", "languages: [en", 7, "no YAML"),
        ("name: Small Service", 'name: "Small\\0Service"', 3, "there is a NUL in it"),
    ],
)
def test_a_fault_is_a_line_and_nothing_is_imported(
    vestibule: Vestibule, opened: Opened, small: Path, old: str, new: str, line: int, says: str
) -> None:
    """A fault names file, line and field and what would be right; exit code 1, and nothing is kept."""
    small.write_text(SMALL.replace(old, new, 1), encoding="utf-8")
    outcome = vestibule("import", small)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith(f"{small}:{line}: ")
    assert says in outcome.err
    assert look(opened) == (None, [], None)


@pytest.mark.parametrize("content", ["", "just text", "- a\n- b", "a: &x [*x]", "\x00", "? [a]\n: b"])
def test_nonsense_is_named(vestibule: Vestibule, service: str, tmp_path: Path, content: str) -> None:
    """A file that is something else gets clear lines."""
    path = tmp_path / "odd.yaml"
    path.write_text(content, encoding="utf-8")
    outcome = vestibule("import", path)
    assert outcome.code == 1
    assert all(line.startswith(f"{path}:") for line in outcome.err.splitlines())


def test_a_fault_in_the_middle_keeps_nothing(
    vestibule: Vestibule, opened: Opened, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is half-imported: when the last row cannot be written, none is kept."""
    from bot.ports.stores import StorageFault
    from bot.storage.programmes import SessionStore

    async def full(*_: object) -> None:
        raise StorageFault("no room is left for the database; nothing was kept: free some disk space")

    with monkeypatch.context() as patched:
        patched.setattr(SessionStore, "save", full)
        outcome = vestibule("import", small)
    assert (outcome.code, outcome.err.splitlines()[-1][:10]) == (1, "no room is")
    assert look(opened) == (None, [], None)


def test_wrong_use_and_missing_database(
    vestibule: Vestibule, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such file is wrong use (2); no keys and no database are faults (1), each in one line."""
    assert vestibule("import", "nowhere.yaml").code == 2
    outcome = vestibule("import", small)
    assert (outcome.code, outcome.err.split(";")[0]) == (1, "VESTIBULE_KEYS is not set")
    monkeypatch.setenv("VESTIBULE_KEYS", "a:" + "A" * 43)
    outcome = vestibule("import", small)
    assert outcome.code == 1
    assert outcome.err.strip().endswith("make it with: vestibule migrate")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+45 min", NOW + timedelta(minutes=45)),
        ("+2 h", NOW + timedelta(hours=2)),
        ("+1 day", NOW + timedelta(days=1)),
        ("+ 3 days", NOW + timedelta(days=3)),
        ("+1 week", NOW + timedelta(days=7)),
        ("2026-07-01 18:30", datetime(2026, 7, 1, 17, 30, tzinfo=UTC)),
        ("2026-07-01T18:30+02:00", datetime(2026, 7, 1, 16, 30, tzinfo=UTC)),
        ("2026-07-01T18:30Z", datetime(2026, 7, 1, 18, 30, tzinfo=UTC)),
    ],
)
def test_times_are_relative_local_or_absolute(text: str, expected: datetime) -> None:
    """R-13: a session's time is counted from now, or local in the group's zone, or has its own offset."""
    assert start_of(text, "Europe/London", NOW) == expected.replace(second=0)


@pytest.mark.parametrize("text", ["45 min", "+45", "+1 month", "18:30", "-2 h", "+999999 h"])
def test_other_times_are_refused(text: str) -> None:
    """What is no such time is refused with what would be right."""
    with pytest.raises(WrongTime, match="it should look like"):
        start_of(text, "Europe/London", MovableClock(NOW).now())
