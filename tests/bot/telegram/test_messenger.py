"""The Messenger port against the simulated Telegram: what each refusal means."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, TimedOut

from bot.ports.services import (
    Ambiguous,
    CannotDelete,
    DeliveryFault,
    MissingMessage,
    Refused,
    TryLater,
    Unreachable,
)
from bot.simulator import ErrorAnswer, Hang, Malformed, ResetAfter, ResetBefore
from bot.telegram.faults import fault_of
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.transport import Flood, Garbled, ServerTrouble, Unsent, build_bot, quiet_library_logs
from tests.bot.telegram.conftest import Line

ROWS = ((("Yes", "ST-01:yes"), ("No", "ST-01:no")),)


async def test_send_edit_delete(line: Line) -> None:
    """A message with buttons is sent as it is, edited, and deleted; markup in it stays text."""
    await line.phone.start()
    number = await line.messenger.send(line.phone.id, "<b>a & b", ROWS, protect=True)
    shown = line.phone.last
    assert (shown.message_id, shown.text) == (number, "<b>a & b")
    assert line.phone.press("ST-01:no").message_id == number
    await line.messenger.edit(line.phone.id, number, "_edited_", ())
    await line.messenger.edit(line.phone.id, number, "_edited_", ())
    assert line.phone.last.text == "_edited_"
    await line.messenger.delete(line.phone.id, number)
    await line.messenger.delete(line.phone.id, number)
    assert line.phone.shows("_edited_") is None


async def test_parameters_are_few(line: Line) -> None:
    """Only parameters that are needed are sent: protection for sensitive texts, no previews where there is a link."""
    await line.phone.start()
    await line.messenger.send(line.phone.id, "plain", (), protect=False)
    await line.messenger.send(line.phone.id, "https://example.org/x", (), protect=True)
    plain, linked = (set(params) for _, method, params in line.world.calls if method == "sendMessage")
    assert plain == {"chat_id", "text"}
    assert linked == {"chat_id", "text", "protect_content", "link_preview_options"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (ErrorAnswer(429, "Too Many Requests: retry after 7", {"retry_after": 7}), TryLater),
        (ErrorAnswer(429, "Too Many Requests"), TryLater),
        (ErrorAnswer(403, "Forbidden: bot was blocked by the user"), Unreachable),
        (ErrorAnswer(400, "Bad Request: chat not found"), Unreachable),
        (ErrorAnswer(400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -5}), Unreachable),
        (ErrorAnswer(400, "Bad Request: message is too long"), Refused),
        (ErrorAnswer(500, "Internal Server Error"), TryLater),
        (ErrorAnswer(502, "Bad Gateway"), TryLater),
        (ErrorAnswer(401, "Unauthorized"), TryLater),
        (ResetBefore(), Ambiguous),
        (ResetAfter(), Ambiguous),
        (Malformed(), Ambiguous),
        (Malformed(b"[]"), Ambiguous),
        (Malformed(b'{"ok":true,"result":{}}'), Ambiguous),
        (Malformed(b'{"ok":true,"result":[1]}'), Ambiguous),
        (Malformed(b'{"ok":true,"result":{"message_id":"7"}}'), Ambiguous),
        (Malformed(b'{"ok":false}'), Ambiguous),
    ],
)
async def test_what_an_answer_means(line: Line, answer: Any, fault: type[DeliveryFault]) -> None:
    """R-10 Each bad answer to a send becomes the fault that says whether it may have gone out."""
    await line.phone.start()
    line.world.faults.add("sendMessage", answer)
    with pytest.raises(fault):
        await line.messenger.send(line.phone.id, "text", (), protect=False)


async def test_an_edit_that_is_done_is_done(line: Line) -> None:
    """R-10 Of the answer to an edit nothing is needed but that it is one."""
    await line.phone.start()
    number = await line.messenger.send(line.phone.id, "text", ROWS, protect=False)
    line.world.faults.add("editMessageText", Malformed(b'{"ok":true,"result":true}'))
    await line.messenger.edit(line.phone.id, number, "other", ())
    line.world.faults.add("editMessageText", Malformed())
    with pytest.raises(Ambiguous):
        await line.messenger.edit(line.phone.id, number, "third", ())


async def test_what_json_can_hold(line: Line) -> None:
    """S-23 Any character a text or a button may hold arrives as it is."""
    await line.phone.start()
    text = 'ä "quoted" \\ & = % + \n\u2068\u05d0\u2069 \U0001f331'
    await line.messenger.send(line.phone.id, text, ((('כן & "', "ST-01:yes"),),), protect=False)
    assert line.phone.last.text == text
    assert line.phone.last.buttons[0].text == 'כן & "'


async def test_a_hang_is_ambiguous(line: Line) -> None:
    """R-10 A send whose answer does not come in time may have gone out."""
    await line.phone.start()
    line.bot.request._read_seconds = 0.2  # type: ignore[attr-defined]  # ours
    line.world.faults.add("sendMessage", Hang(3))
    with pytest.raises(Ambiguous):
        await line.messenger.send(line.phone.id, "text", (), protect=False)


async def test_nobody_there_is_try_later() -> None:
    """A refused connection wrote nothing, so that it is tried again without an orphan."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bot = build_bot("1:x", f"http://127.0.0.1:{port}")
    await bot.request.initialize()
    try:
        with pytest.raises(TryLater) as caught:
            await TelegramMessenger(bot).send(1, "text", (), protect=False)
    finally:
        await bot.request.shutdown()
    assert not caught.value.chat_only


async def test_a_press_too_old_is_no_error(line: Line) -> None:
    """An expired press cannot be answered, and nothing comes of it."""
    await line.messenger.answer_press("1")
    for fault in (ResetBefore(), Malformed(), Malformed(b'{"ok":false}')):
        line.world.faults.add("answerCallbackQuery", fault)
        await line.messenger.answer_press("1")


@pytest.mark.parametrize(
    ("error", "call", "fault"),
    [
        (Flood(3), "send", TryLater),
        (Conflict("x"), "send", TryLater),
        (Unsent("x"), "edit", TryLater),
        (ServerTrouble("500"), "delete", TryLater),
        (ChatMigrated(-1), "edit", Unreachable),
        (Forbidden("user is deactivated"), "delete", Unreachable),
        (Forbidden("message can't be deleted"), "delete", CannotDelete),
        (BadRequest("Message is not modified: same"), "edit", None),
        (BadRequest("Message to edit not found"), "edit", MissingMessage),
        (BadRequest("Message can't be edited"), "edit", MissingMessage),
        (BadRequest("BUTTON_DATA_INVALID"), "edit", Refused),
        (BadRequest("Message to delete not found"), "delete", None),
        (BadRequest("Message can't be deleted for everyone"), "delete", CannotDelete),
        (BadRequest("Chat not found"), "delete", Unreachable),
        (InvalidToken("Not Found"), "delete", CannotDelete),
        (InvalidToken("Unauthorized"), "delete", TryLater),
        (InvalidToken("Not Found"), "send", TryLater),
        (TimedOut(), "send", Ambiguous),
        (NetworkError("reset"), "send", Ambiguous),
        (Garbled(), "send", Ambiguous),
    ],
)
def test_which_fault(error: Any, call: Any, fault: type[DeliveryFault] | None) -> None:
    """Subclasses of NetworkError are told apart before it, and each call has its own successes."""
    assert type(fault_of(error, call)) is (fault or type(None))


def test_library_loggers_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """S-20 Nothing the library logs about a message reaches a handler."""
    quiet_library_logs()
    logging.getLogger("telegram.Bot").critical("somebody's words")
    logging.getLogger("telegram.request.BaseRequest").error("somebody's words")
    shown = capsys.readouterr()
    assert shown.out + shown.err == ""
