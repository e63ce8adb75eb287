"""`vestibule audit`: whether the log of who did what is whole, and what stands in it (R-16)."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.moment import moment
from bot.commands.terminal import WRONG_USE, Told, progress, say
from bot.ports.audit import FIRST, AuditHead, AuditVerdict
from bot.ports.services import Clock, Ids
from bot.ports.stores import Unit
from bot.settings import load_settings
from bot.usecases import read_audit
from bot.usecases.read_audit import Known, NotInLog, Shown, Wanted

audit = typer.Typer(
    help="The log of who did, changed or saw what, by pseudonymous ids.", no_args_is_help=True
)
Found = TypeVar("Found")
_HEAD = re.compile(r"(\d{1,12}):([0-9a-f]{64})")
_ANY = datetime.min.replace(tzinfo=UTC)
_HEADS = ("when (UTC)", "who", "what", "of", "why")
_WIDEST = 10_000


@audit.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="An end of the log as an earlier run said it; it must still be there.")
    ] = None,
) -> None:
    """Look over the whole log: nothing changed, put in, moved or taken out. Ends with 1 if there is.

    Entries of closed months may be gone by retention, which keeps their last hash.
    Write down what stands after "end:" where this machine cannot reach it, and give
    it with --head next time: that shows too whether the whole log was written anew.
    """
    kept = _head(head)
    verdict, known = asyncio.run(_verified(kept))
    if verdict.faults:
        raise Told(*(f"the audit log is not whole: {fault}" for fault in verdict.faults))
    if known == "other":
        raise Told(f"the audit log is not whole: entry {kept.seq} is not the one that --head names")
    if known == "gone":
        say(f"entry {kept.seq}, which --head names, has left the log by retention: nothing to compare")
    say(f"{verdict.checked} entries, whole")
    say(f"end: {verdict.head}")


@audit.command()
def show(
    since: Annotated[
        str | None, typer.Option(help="From this day or time on, UTC, as 2026-03-01 or 2026-03-01T18:00.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            help="Only what was done to this: an id or its last digits, a case, as K-101, or an alias."
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(
            help="Only what this one did: an id or its last digits, an alias, or a word as operator."
        ),
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this deed, or those that begin with it, as case or case.details.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a table of your own.")] = False,
) -> None:
    """Who did or saw what, when and why, as a table; times in UTC. That it was looked at is put into the log too."""
    shown = asyncio.run(
        _shown(Wanted(_ANY if since is None else moment(since, "--since"), subject, action, actor))
    )
    rows = [(f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.what, one.of, one.why) for one in shown]
    if as_csv:
        _csv(rows)
        return
    if rows:
        _table(rows)
    say(f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}")


@audit.command("who")
def who_is(
    thing: Annotated[str, typer.Argument(metavar="ID", help="An id of the log, or its last digits.")],
) -> None:
    """Whose an id of the log is: alias and role. That it was looked up is put into the log: do it with a second person there."""
    for line in asyncio.run(_who(thing)):
        say(line)


def _table(rows: Sequence[Sequence[str]]) -> None:
    """In a terminal as wide as that is; in a pipe no line is folded."""
    table = Table(*_HEADS, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console = Console(soft_wrap=True, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDEST
    console.print(table)


def _csv(rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_HEADS, *rows])
    sys.stdout.write(text.getvalue())


async def _verified(kept: AuditHead) -> tuple[AuditVerdict, Known]:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    with progress() as bar:
        task = bar.add_task("looking", total=None)
        async with wiring.open_storage(load_settings()) as storage:
            return await read_audit.verify(storage, kept, lambda done: bar.update(task, completed=done))


async def _shown(wanted: Wanted) -> list[Shown]:
    return await _looked_up(lambda unit, clock, ids: read_audit.show(unit, wanted, clock, ids))


async def _who(thing: str) -> list[str]:
    return await _looked_up(lambda unit, clock, ids: read_audit.who(unit, thing, clock, ids))


async def _looked_up(look: Callable[[Unit, Clock, Ids], Awaitable[Found]]) -> Found:
    """What the look gives, kept with its entry. Raises Told for a name that is not there."""
    from bot import wiring  # noqa: PLC0415 - as above
    from bot.clock import SystemClock  # noqa: PLC0415 - as above
    from bot.ids import SystemIds  # noqa: PLC0415 - as above

    async with wiring.open_storage(load_settings()) as storage, storage.unit() as unit:
        try:
            found = await look(unit, SystemClock(), SystemIds())
        except NotInLog as no:
            await unit.commit()  # that a name was tried is kept as well
            raise Told(str(no), code=WRONG_USE) from None
        await unit.commit()
    return found


def _head(text: str | None) -> AuditHead:
    if text is None:
        return AuditHead(0, FIRST)
    found = _HEAD.fullmatch(text.strip())
    if not found:
        raise typer.BadParameter("it should be as audit verify says it: a number, a colon, 64 hex digits")
    return AuditHead(int(found[1]), found[2])
