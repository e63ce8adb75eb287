"""Telling systemd how it goes (sd_notify), over the socket it names. Elsewhere nothing happens."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Say `READY=1`, `WATCHDOG=1` or the like; whether somebody was there to hear it."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    name = "\0" + address[1:] if address.startswith("@") else address  # an abstract socket begins with NUL
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.connect(name)
            out.send(state.encode())
    except OSError as error:
        log.warning("systemd.unheard", fault=type(error).__name__)
        return False
    return True
