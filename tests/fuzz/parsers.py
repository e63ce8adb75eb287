"""The parsers of what comes from outside, on bytes: with atheris where it can be imported."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.commands import duty_files, sessions_csv, sessions_ics
from bot.commands.programme_yaml import read_programme
from bot.commands.terminal import Told
from bot.ports.records import StaffRole
from bot.telegram.inbound import parse

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
try:
    ATHERIS: Any = importlib.import_module("atheris")
except ImportError:
    ATHERIS = None


def _file(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    def on(data: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(data)
            with suppress(Told):
                read(Path(file.name))

    return on


def _update(data: bytes) -> None:
    with suppress(ValueError, RecursionError):
        raw = json.loads(data)
        for one in raw if isinstance(raw, list) else [raw]:
            parse(7, one, NOW)


PARSERS: Mapping[str, Callable[[bytes], None]] = {
    "updates": _update,
    "programme": _file(lambda path: read_programme(path, NOW)),
    "sessions.csv": _file(sessions_csv.read_csv),
    "sessions.ics": _file(sessions_ics.read_ics),
    "duty.csv": _file(duty_files.read_csv),
    "duty.ics": _file(lambda path: duty_files.read_ics(path, StaffRole.DUTY, NOW)),
}
"""Each takes bytes; a file that is wrong is told of in lines (`Told`), and nothing else may be raised."""


def fuzz_parsers(seconds: int) -> None:
    """Each parser for so many seconds, in a process of its own: atheris ends the one it runs in."""
    for name in PARSERS:
        print(f"atheris: {name}, {seconds} s", flush=True)
        if (child := os.fork()) == 0:
            ATHERIS.instrument_all()
            ATHERIS.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096"], PARSERS[name])
            ATHERIS.Fuzz()
            os._exit(0)
        if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise SystemExit(f"{name} broke (exit {code}); the bytes are in crash-* here")
