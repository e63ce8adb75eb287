"""What every peer asks: one message edited at each tap, and from the last question back to the first.

As many taps, as wordy and with as many buttons as our own test before a session: sixteen questions, some of
them ticked in several taps, the door before them and the command that begins it.
"""

from __future__ import annotations

from typing import Final

TOKEN: Final = "110201543:bench-token-of-no-real-bot"
LENGTH: Final = 21
CHOICES: Final = ("yes", "not_yet", "no", "later")
TEXT: Final = (
    "Question {number}. Is the device charged or plugged in, does the front camera work, and does the meeting link "
    "open at the place where you will sit during the session?"
)


def question(number: int) -> str:
    """The text of a question, from 0."""
    return TEXT.format(number=number + 1)


def buttons(number: int) -> list[tuple[str, str]]:
    """Label and callback data of each choice."""
    return [
        (f"{choice.replace('_', ' ').capitalize()}, this one", f"Q{number}:{choice}") for choice in CHOICES
    ]


def following(number: int) -> int:
    """The question after that one."""
    return (number + 1) % LENGTH
