"""What has to be set for Telegram to bring the updates, and what is said when it is not."""

from __future__ import annotations

import pytest

from bot.settings import BadSettings, load_settings

SECRET = "not-a-real_secret-1"
WHOLE = {
    "WEBHOOK_URL": "https://bot.example.org/telegram",
    "WEBHOOK_SECRET": SECRET,
    "WEB_PORT": "8080",
    "BOT_API_URL": "https://api.telegram.org/bot",
}


def load(monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> tuple[str, str, str] | None:
    for name, value in (WHOLE | changed).items():
        if value is not None:
            monkeypatch.setenv(f"VESTIBULE_{name}", value)
    return load_settings().webhook()


def test_a_webhook_is_address_path_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-30: with address, secret and port Telegram brings the updates; without an address it is asked for them."""
    assert load(monkeypatch) == ("https://bot.example.org/telegram", "/telegram", SECRET)
    monkeypatch.setenv("VESTIBULE_WEBHOOK_URL", "")
    assert load_settings().webhook() is None


@pytest.mark.parametrize(
    ("changed", "variable", "says"),
    [
        ({"WEBHOOK_SECRET": None}, "WEBHOOK_SECRET", "openssl rand"),
        ({"WEBHOOK_SECRET": "a b"}, "WEBHOOK_SECRET", "16 to 256"),
        ({"WEBHOOK_SECRET": "x" * 15}, "WEBHOOK_SECRET", "16 to 256"),
        ({"WEBHOOK_SECRET": "x" * 257}, "WEBHOOK_SECRET", "16 to 256"),
        ({"WEB_PORT": None}, "WEB_PORT", "write a port"),
        ({"WEBHOOK_URL": "http://bot.example.org/telegram"}, "WEBHOOK_URL", "https"),
        ({"WEBHOOK_URL": "ftp://bot.example.org/telegram"}, "WEBHOOK_URL", "https"),
        ({"WEBHOOK_URL": "https://bot.example.org"}, "WEBHOOK_URL", "path"),
        ({"WEBHOOK_URL": "https://bot.example.org/"}, "WEBHOOK_URL", "path"),
        ({"WEBHOOK_URL": "https://bot.example.org/healthz"}, "WEBHOOK_URL", "path"),
        ({"WEBHOOK_URL": "https://bot.example.org/{x}"}, "WEBHOOK_URL", "path"),
        ({"WEBHOOK_URL": "https://bot.example.org/a?b=c"}, "WEBHOOK_URL", "nothing else"),
        ({"WEBHOOK_URL": "https://user@bot.example.org/a"}, "WEBHOOK_URL", "nothing else"),
        ({"WEBHOOK_URL": "https://bot.example.org:port/a"}, "WEBHOOK_URL", "address"),
        ({"WEBHOOK_URL": "https://bot.example.org:8081/a"}, "WEBHOOK_URL", "ports"),
    ],
)
def test_what_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str | None], variable: str, says: str
) -> None:
    """S-30: each fault is one line that names the variable and what to do, and never the secret."""
    with pytest.raises(BadSettings) as bad:
        load(monkeypatch, **changed)
    [line] = bad.value.faults
    assert line.startswith(f"VESTIBULE_{variable}: ")
    assert says in line
    assert SECRET not in line


def test_commands_need_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-30: what beside the bot reads the same settings, `migrate` in a container above all, needs no port of its own."""
    for name, value in (WHOLE | {"WEB_PORT": ""}).items():
        monkeypatch.setenv(f"VESTIBULE_{name}", value)
    assert load_settings().webhook_url


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost:8088", "[::1]:8088"])
def test_this_machine_needs_no_https(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """S-30: on loopback, where the simulator is, http will do."""
    found = load(monkeypatch, WEBHOOK_URL=f"http://{host}/telegram", BOT_API_URL="http://127.0.0.1:8081/bot")
    assert found == (f"http://{host}/telegram", "/telegram", SECRET)


def test_the_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-41: the webhook's secret shows in no repr."""
    load(monkeypatch)
    assert SECRET not in repr(load_settings())
