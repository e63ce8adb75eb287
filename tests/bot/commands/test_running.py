"""`vestibule run` and `vestibule demo`: how they begin, and what is said when they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from telegram.error import InvalidToken, NetworkError

from bot import logs, wiring
from bot.settings import Settings
from bot.usecases.carry_out import MissingScript
from tests.bot.commands.conftest import Vestibule


@pytest.fixture(autouse=True)
def no_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Logging stays as it is; the levels asked for are kept."""
    levels: list[str] = []
    monkeypatch.setattr(logs, "configure", levels.append)
    yield levels
    structlog.reset_defaults()


@pytest.fixture
def ready(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that `run` needs is set."""
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "123456:" + "A" * 35)


@pytest.mark.usefixtures("ready")
def test_run_gives_the_exit_code(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, no_logging: list[str]
) -> None:
    """`run` sets logging up as asked, and ends with what the running bot gives."""

    async def run(settings: Settings) -> int:
        return len(settings.token_text().split(":")) - 2

    monkeypatch.setattr(wiring, "run", run)
    monkeypatch.setenv("VESTIBULE_LOG_LEVEL", "WARNING")
    assert vestibule("run").code == 0
    assert no_logging == ["warning"]


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (InvalidToken("the token 123456:AAAA"), "Telegram does not know the token in VESTIBULE_BOT_TOKEN"),
        (
            NetworkError("http://bench/bot123456:AAAA"),
            "VESTIBULE_BOT_API_URL cannot be reached (NetworkError)",
        ),
        (MissingScript("visits are open on welcome version 1"), "visits are open on welcome version 1"),
    ],
)
def test_run_that_cannot_begin_is_one_line(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """S-20: a wrong token, no network or a missing script version is one line without the token; exit code 1."""

    async def run(_: Settings) -> int:
        raise error

    monkeypatch.setattr(wiring, "run", run)
    outcome = vestibule("run")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert says in outcome.err
    assert "AAAA" not in outcome.err


def test_demo_passes_on_what_was_asked(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`demo` needs nothing set; --fresh forgets the last one, and only that."""
    asked: list[tuple[int, bool, list[str]]] = []

    async def demo(_: Settings, *, port: int, open_browser: bool, data: Path) -> int:
        asked.append((port, open_browser, [file.name for file in data.iterdir()]))
        (data / "old").touch()
        return 0

    monkeypatch.setattr(wiring, "demo", demo, raising=False)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()
    for arguments in ((), ("--no-browser", "--port", "8099"), ("--fresh",)):
        assert vestibule("demo", *arguments).code == 0
    assert asked == [(8080, True, []), (8099, False, ["old"]), (8080, True, [])]
    assert (tmp_path / "data" / "mine").exists()
