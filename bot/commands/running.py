"""`vestibule run` and `vestibule demo`: the bot on Telegram, and the whole thing in a browser."""

from __future__ import annotations

import asyncio
import errno
import tempfile
import webbrowser
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from telegram.error import InvalidToken, TelegramError

from bot import logs
from bot.commands.examine import unknown_languages
from bot.commands.terminal import Told, complain, say
from bot.settings import load_settings
from bot.usecases.carry_out import MissingScript
from bot.usecases.own_bot import AnotherBot


def run() -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all
    from bot.web.server import NoPlace  # noqa: PLC0415 - as above

    settings = load_settings()
    settings.token_text()
    settings.keys_text()
    settings.refuse_unassessed(datetime.now(UTC).date())
    if unknown := unknown_languages(settings):
        raise Told(*unknown)
    logs.configure(settings.log_level)
    logs.catch_all()
    structlog.configure(processors=[_Unreachable(), *structlog.get_config()["processors"]])
    try:
        code = asyncio.run(wiring.run(settings))
    except InvalidToken:
        raise Told(
            "Telegram does not know the token in VESTIBULE_BOT_TOKEN; BotFather shows the right one"
        ) from None
    except TelegramError as error:
        says = f"the Bot API at VESTIBULE_BOT_API_URL cannot be reached ({type(error).__name__})"
        raise Told(f"{says}; look at the address and the network") from None
    except (MissingScript, NoPlace, AnotherBot) as fault:
        raise Told(str(fault)) from None
    raise typer.Exit(code)


class _Unreachable:
    """A structlog processor that says once, for the person at the terminal, what the first such line means."""

    def __init__(self) -> None:
        self._said = False

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        if event.get("event") == "telegram.unreachable" and not self._said:
            self._said = True
            complain(["Telegram cannot be reached yet; trying again until it can. Ctrl-C ends it"])
        return event


def demo(
    port: Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)] = 8080,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Run everything in a browser, with a simulated Telegram: phones side by side, and a clock to move."""
    from bot import demo as embedded  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    def ready(address: str) -> None:
        say(f"The demo is at {address}")
        say("Open the invitation on a participant's phone there. Ctrl-C ends it; nothing of it is kept.")
        if browser:
            webbrowser.open(address)

    logs.configure("warning")
    with tempfile.TemporaryDirectory(prefix="vestibule-demo-") as folder:
        try:
            code = asyncio.run(embedded.demo(port=port, data=Path(folder), ready=ready))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Told(f"port {port} is in use; choose another with --port") from None
    raise typer.Exit(code)
