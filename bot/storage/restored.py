"""What a restored backup still means to do, and may have done since it was made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, update

from bot.ports.plan import Fate, ReminderKind
from bot.storage.statements import Statement
from bot.storage.tables import invitations, outbox, reminders, waiting
from bot.storage.work import Work

_WITHHOLD = Statement(
    update(outbox).where(waiting, outbox.c.op == "say", outbox.c.lane != "alert"), ["state"]
)
_MAY_HAVE_GONE = Statement(
    update(reminders).where(
        reminders.c.fate == Fate.DUE.value,
        reminders.c.person_id.is_not(None),
        # That somebody is not to join is said twice rather than not at all (S-08).
        reminders.c.kind != ReminderKind.HOLD_STANDS.value,
        reminders.c.due_at <= bindparam("where_now", type_=reminders.c.due_at.type),
    ),
    ["fate", "reason", "done_at"],
)
_REVOKE = Statement(
    update(invitations).where(invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None)),
    ["revoked_at"],
)


class RestoredRows:
    """Implements bot.ports.stores.Restored."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def withhold(self) -> int:
        """Messages that waited and are no alert are withheld; alerts go out again, and deletions are made again."""
        return await self._work.run(_WITHHOLD, {"state": "withheld"})

    async def withhold_reminders(self, now: datetime) -> int:
        """Lines to a person that were due by now may have been sent: withheld, but for a hold that stands."""
        values = {"fate": Fate.WITHHELD.value, "reason": "restored", "done_at": now, "where_now": now}
        return await self._work.run(_MAY_HAVE_GONE, values)

    async def close_invitations(self, now: datetime) -> int:
        """Invitations that were open may have been used: they open nothing any more."""
        return await self._work.run(_REVOKE, {"revoked_at": now})
