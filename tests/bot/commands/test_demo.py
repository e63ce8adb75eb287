"""What the demo puts on its page: who is there already, who has yet to come, and new phones by role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bot import demo
from bot.clock import MovableClock
from bot.simulator import Phone, World
from bot.texts import GettextTexts
from bot.usecases.welcome_staff import WELCOME


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """The demo's world, with the bot running in it."""
    worlds: list[World] = []

    class Kept(World):
        """A world the test can look into."""

        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)  # type: ignore[arg-type]  # passed on as it comes
            worlds.append(self)

    monkeypatch.setattr(demo, "World", Kept)
    shown = asyncio.Event()
    task = asyncio.create_task(demo.demo(port=0, data=tmp_path, ready=lambda _: shown.set()))
    async with asyncio.timeout(20):
        await shown.wait()
    yield worlds[0]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task  # a demo that broke says why, whatever the test saw of it


async def test_the_cast(world: World) -> None:
    """Staff are enrolled from the start, so that an alert finds somebody; participants have their link to open."""
    roles = [person.role for person in world.people.values()]
    staff = ["facilitator", "duty", "manager", "partner support", "tech"]
    assert roles == ["participant", *staff, "participant"]
    for person in world.people.values():
        if person.role == "participant":
            assert person.invitation
        else:
            await Phone.of(world, person.id).expect("You are enrolled as staff", timeout=20)


async def test_the_ladder_and_the_mail(world: World) -> None:
    """R-06 S-20: whoever is on duty is asked with the facilitator, the clock moved on asks the manager; both get mail."""
    phones = {person.name: Phone.of(world, person.id) for person in world.people.values()}
    for name in ("Facilitator Tuesday", "Duty worker", "Manager"):
        await phones[name].expect("You are enrolled as staff", timeout=20)
    assert world.mails == []
    guest = phones["P-07"]
    link = world.people[guest.id].invitation
    assert link is not None
    await guest.open_invitation(link)
    await guest.tap("LANG:en", timeout=20)
    await guest.tap("DOOR:not_me", timeout=20)
    for name in ("Facilitator Tuesday", "Duty worker"):
        await phones[name].expect("K-101", timeout=20)
    await _mailed(world, ["duty@example.org"])
    assert not phones["Manager"].shows("K-101")
    clock = world.clock
    assert isinstance(clock, MovableClock)
    for _ in range(8):  # each jump asks one rung at most, and a loaded machine may miss one
        clock.advance(timedelta(minutes=12))
        with suppress(AssertionError):
            await phones["Manager"].expect("K-101", timeout=8)
            break
    assert phones["Manager"].shows("K-101")
    await _mailed(world, ["duty@example.org", "manager@example.org"])
    assert world.mails
    for mail in world.mails:
        assert mail.subject.startswith("K-101 · ")
        assert "P-07" not in mail.text


async def _mailed(world: World, wanted: list[str]) -> None:
    """Wait until mail has come to all of them."""
    async with asyncio.timeout(20):
        while sorted({mail.to for mail in world.mails or ()}) != wanted:
            await asyncio.sleep(0.05)


async def test_a_phone_by_role(world: World) -> None:
    """A new phone's invitation is made for the role asked for, and opens; an alias in use is refused."""
    assert world.inviting is not None
    link = await world.inviting.invite("participant", "P-20", "en")
    phone = Phone(world, "P-20")
    await phone.open_invitation(link)
    await phone.expect(lambda message: bool(message.buttons), timeout=20)
    with pytest.raises(ValueError, match="P-20 is enrolled"):
        await world.inviting.invite("duty", "P-20", "en")


async def test_a_phone_set_to_a_region(world: World) -> None:
    """A phone whose Telegram is set to `de-AT` is invited into German; one without a language here is refused."""
    assert world.inviting is not None
    link = await world.inviting.invite("duty", "Duty in Vienna", "de-AT")
    phone = Phone(world, "Duty in Vienna", language="de-AT")
    await phone.open_invitation(link)
    await phone.expect(GettextTexts().line("de", WELCOME), timeout=20)
    with pytest.raises(ValueError, match="eo"):
        await world.inviting.invite("duty", "Duty in Esperanto", "eo")
