"""The commands Telegram lists for everybody; their descriptions are neutral (S-02)."""

from __future__ import annotations

from collections.abc import Mapping

from flows.effects import Line

COMMANDS: Mapping[str, Line] = {
    "menu": Line("neutral", "What is next"),
    "ready": Line("neutral", "Get ready"),
    "stop": Line("neutral", "Stop and clear this chat"),
    "language": Line("neutral", "Change the language"),
    "privacy": Line("neutral", "What is kept"),
    "help": Line("neutral", "Help"),
}
