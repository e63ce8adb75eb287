"""429 where Telegram would say it, by the clock of the world."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.clock import MovableClock
from bot.simulator import Phone, World


@pytest.fixture
def world(clock: MovableClock) -> World:
    return World(clock, seed=1)


async def test_per_chat(api: Any, clock: MovableClock, phone: Phone) -> None:
    """A chat takes three messages at once, then one a second; edits count, deletions do not."""
    await phone.start()
    for text in "abc":
        sent = await api.ok("sendMessage", chat_id=phone.id, text=text)
    status, body = await api.call(
        "editMessageText", chat_id=phone.id, message_id=sent["message_id"], text="d"
    )
    assert (status, body["parameters"]) == (429, {"retry_after": 1})
    assert body["description"] == "Too Many Requests: retry after 1"
    await api.ok("deleteMessage", chat_id=phone.id, message_id=sent["message_id"])
    clock.advance(timedelta(seconds=1))
    await api.ok("sendMessage", chat_id=phone.id, text="e")
    assert (await api.refused("sendMessage", chat_id=phone.id, text="f"))[0] == 429


async def test_overall(api: Any, clock: MovableClock) -> None:
    """The bot sends at most 30 messages a second to all chats together."""
    phones = [Phone(api.world) for _ in range(31)]
    for phone in phones:
        await phone.start()
    for phone in phones[:30]:
        await api.ok("sendMessage", chat_id=phone.id, text="a")
    assert (await api.refused("sendMessage", chat_id=phones[30].id, text="a"))[0] == 429
    clock.advance(timedelta(seconds=1))
    await api.ok("sendMessage", chat_id=phones[30].id, text="a")


async def test_group(api: Any, clock: MovableClock, phone: Phone) -> None:
    """A group takes 20 messages a minute, however slowly they come within it."""
    group = api.world.add_group("Team", [phone.id])
    taken = 0
    for _ in range(30):
        clock.advance(timedelta(seconds=1))
        taken += (await api.call("sendMessage", chat_id=group.id, text="a"))[0] == 200
    assert taken == 29
    status, body = await api.call("sendMessage", chat_id=group.id, text="a")
    assert status == 429
    assert body["parameters"]["retry_after"] >= 1


async def test_a_clock_set_back_gives_nothing(api: Any, clock: MovableClock, phone: Phone) -> None:
    """Moving the clock back neither breaks the limits nor refills them."""
    await phone.start()
    for text in "abc":
        await api.ok("sendMessage", chat_id=phone.id, text=text)
    clock.advance(timedelta(hours=-1))
    assert (await api.refused("sendMessage", chat_id=phone.id, text="d"))[0] == 429
