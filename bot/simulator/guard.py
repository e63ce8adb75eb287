"""Keeps the simulator's page and controls to browsers on this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LoopbackOnly:
    """Refuses page and controls under a foreign Host (a name rebound to this machine) or Origin (a page of
    another site), and changes that do not come as JSON (a form of another site). The Bot API is left alone:
    its token is its guard. Every answer carries the headers that keep a browser from guessing, keeping and framing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", _POLICY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                    (b"cache-control", b"no-store"),
                    (b"x-frame-options", b"DENY"),
                    (b"cross-origin-resource-policy", b"same-origin"),
                ]
            await send(message)

        app = self._app
        if scope["type"] == "http" and not scope["path"].startswith("/bot"):
            refused = refusal(scope["method"], Headers(scope=scope))
            app = JSONResponse({"error": refused}, 403) if refused else app
        await app(scope, receive, send_guarded)


def refusal(method: str, headers: Headers) -> str | None:
    """Why a request to page or controls is refused, or None."""
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in _LOOPBACK:
        return "this page answers to 127.0.0.1 and localhost only"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "another site may not use the simulator"
    if method == "POST" and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "controls take application/json only"
    return None
