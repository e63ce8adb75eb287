"""The simulator over HTTP: bodies, guard, controls, and the real python-telegram-bot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import telegram

from bot.clock import SystemClock
from bot.simulator import Phone, World, serve

LINK = "https://t.me/vestibule_demo_bot?start=abc"


def page(api: Any, path: str) -> str:
    return f"{api.address.page_url}{path}"


async def test_python_telegram_bot(api: Any, phone: Phone) -> None:
    """The real library, with its own transport, sends, edits, deletes, polls and uploads."""
    await phone.start("token")
    async with telegram.Bot(api.world.token, base_url=api.address.base_url) as bot:
        (update,) = await bot.get_updates(timeout=1, allowed_updates=["message", "callback_query"])
        assert update.message is not None
        assert update.message.text == "/start token"
        markup = telegram.InlineKeyboardMarkup.from_button(
            telegram.InlineKeyboardButton("Yes", callback_data="ST-01:yes")
        )
        sent = await bot.send_message(phone.id, "Grüße", reply_markup=markup, protect_content=True)
        phone.press("Yes")
        (update,) = await bot.get_updates(offset=update.update_id + 1, timeout=1)
        assert update.callback_query is not None
        assert await update.callback_query.answer("Thanks")
        await sent.edit_text("Bye")
        with pytest.raises(telegram.error.BadRequest, match="Message is not modified"):
            await sent.edit_text("Bye")
        document = await bot.send_document(phone.id, b"\x00\xff\r\n", filename="export.bin", caption="Grüße")
        assert (document.document.file_name, document.caption) == ("export.bin", "Grüße")
        assert await bot.delete_messages(phone.id, [sent.message_id, document.message_id])
        phone.block()
        with pytest.raises(telegram.error.Forbidden):
            await bot.send_message(phone.id, "a")


@pytest.mark.parametrize("kind", ["json", "form", "multipart", "address"])
async def test_ways_to_send_parameters(api: Any, phone: Phone, kind: str, keyboard: Any) -> None:
    """Parameters may come as JSON, form, multipart or in the address, nested values as JSON text."""
    await phone.start()
    given = {
        "chat_id": str(phone.id),
        "text": "ä\n",
        "protect_content": "true",
        "reply_markup": json.dumps(keyboard("A:b")),
    }
    body = {
        "json": {"json": given},
        "form": {"data": given},
        "multipart": {"data": None},
        "address": {"params": given},
    }[kind]
    if kind == "multipart":
        import aiohttp

        form = aiohttp.MultipartWriter("form-data")
        for name, value in given.items():
            form.append(value).set_content_disposition("form-data", name=name)
        body = {"data": form}
    status, answer = await api.post(f"{api.address.base_url}{api.world.token}/sendMessage", **body)
    assert (status, answer["result"]["text"]) == (200, "ä")
    assert phone.last.protected
    assert phone.last.buttons[0].data == "A:b"


@pytest.mark.parametrize(
    ("body", "media_type", "description"),
    [
        (b"{", "application/json", "can't parse JSON object"),
        (b"[]", "application/json", "can't parse JSON object"),
        (b"text=\xff", "application/x-www-form-urlencoded", "strings must be encoded in UTF-8"),
        (b"x", "text/plain", "can't parse a body of type text/plain"),
    ],
)
async def test_unreadable_body(api: Any, body: bytes, media_type: str, description: str) -> None:
    """A body that cannot be read is refused, never a server fault."""
    url = f"{api.address.base_url}{api.world.token}/getMe"
    status, answer = await api.post(url, data=body, headers={"content-type": media_type})
    assert (status, answer["description"]) == (400, f"Bad Request: {description}")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"host": "evil.example"}, "127.0.0.1 and localhost only"),
        ({"origin": "https://evil.example"}, "another site"),
        ({"content-type": "text/plain"}, "application/json only"),
    ],
)
async def test_guard(api: Any, headers: dict[str, str], why: str) -> None:
    """Another site's page, or a name rebound to this machine, cannot use the controls."""
    status, answer = await api.post(page(api, "sim/clock"), data=b'{"seconds": 60}', headers=headers)
    assert status == 403
    assert why in answer["error"]


async def test_controls(api: Any, phone: Phone, keyboard: Any) -> None:
    """Everything a person can do is a control: start, write, edit, press, send, block, new phones, the clock."""
    world = api.world
    world.offer_invitation(phone.id, LINK)

    async def do(control: str, **body: Any) -> Any:
        status, answer = await api.post(page(api, f"sim/{control}"), json=body)
        assert status == 200, answer
        return answer

    mine = f"phones/{phone.id}"
    await do(f"{mine}/start", link=LINK)
    said = (await do(f"{mine}/write", text="hello"))["message_id"]
    await do(f"{mine}/edit", message_id=said, text="hello again")
    sent = await api.ok("sendMessage", chat_id=phone.id, text="a", reply_markup=keyboard("A:b"))
    await do(f"{mine}/press", message_id=sent["message_id"], data="A:b")
    await do(f"{mine}/send", kind="voice")
    await do(f"{mine}/block", blocked=True)
    kinds = [next(iter(set(update) - {"update_id"})) for update in await api.ok("getUpdates")]
    assert kinds == ["message", "message", "edited_message", "callback_query", "message", "my_chat_member"]
    other = await do("phones", link=LINK, name="Another")
    assert world.people[other["id"]].invitation == LINK
    assert (await do("clock", seconds=3600))["now"] == "2026-01-05T10:00:00+00:00"


@pytest.mark.parametrize(
    ("control", "body", "status"),
    [
        ("phones", {"link": "nonsense"}, 400),
        ("phones", {}, 400),
        ("clock", {"seconds": 0}, 400),
        ("phones/1/write", {"text": "a"}, 404),
        ("phones/ME/write", {"text": ""}, 400),
        ("phones/ME/press", {"message_id": 99, "data": "A:b"}, 400),
        ("phones/ME/edit", {"message_id": 99, "text": "a"}, 404),
        ("phones/ME/edit", {"message_id": 1, "text": "a"}, 400),
        ("phones/ME/send", {"kind": "film"}, 400),
    ],
)
async def test_bad_control(api: Any, phone: Phone, control: str, body: dict[str, Any], status: int) -> None:
    """A control that makes no sense is refused with a sentence."""
    await phone.start()
    await api.ok("deleteMessage", chat_id=phone.id, message_id=1)
    api.world.chats[phone.id].last_id = 0
    await api.ok("sendMessage", chat_id=phone.id, text="a")
    got, answer = await api.post(page(api, f"sim/{control.replace('ME', str(phone.id))}"), json=body)
    assert got == status
    assert answer["error"]


async def test_real_clock_cannot_be_moved() -> None:
    """Over real time the clock's control says that it cannot be moved."""
    import aiohttp

    async with serve(World(SystemClock())) as address, aiohttp.ClientSession() as session:
        async with session.post(f"{address.page_url}sim/clock", json={"seconds": 60}) as response:
            assert (response.status, await response.json()) == (
                400,
                {"error": "this world runs on real time"},
            )
        async with session.get(f"{address.page_url}sim/state") as response:
            assert (await response.json())["movable"] is False


async def test_live_events(api: Any, phone: Phone) -> None:
    """A page gets everything first, then each change, and the stream ends when the world closes."""
    async with api.session.get(page(api, "sim/events")) as response:
        lines = response.content
        assert await lines.readline() == b"retry: 1000\n"
        await lines.readline()
        assert await lines.readline() == b"event: all\n"
        first = json.loads((await lines.readline()).removeprefix(b"data: "))
        assert [one["id"] for one in first["phones"]] == [phone.id]
        await lines.readline()
        phone.write("hello")
        assert await lines.readline() == b"event: some\n"
        change = json.loads((await lines.readline()).removeprefix(b"data: "))
        assert change["phones"][0]["messages"][0]["text"] == "hello"
        api.world.close()
        async with asyncio.timeout(2):
            await lines.read()


async def test_page_is_served_whole(api: Any) -> None:
    """The page needs nothing from elsewhere, and its browser is told so."""
    async with api.session.get(page(api, "")) as response:
        html = await response.text()
        assert "default-src 'none'" in response.headers["content-security-policy"]
    for name in ("app.js", "style.css", "phone.js", "strings.js"):
        async with api.session.get(page(api, f"page/{name}")) as response:
            assert response.status == 200
            assert "http://" not in (await response.text()).replace("http://www.w3.org", "")
    assert "/page/app.js" in html


async def test_serving_ends_quickly(world: World) -> None:
    """A poll that waits and a page that listens do not keep the server from stopping."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(3):
            async with serve(world) as address:
                poll = asyncio.create_task(
                    session.get(f"{address.base_url}{world.token}/getUpdates?timeout=50")
                )
                await asyncio.sleep(0.1)
        (await poll).close()


async def test_a_taken_port_is_said(api: Any, world: World) -> None:
    """A port that is taken raises OSError at once."""
    with pytest.raises(OSError, match="in use"):
        async with serve(world, port=api.address.port):
            pass


async def test_every_answer_carries_the_headers(api: Any) -> None:
    """S-40: page, controls, Bot API, refusals and errors carry the headers, and no name of a server."""
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
    }
    asked = [
        ("", {}, 200),
        ("page/app.js", {}, 200),
        ("nothing", {}, 404),
        ("", {"Host": "evil.example"}, 403),
        (f"bot{api.world.token}/getMe", {}, 200),
        ("bot1:x/getMe", {}, 401),
    ]
    for path, headers, status in asked:
        async with api.session.get(page(api, path), headers=headers) as response:
            assert response.status == status
            found = {name: response.headers.get(name) for name in expected}
            assert found == expected
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
            assert "server" not in response.headers
