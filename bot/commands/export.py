"""`vestibule export`: a copy of what is kept about a person, as JSON and as a page (S-45)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.in_programme import in_programme
from bot.commands.terminal import WRONG_USE, Told
from bot.ports.records import Programme
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.export_page import page
from bot.usecases.export_person import REASONS, CannotExport, Review, export_person
from bot.usecases.find_person import NoSuchPerson, find_person

NAMES = ("export.json", "export.html")


def export(
    person: Annotated[str, typer.Option("--person", metavar="ALIAS", help="How staff know the person.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="A folder without an earlier export; made if missing."),
    ],
    reviewed_by: Annotated[
        str | None,
        typer.Option(
            metavar="ALIAS",
            help="Who of staff has looked at harm to others: then cases, results, allowances and the record of who "
            "did what are in it too. It is recorded.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help=f"Why, with --reviewed-by. One of: {', '.join(REASONS)}.")
    ] = None,
    programme: Annotated[
        str | None, typer.Option("--programme", help="The programme's key, where there is more than one.")
    ] = None,
) -> None:
    """Write a copy of what is kept about a person into two files, export.json and export.html, for their eyes.

    It holds their own answers, agreement and session times. Hand it over outside the chat, on paper or in person,
    and delete the files afterwards.
    """
    if (reviewed_by is None) != (reason is None):
        raise Told("--reviewed-by and --reason go together", code=WRONG_USE)
    files = [out / name for name in NAMES]
    written: list[Path] = []

    async def work(unit: Unit, desk: Desk, chosen: Programme) -> list[str]:
        who = await find_person(unit, chosen, person)
        review = None
        if reviewed_by is not None and reason is not None:
            review = Review(await find_person(unit, chosen, reviewed_by), reason)
        found = await export_person(unit, desk, chosen, who, review)
        shown = page(found, lambda line: desk.texts.line(who.language, line))
        _make_folder(out)
        for file, text in zip(
            files, (json.dumps(found, ensure_ascii=False, indent=2) + "\n", shown), strict=True
        ):
            _write(file, text)
            written.append(file)
        return [
            *(f"written  {file}" for file in files),
            "Hand it over outside the chat, on paper or in person, and delete the files afterwards.",
        ]

    try:
        in_programme(programme, work)
    except BaseException as error:
        for file in written:  # nothing is handed out that the audit log does not hold
            file.unlink(missing_ok=True)
        if isinstance(error, (NoSuchPerson, CannotExport)):
            raise Told(str(error), code=WRONG_USE) from None
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Told(f"{folder} cannot be made: {error.strerror}") from None


def _write(file: Path, text: str) -> None:
    """A new file that is its owner's alone; never over another. Raises Told."""
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Told(f"{file} is there already; nothing was written. Choose another folder") from None
    except OSError as error:
        raise Told(f"{file} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(made, "w", encoding="utf-8", errors="replace") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(text)
    except OSError as error:
        file.unlink(missing_ok=True)
        raise Told(f"{file} cannot be written: {error.strerror}") from None
