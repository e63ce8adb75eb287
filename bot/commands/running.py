"""`vestibule run` and `vestibule demo`: the bot on Telegram, and the whole thing in a browser."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import typer
from telegram.error import InvalidToken, TelegramError

from bot import logs
from bot.commands.terminal import Told
from bot.settings import load_settings
from bot.usecases.carry_out import MissingScript

DEMO_DATA = Path("data/demo")


def run() -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    settings = load_settings()
    settings.token_text(), settings.keys_text()
    logs.configure(settings.log_level)
    try:
        code = asyncio.run(wiring.run(settings))
    except InvalidToken:
        raise Told("Telegram does not know the token in VESTIBULE_BOT_TOKEN; BotFather shows the right one") from None
    except TelegramError as error:
        says = f"the Bot API at VESTIBULE_BOT_API_URL cannot be reached ({type(error).__name__})"
        raise Told(f"{says}; look at the address and the network") from None
    except MissingScript as fault:
        raise Told(str(fault)) from None
    raise typer.Exit(code)


def demo(
    port: Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)] = 8080,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the demo of last time.")] = False,
) -> None:
    """Run everything in a browser, with a simulated Telegram: two phones, and a clock to move."""
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    settings = load_settings()
    logs.configure("warning" if settings.log_level == "info" else settings.log_level)
    if fresh and DEMO_DATA.exists():
        shutil.rmtree(DEMO_DATA)
    DEMO_DATA.mkdir(parents=True, exist_ok=True)
    raise typer.Exit(asyncio.run(wiring.demo(settings, port=port, open_browser=browser, data=DEMO_DATA)))
