"""Files an operator hands in: their text, within bounds that no file of ours comes near."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.commands.terminal import Told

MOST_BYTES: Final = 2_000_000
MOST_LINES: Final = 20_000
LONGEST_LINE: Final = 20_000


def text_of(path: Path, place: str) -> str:
    """The text of a UTF-8 file, line ends as they are. Raises Told, beginning with `place`, where there is none or it is too long."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data[:MOST_BYTES].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) or len(data) <= MOST_BYTES:
            raise Told(
                f"{place}: cannot be read ({type(error).__name__}); a UTF-8 file is expected"
            ) from None
    if len(data) > MOST_BYTES:
        raise Told(f"{place}: the file is too long; {MOST_BYTES // 1_000_000} MB at most are read")
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise Told(f"{place}: the file has too many lines; {MOST_LINES} at most are read")
    if any(len(line) > LONGEST_LINE for line in lines):
        raise Told(f"{place}: a line in it is too long; {LONGEST_LINE} characters at most are read")
    return text
