"""Who leads among the processes on one database, and with which token (R-15)."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.ports.replicas import Lease
from bot.storage.statements import Statement, fields_of
from bot.storage.tables import leases
from bot.storage.work import Work

_named = leases.c.name == bindparam("name")
# PostgreSQL: whoever wants to take over (FOR UPDATE) waits for the units of the one who holds it (FOR KEY SHARE), and
# those that come meanwhile wait for them. Renewing changes no key, so that it waits for neither.
_SEEN = Statement(select(leases).where(_named).with_for_update())
_HOLDS = Statement(
    select(leases.c.token)
    .where(_named, leases.c.holder == bindparam("holder"), leases.c.token == bindparam("token"))
    .with_for_update(read=True, key_share=True)
)
_new = insert(leases)
_TAKE = Statement(
    _new.on_conflict_do_update(
        index_elements=["name"],
        set_={name: _new.excluded[name] for name in ("holder", "token", "until")},
        where=leases.c.token == _new.excluded.token - 1,
    ),
    leases.columns.keys(),
)
_RENEW = Statement(
    update(leases).where(
        leases.c.name == bindparam("where_name"),
        leases.c.holder == bindparam("where_holder"),
        leases.c.token == bindparam("where_token"),
    ),
    ["until"],
)


class LeaseStore:
    """Implements bot.ports.replicas.Leases."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def seen(self, name: str) -> Lease | None:
        """The lease as it stands, kept from all others until the unit ends."""
        row = await self._work.row(_SEEN, name=name)
        return Lease(**row) if row else None

    async def take(self, lease: Lease) -> bool:
        """Write it where nobody ever held it, or where its token follows the one that stands there."""
        return await self._work.run(_TAKE, fields_of(lease)) == 1

    async def renew(self, lease: Lease) -> bool:
        """Write `until` where holder and token are still these."""
        values = {
            "until": lease.until,
            "where_name": lease.name,
            "where_holder": lease.holder,
            "where_token": lease.token,
        }
        return await self._work.run(_RENEW, values) == 1

    async def holds(self, lease: Lease) -> bool:
        """Whether holder and token are still these."""
        row = await self._work.row(_HOLDS, name=lease.name, holder=lease.holder, token=lease.token)
        return row is not None
