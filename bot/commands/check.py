"""`vestibule check`: faults in the scripts, the catalogues and the service's help contacts, a line each."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.commands.catalogues import faults_of, faults_of_source, texts
from bot.commands.examine import unchecked
from bot.commands.terminal import Told, progress, say
from bot.commands.wording import faults_of_wording
from bot.settings import load_settings
from bot.signposts import BadSignposts, read_signposts
from bot.texts import languages
from flows.read import ScriptFault, load_library


def check() -> None:
    """Look for faults in the scripts, the catalogues and the help contacts."""
    faults: list[str] = []
    translated = languages()[1:]
    with progress() as bar:
        task = bar.add_task("checking", total=2 + len(translated))
        try:
            scripts = len(load_library().names)
        except ScriptFault as fault:
            raise Told(*fault.faults, _count(len(fault.faults))) from None
        bar.advance(task)
        faults += faults_of_source()
        bar.advance(task)
        for language in translated:
            faults += faults_of(language)
            faults += faults_of_wording(language)
            bar.advance(task)
    notes, wrong = _help_contacts()
    for note in notes:
        say(f"note: {note}", "yellow")
    if faults := [*faults, *wrong]:
        raise Told(*faults, _count(len(faults)))
    say(f"{scripts} scripts, {len(texts())} texts in {', '.join(languages())}: no faults")


def _help_contacts() -> tuple[list[str], list[str]]:
    """Which help contacts wait to be checked, and what is wrong with their file."""
    today = datetime.now(UTC).date()
    try:
        return unchecked(read_signposts(load_settings().signposts, today), today), []
    except BadSignposts as bad:
        return [], list(bad.faults)


def _count(number: int) -> str:
    return f"{number} {'fault' if number == 1 else 'faults'}"
