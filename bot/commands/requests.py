"""`vestibule requests`: what participants have asked for about their data, and marking it as done (S-45)."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.in_programme import Work, in_programme
from bot.commands.terminal import WRONG_USE, Told
from bot.ports.records import AuditEntry, Programme
from bot.ports.stores import Unit
from bot.usecases.data_requests import OUTCOMES, NoSuchRequest, finish, is_late, ref_of
from bot.usecases.desk import Desk
from bot.usecases.invite import OPERATOR
from bot.usecases.privacy import answer_by

requests = typer.Typer(
    help="What participants have asked for about their data: a copy, erasure, or a correction (GDPR art. 15 to 17). "
    "Without a command: those that are open.",
    invoke_without_command=True,
)

REASONS = (
    "The person has to be told why, outside the chat, and that they can complain to the data protection authority "
    "or go to a court (GDPR art. 12(4)). Keep the reasons in writing, outside this software."
)

OfProgramme = Annotated[
    str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
]


@requests.callback()
def list_(context: typer.Context, programme: OfProgramme = None) -> None:
    """List what is open, with whose it is; that it was looked at is recorded in the audit log."""
    if context.invoked_subcommand is not None:
        return

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        lines = []
        for one in await unit.requests.open_in(chosen.id):
            person = await unit.people.get(one.person_id)
            late = "  LATE" if is_late(one, desk.now()) else ""
            lines.append(
                f"{ref_of(one)}  {one.kind}  {person.alias if person else 'erased'}  asked {one.asked_at:%Y-%m-%d}"
                f"  answer by {answer_by(one):%Y-%m-%d}{late}"
            )
            entry = AuditEntry(desk.ids.new(), desk.now(), OPERATOR, "request.listed", one.id)
            await unit.audit.add(entry)
        return lines or ["no request is open"]

    in_programme(programme, work)


@requests.command("done")
def done(
    ref: Annotated[str, typer.Argument(help="The reference, such as R-4F21C0.")],
    outcome: Annotated[str, typer.Option(help=f"What came of it: {', '.join(OUTCOMES)}.")],
    programme: OfProgramme = None,
) -> None:
    """Mark a request as dealt with, once the person has been told outside the chat: granted, refused (with the reasons, art. 12(4)), or withdrawn."""
    named = next((one for one in OUTCOMES if one == outcome), None)
    if named is None:
        raise Told(f"the outcome should be one of: {', '.join(OUTCOMES)}", code=WRONG_USE)

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        request = await finish(unit, desk, chosen.id, ref, named, OPERATOR)
        lines = [f"{ref_of(request)}  {request.kind}  {request.outcome}"]
        return [*lines, REASONS] if request.outcome == "refused" else lines

    _run(programme, work)


def _run(programme: str | None, work: Work) -> None:
    try:
        in_programme(programme, work)
    except NoSuchRequest as no:
        raise Told(str(no)) from None
