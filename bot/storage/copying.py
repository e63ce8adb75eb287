"""All data from one database into another, whatever kind each is: resumable, and looked over afterwards.

Blocks: from a coroutine run it in a thread. Rows travel as they are stored, so that sealed values and the audit log's
hashes hold; each window of rows is one transaction in the target, in which stands also how far the copy is. Both
databases are held for themselves all through, and marked, so that nothing runs on either before it is whole.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Table, delete, make_url

from bot.ports.audit import AuditVerdict
from bot.ports.stores import StorageFault
from bot.storage import copy_mark, copy_tables
from bot.storage.address import database_file, is_postgres
from bot.storage.audit import AuditStore
from bot.storage.copy_compare import NotTheSame, Told, verify
from bot.storage.copy_end import End, Looking
from bot.storage.copy_mark import Mark
from bot.storage.copy_postgres import PostgresEnd, is_one
from bot.storage.copy_sqlite import SqliteEnd
from bot.storage.copy_tables import Key, copied, counted, key_in
from bot.storage.faults import DatabaseCopied
from bot.storage.key_check import check_keys
from bot.storage.revisions import check_revision, current_revision, migrate
from bot.storage.sealing import Keyring
from bot.storage.tables import audit_anchors, counters
from bot.storage.work import Work

_SAID = 20


class SameDatabase(StorageFault):
    """Both addresses name one database."""


class NotSure(StorageFault):
    """Whether the copy has been used must be known first."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: tables, rows, the SHA-256 over all of them, the source's audit log, both databases' names."""

    tables: int
    rows: int
    digest: str
    audit: AuditVerdict
    source: str
    target: str


def copy(source_url: str, target_url: str, keys: Keyring, new_id: str, told: Told) -> Copied:
    """Copy everything, or go on with a copy that was broken off; then compare both, row by row.

    `new_id` names the copy if it begins now. Raises StorageFault (SameDatabase, NotTheSame, DatabaseCopied among
    them), or BadKeys.
    """
    refuse_same(source_url, target_url)
    check_revision(source_url, marked=True)
    revision = current_revision(source_url) or ""
    source = end_at(source_url)
    _refuse_one(source_url, target_url)
    with ExitStack() as held:
        held.enter_context(source.held())
        looked = _look(source, keys)
        with _said_of_target():
            _prepare(target_url, revision)
            target = end_at(target_url)
            held.enter_context(target.held())
        _begin(source, target, new_id, revision)
        for table in copied():
            _copy_table(source, target, table, told)
        with target.transaction():
            for table in counted():
                target.go_on_after(table, source.highest(table))
        rows, digest = verify(source, target, told)
        if (found := _look(target, keys)) != looked:
            raise NotTheSame(
                [f"the audit log of the copy is not that of {source.name}: {', '.join(found.faults)}"]
            )
        for end in (source, target):
            end.refuse_others()
        _finish(source, target)
    return Copied(len(copied()), rows, digest, looked, source.name, target.name)


def undo(url: str, copy_url: str | None = None, *, sure: bool = False) -> bool:
    """Take the mark off a database that was copied from; whether there was one. Raises StorageFault.

    Of a finished copy only if nothing was done on it since: `copy_url` is looked at for that. Without it raises NotSure, unless
    `sure`. Tables of an older version are none the worse: `migrate` refuses them as long as the mark is there.
    """
    current_revision(url)  # it is there, and ours
    end = end_at(url)
    with end.held():
        mark = _mark(end)
        if mark is None:
            return False
        if mark.role == "into":
            raise DatabaseCopied(
                "what is in this database is half a copy; nothing can run on it. Remove it, or finish it with: vestibule copy"
            )
        if mark.done and copy_url is not None:
            refuse_same(url, copy_url)
            with _said_of_target():
                _refuse_used(end, end_at(copy_url))
        elif mark.done and not sure:
            raise NotSure(
                f"this database was copied into {mark.other}. Has the bot run there, then what was done since is only there, "
                "and two bots would send the same. To have that looked at: vestibule copy --undo --to and the address of "
                "that one. Only if it is gone, or you are certain: vestibule copy --undo --yes"
            )
        with end.transaction():
            end.run(copy_mark.DROP, {})
    return True


def _refuse_used(source: End, target: End) -> None:
    """Return if the target is the source's copy as it was made. Raises DatabaseCopied."""
    with target.held():
        last = source.fetch("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", {})
        there = target.fetch("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", {})
        pulses = [end.fetch("SELECT max(at) FROM pulses", {})[0][0] for end in (source, target)]
    if [*map(tuple, last)] != [*map(tuple, there)] or pulses[0] != pulses[1]:
        raise DatabaseCopied(
            f"{target.name} is not as it was copied: the bot has run on it, or commands have. Nothing was changed; "
            "go back by copying the other way, into an empty database (docs/postgresql.md)"
        )


def refuse_same(one: str, other: str) -> None:
    """Return if the addresses name two databases. Raises SameDatabase, or StorageFault for what is no address."""
    if is_postgres(one) != is_postgres(other):
        return
    if is_postgres(one):
        parts = [(url.host, url.port, url.database, url.query) for url in (make_url(one), make_url(other))]
    else:
        parts = [Path(database_file(url)).resolve() for url in (one, other)]  # type: ignore[misc]  # either kind
    if parts[0] == parts[1]:
        raise SameDatabase("--to names the database that VESTIBULE_DATABASE_URL names already")


def _refuse_one(source_url: str, target_url: str) -> None:
    """The same, where the names differ and the servers have to be asked."""
    if not (is_postgres(source_url) and is_postgres(target_url)):
        return
    with _said_of_target():
        one = is_one(source_url, target_url)
    if one:
        raise SameDatabase(
            "--to leads to the database that VESTIBULE_DATABASE_URL names already, by another name; nothing was copied"
        )


def end_at(url: str) -> End:
    """The database at the address. Raises StorageFault for what is no address."""
    return PostgresEnd(url) if is_postgres(url) else SqliteEnd(url)


@contextmanager
def _said_of_target() -> Iterator[None]:
    """What is wrong with the address is wrong with --to."""
    try:
        yield
    except StorageFault as fault:
        raise type(fault)(str(fault).replace("VESTIBULE_DATABASE_URL", "--to")) from fault


def _look(end: End, keys: Keyring) -> AuditVerdict:
    """Whether the keys open it, and the audit log. Raises BadKeys."""

    async def look() -> AuditVerdict:
        work = Work(Looking(end))
        await check_keys(work, keys)
        return await AuditStore(work).verify()

    return asyncio.run(look())


def _prepare(url: str, revision: str) -> None:
    """The target's tables are made where there are none. Raises StorageFault where there are others than ours now."""
    there = is_postgres(url) or database_file(url).exists()
    found = current_revision(url) if there else None
    if found is None:
        migrate(url)
        found = current_revision(url)
    if found != revision:
        raise StorageFault(
            f"the tables to copy are at revision {revision}, and those to copy into at {found}; nothing was copied. "
            "Bring both up to date with: vestibule migrate --after"
        )


def _begin(source: End, target: End, new_id: str, revision: str) -> None:
    """Mark both. Raises DatabaseCopied or StorageFault where they do not belong together, or the target is in use."""
    here, there = _mark(source), _mark(target)
    if here is not None and here.role == "into":
        copy_mark.refuse_marked({copy_mark.TABLE}, lambda sql: source.fetch(sql, {}))
    if there is not None:
        if here is None or there.role != "into" or there.copy != here.copy:
            raise DatabaseCopied(f"{target.name} has to do with another copy; take an empty database")
        if there.revision != revision:
            raise DatabaseCopied(
                "the copy was begun by another version of the software. Take an empty database, after: vestibule copy --undo"
            )
        return
    if here is not None and here.done:
        copy_mark.refuse_marked({copy_mark.TABLE}, lambda sql: source.fetch(sql, {}))
    if used := [table.name for table in copied() if table is not counters and target.window(table, None)]:
        raise StorageFault(
            f"{target.name} is in use: there are rows in {', '.join(used[:3])}. Nothing was copied; take an empty database"
        )
    _refuse_misfits(source, target)
    # The source first: broken off between the two, the copy begins once more.
    mark = Mark(here.copy if here else new_id, "from", target.name, revision)
    _write(source, mark)
    _write(target, replace(mark, role="into", other=source.name))


def _refuse_misfits(source: End, target: End) -> None:
    if target.dialect.name == "postgresql" and (found := source.misfits()):
        raise StorageFault(
            f"PostgreSQL does not keep such values as stand in: {'; '.join(found[:_SAID])}. Nothing was copied; "
            "give them others with this database first (a name, by import)"
        )


def _mark(end: End) -> Mark | None:
    if copy_mark.TABLE not in end.tables():
        return None
    return Mark.of({row[0]: row[1] for row in end.fetch(copy_mark.READ, {})})


def _write(end: End, mark: Mark) -> None:
    with end.transaction():
        if copy_mark.TABLE not in end.tables():
            end.run(copy_mark.MAKE, {})
        for row in mark.rows():
            end.run(copy_mark.WRITE, row)


def _copy_table(source: End, target: End, table: Table, told: Told) -> None:
    after, total = _place(target, table), copy_tables.count(source, table)
    done = copy_tables.count(target, table) if after else 0
    told(table.name, done, total)
    while rows := source.window(table, after):
        with target.transaction():
            if table is counters and after is None:
                target.run(str(delete(counters)), {})  # those that the migrations made
            with _aside(target, table):
                target.put(table, rows)
            after = key_in(table, rows[-1])
            target.run(copy_mark.WRITE, {"name": copy_mark.place(table.name), "value": json.dumps(after)})
        done += len(rows)
        told(table.name, done, total)


def _aside(target: End, table: Table) -> AbstractContextManager[None]:
    """An anchor stands for entries that may have left: the copy's anchors are the source's, which saw them."""
    return target.without("audit_anchors_true", table) if table is audit_anchors else nullcontext()


def _place(target: End, table: Table) -> Key | None:
    """The key of the last row that was copied."""
    kept = {row[0]: row[1] for row in target.fetch(copy_mark.READ, {})}
    value = kept.get(copy_mark.place(table.name))
    return tuple(json.loads(value)) if value else None


def _finish(source: End, target: End) -> None:
    """The source first: broken off between the two, the target's mark lets the copy be finished once more."""
    target.settle()
    with source.transaction():
        source.run(copy_mark.WRITE, {"name": "state", "value": "done"})
    with target.transaction():
        target.run(copy_mark.DROP, {})
