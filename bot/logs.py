"""Logs that cannot tell anybody's story (S-20): an allow-list, and errors by kind and place only."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

ALLOWED = frozenset({
    "attempt", "case", "code", "count", "error", "event", "fault", "fault_at", "lane", "level", "library", "op",
    "port", "reason", "seconds", "state", "timestamp", "updates", "version",
})  # fmt: skip
_EVENT = re.compile(r"[a-z][a-z0-9_.-]{0,59}\Z")
_WORD = re.compile(r"[\w .:,/<>()+-]{0,200}\Z", re.ASCII)
_FREE = frozenset({"event", "timestamp", "level"})
_ROOT = Path(__file__).parent.parent


def keep_allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The allowed keys with plain values; an event that is no name loses its words. A structlog processor."""
    kept: dict[str, Any] = {k: v for k, v in event.items() if k in _FREE}
    if not _EVENT.match(str(kept.get("event", ""))):
        kept["event"] = "unnamed"
    kept |= {k: v for k, v in event.items() if k in ALLOWED - _FREE and _plain(v)}
    return kept


def name_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its kind and where it was raised; what it says stays unsaid. A structlog processor."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["fault"], event["fault_at"] = kinds_of(error), places_of(error)
    return event


def kinds_of(error: BaseException) -> str:
    """The class names of an error and its causes, those of a group in brackets."""
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        name += f"({', '.join(kinds_of(inner) for inner in error.exceptions[:3])})"
    cause = error.__cause__
    return f"{name} < {kinds_of(cause)}" if cause else name


def places_of(error: BaseException) -> str:
    """Where in our code it was raised, the innermost place last."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return " > ".join(_places(error.__traceback__)[-4:])


def _places(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_ROOT) and "site-packages" not in file.relative_to(_ROOT).parts:
            found.append(f"{file.relative_to(_ROOT)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and bool(_WORD.match(value)))


TOLD_PEOPLE = {
    "staff_notice.nobody": "note: nobody of staff could be told of this; please tell them yourself"
}
"""What a command logs that whoever typed it has to know, as a sentence."""


def _as_sentence(logger: Any, method: str, event: MutableMapping[str, Any]) -> str | bytes:
    said = TOLD_PEOPLE.get(str(event.get("event")))
    return said or structlog.processors.JSONRenderer()(logger, method, event)


def configure_commands() -> None:
    """For commands that people type: warnings on stderr, as sentences where there are some. `configure` is for `run`."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, name_error, keep_allowed, _as_sentence],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: Stderr(),
        cache_logger_on_first_use=False,
    )


class LibraryHandler(logging.Handler):
    """What libraries log arrives as their name, level and kind of error; their words may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on without its message."""
        structlog.get_logger().log(record.levelno, "library", library=record.name, exc_info=record.exc_info)


class Stderr:
    """Writes each line to the process's stderr. One that is closed or full stops nobody's alert: the line is lost."""

    def msg(self, line: str) -> None:
        """Write a line, if that is possible."""
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # broken pipe, full disk, closed: there is nowhere left to say so
            return

    log = debug = info = warn = warning = error = critical = fatal = exception = msg


def configure(level: str = "info") -> None:
    """Set logging up for this process: lines of JSON to stderr, or plain columns on a terminal."""
    lowest = logging.getLevelName(level.upper())
    columns = structlog.dev.ConsoleRenderer(colors=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_error,
            keep_allowed,
            columns if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=lambda *_: Stderr(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(lowest, logging.WARNING), handlers=[LibraryHandler()], force=True)
    # It warns about states it was given twice, which nobody who runs a bot can act on.
    logging.getLogger("transitions").setLevel(max(lowest, logging.ERROR))
