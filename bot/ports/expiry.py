"""What is over and goes (S-42): asked for by kind and time, taken away a window of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Expiring:
    """What is over of one kind (see usecases/retention) at `now`: what counts from earlier than `before`.

    `programme_id`: None for what belongs to none. `held`: ids of people under a legal hold, of whom nothing goes.
    """

    kind: str
    now: datetime
    before: datetime
    programme_id: str | None = None
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """Who of a programme is under a legal hold: these, or `everybody`."""

    people: frozenset[str] = frozenset()
    everybody: bool = False

    def any_of(self, *person_ids: str) -> bool:
        """Whether one of these people of the programme is."""
        return self.everybody or not self.people.isdisjoint(person_ids)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one window came to: how many rows went, and after which row the next begins; None at the end."""

    gone: int
    after: str | None


class Expiry(Protocol):
    """Never takes what an open case, an open visit or a legal hold needs, nor what something kept refers to."""

    def parts(self, kind: str) -> tuple[str, ...]:
        """The parts of a kind, in the order in which they go."""
        ...

    async def sweep(self, what: Expiring, part: str, after: str = "") -> Swept:
        """Take away what is over in one window of rows, and count it."""
        ...

    async def count(self, what: Expiring) -> int:
        """How many rows would be over then, not counting those that go along with them."""
        ...

    async def counted(self) -> dict[str, int]:
        """Kind -> how many have gone since this was last asked; begins at 0 again."""
        ...

    async def held(self, programme_id: str, refs: tuple[str, ...]) -> Held:
        """The people these references (K-104, a person's id, `all`) stand for, of that programme.

        Of a case that does not open it may be anybody.
        """
        ...

    async def note_left(self, now: datetime) -> None:
        """Whoever is marked as having left without a time has left now."""
        ...

    async def span(self, kind: str, person_id: str, after: datetime) -> tuple[datetime, datetime] | None:
        """From when the oldest and the newest of the person's rows of that kind count; None without any.

        Only of those that count from `after` or later: what is kept beyond its time is not to be seen here (S-03).
        """
        ...
