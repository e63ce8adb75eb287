"""What doctor looks at on this machine. Each look gives findings and raises nothing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from zoneinfo import available_timezones

import aiohttp

from bot.commands.keys import try_on
from bot.ports.stores import StorageFault
from bot.review import BadReview, is_draft, missing
from bot.settings import BadSettings, Settings
from bot.signposts import BadSignposts, read_signposts
from bot.storage.address import database_file
from bot.storage.opening import is_there
from bot.storage.revisions import check_revision, current_revision
from bot.storage.sealing import BadKeys, Keyring
from bot.texts import SOURCE, best_of, languages
from bot.usecases.signposts import Signpost

WAL_MENDED = (3, 51, 3)
_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_SKEW_SECONDS = 30
_ASSESSED_FOR = timedelta(days=2 * 365 + 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and what was seen. A note stops nothing."""

    mark: Literal["ok", "note", "fault"]
    what: str
    says: str


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database is there, is this software's, and is whole."""
    try:
        file = database_file(settings.database_url)
        check_revision(settings.database_url)
        revision = current_revision(settings.database_url)
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        ) as connection:
            whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
            rows = connection.execute("PRAGMA foreign_key_check").fetchone()
    except StorageFault as fault:
        yield Finding("fault", "database", str(fault))
        return
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "SQLite")
        yield Finding("fault", "database", f"it cannot be read through ({name}); restore it from a backup")
        return
    if whole == "ok" and rows is None:
        yield Finding("ok", "database", f"{file} is at revision {revision}, and whole")
    else:
        yield Finding("fault", "database", f"{file} is damaged; stop the bot and restore it from a backup")


def sqlite(settings: Settings) -> Iterator[Finding]:
    """Whether this SQLite can spoil its write-ahead log when two processes write at once."""
    if sqlite3.sqlite_version_info >= WAL_MENDED:
        yield Finding("ok", "SQLite", sqlite3.sqlite_version)
        return
    says = "before 3.51.3 two processes that write at once can damage the database; our file lock keeps them apart"
    yield Finding(
        "ok", "SQLite", f"{sqlite3.sqlite_version}; {says}. Open it with nothing else while the bot runs"
    )


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room where the database is."""
    try:
        folder = database_file(settings.database_url).absolute().parent
        free = shutil.disk_usage(folder).free
    except (StorageFault, OSError):
        yield Finding("fault", "disk", "the folder for the database is not there")
        return
    says = f"{free / 1e9:.1f} GB free in {folder}"
    if free < _TOO_LITTLE:
        yield Finding("fault", "disk", f"{says}; free some, 0.1 GB at least")
    else:
        yield Finding("note" if free < _LITTLE else "ok", "disk", says)


def keys(settings: Settings) -> Iterator[Finding]:
    """Whether the keys can be used, and open what the database holds; never what they are."""
    try:
        ring = Keyring(settings.keys_text())
        there = is_there(settings.database_url)
        if there:
            asyncio.run(try_on(settings.database_url, ring))
    except (BadSettings, BadKeys) as fault:
        yield Finding("fault", "keys", str(fault))
    except StorageFault:
        yield Finding(
            "note", "keys", "they can be used; the database could not be asked whether they are its own"
        )
    else:
        says = f"{settings.keys_from()}: they can be used"
        says += " and open what the database holds" if there else ""
        yield Finding("ok", "keys", f"{says}; keep a copy away from the database")


def assessment(settings: Settings) -> Iterator[Finding]:
    """Whether the data protection impact assessment was signed, and not too long ago."""
    today = datetime.now(UTC).date()
    if due := settings.assessment_due(today):
        here = settings.on_telegram()  # where run refuses without it
        refuses = "run refuses without it" if here else "without it run refuses on Telegram's own address"
        mark: Literal["fault", "note"] = "fault" if here else "note"
        yield Finding(mark, "impact assessment", f"{due}; {refuses}. See docs/privacy/dpia.md")
    elif settings.dpia_signed is not None:
        signed = settings.dpia_signed
        if today - signed > _ASSESSED_FOR:
            says = f"it was signed on {signed}, more than two years ago; look it over and sign it anew"
            yield Finding("note", "impact assessment", says)
        else:
            yield Finding("ok", "impact assessment", f"signed on {signed}")


def private(settings: Settings) -> Iterator[Finding]:
    """Whether others on this machine can read the database's files."""
    try:
        file = database_file(settings.database_url)
        current_revision(settings.database_url)
    except StorageFault:
        return  # `database` says it; and what is not ours is not ours to close
    open_to_others = [
        one
        for one in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm")))
        if one.exists() and one.stat().st_mode & 0o077
    ]
    if open_to_others:
        names = " ".join(str(one) for one in open_to_others)
        yield Finding("note", "permissions", f"others on this machine can read the data; chmod 600 {names}")


def offered(settings: Settings) -> Iterator[Finding]:
    """Whether there is a catalogue for each language that is to be offered, and which are drafts."""
    for fault in unknown_languages(settings):
        yield Finding("fault", "languages", fault)
    try:
        chosen = settings.offered()
        drafts = [code for code in chosen if is_draft(code)]
    except BadReview as bad:
        yield Finding("fault", "languages", str(bad))
        return
    for code in chosen:
        if code != SOURCE and (count := len(missing(code))):
            says = f"{code}: {count} texts would be read in English; vestibule check names them"
            yield Finding("fault", "languages", says)
    says = f"offered: {', '.join(chosen)}"
    if drafts:
        says += f"; not wholly reviewed: {', '.join(drafts)} (vestibule languages)"
    yield Finding("note" if drafts else "ok", "languages", says)


def signposts(settings: Settings) -> Iterator[Finding]:
    """Whether the help contacts can be used, and which of them nobody has checked for six months."""
    today = datetime.now(UTC).date()
    try:
        found = read_signposts(settings.signposts, today)
    except BadSignposts as bad:
        yield from (Finding("fault", "help contacts", fault) for fault in bad.faults)
        return
    yield from (Finding("note", "help contacts", says) for says in unchecked(found, today))
    says = (
        f"{len(found)} in {settings.signposts}"
        if settings.signposts
        else "no file; the programme's own numbers alone"
    )
    yield Finding("ok", "help contacts", says)


def unchecked(found: Iterable[Signpost], today: date) -> list[str]:
    """A line for each contact that was last checked more than six months ago."""
    return [
        f"{one.country}, {one.name}: last checked on {one.checked}; try it, and write today's date ({today}) beside it"
        for one in found
        if one.unchecked(today)
    ]


def unknown_languages(settings: Settings) -> list[str]:
    """A line if VESTIBULE_LANGUAGES names what there is no catalogue for."""
    unknown = [code for code in settings.languages if best_of(code, languages()) is None]
    if not unknown:
        return []
    there = ", ".join(languages())
    return [f"VESTIBULE_LANGUAGES: there is no catalogue for {', '.join(unknown)}; there are: {there}"]


async def clock(settings: Settings) -> list[Finding]:
    """Whether the clock is about right, by the Bot API server's, and the time zones are there."""
    findings = []
    if "Europe/London" not in available_timezones():
        findings.append(Finding("fault", "time zones", "there is no time zone database; install tzdata"))
    now = datetime.now(UTC)
    if now < _EARLIEST:
        findings.append(Finding("fault", "clock", f"it says {now:%Y-%m-%d}; set it, by NTP at best"))
        return findings
    there = await _servers_time(settings.api_root())
    if there is None:
        findings.append(
            Finding("note", "clock", f"it says {now:%Y-%m-%d %H:%M} UTC; there was nothing to compare")
        )
        return findings
    seconds = abs((datetime.now(UTC) - there).total_seconds())
    mark: Literal["ok", "fault"] = "ok" if seconds <= _SKEW_SECONDS else "fault"
    findings.append(
        Finding(mark, "clock", f"{seconds:.0f} s from the Bot API server's; {_SKEW_SECONDS} at most")
    )
    return findings


async def _servers_time(root: str) -> datetime | None:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.head(root, allow_redirects=False) as response,
        ):
            return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None
