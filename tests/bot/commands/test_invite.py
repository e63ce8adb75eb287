"""`vestibule invite`: one link for one person, or a clear no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.commands.bot_name import bot_name
from bot.ids import CountingIds
from bot.ports.records import Invitation, Person, StaffRole
from bot.settings import Settings
from bot.simulator import World, serve
from bot.storage.sqlite import SqliteStorage
from bot.usecases.own_bot import note_bot
from tests.bot.commands.conftest import EXAMPLE, Vestibule

Opened = Callable[[], SqliteStorage]
WHO = ("--alias", "P-1", "--language", "en", "--timezone", "Europe/London")


@pytest.fixture
def imported(vestibule: Vestibule, service: str) -> Vestibule:
    """The command line over a service with the example programme."""
    assert vestibule("import", EXAMPLE).code == 0
    return vestibule


def invitation(opened: Opened, token: str) -> Invitation | None:
    """What is kept under a token."""

    async def looking() -> Invitation | None:
        storage = opened()
        async with storage.unit() as unit:
            found = await unit.invitations.by_token(token)
        await storage.close()
        return found

    return asyncio.run(looking())


def test_json_has_link_token_and_expires(imported: Vestibule, opened: Opened) -> None:
    """The contract: --json prints exactly link, token and expires, and the token opens the invitation."""
    outcome = imported("invite", "--role", "participant", "--group", "tuesday", *WHO, "--json")
    assert outcome.code == 0
    printed = json.loads(outcome.out)
    assert set(printed) == {"link", "token", "expires"}
    assert printed["link"] == f"https://t.me/example_bot?start={printed['token']}"
    kept = invitation(opened, printed["token"])
    assert kept is not None
    assert (kept.role, kept.alias, kept.language, kept.timezone) == (
        "participant",
        "P-1",
        "en",
        "Europe/London",
    )
    assert kept.group_id
    assert kept.expires_at == datetime.fromisoformat(printed["expires"])
    assert timedelta(days=13) < kept.expires_at - datetime.now(UTC) < timedelta(days=15)


def test_words_for_people(imported: Vestibule) -> None:
    """Without --json the same is printed in words; --days says how long the link is good."""
    outcome = imported("invite", "--role", "manager", *WHO, "--days", "2")
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["link", "token", "expires"]
    assert f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}" in outcome.out


@pytest.mark.parametrize("role", ["tech", "partner_support", "duty", "manager", "administrator"])
def test_programme_wide_roles_need_no_group(imported: Vestibule, role: str) -> None:
    """Roles of the whole programme are invited without a group."""
    assert imported("invite", "--role", role, *WHO, "--json").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--role", "participant", *WHO),
            "a participant needs a group, and there are several; say which with --group",
        ),
        (("--role", "facilitator", *WHO), "a facilitator needs a group"),
        (
            ("--role", "duty", "--group", "friday", *WHO),
            "there is no group friday in example; there are: thursday",
        ),
        (("--role", "duty", "--programme", "x", *WHO), "there is no programme x; there are: example"),
        (("--role", "boss", *WHO), "there is no role boss; there are: participant, facilitator"),
        (("--role", "duty", *WHO[:2], "--language", "english", *WHO[4:]), "english is no language code"),
        (("--role", "duty", *WHO[:2], "--language", "fr", *WHO[4:]), "example has no fr; it has: en, de"),
        (("--role", "duty", *WHO[:4], "--timezone", "Mars/Base"), "Mars/Base is no time zone"),
        (("--role", "duty", *WHO[:4], "--timezone", "../etc/passwd"), "is no time zone"),
        (("--role", "duty", "--alias", " ", *WHO[2:]), "an alias should have 1 to 60 characters"),
    ],
)
def test_wrong_use_is_said(imported: Vestibule, arguments: tuple[str, ...], says: str) -> None:
    """What makes no sense gets one line and exit code 2."""
    outcome = imported("invite", *arguments)
    assert outcome.code == 2
    assert outcome.err.splitlines()[0].find(says) >= 0
    assert "t.me" not in outcome.out


def test_without_a_programme_the_way_is_shown(vestibule: Vestibule, service: str) -> None:
    """Before any import the line says how to import."""
    outcome = vestibule("invite", "--role", "duty", *WHO)
    assert outcome.code == 2
    assert "make one with: vestibule import FILE" in outcome.err


def test_an_unknown_bot_name_is_said(imported: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bot's name the link leads nowhere rather than to a stranger, and stderr says what to set."""
    monkeypatch.delenv("VESTIBULE_BOT_NAME")
    outcome = imported("invite", "--role", "duty", *WHO, "--json")
    assert json.loads(outcome.out)["link"].startswith("https://t.me/?start=")
    assert "set VESTIBULE_BOT_NAME" in outcome.err
    in_words = imported("invite", "--role", "duty", *WHO, "--again")
    assert "t.me" not in in_words.out
    token = in_words.out.split("token    ")[1].split()[0]
    assert f"write to the bot: /start {token}\n" in in_words.out


def test_no_link_leads_to_another_bot(
    imported: Vestibule, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-44: with another bot's token than the database's no link is made: who opens it would give its token to that bot."""

    async def noted() -> None:
        storage = opened()
        async with storage.unit() as unit:
            await note_bot(unit, 7001, datetime.now(UTC))
            await unit.commit()
        await storage.close()

    asyncio.run(noted())
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "7002:" + "A" * 35)
    for command in (("invite", "--role", "participant", "--group", "monday", *WHO), ("import", EXAMPLE)):
        refused = imported(*command)
        assert (refused.code, refused.out) == (1, "")
        assert "belongs to bot 7001" in refused.err
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "7001:" + "A" * 35)
    assert imported("import", EXAMPLE).code == 0


def test_an_alias_names_one_person(imported: Vestibule, opened: Opened) -> None:
    """Staff know people by alias only: one that is invited or enrolled is refused; --again ends the older link."""
    first = json.loads(imported("invite", "--role", "duty", *WHO, "--json").out)["token"]
    outcome = imported("invite", "--role", "manager", *WHO)
    assert (outcome.code, "P-1 is invited to example already" in outcome.err) == (2, True)
    second = json.loads(imported("invite", "--role", "duty", *WHO, "--again", "--json").out)["token"]
    old, new = invitation(opened, first), invitation(opened, second)
    assert old is not None
    assert new is not None
    assert old.revoked_at is not None
    assert new.revoked_at is None
    asyncio.run(enrol(opened, new))
    for flags in ((), ("--again",)):
        outcome = imported("invite", "--role", "manager", *WHO, *flags)
        assert (outcome.code, "P-1 is enrolled in example already" in outcome.err) == (2, True)


async def enrol(opened: Opened, invited: Invitation) -> None:
    """A staff member is there under the invitation's alias."""
    storage = opened()
    async with storage.unit() as unit:
        own = CountingIds(700).new()
        who = (invited.alias, invited.language, invited.timezone)
        await unit.people.add(Person(own, invited.programme_id, None, "staff", *who, "active"))
        await unit.people.add_role(own, StaffRole(invited.role), None)
        await unit.invitations.save(replace(invited, used_at=datetime.now(UTC), used_by=own))
        await unit.commit()
    await storage.close()


def test_other_keys_are_noticed(imported: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: with other keys than the database's, invite, `keys check` and doctor say so, though nobody is enrolled."""
    assert imported("keys", "check").code == 0
    monkeypatch.setenv("VESTIBULE_KEYS", "other:" + "B" * 43)
    for command in (("invite", "--role", "duty", *WHO), ("keys", "check")):
        outcome = imported(*command)
        assert (outcome.code, outcome.out) == (1, "")
        assert "does not hold the keys this database was sealed with" in outcome.err
    assert "fault  keys: VESTIBULE_KEYS does not hold the keys" in imported("doctor").out


async def test_the_name_is_asked_for_once(database_url: str, tmp_path: Path) -> None:
    """The bot's name comes from Telegram the first time, and from beside the database after that."""
    world = World(SystemClock(), limits=False, seed=1)
    async with serve(world) as address:
        settings = Settings(bot_token=world.token, bot_api_url=address.base_url, database_url=database_url)
        name = await bot_name(settings)
    assert name
    assert await bot_name(settings) == name
    other = settings.model_copy(update={"bot_token": Settings(bot_token="99:" + "A" * 35).bot_token})
    assert await bot_name(other) is None
