"""Logs that cannot tell anybody's story."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from babel import Locale

from bot import logs
from bot.usecases.rounds import NAMES

STORY = "Somebody hurt somebody at home"


class Written:
    """What came to stderr so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._so_far = capsys, ""

    def getvalue(self) -> str:
        """All of it."""
        self._so_far += self._capsys.readouterr().err
        return self._so_far


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What is logged, with logging put back afterwards."""
    before, level = logging.root.handlers[:], logging.root.level
    logs.configure("debug")
    yield Written(capsys)
    structlog.reset_defaults()
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


def lines(stream: Written) -> list[dict[str, object]]:
    """The lines of JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_only_allowed_keys_are_logged(written: Written) -> None:
    """S-20: keys that are not on the list are dropped, whatever they hold."""
    structlog.get_logger().warning(
        "update.fault", fault="KeyError", count=3, alias=STORY, text=STORY, chat=4711
    )
    [line] = lines(written)
    assert {k: line[k] for k in ("event", "fault", "count", "level")} == {
        "event": "update.fault",
        "fault": "KeyError",
        "count": 3,
        "level": "warning",
    }
    assert set(line) == {"event", "fault", "count", "level", "timestamp"}


def test_every_key_of_a_call_has_a_shape() -> None:
    """S-20: whatever a line of the code has to say comes through: each key it gives is one that is allowed, and so is each loop."""
    calls = [
        node
        for path in sorted(Path(logs.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]
    assert len(calls) > 50
    given = {keyword.arg for call in calls for keyword in call.keywords}
    assert given - {"exc_info", *logs.SHAPES} == set()
    assert logs.SHAPES["cycles"](" ".join(NAMES)) == " ".join(NAMES)
    assert logs.SHAPES["cycles"]("poll walked home") is None


def test_an_event_is_a_name_and_a_value_is_plain(written: Written) -> None:
    """S-20: an event that is a sentence loses its words, and allowed keys hold only short plain values."""
    structlog.get_logger().error(STORY, reason={"text": STORY}, fault=STORY * 20, case="K-104")
    [line] = lines(written)
    assert line["event"] == "unnamed"
    assert set(line) == {"event", "case", "level", "timestamp"}


def test_an_exception_is_its_kind_and_place(written: Written) -> None:
    """S-20: of an exception its class names and places in the code are logged, never what it says."""
    try:
        try:
            int(STORY)
        except ValueError as error:
            raise ExceptionGroup(STORY, [KeyError(STORY)]) from error
    except ExceptionGroup:
        structlog.get_logger().error("loop.broke", exc_info=True)
    [line] = lines(written)
    assert line["fault"] == "ExceptionGroup(KeyError) < ValueError"
    assert "Somebody" not in written.getvalue()


def test_places_are_those_of_our_code() -> None:
    """A place is file and line of the project's own code."""
    with pytest.raises(ValueError, match=r"empty|locale") as raised:
        Locale.parse("")
    places = logs.places_of(raised.value)
    assert "test_logs.py:" in places
    assert "site-packages" not in places


def test_libraries_are_heard_without_their_words(written: Written) -> None:
    """S-20: a library's log line arrives as its name and level; its words and arguments are left out."""
    try:
        raise RuntimeError(STORY)
    except RuntimeError:
        logging.getLogger("aiohttp.client").error("got %s", STORY, exc_info=True)
    logging.getLogger("aiohttp.client").info("token 123:abc")
    [line] = lines(written)
    assert (line["event"], line["library"], line["level"]) == ("library", "aiohttp.client", "error")
    assert line["fault"] == "RuntimeError"
    assert "Somebody" not in written.getvalue()


def test_the_level_is_kept(monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    """What is below the level set is not logged."""
    logs.configure("error")
    structlog.get_logger().warning("update.fault")
    assert not written.getvalue()


class Full(io.StringIO):
    """A stream with no room left."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [Full(), "closed"])
def test_a_log_that_cannot_be_written_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, written: Written, stream: io.StringIO | str
) -> None:
    """R-05: a full disk or a closed stderr loses the line and nothing else; the next stderr is written to again."""
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    with monkeypatch.context() as broken:
        broken.setattr(sys, "stderr", stream)
        structlog.get_logger().warning("update.fault")
    structlog.get_logger().warning("update.fault")
    assert len(lines(written)) == 1
