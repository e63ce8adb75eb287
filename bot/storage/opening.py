"""The storage at an address, whichever database that is on."""

from __future__ import annotations

from bot.ports.services import Ids
from bot.storage.address import database_file, is_postgres
from bot.storage.faults import DatabaseMissing
from bot.storage.postgres import PostgresStorage
from bot.storage.revisions import current_revision
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage


def storage_at(url: str, keys: Keyring, ids: Ids) -> SqliteStorage | PostgresStorage:
    """The storage, not yet opened. Raises StorageFault for what is no address."""
    return PostgresStorage(url, keys, ids) if is_postgres(url) else SqliteStorage(url, keys, ids)


def is_there(url: str) -> bool:
    """Whether there is a database at all; on PostgreSQL, one with tables of ours. Raises StorageFault."""
    if not is_postgres(url):
        return database_file(url).exists()
    try:
        return current_revision(url) is not None
    except DatabaseMissing:
        return False
