"""`vestibule audit`: whether the log of who did what is whole, and what stands in it (R-16)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.terminal import Told, progress, say
from bot.ports.audit import FIRST, AuditHead, AuditVerdict
from bot.settings import load_settings
from bot.usecases import read_audit
from bot.usecases.read_audit import Known, Shown, Wanted

audit = typer.Typer(
    help="The log of who did, changed or saw what, by pseudonymous ids.", no_args_is_help=True
)
_HEAD = re.compile(r"(\d{1,12}):([0-9a-f]{64})")
_ANY = datetime.min.replace(tzinfo=UTC)


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
        typer.Option(help="Only what was done to this: an id or its last digits, or a case, as K-101."),
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this deed, or those that begin with it, as case or case.details.")
    ] = None,
) -> None:
    """Who did or saw what, when and why, as a table; times in UTC. That it was looked at is put into the log too."""
    shown = asyncio.run(_shown(Wanted(_time(since), subject, action)))
    table = Table("when (UTC)", "who", "what", "of", "why", box=None, pad_edge=False, header_style="bold")
    for row in shown:
        table.add_row(f"{row.at:%Y-%m-%d %H:%M:%S}", row.who, row.what, row.of, row.why)
    if shown:
        Console(soft_wrap=True, markup=False, highlight=False, emoji=False).print(table)
    say(f"{len(shown)} {'entry' if len(shown) == 1 else 'entries'}")


async def _verified(kept: AuditHead) -> tuple[AuditVerdict, Known]:
    from bot import wiring  # noqa: PLC0415 - the commands that need no wiring start without loading it all

    with progress() as bar:
        task = bar.add_task("looking", total=None)
        async with wiring.open_storage(load_settings()) as storage:
            return await read_audit.verify(storage, kept, lambda done: bar.update(task, completed=done))


async def _shown(wanted: Wanted) -> list[Shown]:
    from bot import wiring  # noqa: PLC0415 - as above
    from bot.clock import SystemClock  # noqa: PLC0415 - as above
    from bot.ids import SystemIds  # noqa: PLC0415 - as above

    async with wiring.open_storage(load_settings()) as storage, storage.unit() as unit:
        shown = await read_audit.show(unit, wanted, SystemClock(), SystemIds())
        await unit.commit()
    return shown


def _head(text: str | None) -> AuditHead:
    if text is None:
        return AuditHead(0, FIRST)
    found = _HEAD.fullmatch(text.strip())
    if not found:
        raise typer.BadParameter("it should be as audit verify says it: a number, a colon, 64 hex digits")
    return AuditHead(int(found[1]), found[2])


def _time(text: str | None) -> datetime:
    if text is None:
        return _ANY
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "--since should be a day or a time, as 2026-03-01 or 2026-03-01T18:00"
        ) from None
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
