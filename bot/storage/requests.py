"""What people asked for under their rights (S-45)."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from bot.ports.records import Request
from bot.ports.stores import Stale
from bot.storage.statements import Statement, fields_of, insert_into, update_by_id
from bot.storage.tables import requests
from bot.storage.work import Work

_SAVED = ("done_at", "outcome", "by")
_ADD = insert_into(requests)
_SAVE = update_by_id(requests, _SAVED)
_in_order = (requests.c.asked_at, requests.c.id)
_OPEN = Statement(
    select(requests)
    .where(requests.c.programme_id == bindparam("programme_id"), requests.c.done_at.is_(None))
    .order_by(*_in_order)
)
_OF_PERSON = Statement(
    select(requests).where(requests.c.person_id == bindparam("person_id")).order_by(*_in_order)
)


class RequestStore:
    """Implements bot.ports.audit.Requests."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, request: Request) -> None:
        """A new request."""
        await self._work.run(_ADD, fields_of(request))

    async def open_in(self, programme_id: str) -> list[Request]:
        """Those not dealt with, the oldest first."""
        return [Request(**row) for row in await self._work.rows(_OPEN, programme_id=programme_id)]

    async def of_person(self, person_id: str) -> list[Request]:
        """All of the person's, the oldest first."""
        return [Request(**row) for row in await self._work.rows(_OF_PERSON, person_id=person_id)]

    async def save(self, request: Request) -> None:
        """Write what became of it. Raises Stale if there is no such request."""
        values = {name: getattr(request, name) for name in _SAVED}
        if not await self._work.run(_SAVE, {**values, "where_id": request.id}):
            raise Stale(f"there is no request {request.id}")
