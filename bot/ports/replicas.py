"""What several processes on one database agree by: who leads, and a bell between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Lease:
    """Who leads until when (UTC). `token` grows by one with each change of holder (R-15)."""

    name: str
    holder: str
    token: int
    until: datetime


class Leases(Protocol):
    """Part of a unit of work. The row of a lease is locked for taking over and for holding, not for renewing."""

    async def seen(self, name: str) -> Lease | None:
        """The lease as it stands; the holder's units are waited for, and nobody else gets at it until this one ends."""
        ...

    async def take(self, lease: Lease) -> bool:
        """Write it where nobody ever held it, or where its token follows the one that stands; else False."""
        ...

    async def renew(self, lease: Lease) -> bool:
        """Write `until` where holder and token are still these; else False: somebody else has taken over."""
        ...

    async def holds(self, lease: Lease) -> bool:
        """Whether holder and token are still these, and nobody can change that until the unit ends."""
        ...


class Bell(Protocol):
    """Rung after a commit that left something to send: whichever process leads then looks at once."""

    def ring(self) -> None:
        """Never waits, never fails: without it the sender looks some seconds later."""
        ...


class LeaseUnit(Protocol):
    """A transaction for leases. Rolled back unless `commit` was called."""

    leases: Leases

    async def commit(self) -> None: ...


@runtime_checkable
class Shared(Protocol):
    """What a storage has besides where several processes run on it."""

    def apart(self) -> AbstractAsyncContextManager[LeaseUnit]:
        """A transaction that waits for no unit of work but by the lease's own row. Raises StorageFault."""
        ...

    async def ring(self) -> None:
        """Heard by every process that listens, this one too. Raises StorageFault."""
        ...

    def rings(self) -> AsyncIterator[None]:
        """One item for each ring heard, or for several at once, until it is closed. Raises StorageFault."""
        ...
