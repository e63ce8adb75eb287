"""`vestibule migrate`: make the database, or bring it up to date."""

from __future__ import annotations

from bot.commands.terminal import say
from bot.settings import load_settings
from bot.storage.address import database_file
from bot.storage.revisions import current_revision
from bot.storage.revisions import migrate as bring_up_to_date


def migrate() -> None:
    """Make the database, or bring it up to date: all of it or nothing."""
    url = load_settings().database_url
    bring_up_to_date(url)
    say(f"{database_file(url)} is at revision {current_revision(url)}")
