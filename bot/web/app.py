"""What a machine may ask: whether the bot is well, whether it is at work, and its figures. Nothing about anybody."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.ports.stores import Storage, StorageFault
from bot.usecases.rounds import Rounds
from bot.web.metrics import CONTENT_TYPE, Metrics

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer; bot.web.server puts them there."""


def create_app(storage: Storage, rounds: Rounds, metrics: Metrics, *more: Route) -> Starlette:
    """/healthz, /readyz, /metrics and what more there is.

    /healthz is 200 while every loop goes round: a restart would help when it is not. /readyz is 200 only if
    each completed its work within its time: it is 503 while Telegram or the database is away. Of a process that
    follows only what a follower does is asked.
    """

    async def healthz(request: Request) -> Response:
        return _said(rounds, rounds.stuck())

    async def readyz(request: Request) -> Response:
        return _said(rounds, rounds.behind())

    async def figures(request: Request) -> Response:
        try:
            async with storage.unit(beside=True) as unit:  # it only reads
                return Response(await metrics.read(unit), headers={"Content-Type": CONTENT_TYPE})
        except StorageFault:
            return PlainTextResponse("the database cannot be read now\n", 503)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
    return Starlette(routes=[*routes, *more])


def _said(rounds: Rounds, late: tuple[str, ...]) -> Response:
    ages = {name: round(rounds.age(name), 1) for name in rounds.expected}
    role = "leader" if rounds.leads else "follower"
    return JSONResponse({"well": not late, "role": role, "late": late, "seconds": ages}, 503 if late else 200)
