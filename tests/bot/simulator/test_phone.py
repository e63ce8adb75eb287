"""The phone driver that acceptance tests use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.simulator import Phone
from bot.simulator.phone import start_parameter


async def test_expect_waits_and_press_finds(api: Any, phone: Phone, keyboard: Any) -> None:
    """A phone waits for a text or a button, and presses the newest one by data or label."""
    await phone.start("abc")
    old = await api.ok(
        "sendMessage", chat_id=phone.id, text="one", reply_markup=keyboard("ST-09:maybe:v1", "ST-09:no:v1")
    )
    waiting = asyncio.create_task(phone.expect("two"))
    await asyncio.sleep(0)
    await api.ok(
        "sendMessage",
        chat_id=phone.id,
        text="two",
        reply_markup=keyboard("ST-09:maybe_not:v2", "ST-09:maybe:v2"),
    )
    assert (await waiting).text == "two"
    assert phone.press("ST-09:maybe").text == "two"
    assert phone.press("ST-09:no").text == "one"
    assert (await phone.tap("ST-09:no")).message_id == old["message_id"]
    updates = await api.ok("getUpdates")
    pressed = [update["callback_query"]["data"] for update in updates if "callback_query" in update]
    assert pressed == ["ST-09:maybe:v2", "ST-09:no:v1", "ST-09:no:v1"]


@pytest.mark.parametrize("label", ["No", "no", "NO"])
async def test_press_by_label(api: Any, phone: Phone, label: str) -> None:
    """A label finds its button exactly first, and in any letter case after that."""
    await phone.start()
    rows = [[{"text": "Not now", "callback_data": "A:later"}], [{"text": "No", "callback_data": "A:no"}]]
    await api.ok("sendMessage", chat_id=phone.id, text="?", reply_markup={"inline_keyboard": rows[::-1]})
    phone.press(label)
    assert (await api.ok("getUpdates"))[-1]["callback_query"]["data"] == "A:no"


async def test_failure_prints_the_screen(api: Any, phone: Phone, keyboard: Any) -> None:
    """What was expected and did not come fails with the whole screen as text."""
    await phone.start()
    await api.ok(
        "sendMessage", chat_id=phone.id, text="Hello", protect_content=True, reply_markup=keyboard("A:b")
    )
    with pytest.raises(
        AssertionError, match=r"(?s)expected 'Bye' within 0.05 s.*Hello \(protected\).*\[b\] A:b"
    ):
        await phone.expect("Bye", timeout=0.05)
    with pytest.raises(AssertionError, match="no button 'Z'"):
        phone.press("Z")
    with pytest.raises(AssertionError, match="there never was a message 99"):
        phone.press_message(99, "A:b")


async def test_expect_gone(api: Any, phone: Phone) -> None:
    """A phone waits until a message is deleted; the log remembers it all."""
    await phone.start()
    sent = await api.ok("sendMessage", chat_id=phone.id, text="secret")
    waiting = asyncio.create_task(phone.expect_gone(lambda message: message.text == "secret"))
    await asyncio.sleep(0.01)
    await api.ok("editMessageText", chat_id=phone.id, message_id=sent["message_id"], text="more secret")
    await api.ok("deleteMessage", chat_id=phone.id, message_id=sent["message_id"])
    await waiting
    assert [(entry.what, entry.message.text) for entry in phone.log] == [
        ("sent", "/start"),
        ("sent", "secret"),
        ("edited", "more secret"),
        ("deleted", "more secret"),
    ]
    with pytest.raises(AssertionError, match="nothing that is still visible"):
        assert phone.last


async def test_stale_press(api: Any, phone: Phone, keyboard: Any) -> None:
    """A button of a message that is gone can still be pressed, and comes with an inaccessible message."""
    await phone.start()
    sent = await api.ok("sendMessage", chat_id=phone.id, text="a", reply_markup=keyboard("A:b"))
    await api.ok("deleteMessage", chat_id=phone.id, message_id=sent["message_id"])
    phone.press_message(sent["message_id"], "A:b")
    query = (await api.ok("getUpdates"))[-1]["callback_query"]
    assert query["message"]["date"] == 0
    assert query["data"] == "A:b"


@pytest.mark.parametrize("token", ["a" * 65, "a b", "ä"])
async def test_start_parameter_is_telegrams(phone: Phone, token: str) -> None:
    """A token that no link could carry is refused by `start`; it can only be typed."""
    with pytest.raises(ValueError, match="1 to 64 characters"):
        await phone.start(token)
    phone.write(f"/start {token}")
    assert phone.messages[-1].text == f"/start {token}"


async def test_invitation_link(world: Any, phone: Phone) -> None:
    """An invitation link opens this bot only, and is used up on the phone."""
    link = "https://t.me/vestibule_demo_bot?start=abc-_1"
    assert start_parameter(link, "vestibule_demo_bot") == "abc-_1"
    for wrong in ("https://t.me/other_bot?start=a", "https://example.org/vestibule_demo_bot?start=a", "abc"):
        with pytest.raises(ValueError, match="not a link to"):
            start_parameter(wrong, "vestibule_demo_bot")
    with pytest.raises(ValueError, match="start parameter"):
        start_parameter("https://t.me/vestibule_demo_bot", "vestibule_demo_bot")
    world.offer_invitation(phone.id, link)
    await phone.open_invitation(link)
    assert phone.person.invitation is None
    assert phone.messages[-1].text == "/start abc-_1"
