"""`vestibule migrate`: make the database's tables, or bring them up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.terminal import say
from bot.settings import load_settings
from bot.storage.address import shown
from bot.storage.revisions import current_revision
from bot.storage.revisions import migrate as bring_up_to_date

_After = Annotated[
    bool,
    typer.Option("--after", help="No older replica runs any more: take away what only those needed, too."),
]


def migrate(after: _After = False) -> None:
    """Make the database's tables, or bring them up to date: all of it or nothing."""
    url = load_settings().database_url
    waiting = bring_up_to_date(url, after=after)
    say(f"{shown(url)} is at revision {current_revision(url)}")
    if waiting:
        say(
            f"{', '.join(waiting)} can follow once no older replica runs, as older ones could not go on with it: "
            "vestibule migrate --after"
        )
