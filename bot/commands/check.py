"""`vestibule check`: faults in the scripts and the catalogues, a line each."""

from __future__ import annotations

from bot.commands.catalogues import faults_of, faults_of_source, texts
from bot.commands.terminal import Told, progress, say
from bot.texts import languages
from flows.read import ScriptFault, load_library


def check() -> None:
    """Look for faults in the scripts and the catalogues."""
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
            bar.advance(task)
    if faults:
        raise Told(*faults, _count(len(faults)))
    say(f"{scripts} scripts, {len(texts())} texts in {', '.join(languages())}: no faults")


def _count(number: int) -> str:
    return f"{number} {'fault' if number == 1 else 'faults'}"
