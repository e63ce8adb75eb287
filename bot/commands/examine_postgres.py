"""What doctor looks at where the data are on PostgreSQL. Each look gives findings and raises nothing."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.examine import Finding
from bot.ports.stores import StorageFault
from bot.settings import Settings
from bot.storage.address import is_postgres, shown
from bot.storage.postgres import CONNECTIONS
from bot.storage.postgres_look import ServerFacts, look
from bot.storage.revisions import check_revision, current_revision

OLDEST = 13
CLOCK_SECONDS = 1.0
PER_PROCESS = CONNECTIONS + 2
"""Connections of a process at most: those of units of work, the lease's, and the one that hears the bell."""


def on_postgres(settings: Settings) -> bool:
    """Whether the address is that of a PostgreSQL database; False for one that is no address at all."""
    try:
        return is_postgres(settings.database_url)
    except StorageFault:
        return False


def postgres(settings: Settings) -> Iterator[Finding]:
    """Whether the server can be reached, keeps what it is told, and has the right tables, clock and room."""
    url = settings.database_url
    try:
        facts = look(url)
    except StorageFault as fault:
        yield Finding("fault", "PostgreSQL", str(fault))
        return
    yield from server(facts)
    try:
        check_revision(url)
        yield Finding("ok", "database", f"{shown(url)} is at revision {current_revision(url)}")
    except StorageFault as fault:
        yield Finding("fault", "database", str(fault))


def server(facts: ServerFacts) -> Iterator[Finding]:
    """What is to be said of a server."""
    if facts.major < OLDEST:
        yield Finding("fault", "PostgreSQL", f"{facts.version}; {OLDEST} at least")
    else:
        yield Finding("ok", "PostgreSQL", facts.version)
    if facts.not_durable:
        says = f"{', '.join(facts.not_durable)} off: what was kept can be lost when the power goes; set to on"
        yield Finding("fault", "durability", says)
    else:
        yield Finding("ok", "durability", "fsync, full_page_writes and synchronous_commit are on")
    if facts.encoding != "UTF8":
        says = f"{facts.encoding}, where not every language has a place; make the database with UTF8"
        yield Finding("fault", "encoding", says)
    short = facts.max_connections - facts.in_use < 2 * PER_PROCESS
    says = f"max_connections {facts.max_connections}, {facts.in_use} in use; a process of the bot takes up to {PER_PROCESS}"
    yield Finding("note" if short else "ok", "connections", says)
    right = facts.clock_apart <= CLOCK_SECONDS
    says = f"{facts.clock_apart:.1f} s from the database server's; {CLOCK_SECONDS:g} at most"
    yield Finding("ok" if right else "fault", "clock of the database", says)
    yield from _on_the_way(facts)


def _on_the_way(facts: ServerFacts) -> Iterator[Finding]:
    if not facts.remote:
        return
    advice = "add ?sslmode=verify-full to the address"
    if not facts.encrypted:
        yield Finding("note", "way to the database", f"the connection is not encrypted; {advice}")
    elif not facts.checked:
        yield Finding("note", "way to the database", f"encrypted, but who answers is not checked; {advice}")
    else:
        yield Finding("ok", "way to the database", "encrypted, and the server is checked")
