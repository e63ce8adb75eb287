"""`vestibule`: the commands, and what a person sees when one cannot go on.

Exit codes: 0 done, 1 a fault, 2 wrong use.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from bot.commands.audit import audit
from bot.commands.backup import backup, restore
from bot.commands.check import check
from bot.commands.copy import copy
from bot.commands.diagram import diagram
from bot.commands.doctor import doctor
from bot.commands.duty import duty
from bot.commands.erase import erase
from bot.commands.export import export
from bot.commands.import_file import import_file
from bot.commands.invite import invite
from bot.commands.keys import keys
from bot.commands.languages import review, show_languages
from bot.commands.leave import leave
from bot.commands.migrate import migrate
from bot.commands.rehearse import rehearse
from bot.commands.requests import requests
from bot.commands.retention import retention
from bot.commands.running import demo, run
from bot.commands.sessions import sessions
from bot.commands.strike import strike
from bot.commands.terminal import FAULT, Told, complain, say
from bot.commands.zone import zone
from bot.logs import configure_commands, kinds_of, places_of
from bot.ports.stores import StorageFault
from bot.review import BadReview
from bot.settings import BadSettings
from bot.signposts import BadSignposts
from bot.storage.sealing import BadKeys, CannotOpen
from flows.read import ScriptFault

app = typer.Typer(
    help="A Telegram bot that walks people to the door of an online group.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"vestibule {metadata.version('vestibule')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version, and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """What can be said before any command."""


for command in (
    demo,
    run,
    check,
    review,
    rehearse,
    diagram,
    invite,
    zone,
    migrate,
    doctor,
    backup,
    restore,
    copy,
    leave,
    export,
    erase,
    strike,
    retention,
):
    app.command()(command)
app.command("import")(import_file)
app.command("languages")(show_languages)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(duty, name="duty")
app.add_typer(sessions, name="sessions")
app.add_typer(requests, name="requests")


def main() -> None:
    """The console script: run a command; every fault is a clear line, never a traceback."""
    configure_commands()
    try:
        app()
    except Told as told:
        complain(told.lines)
        sys.exit(told.code)
    except Exception as error:  # noqa: BLE001 - a message could hold what a person wrote (S-20): kind and place only
        complain(lines_of(error))
    sys.exit(FAULT)


def lines_of(error: BaseException) -> list[str]:
    """What to say about an error, a line each."""
    match error:
        case BadSettings() | ScriptFault() | BadSignposts():
            return list(error.faults)
        case StorageFault() | BadKeys() | CannotOpen() | BadReview():
            return [str(error)]
        case BaseExceptionGroup():
            return [line for one in error.exceptions for line in lines_of(one)]
        case _:
            return [f"a fault of our own, please report it: {kinds_of(error)} at {places_of(error)}"]
