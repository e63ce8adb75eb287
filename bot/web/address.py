"""The address Telegram brings updates to, as the settings name it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

TAKEN = ("/healthz", "/readyz", "/metrics")
PORTS = (443, 80, 88, 8443)
"""The only ones Telegram posts to."""
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


MAKE_ONE = "make one with: openssl rand -hex 32"


def fits_telegram(secret: str) -> None:
    """Raises ValueError where Telegram would not take the secret, or it is short enough to guess; without repeating it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
        raise ValueError(f"it should be 16 to 256 of A-Z a-z 0-9 _ -; {MAKE_ONE}")


def check_webhook(address: str, has_secret: bool, *, of_telegram: bool) -> None:
    """Raises ValueError, beginning with the variable at fault, where a webhook cannot be used as it is set."""
    try:
        webhook_path(address, of_telegram=of_telegram)
    except ValueError as fault:
        raise ValueError(f"VESTIBULE_WEBHOOK_URL: {fault}") from None
    if not has_secret:
        raise ValueError(f"VESTIBULE_WEBHOOK_SECRET: it is needed with VESTIBULE_WEBHOOK_URL; {MAKE_ONE}")


def webhook_path(address: str, *, of_telegram: bool) -> str:
    """The path of a webhook's address. Raises ValueError with what is wrong with it, without repeating it."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError("it should be an address such as https://bot.example.org/telegram") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
        raise ValueError("it should begin with https://; http is for this machine itself only")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it should be https://, a host and a path, nothing else")
    if not _PATH.fullmatch(parts.path) or parts.path in TAKEN:
        raise ValueError(
            f"it needs a path of its own, of letters, digits and . _ ~ - /; not {', '.join(TAKEN)}"
        )
    if of_telegram and (port or 443) not in PORTS:
        raise ValueError(f"Telegram posts to the ports {', '.join(map(str, PORTS))} only")
    return parts.path


def _is_loopback(parts: SplitResult) -> bool:
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
