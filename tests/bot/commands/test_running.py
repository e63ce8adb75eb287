"""`vestibule run` and `vestibule demo`: how they begin, and what is said when they cannot."""

from __future__ import annotations

import errno
import re
import webbrowser
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from telegram.error import InvalidToken, NetworkError

from bot import demo, logs, wiring
from bot.commands import examine
from bot.settings import Settings
from bot.usecases.carry_out import MissingScript
from bot.usecases.own_bot import AnotherBot
from tests.bot.commands.conftest import Vestibule

TODAY = datetime.now(UTC).date()
SIGNED = str(TODAY - timedelta(days=30))


@pytest.fixture(autouse=True)
def no_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Logging stays as it is; the levels asked for are kept."""
    levels: list[str] = []
    monkeypatch.setattr(logs, "configure", levels.append)
    monkeypatch.setattr(logs, "catch_all", lambda: None)
    yield levels
    structlog.reset_defaults()


@pytest.fixture
def ready(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that `run` needs is set."""
    monkeypatch.setenv("VESTIBULE_BOT_TOKEN", "123456:" + "A" * 35)
    monkeypatch.setenv("VESTIBULE_DPIA_SIGNED", SIGNED)


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
        (AnotherBot("the database belongs to bot 7"), "the database belongs to bot 7"),
        (MissingScript("visits are open on welcome version 1"), "visits are open on welcome version 1"),
    ],
)
def test_run_that_cannot_begin_is_one_line(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """S-20: a wrong token, no network, another bot's database or a missing script version is one line without the token; exit code 1."""

    async def run(_: Settings) -> int:
        raise error

    monkeypatch.setattr(wiring, "run", run)
    outcome = vestibule("run")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert says in outcome.err
    assert "AAAA" not in outcome.err


@pytest.mark.usefixtures("ready")
def test_run_without_a_network_says_so_once(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Telegram cannot be reached a plain sentence stands beside the log, once."""

    async def run(_: Settings) -> int:
        for seconds in (1.0, 2.0):
            structlog.get_logger().warning("telegram.unreachable", fault="NetworkError", seconds=seconds)
        return 0

    monkeypatch.setattr(wiring, "run", run)
    outcome = vestibule("run")
    assert outcome.err.count("Telegram cannot be reached yet; trying again") == 1


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("signed", "address", "says"),
    [
        (None, None, "VESTIBULE_DPIA_SIGNED is not set"),
        (None, "https://api.telegram.org./bot", "VESTIBULE_DPIA_SIGNED is not set"),
        (str(TODAY + timedelta(days=2)), None, "in the future"),
        ("last year", None, "VESTIBULE_DPIA_SIGNED"),
        (None, "http://127.0.0.1:8081/bot", ""),
        (str(TODAY - timedelta(days=3000)), None, ""),
        (str(TODAY), None, ""),
    ],
)
def test_run_needs_a_signed_assessment(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, signed: str | None, address: str | None, says: str
) -> None:
    """S-40: on Telegram's own address nothing starts without the day of a signed impact assessment; on a bench it does."""

    async def run(_: Settings) -> int:
        return 0

    monkeypatch.setattr(wiring, "run", run)
    if signed is None:
        monkeypatch.delenv("VESTIBULE_DPIA_SIGNED")
    else:
        monkeypatch.setenv("VESTIBULE_DPIA_SIGNED", signed)
    if address is not None:
        monkeypatch.setenv("VESTIBULE_BOT_API_URL", address)
    outcome = vestibule("run")
    assert (outcome.code, len(outcome.err.splitlines())) == ((1, 1) if says else (0, 0))
    assert says in outcome.err


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("days", "mark", "says"),
    [
        (None, "note", "is not set"),
        (-2, "note", "lies in the future"),
        (1, "ok", "signed on"),
        (365 * 2, "ok", "signed on"),
        (365 * 2 + 2, "note", "more than two years ago"),
    ],
)
def test_doctor_speaks_of_the_assessment(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, days: int | None, mark: str, says: str
) -> None:
    """S-40: doctor warns of an impact assessment that was not signed, or more than two years ago."""
    monkeypatch.setenv("VESTIBULE_BOT_API_URL", "http://127.0.0.1:9/bot")
    monkeypatch.delenv("VESTIBULE_DPIA_SIGNED")
    if days is not None:
        monkeypatch.setenv("VESTIBULE_DPIA_SIGNED", str(TODAY - timedelta(days=days)))
    [line] = [one for one in vestibule("doctor").out.splitlines() if "impact assessment: " in one]
    assert line.startswith(mark)
    assert says in line


@pytest.mark.usefixtures("ready")
def test_run_refuses_an_unknown_language(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language without a catalogue stops the start with a line."""
    monkeypatch.setenv("VESTIBULE_LANGUAGES", "tlh")
    outcome = vestibule("run")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert "there is no catalogue for tlh" in outcome.err


@pytest.mark.parametrize(("flags", "opened"), [((), 1), (("--no-browser",), 0)])
def test_demo_says_where_it_is(
    vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], opened: int
) -> None:
    """`demo` needs nothing set, works in a folder that is gone afterwards, and opens a browser unless told not to."""
    folders: list[Path] = []
    browsers: list[str] = []

    async def embedded(*, port: int, data: Path, ready: Callable[[str], None]) -> int:
        folders.append(data)
        ready(f"http://127.0.0.1:{port}/")
        return 0

    monkeypatch.setattr(demo, "demo", embedded)
    monkeypatch.setattr(webbrowser, "open", browsers.append)
    outcome = vestibule("demo", "--port", "8099", *flags)
    assert (outcome.code, "http://127.0.0.1:8099/" in outcome.out) == (0, True)
    assert len(browsers) == opened
    assert not folders[0].exists()


def test_demo_on_a_taken_port_is_one_line(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is in use is one line that says how to choose another."""

    async def taken(**_: object) -> int:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(demo, "demo", taken)
    outcome = vestibule("demo", "--no-browser")
    assert (outcome.code, outcome.err) == (1, "port 8080 is in use; choose another with --port\n")


@pytest.mark.usefixtures("ready")
def test_on_telegram_no_assessment_is_a_fault(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-40: where run would refuse, doctor says fault and points to the assessment, as run does."""
    monkeypatch.delenv("VESTIBULE_DPIA_SIGNED")
    [found] = examine.assessment(Settings(_env_file=None))
    assert (found.mark, "run refuses without it. See docs/privacy/dpia.md" in found.says) == ("fault", True)
    assert "docs/privacy/dpia.md" in vestibule("run").err


def test_a_wrong_date_is_named(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-40: a date in another form is a clear fault with an example."""
    monkeypatch.setenv("VESTIBULE_DPIA_SIGNED", "31.1.2026")
    outcome = vestibule("doctor")
    assert outcome.code == 1
    assert "VESTIBULE_DPIA_SIGNED: it should be a day, as 2026-01-31" in outcome.out + outcome.err


@pytest.mark.parametrize("page", ["README.md", "docs/going-live.md"])
def test_sample_settings_are_enough_to_run(page: str) -> None:
    """S-40: whoever copies a page's sample settings has each one without which nothing runs on Telegram."""
    text = (Path(__file__).parents[3] / page).read_text("utf-8")
    for name in ("BOT_TOKEN", "KEYS", "DPIA_SIGNED"):
        assert re.search(rf"^(export )?VESTIBULE_{name}=", text, re.MULTILINE), name
