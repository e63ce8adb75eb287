"""Logs that cannot tell anybody's story (S-20): an allow-list, and errors by kind and place only."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

_EVENT = re.compile(r"[a-z][a-z0-9_.-]{0,59}\Z")
MOST = 99_999
"""Larger numbers are cut to this: a chat's id is larger, and no count or time that is of use is."""


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return max(-MOST, min(value, MOST)) if value == value else None  # nothing else than itself: NaN


def _code(value: Any) -> Any:
    return value if isinstance(value, int) and 100 <= value <= 999 else None


def _shaped(shape: str) -> Callable[[Any], Any]:
    compiled = re.compile(shape + r"\Z", re.ASCII)
    return lambda value: value if isinstance(value, str) and compiled.match(value) else None


def _kinds(value: Any) -> Any:
    names = re.findall(r"\w+", value) if isinstance(value, str) else []
    shaped = isinstance(value, str) and re.fullmatch(r"[\w<>(), ]{1,300}", value, re.ASCII)
    return value if shaped and all(_is_exception(name) for name in names) else None


def _library(value: Any) -> Any:
    """The name of a logger: of a module that is there."""
    top = value.partition(".")[0] if isinstance(value, str) else ""
    shaped = re.fullmatch(r"[\w.]{1,80}", str(value), re.ASCII)
    return value if shaped and (top in sys.modules or top in ("py", "root")) else None


_CYCLE = "poll|sender|escalation|schedule|mail|auditor|lease|webhook"
# What each key may hold. A key that is not here is dropped, and so is what does not fit: a name, an answer, a
# token or an address fits nowhere.
SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "case": _shaped(r"K-[0-9]{1,6}|[0-9a-f]{32}"),
    "code": _code,
    "count": _number,
    "cycles": _shaped(rf"({_CYCLE})( ({_CYCLE}))*"),
    "error": _shaped(r"[a-z_]{1,30}\.[a-z_]{1,30} of [\w.-]{1,80} (is|was|does|do|cannot) [\w ,:;()]{1,120}"),
    "fault": _kinds,
    "fault_at": _shaped(r"[\w/.-]{1,80}\.py:[0-9]{1,5}( > [\w/.-]{1,80}\.py:[0-9]{1,5}){0,3}"),
    "language": _shaped(r"[a-z]{2,3}([_-][A-Za-z0-9]{2,8})?"),
    "lane": _shaped(r"alert|reply|reminder|tidy"),
    "library": _library,
    "reason": _shaped(r"(message|edited_message|callback_query|my_chat_member): [a-z_]{1,30}|[a-z_]{1,20}"),
    "row": _shaped(r"[0-9a-f]{32}"),
    "seconds": _number,
    "updates": _number,
}
_FREE = frozenset({"event", "timestamp", "level"})
_ROOT = Path(__file__).parent.parent
_known: set[str] = set()


def _is_exception(name: str) -> bool:
    """Whether there is an exception of that name; looked up anew for a name not seen yet."""
    if name not in _known:
        found: list[type[BaseException]] = [BaseException]
        while found:
            kind = found.pop()
            _known.add(kind.__name__)
            found += type.__subclasses__(kind)
    return name in _known


def keep_allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The allowed keys with plain values; an event that is no name loses its words. A structlog processor."""
    kept: dict[str, Any] = {k: v for k, v in event.items() if k in _FREE}
    if not _EVENT.match(str(kept.get("event", ""))):
        kept["event"] = "unnamed"
    fitting = ((key, shape(event[key])) for key, shape in SHAPES.items() if key in event)
    return kept | {key: value for key, value in fitting if value is not None}


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
    # A handler that fails would print the record with all its arguments.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    # It warns about states it was given twice, which nobody who runs a bot can act on.
    logging.getLogger("transitions").setLevel(max(lowest, logging.ERROR))


def catch_all() -> None:
    """What nobody catches is logged like anything else, where Python would print it with its words. For a whole process."""
    log = structlog.get_logger(__name__)

    def uncaught(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.error("uncaught", exc_info=error)

    def in_thread(about: threading.ExceptHookArgs) -> None:
        log.error("uncaught", exc_info=about.exc_value)

    def ignored(about: Any) -> None:
        log.error("uncaught", exc_info=about.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, ignored
