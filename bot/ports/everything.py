"""What the rights of one person need of storage (S-45)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.ports.plan import Allowance
from bot.ports.records import Case, Person

FAREWELL = "farewell"
"""The slot of the one line that still goes to a chat that was closed."""


class CaseStillOpen(Exception):
    """Somebody is to be erased while a case of theirs is open: nothing goes (S-30)."""


class Everything(Protocol):
    """All that is one person's, over every table: to export, to count, to erase (S-45)."""

    async def by_alias(self, programme_id: str, alias: str, *, folded: bool = False) -> list[Person]:
        """Participants and staff of that alias, those who left among them; if `folded`, however its letters are written.

        Opens everybody's alias, as it is sealed: some 10 µs for each of the programme.
        """
        ...

    async def cases_of(self, person_id: str) -> list[Case]:
        """Open and closed, by number."""
        ...

    async def cases_naming(self, person: Person) -> list[Case]:
        """The same, and the cases of a session that name them among others; by number."""
        ...

    async def tested_sessions(self, person_id: str) -> list[str]:
        """Ids of the sessions for which something stands in readiness, oldest first."""
        ...

    async def allowances_of(self, person_id: str) -> list[Allowance]:
        """Past ones too."""
        ...

    async def counts(self, person: Person) -> dict[str, int]:
        """Table -> rows that are the person's; tables without any are left out."""
        ...

    async def erase_content(self, person: Person, *, keep_cases: bool) -> dict[str, int]:
        """Everything but the chat, what waits for it, and the person's own row; table -> rows.

        `keep_cases`: closed cases stay as a bare record. Raises CaseStillOpen, and then nothing goes.
        """
        ...

    async def waits_for_chat(self, person_id: str) -> bool:
        """Whether anything still waits to go to the person's chats."""
        ...

    async def left_standing(self, person_id: str) -> int:
        """How many messages of the person's chats could not be taken away (S-43)."""
        ...

    async def erase_link(self, person: Person) -> dict[str, int]:
        """The chat, what was sent there and the person's row, which stays empty where something kept needs it."""
        ...


class Restored(Protocol):
    """What a restored backup still means to do, and may have done since (bot.usecases.restored)."""

    async def withhold(self) -> int:
        """Messages that wait and are no alert become `withheld`; gives how many."""
        ...

    async def withhold_reminders(self, now: datetime) -> int:
        """Lines to a person that were due by now become `withheld`, but for a hold that stands; gives how many."""
        ...

    async def close_invitations(self, now: datetime) -> int:
        """Open invitations are revoked; gives how many."""
        ...
