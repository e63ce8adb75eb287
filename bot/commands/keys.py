"""`vestibule keys`: make keys, and see whether the ones set can be used."""

from __future__ import annotations

import typer

from bot.commands.terminal import Told, say
from bot.settings import load_settings
from bot.storage.sealing import BadKeys, Keyring

keys = typer.Typer(help="The keys that seal what is stored.", no_args_is_help=True)


@keys.command()
def new() -> None:
    """Print a fresh entry for VESTIBULE_KEYS. It is kept nowhere: store it yourself."""
    say(Keyring.generate())


@keys.command()
def check() -> None:
    """Say whether VESTIBULE_KEYS can be used."""
    try:
        ring = Keyring(load_settings().keys_text())
    except BadKeys as fault:
        raise Told(str(fault)) from None
    probe = ring.seal("probe", "probe", "1", b"probe")
    if ring.open("probe", "probe", "1", probe) != b"probe":
        raise Told("VESTIBULE_KEYS does not open what it seals")
    say("VESTIBULE_KEYS can be used")
