"""Personal data through every way into a log: none of it comes out (S-20)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import logs
from tests.bot.commands import test_logs

written = test_logs.written

_NAME = st.from_regex(r"[A-Z][a-z]{3,9} [A-Z][a-z]{3,9}", fullmatch=True)
_MAIL = st.from_regex(r"[a-z]{4,9}@[a-z]{4,9}\.example", fullmatch=True)
_TOKEN = st.from_regex(r"[0-9]{9,10}:AA[A-Za-z0-9_-]{33}", fullmatch=True)
_LINK = st.from_regex(r"https://t\.me/example_bot\?start=[A-Za-z0-9_-]{22}", fullmatch=True)
_CHAT = st.integers(100_000, 2**52).map(lambda number: number * 10 + 7)
_TEXT = st.text(min_size=12, max_size=60).map(lambda text: f"he said: {text}")
PERSONAL = st.one_of(
    _NAME, _MAIL, _TOKEN, _LINK, _TEXT, _CHAT, _CHAT.map(lambda number: -number), _CHAT.map(float)
)
LIBRARIES = (
    "httpx",
    "aiohttp.client",
    "telegram.ext",
    "sqlalchemy.engine",
    "uvicorn.error",
    "asyncio",
    "py.warnings",
)


class _Told(Exception):
    """Says what it was given."""


def _chained(what: Any) -> BaseException:
    try:
        try:
            raise KeyError(what)
        except KeyError as error:
            raise _Told(what) from error
    except _Told as told:
        told.add_note(str(what))
        return ExceptionGroup(str(what), [told, ValueError(what)])


def under_every_key(what: Any) -> None:
    """As the value of each allowed key, of keys that are not, and inside other values."""
    log = structlog.get_logger()
    for key in (*logs.SHAPES, "chat", "text", "alias", "kind", "ref"):
        log.error("a.line", **{key: what})
        log.error("a.line", **{key: [what]})
        log.error("a.line", **{key: {"in": what}})
        log.error("a.line", **{key: str(what)})


def as_the_event(what: Any) -> None:
    """As the event itself, and as arguments of one."""
    structlog.get_logger().error(str(what))
    structlog.get_logger().error("a line of %s", what)
    structlog.get_logger().bind(chat=what, user=what).warning("a.line", what=what)


def in_exceptions(what: Any) -> None:
    """In errors, their causes, notes and groups."""
    error = _chained(what)
    structlog.get_logger().error("a.line", exc_info=error)
    structlog.get_logger().error("a.line", error=str(error), fault=str(what))
    try:
        raise error
    except ExceptionGroup:
        structlog.get_logger().exception("a.line", stack_info=True)


def by_libraries(what: Any) -> None:
    """In what libraries log, at every level, with what they were doing."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.CRITICAL):
            logger.log(level, "%s said %s", name, what, exc_info=_chained(what), stack_info=True)
            logger.log(level, "broken %d %d", what)
    logging.getLogger(str(what)).error(str(what))


def by_the_loop(what: Any) -> None:
    """In tasks and callbacks that nobody looks after."""

    async def breaks() -> None:
        raise _Told(what)

    async def leave() -> None:
        task = asyncio.create_task(breaks(), name=str(what))
        asyncio.get_running_loop().call_soon(lambda: (_ for _ in ()).throw(_Told(what)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()
        asyncio.get_running_loop().call_exception_handler({"message": str(what), "exception": _chained(what)})

    asyncio.run(leave())


def in_warnings(what: Any) -> None:
    """In warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(str(what), RuntimeWarning, stacklevel=1)
    logging.captureWarnings(capture=False)


WAYS: tuple[Callable[[Any], None], ...] = (
    under_every_key, as_the_event, in_exceptions, by_libraries, by_the_loop, in_warnings,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@given(what=PERSONAL)
def test_nothing_personal_is_logged(way: Callable[[Any], None], what: Any) -> None:
    """S-20: a name, text, address, token or chat id given to any way into the log is not in what comes out of it."""
    out, stderr = io.StringIO(), sys.stderr
    before, level = logging.root.handlers[:], logging.root.level
    with contextlib.redirect_stdout(out):
        sys.stderr = out
        try:
            logs.configure("debug")
            way(what)
        finally:
            sys.stderr = stderr
            structlog.reset_defaults()
            logging.root.handlers[:] = before
            logging.root.setLevel(level)
            logging.captureWarnings(capture=False)
    said = out.getvalue()
    assert said, "something was logged"
    kept = str(what).strip("-")
    assert kept not in said
    assert kept.removesuffix(".0") not in said
    assert repr(what) not in said


def test_what_nobody_catches(tmp_path: Path) -> None:
    """S-20: an error that nobody catches, in a thread, in a finalizer or at the end, is logged without its words."""
    script = tmp_path / "ends.py"
    script.write_text(
        "import threading\nfrom bot import logs\nlogs.configure('info')\nlogs.catch_all()\n"
        "def breaks(): raise ValueError('Zebulonia Quixotry')\n"
        "thread = threading.Thread(target=breaks)\nthread.start()\nthread.join()\n"
        "class Ends:\n    def __del__(self): breaks()\nends = Ends()\ndel ends\nbreaks()\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=Path(logs.__file__).parents[1],
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count('"uncaught"') == 3, done.stderr
    assert "Zebulonia" not in done.stdout + done.stderr


def test_what_is_of_use_stays(written: io.StringIO) -> None:
    """Kind and place of an error, counts, references and reasons are still said."""
    log = structlog.get_logger()
    log.error(
        "a.line",
        fault="ExceptionGroup(KeyError) < ValueError",
        count=3,
        case="K-104",
        seconds=1.5,
        lane="alert",
    )
    log.error(
        "b.line", reason="message: chat", error="people.body of 0a1b does not open: it was moved or changed"
    )
    log.error("c.line", seconds=10**9)
    said = written.getvalue()
    for part in (
        '"count": 3',
        "K-104",
        "ExceptionGroup(KeyError) < ValueError",
        "message: chat",
        "people.body of 0a1b",
    ):
        assert part in said
    assert f'"seconds": {logs.MOST}' in said
