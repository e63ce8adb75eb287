"""The faults that a test can put in a call's way."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from bot.simulator import ErrorAnswer, Hang, Malformed, Phone, ResetAfter, ResetBefore


async def test_error_answer(api: Any, phone: Phone) -> None:
    """An error is answered so many times, for the calls meant, and nothing happens."""
    await phone.start()
    fault = ErrorAnswer(429, "Too Many Requests: retry after 3", {"retry_after": 3})
    api.world.faults.add("sendMessage", fault, times=2, when=lambda params: params["text"] == "a")
    await api.ok("sendMessage", chat_id=phone.id, text="b")
    for _ in range(2):
        status, body = await api.call("sendMessage", chat_id=phone.id, text="a")
        assert (status, body["parameters"]) == (429, {"retry_after": 3})
    await api.ok("sendMessage", chat_id=phone.id, text="a")
    assert [message.text for message in phone.messages] == ["/start", "b", "a"]


@pytest.mark.parametrize(
    ("fault", "arrived"), [(ResetBefore(), 0), (ResetAfter(), 1), (Hang(0.05, accepted=False), 0)]
)
async def test_reset(api: Any, phone: Phone, fault: Any, arrived: int) -> None:
    """A reset leaves the caller without an answer, whether the message arrived or not."""
    await phone.start()
    api.world.faults.add("sendMessage", fault)
    with pytest.raises(aiohttp.ClientError):
        await api.call("sendMessage", chat_id=phone.id, text="a")
    assert len(phone.messages) - 1 == arrived
    await api.ok("sendMessage", chat_id=phone.id, text="b")


async def test_hang(api: Any, phone: Phone) -> None:
    """A hanging call is carried out and answered late."""
    await phone.start()
    api.world.faults.add("*", Hang(0.2))
    began = time.monotonic()
    await api.ok("sendMessage", chat_id=phone.id, text="a")
    assert time.monotonic() - began >= 0.2


async def test_malformed(api: Any, phone: Phone) -> None:
    """A malformed answer has status 200 and is no JSON; None means every time, until cleared."""
    await phone.start()
    api.world.faults.add("getMe", Malformed(), times=None)
    for _ in range(2):
        with pytest.raises(ValueError, match="Expecting value"):
            await api.call("getMe")
    api.world.faults.clear()
    await api.ok("getMe")
