"""What the page asks for: the state, live changes, and one control for each thing a person can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from importlib import resources
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.simulator.phone import Phone, start_parameter
from bot.simulator.snapshot import phone_state, world_state
from bot.simulator.world import World

_PAGE = str(resources.files("bot.simulator").joinpath("page"))
_HEARTBEAT = 1.0


@runtime_checkable
class Movable(Protocol):
    """A clock that can be moved."""

    def advance(self, by: timedelta) -> None:
        """Moves it forward."""
        ...


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewPhone(_Asked):
    link: str = Field(default="", max_length=512)
    name: str = Field(default="", max_length=64)
    role: str = Field(default="invited", min_length=1, max_length=32)
    language: str = Field(default="en", min_length=2, max_length=16)


class _Start(_Asked):
    link: str | None = Field(default=None, max_length=512)


class _Write(_Asked):
    text: str = Field(min_length=1, max_length=4096)


class _Edit(_Asked):
    message_id: int
    text: str = Field(min_length=1, max_length=4096)


class _Press(_Asked):
    message_id: int
    data: str = Field(min_length=1, max_length=64)


class _SendMedia(_Asked):
    kind: Literal["voice", "photo", "sticker"]


class _Block(_Asked):
    blocked: bool


class _Advance(_Asked):
    seconds: int = Field(gt=0, le=366 * 86400)


def control_routes(world: World) -> list[BaseRoute]:
    """The page, its files and its controls."""
    control = _Control(world)

    async def page(request: Request) -> Response:
        del request
        return FileResponse(f"{_PAGE}/index.html")

    async def state(request: Request) -> Response:
        del request
        return JSONResponse(world_state(world))

    async def events(request: Request) -> Response:
        del request
        return StreamingResponse(_live(world), media_type="text/event-stream")

    return [
        Route("/", page),
        Mount("/page", StaticFiles(directory=_PAGE)),
        Route("/sim/state", state),
        Route("/sim/events", events),
        _route("/sim/phones", control.add_phone),
        _route("/sim/clock", control.advance),
        _route("/sim/phones/{id:int}/start", control.start),
        _route("/sim/phones/{id:int}/write", control.write),
        _route("/sim/phones/{id:int}/edit", control.edit),
        _route("/sim/phones/{id:int}/press", control.press),
        _route("/sim/phones/{id:int}/send", control.send),
        _route("/sim/phones/{id:int}/block", control.block),
    ]


def _route(path: str, do: Callable[[Request, bytes], Awaitable[Any]]) -> Route:
    """A control; what makes no sense is answered with a sentence."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await do(request, await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": error.errors()[0]["msg"]}, 400)
        except KeyError:
            return JSONResponse({"error": "no such phone or message"}, 404)
        except (ValueError, AssertionError) as error:
            return JSONResponse({"error": str(error).splitlines()[0]}, 400)

    return Route(path, endpoint, methods=["POST"])


class _Control:
    """Each method is one control; it answers with what the page may want to know."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _phone(self, request: Request) -> Phone:
        return Phone.of(self._world, request.path_params["id"])

    async def add_phone(self, request: Request, body: bytes) -> dict[str, int]:
        del request
        asked = _NewPhone.model_validate_json(body)
        words = asked.role.replace("_", " ")
        name = asked.name.strip() or f"{words.capitalize()} {len(self._world.people) + 1}"
        link = asked.link or await self._invited(asked.role, name, asked.language)
        start_parameter(link, self._world.bot["username"])
        phone = Phone(self._world, name, role=words, language=asked.language)
        self._world.offer_invitation(phone.id, link)
        return {"id": phone.id}

    async def _invited(self, role: str, alias: str, language: str) -> str:
        if self._world.inviting is None:
            raise ValueError("an invitation link is needed")
        return await self._world.inviting.invite(role, alias, language)

    async def advance(self, request: Request, body: bytes) -> dict[str, str]:
        del request
        asked = _Advance.model_validate_json(body)
        clock: object = self._world.clock
        if not isinstance(clock, Movable):
            raise ValueError("this world runs on real time")  # noqa: TRY004 - what was asked cannot be done
        clock.advance(timedelta(seconds=asked.seconds))
        self._world.touch()
        return {"now": self._world.clock.now().isoformat()}

    async def start(self, request: Request, body: bytes) -> dict[str, int]:
        asked, phone = _Start.model_validate_json(body), self._phone(request)
        sent = await (phone.open_invitation(asked.link) if asked.link else phone.start())
        return {"message_id": sent}

    async def write(self, request: Request, body: bytes) -> dict[str, int]:
        return {"message_id": self._phone(request).write(_Write.model_validate_json(body).text)}

    async def edit(self, request: Request, body: bytes) -> dict[str, int]:
        asked, phone = _Edit.model_validate_json(body), self._phone(request)
        if self._world.chats[phone.id].messages[asked.message_id].from_bot:
            raise ValueError("only one's own messages can be edited")
        phone.edit(asked.message_id, asked.text)
        return {"message_id": asked.message_id}

    async def press(self, request: Request, body: bytes) -> dict[str, int]:
        asked = _Press.model_validate_json(body)
        self._phone(request).press_message(asked.message_id, asked.data)
        return {"message_id": asked.message_id}

    async def send(self, request: Request, body: bytes) -> dict[str, int]:
        phone = self._phone(request)
        kind = _SendMedia.model_validate_json(body).kind
        send = {"voice": phone.send_voice, "photo": phone.send_photo, "sticker": phone.send_sticker}[kind]
        return {"message_id": send()}

    async def block(self, request: Request, body: bytes) -> dict[str, bool]:
        asked, phone = _Block.model_validate_json(body), self._phone(request)
        (phone.block if asked.blocked else phone.unblock)()
        return {"blocked": asked.blocked}


async def _live(world: World) -> AsyncIterator[str]:
    """Server-sent events: first everything, then the phones that changed, and the time every second.

    Each event holds a whole state, so a lost one does no harm."""
    seen = world.version
    yield "retry: 1000\n\n"
    yield _event("all", world_state(world))
    while not world.closing.is_set():
        try:
            async with asyncio.timeout(_HEARTBEAT):
                await world.changed(seen)
        except TimeoutError:
            yield _event("some", world_state(world, phones=[]))
            continue
        since, seen = seen, world.version
        changed = [chat.id for chat in world.chats.values() if chat.version > since and chat.id > 0]
        phones = [phone_state(world, chat_id) for chat_id in changed]
        yield _event("some", world_state(world, phones=phones))


def _event(name: str, state: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(state, ensure_ascii=False)}\n\n"
