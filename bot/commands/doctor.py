"""`vestibule doctor`: what is set, what it means, and whether the parts around the bot are as they should be."""

from __future__ import annotations

import asyncio
import difflib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from bot.commands.examine import (
    Finding,
    assessment,
    clock,
    database,
    disk,
    keys,
    offered,
    private,
    signposts,
    sqlite,
)
from bot.commands.examine_bot import bot_findings
from bot.commands.examine_own_bot import own_bot_findings
from bot.commands.examine_postgres import on_postgres, postgres
from bot.commands.examine_sessions import session_findings
from bot.commands.examine_staff import staff_findings
from bot.commands.terminal import FAULT, Told, complain, progress, say
from bot.review import BadReview
from bot.settings import PREFIX, BadSettings, Settings, load_settings, variable

FRESH_SECONDS = 60
_STYLES = {"fault": "red", "note": "yellow", "ok": "green"}
"""The marks in the order in which they are said."""
_ELSEWHERE = {
    f"{PREFIX}{name}" for name in ("CHROMIUM", "REQUIRE_CHROMIUM", "REQUIRE_POSTGRES", "TEST_BACKEND")
}
"""What the project's own tests and .ci/run read; no setting of the bot, and not misspelt."""


def doctor(
    health: Annotated[
        bool, typer.Option("--health", help="Only whether the bot is running and well.")
    ] = False,
) -> None:
    """Look over the settings, the bot's account, the database, the clock and the disk."""
    try:
        settings = load_settings()
    except BadSettings as bad:
        if not health:
            explain(None)
        raise Told(*bad.faults) from None
    if health:
        return is_well(settings.heartbeat_file)
    findings = [Finding("fault", "settings", says) for says in misspelt(os.environ)]
    with progress() as bar:
        data = [postgres] if on_postgres(settings) else [database, private, sqlite, disk]
        task = bar.add_task("looking", total=9 + len(data))
        for look in (assessment, offered, signposts, *data, keys):
            findings += look(settings)
            bar.advance(task)
        findings += asyncio.run(bot_findings(settings))
        bar.advance(task)
        findings += asyncio.run(own_bot_findings(settings))
        bar.advance(task)
        findings += asyncio.run(clock(settings))
        bar.advance(task)
        findings += asyncio.run(staff_findings(settings))
        bar.advance(task)
        findings += asyncio.run(session_findings(settings))
    findings.sort(key=lambda finding: list(_STYLES).index(finding.mark))
    for finding in findings:
        say(f"{finding.mark:5}  {finding.what}: {finding.says}", _STYLES[finding.mark])
    faults = sum(finding.mark == "fault" for finding in findings)
    verdict = f"{faults} {'fault' if faults == 1 else 'faults'}" if faults else "no faults"
    say(verdict, "bold")
    say()
    explain(settings)
    if faults:
        complain([verdict])
        raise typer.Exit(FAULT)


def is_well(heartbeat: Path) -> None:
    """Return if the running bot's sign of life is fresh. Raises Told."""
    try:
        age = time.time() - heartbeat.stat().st_mtime
    except FileNotFoundError:
        raise Told(
            f"the bot has never run here: there is no {heartbeat} (VESTIBULE_HEARTBEAT_FILE)"
        ) from None
    except OSError as error:
        raise Told(f"{heartbeat} cannot be looked at: {error.strerror} (VESTIBULE_HEARTBEAT_FILE)") from None
    if not -FRESH_SECONDS < age < FRESH_SECONDS:
        raise Told(f"the last sign of life is {age:.0f} s old; {FRESH_SECONDS} at most")
    say(f"well: the last sign of life is {age:.0f} s old")


def explain(settings: Settings | None) -> None:
    """Every variable with its state and its meaning; of secrets only whether they are set."""
    for name, about in Settings.model_fields.items():
        say(f"{variable(name)}: {_state(name, about.default, settings)}", "bold")
        say(f"    {about.description}")
    say()


def _state(name: str, default: Any, settings: Settings | None) -> str:
    if settings is None:
        return "set" if variable(name) in os.environ else "not set in the environment"
    value = getattr(settings, name)
    if name not in settings.model_fields_set:
        if name == "languages":
            return f"not set, so {_offered(settings)}"
        unset = default is None or default == () or default is PydanticUndefined
        return "not set" if unset else f"not set, so {_shown(default)}"
    if isinstance(value, SecretStr):
        return "set"
    return "set" if name == "database_url" and "@" in str(value) else f"set to {_shown(value)}"


def _offered(settings: Settings) -> str:
    try:
        return _shown(settings.offered())
    except BadReview:
        return "English and what is reviewed"  # which that is cannot be read; the look at languages says so


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Variables with our prefix that nothing reads, by name only."""
    known = [variable(name) for name in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and name not in _ELSEWHERE:
            near = difflib.get_close_matches(name, known, 1)
            yield f"{name} is read by nothing{f'; {near[0]} was perhaps meant' if near else ''}"
