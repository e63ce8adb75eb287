"""Each kind of bad call gets the answer that Telegram gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.clock import MovableClock
from bot.simulator import Phone, World, create_app
from bot.simulator.shapes import METHODS, TYPES, fits
from tests.bot.simulator.bad_calls import BAD


class Direct:
    """The same calls as the `api` fixture of conftest, without a network between: there are many of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        transport = httpx.ASGITransport(create_app(world))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def call(self, method: str, token: str | None = None, **params: Any) -> tuple[int, dict[str, Any]]:
        response = await self.client.post(f"/bot{token or self.world.token}/{method}", json=params)
        return response.status_code, response.json()

    async def ok(self, method: str, **params: Any) -> Any:
        status, body = await self.call(method, **params)
        assert status == 200, body
        return body["result"]

    async def refused(self, method: str, **params: Any) -> tuple[int, str]:
        status, body = await self.call(method, **params)
        assert (body["ok"], body["error_code"]) == (False, status)
        return status, body["description"]


@pytest.fixture
def api(world: World) -> Direct:
    return Direct(world)


@pytest.mark.parametrize(("method", "params", "status", "description"), BAD)
async def test_bad_call(
    api: Any, phone: Phone, method: str, params: dict[str, Any], status: int, description: str
) -> None:
    """A bad call is refused with Telegram's own status and sentence, and changes nothing."""
    said = await phone.start()
    sent = await api.ok("sendMessage", chat_id=phone.id, text="Hello")
    stand_in = {"CHAT": phone.id, "SENT": sent["message_id"], "SAID": said}
    before = len(phone.log)
    params = {
        name: stand_in.get(value, value) if isinstance(value, str) else value
        for name, value in params.items()
    }
    assert await api.refused(method, **params) == (status, description)
    assert len(phone.log) == before


async def test_wrong_token(api: Any) -> None:
    """A call with another bot's token is unauthorised, whatever it asks for."""
    status, body = await api.call("getMe", token="1:wrong")
    assert (status, body) == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


async def test_who_cannot_be_reached(api: Any, phone: Phone) -> None:
    """Not started, blocked and deactivated people are refused with 403; a person who comes back is reached."""
    wanted = {"chat_id": phone.id, "text": "a"}
    assert await api.refused("sendMessage", **wanted) == (
        403,
        "Forbidden: bot can't initiate conversation with a user",
    )
    await phone.start()
    phone.block()
    assert await api.refused("sendMessage", **wanted) == (403, "Forbidden: bot was blocked by the user")
    await phone.start()
    await api.ok("sendMessage", **wanted)
    phone.deactivate()
    assert await api.refused("sendMessage", **wanted) == (403, "Forbidden: user is deactivated")


async def test_migrated_group(api: Any, phone: Phone) -> None:
    """A group that became a supergroup answers with its new id, which then works."""
    group = api.world.add_group("Team", [phone.id])
    new = api.world.migrate(group.id)
    status, body = await api.call("sendMessage", chat_id=group.id, text="a")
    assert (status, body["parameters"]) == (400, {"migrate_to_chat_id": new.id})
    await api.ok("sendMessage", chat_id=new.id, text="a")


async def test_deletion_window(api: Any, clock: MovableClock, phone: Phone) -> None:
    """S-43: messages of both sides can be deleted for 48 hours and not a second longer, one by one or together."""
    said = await phone.start()
    sent = (await api.ok("sendMessage", chat_id=phone.id, text="a"))["message_id"]
    clock.advance(timedelta(hours=48))
    await api.ok("deleteMessage", chat_id=phone.id, message_id=said)
    late = phone.write("later")
    clock.advance(timedelta(seconds=1))
    refusal = (400, "Bad Request: message can't be deleted for everyone")
    assert await api.refused("deleteMessage", chat_id=phone.id, message_id=sent) == refusal
    assert await api.refused("deleteMessages", chat_id=phone.id, message_ids=[late, sent]) == refusal
    assert await api.ok("deleteMessages", chat_id=phone.id, message_ids=[late, 99]) is True
    assert [message.message_id for message in phone.messages] == [sent]


async def test_messages_of_others_in_groups(api: Any, phone: Phone) -> None:
    """In a group the bot deletes its own messages only."""
    group = api.world.add_group("Team", [phone.id])
    said = phone.in_chat(group.id).write("hello")
    refusal = (400, "Bad Request: message can't be deleted")
    assert await api.refused("deleteMessage", chat_id=group.id, message_id=said) == refusal


async def test_edit_without_markup_takes_buttons_away(api: Any, phone: Phone, keyboard: Any) -> None:
    """An edit without reply_markup removes the buttons, as Telegram does."""
    await phone.start()
    sent = await api.ok("sendMessage", chat_id=phone.id, text="a", reply_markup=keyboard("ST-01:yes"))
    await api.ok("editMessageText", chat_id=phone.id, message_id=sent["message_id"], text="b")
    assert phone.last.text == "b"
    assert phone.last.buttons == []


async def test_html_and_plain_text(api: Any, phone: Phone) -> None:
    """HTML becomes text and entities counted in UTF-16 units; a text without parse_mode stays as it is."""
    await phone.start()
    sent = await api.ok(
        "sendMessage",
        chat_id=phone.id,
        text=" 😀 <b>a &lt;</b> <a href='https://example.org'>b</a>",
        parse_mode="HTML",
    )
    assert sent["text"] == "😀 a < b"
    assert sent["entities"] == [
        {"type": "bold", "offset": 3, "length": 3},
        {"type": "text_link", "offset": 7, "length": 1, "url": "https://example.org"},
    ]
    sent = await api.ok("sendMessage", chat_id=phone.id, text="<b>& \u202e\x00")
    assert sent["text"] == "<b>& \u202e\x00"
    assert "entities" not in sent


async def test_length_is_counted_after_markup(api: Any, phone: Phone) -> None:
    """4,096 characters are allowed, not counting the markup around them."""
    await phone.start()
    await api.ok("sendMessage", chat_id=phone.id, text=f"<b>{'x' * 4096}</b>", parse_mode="HTML")


async def test_protected_is_kept(api: Any, phone: Phone) -> None:
    """protect_content is seen on the message, and an edit keeps it."""
    await phone.start()
    sent = await api.ok("sendMessage", chat_id=phone.id, text="a", protect_content=True)
    assert sent["has_protected_content"] is True
    await api.ok("editMessageText", chat_id=phone.id, message_id=sent["message_id"], text="b")
    assert phone.last.protected


async def test_profile(api: Any) -> None:
    """Name, descriptions and commands can be set and read per language, and fall back to the default."""
    await api.ok("setMyName", name="Assistant")
    await api.ok("setMyDescription", description="Hallo", language_code="de")
    await api.ok("setMyShortDescription", short_description="Hi")
    commands = [{"command": "menu", "description": "What can be done"}]
    await api.ok("setMyCommands", commands=commands)
    assert await api.ok("getMyName", language_code="de") == {"name": "Assistant"}
    assert await api.ok("getMyDescription", language_code="de") == {"description": "Hallo"}
    assert await api.ok("getMyDescription") == {"description": ""}
    assert await api.ok("getMyShortDescription") == {"short_description": "Hi"}
    assert await api.ok("getMyCommands") == commands
    await api.ok("deleteMyCommands")
    assert await api.ok("getMyCommands") == []


async def test_what_comes_out_fits_the_shapes(api: Any, phone: Phone, keyboard: Any) -> None:
    """All that the simulator sends, updates of every kind and messages, fits the Bot API's shapes itself."""
    said = await phone.start("token")
    sent = await api.ok(
        "sendMessage", chat_id=phone.id, text="<i>a</i>", parse_mode="HTML", reply_markup=keyboard("A:b")
    )
    assert fits("Message", sent) is None
    phone.press("A:b")
    phone.edit(said, "changed")
    phone.send_voice()
    phone.send_photo("look")
    phone.send_sticker()
    await api.ok("deleteMessage", chat_id=phone.id, message_id=sent["message_id"])
    phone.press_message(sent["message_id"], "A:b")
    phone.block()
    api.world.add_group("Team", [phone.id])
    updates = await api.ok("getUpdates")
    assert [sorted(set(update) - {"update_id"})[0] for update in updates] == [
        "message",
        "callback_query",
        "edited_message",
        "message",
        "message",
        "message",
        "callback_query",
        "my_chat_member",
        "my_chat_member",
    ]
    assert [fits("Update", update) for update in updates] == [None] * len(updates)
    assert fits("User", await api.ok("getMe")) is None
    assert fits("WebhookInfo", await api.ok("getWebhookInfo")) is None


def test_shapes_are_complete() -> None:
    """Every type that a parameter or field of the shapes names is there to be checked."""
    known = set(TYPES) | {"String", "Integer", "Boolean", "InputFile", "MaybeInaccessibleMessage"}
    fields = [field for shape in [*METHODS.values(), *TYPES.values()] for field in shape.values()]
    named = {name.replace("Array of ", "") for field in fields for name in field["types"]}
    assert named <= known
