"""A moment that somebody types as an option of a command."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.commands.terminal import WRONG_USE, Told

EXAMPLES = "2026-01-31T18:00 (UTC), 2026-01-31T18:00Z or 2026-01-31T19:00+01:00"


def moment(text: str, option: str) -> datetime:
    """The moment in UTC. ISO 8601, with its offset or Z; without one it is UTC, a day alone its first moment. Raises Told."""
    try:
        given = datetime.fromisoformat(text.strip())
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Told(f"{option} {text} is no time; it should look like {EXAMPLES}", code=WRONG_USE) from None


def past(text: str, option: str, now: datetime) -> datetime:
    """The moment in UTC, which has been by now. Raises Told."""
    found = moment(text, option)
    if found > now:
        raise Told(
            f"{option} {text} is in the future: {found:%Y-%m-%d %H:%M:%S} UTC, and it is {now:%Y-%m-%d %H:%M:%S} UTC now. "
            f"It should be a moment that has been, like {EXAMPLES}",
            code=WRONG_USE,
        )
    return found
