"""`vestibule erase`: take away all that is kept about a person (S-45)."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.in_programme import in_programme
from bot.commands.terminal import FAULT, WRONG_USE, Told
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.usecases import erase_person
from bot.usecases.desk import Desk
from bot.usecases.erase_person import CannotErase, Erasure
from bot.usecases.find_person import NoSuchPerson, find_person

NAMES = {
    "agreements": "agreements",
    "allowances": "allowances",
    "answers": "answers",
    "case_roles": "parts of closed cases",
    "cases": "closed cases",
    "chats": "chat",
    "invitations": "invitations",
    "ledger": "message ids",
    "outbox": "messages sent or waiting",
    "people": "person's row, with the alias",
    "person_roles": "roles",
    "readiness": "results of self-tests",
    "reminders": "reminders",
    "requests": "requests",
    "sessions": "individual sessions",
    "shifts": "duty shifts",
    "visits": "conversations",
}
_AGAIN = "run it again to finish; a running bot finishes it by itself within a minute"


def erase(
    person: Annotated[str, typer.Option("--person", metavar="ALIAS", help="How staff know the person.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this it is only said what would go.")
    ] = False,
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
) -> None:
    """Erase what is kept about a person. Without --yes nothing is changed: it says what would go, and what stays.

    Refused while a case is open, before or during a session, and under a legal hold. It is done in two steps, so that
    the chat can be cleared first: the command run again, or the running bot, finishes it. Backups hold the person
    until they are deleted themselves.
    """

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        who = await find_person(unit, chosen, person)
        if not yes:
            found = await erase_person.look(unit, desk, chosen, who)
            return [
                "nothing has been changed. This would go:",
                *_rows(found),
                *_kept(found),
                "to do it, add --yes",
            ]
        done = await erase_person.erase(unit, desk, chosen, who)
        opened.extend(done.opened)
        return _told(done)

    opened: list[str] = []
    try:
        in_programme(programme, work)
    except NoSuchPerson as no:
        raise Told(str(no), code=WRONG_USE) from None
    except CannotErase as no:
        raise Told(str(no), code=FAULT) from None
    if opened:  # said once the leaving is kept
        is_open = f"{', '.join(opened)} {'is' if len(opened) == 1 else 'are'} open"
        raise Told(f"{person} has left; {is_open}, erase afterwards", code=FAULT)


def _rows(found: Erasure) -> list[str]:
    return [
        f"  {rows:>6}  {NAMES.get(table, table)}"
        for table, rows in sorted(found.goes.items())
        if rows and table not in found.stays
    ]


def _kept(found: Erasure) -> list[str]:
    return ["this stays:", *(f"  {kind}: {why}" for kind, why in sorted(found.stays.items()))]


def _told(done: Erasure) -> list[str]:
    if done.opened:
        return []
    if done.finished:
        lines = ["erased; the proof is in the audit log:", *_rows(done)]
        if done.standing:
            lines.append(
                f"messages that Telegram would not delete, and still stand in the chat: {done.standing}"
            )
        return lines
    if not done.goes:
        return ["begun, and the chat is still being cleared; " + _AGAIN]
    return ["gone:", *_rows(done), *_kept(done), "the chat is being cleared; " + _AGAIN]
