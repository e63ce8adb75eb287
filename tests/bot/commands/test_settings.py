"""Settings: read from the environment, explained, and silent about secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import BadSettings, Settings, load_settings, variable
from bot.usecases.desk import Numbers

ROOT = Path(__file__).parents[3]
SECRET = "123456:not-a-real-token-at-all"


def test_defaults_are_those_of_the_safety_rules() -> None:
    """Without any variable the numbers are the defaults that the use cases were specified with."""
    assert load_settings().numbers() == Numbers()


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_every_setting_is_explained(field: str) -> None:
    """Each setting has a description for doctor, and stands in .env.example."""
    assert len(Settings.model_fields[field].description or "") > 30
    assert f"{variable(field)}=" in (ROOT / ".env.example").read_text("utf-8")


def test_example_environment_is_valid(tmp_path: Path) -> None:
    """A copy of .env.example with every line taken in is a valid .env."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    taken = [line.removeprefix("# ") for line in lines if "VESTIBULE_" in line and "=" in line]
    (tmp_path / ".env").write_text("\n".join(taken), encoding="utf-8")
    assert load_settings().numbers() == Numbers()


def test_env_file_is_read_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """.env is read; a variable of the environment counts before it; an empty one counts as not set."""
    (tmp_path / ".env").write_text(
        "VESTIBULE_DOOR_MINUTES=5\nVESTIBULE_DETAILS_MINUTES=5\n", encoding="utf-8"
    )
    monkeypatch.setenv("VESTIBULE_DETAILS_MINUTES", "7")
    monkeypatch.setenv("VESTIBULE_LANGUAGES", "en, de")
    monkeypatch.setenv("VESTIBULE_BOT_NAME", "")
    settings = load_settings()
    assert (settings.door_minutes, settings.details_minutes) == (5, 7)
    assert settings.languages == ("en", "de")
    assert settings.bot_name is None


def test_secrets_are_in_no_repr_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: token, keys and database address show in no repr, and no fault repeats a value."""
    for name in ("BOT_TOKEN", "KEYS", "DATABASE_URL"):
        monkeypatch.setenv(f"VESTIBULE_{name}", SECRET)
    assert SECRET not in repr(load_settings())
    assert SECRET not in str(load_settings())
    monkeypatch.setenv("VESTIBULE_DOOR_MINUTES", SECRET)
    with pytest.raises(BadSettings) as bad:
        load_settings()
    assert SECRET not in str(bad.value)
    assert bad.value.faults[0].startswith("VESTIBULE_DOOR_MINUTES: ")


@pytest.mark.parametrize(
    "url", ["https://api.telegram.org/bot", "https://api.telegram.org", "HTTPS://API.TELEGRAM.ORG:443/bot"]
)
def test_limits_cannot_be_off_at_telegram(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's pace is always kept at Telegram's own address; a bench's server may be pressed."""
    monkeypatch.setenv("VESTIBULE_SEND_LIMITS", "off")
    monkeypatch.setenv("VESTIBULE_BOT_API_URL", url)
    with pytest.raises(BadSettings, match="VESTIBULE_SEND_LIMITS: off is refused"):
        load_settings()
    monkeypatch.setenv("VESTIBULE_BOT_API_URL", "http://127.0.0.1:8081/bot")
    assert load_settings().send_limits_off()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/bot", "http://127.0.0.1:8081/bot/", "http://127.0.0.1:8081"]
)
def test_address_may_be_written_with_or_without_bot(url: str) -> None:
    """The Bot API's address is understood with `/bot` and without."""
    assert Settings(bot_api_url=url).api_root() == "http://127.0.0.1:8081"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_API_URL", "api.telegram.org"),
        ("BOT_NAME", "a bot"),
        ("DOOR_MINUTES", "0"),
        ("LOG_LEVEL", "loud"),
        ("SEND_LIMITS", "sometimes"),
    ],
)
def test_a_wrong_value_is_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that cannot be used is one line that names the variable."""
    monkeypatch.setenv(f"VESTIBULE_{name}", value)
    with pytest.raises(BadSettings) as bad:
        load_settings()
    assert [fault.split(":")[0] for fault in bad.value.faults] == [f"VESTIBULE_{name}"]


def test_what_is_missing_says_how_to_get_it() -> None:
    """Keys and token that are needed and not set are asked for by name."""
    with pytest.raises(BadSettings, match="VESTIBULE_KEYS is not set; make a key with: vestibule keys new"):
        load_settings().keys_text()
    with pytest.raises(BadSettings, match="VESTIBULE_BOT_TOKEN is not set"):
        load_settings().token_text()


def test_mail_needs_a_sender_and_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: a mail server needs a sender's address, and TLS unless it is on this machine; its password is not said."""
    monkeypatch.setenv("VESTIBULE_SMTP_URL", "smtp://u:s3cret@mail.example?starttls=1")
    with pytest.raises(BadSettings, match="VESTIBULE_MAIL_FROM"):
        load_settings()
    monkeypatch.setenv("VESTIBULE_MAIL_FROM", "notes@assistant.example")
    settings = load_settings()
    server = settings.mail_server()
    assert server is not None
    assert (server.host, server.tls) == ("mail.example", "starttls")
    assert "s3cret" not in repr(settings)
    monkeypatch.setenv("VESTIBULE_SMTP_URL", "smtp://u:s3cret@mail.example")
    with pytest.raises(BadSettings, match="VESTIBULE_SMTP_URL: without TLS") as bad:
        load_settings()
    assert "s3cret" not in str(bad.value)


def test_a_monitors_address_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-17: an outside monitor has an address over HTTP, which is kept as a secret."""
    monkeypatch.setenv("VESTIBULE_PING_URL", "monitor.example/s3cret")
    with pytest.raises(BadSettings, match="VESTIBULE_PING_URL") as bad:
        load_settings()
    assert "s3cret" not in str(bad.value)
