"""Which mail server to use, as one address: smtp://user:password@host:587?starttls=1, or smtps:// for TLS at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
RIGHT = "it should look like smtp://user:password@mail.example.org:587?starttls=1, or smtps://..."


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `tls`: from the first byte, after STARTTLS (then never without), or none."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, address: str) -> Server:
        """Take the address apart. Raises ValueError, which repeats nothing of it."""
        parts = urlsplit(address.strip())
        try:
            port = parts.port
        except ValueError:
            raise ValueError(f"the port is no number; {RIGHT}") from None
        asked = parse_qs(parts.query)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or asked.keys() - {"starttls"}:
            raise ValueError(RIGHT)
        secure = parts.scheme == "smtps"
        starttls = asked.get("starttls", ["0"])[-1] in ("1", "yes", "true")
        if not secure and not starttls and parts.hostname not in LOOPBACK:
            raise ValueError(f"without TLS only a server on this machine is used; {RIGHT}")
        return cls(
            parts.hostname,
            port or (465 if secure else 587 if starttls else 25),
            "implicit" if secure else "starttls" if starttls else "none",
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )
