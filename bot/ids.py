"""Where ids and tokens come from: the system, or a counter for tests."""

from __future__ import annotations

import os
import secrets
import time


class SystemIds:
    """Ids that grow with time, also within a millisecond and when the clock is set back; random tokens."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        """48 bits of milliseconds, then 80 random ones, as 32 hex digits."""
        fresh = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
        if fresh <= self._last:
            fresh = self._last + 1 + secrets.randbits(32)
        self._last = fresh
        return f"{fresh:032x}"

    def token(self) -> str:
        """22 characters of base64url: 128 random bits."""
        return secrets.token_urlsafe(16)


class CountingIds:
    """1, 2, 3: the same in every run."""

    def __init__(self, start: int = 0) -> None:
        self._last = start

    def new(self) -> str:
        """The next number as 32 hex digits."""
        self._last += 1
        return f"{self._last:032x}"

    def token(self) -> str:
        """The next number as a token of 22 characters; no secret."""
        self._last += 1
        return f"token{self._last:017d}"
