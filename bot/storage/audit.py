"""The audit log: a chain in which each entry carries the hash of the one before it (R-16)."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, select, type_coerce

from bot.ports.audit import AuditHead, AuditVerdict, check_pseudonymous
from bot.ports.records import AuditEntry
from bot.ports.stores import BOOK
from bot.storage.statements import Row, Statement, fields_of, insert_into
from bot.storage.tables import audit, audit_anchors, counters
from bot.storage.work import Work

_PAGE = 1000
_BEFORE_ALL = -(2**63)
_HASHED = ("seq", "id", "at", "actor", "action", "subject", "detail")
_ENTRY = [audit.c[name] for name in AuditEntry.__dataclass_fields__]

_ADD = insert_into(audit)
_OF_SUBJECT = Statement(select(*_ENTRY).where(audit.c.subject == bindparam("subject")).order_by(audit.c.seq))
_BETWEEN = Statement(
    select(*_ENTRY)
    .where(audit.c.at >= bindparam("start"), audit.c.at < bindparam("end"))
    .order_by(audit.c.seq)
)
_LAST = Statement(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1))
_ANCHORS = Statement(
    select(
        audit_anchors.c.seq, audit_anchors.c.hash, type_coerce(audit_anchors.c.at, BigInteger).label("at")
    ).order_by(audit_anchors.c.seq)
)
_SOON = 3 * 86_400_000_000
"""Microseconds. The run that makes an anchor writes an entry at its end, and runs are a day apart."""
_NEWEST = Statement(
    select(type_coerce(audit.c.at, BigInteger).label("at")).order_by(audit.c.at.desc()).limit(1)
)
_COUNT = Statement(select(counters.c.value).where(counters.c.name == "audit"))
# As it stands in the file: what is read into values first would hide a change of their writing.
_RAW = Statement(
    select(
        *(audit.c[name] for name in ("id", "seq", "actor", "action", "subject", "prev", "hash")),
        type_coerce(audit.c.at, BigInteger).label("at"),
        type_coerce(audit.c.detail, Text).label("detail"),
    )
    .where(audit.c.seq > bindparam("after", type_=BigInteger))
    .order_by(audit.c.seq)
    .limit(bindparam("limit"))
)


def link(prev: str, stored: Mapping[str, Any]) -> str:
    """The hash of an entry: SHA-256 over the hash before it and the entry as JSON, keys in order, values as stored."""
    text = json.dumps(
        {name: stored[name] for name in _HASHED}, sort_keys=True, separators=(",", ":"), default=repr
    )
    return hashlib.sha256((prev + text).encode()).hexdigest()


class AuditStore:
    """Implements bot.ports.audit.Audit. The unit's entries are chained as they are added: no other unit writes meanwhile."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._head: AuditHead | None = None

    async def add(self, entry: AuditEntry) -> None:
        """One more entry; the database refuses to change any, or to delete one that no anchor stands for."""
        check_pseudonymous(entry)
        head = self._head or await self._last()
        values: Row = {**fields_of(entry), "seq": head.seq + 1, "prev": head.hash, "hash": ""}
        values["hash"] = link(head.hash, _ADD.bind(values))
        self._work.stage(_ADD, values)
        self._head = AuditHead(values["seq"], values["hash"])

    async def of_subject(self, subject: str) -> list[AuditEntry]:
        """What was done about that case or person, oldest first."""
        return [AuditEntry(**row) for row in await self._work.rows(_OF_SUBJECT, subject=subject)]

    async def between(self, start: datetime, end: datetime) -> list[AuditEntry]:
        """Entries from `start` on and before `end`, in the order they were made."""
        return [AuditEntry(**row) for row in await self._work.rows(_BETWEEN, start=start, end=end)]

    async def verify(self, after: AuditHead | None = None, limit: int | None = None) -> AuditVerdict:
        """Look over the chain after that place, or all that is there; stops at the first fault.

        At most `limit` entries (None: all). Finds what was changed, put in, taken out or moved, and a tail
        that was cut off, by the count of entries and by the anchors.
        """
        anchors = await self._work.rows(_ANCHORS)
        check = _Check(anchors, after)
        try:
            async for row in self._stored(after.seq if after else _BEFORE_ALL, limit):
                if fault := check.fault_of(row):
                    return AuditVerdict(check.checked, check.head, (fault,))
        except sqlite3.OperationalError:  # text that is no text: nothing of ours writes such
            return AuditVerdict(check.checked, check.head, (f"entry {check.head.seq + 1} cannot be read",))
        if limit is not None and check.checked == limit:
            return AuditVerdict(check.checked, check.head, whole=False)
        count = await self._work.row(_COUNT)
        newest = await self._work.row(_NEWEST)
        faults = check.faults_of_end(count["value"] if count else None, newest["at"] if newest else None)
        return AuditVerdict(check.checked, check.head, faults)

    async def _stored(self, after: int, limit: int | None) -> AsyncIterator[Row]:
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            rows = await self._work.rows(_RAW, after=after, limit=page)
            for row in rows:
                yield row
            if len(rows) < page:
                return
            after = rows[-1]["seq"]
            left = None if left is None else left - page

    async def _last(self) -> AuditHead:
        """Where the next entry joins on. A log that was tampered with goes on all the same: `verify` tells."""
        await self._work.alone(BOOK)
        last = await self._work.row(_LAST)
        anchors = await self._work.rows(_ANCHORS) if last is None else []
        found = last or (anchors[-1] if anchors else None)
        head = AuditHead(found["seq"], found["hash"]) if found else AuditHead()
        count = await self._work.row(_COUNT)
        return AuditHead(max(head.seq, count["value"] if count else 0), head.hash)


class _Check:
    """Goes along the chain, entry by entry."""

    def __init__(self, anchors: Sequence[Row], after: AuditHead | None) -> None:
        self._anchors = {anchor["seq"]: anchor["hash"] for anchor in anchors}
        self._made_at = max((anchor["at"] for anchor in anchors), default=None)
        self._newest = max(self._anchors, default=0)
        self._begun = after is not None
        self.head = after or AuditHead()
        self.checked = 0

    def fault_of(self, row: Row) -> str:
        """What is wrong with this entry as the next one; "" if nothing is."""
        if not self._begun:
            self._begun = True
            if fault := self._begin(row):
                return fault
        seq, expected = row["seq"], self.head.seq + 1
        if seq != expected:
            return f"entry {expected} is missing: after it comes {seq}"
        if row["prev"] != self.head.hash:
            return f"entry {seq} does not follow the one before it: one of them was changed or put in"
        if row["hash"] != link(row["prev"], row):
            return f"entry {seq} was changed"
        if self._anchors.get(seq, row["hash"]) != row["hash"]:
            return f"entry {seq} is not the one the anchor stands for"
        self.head = AuditHead(seq, row["hash"])
        self.checked += 1
        return ""

    def _begin(self, row: Row) -> str:
        """The first entry there is: number 1, or one before which an anchor allows to take entries away."""
        before = row["seq"] - 1 if isinstance(row["seq"], int) else None
        if before == 0:
            return ""
        if before is None or not 0 < before <= self._newest:
            return f"the log begins with entry {row['seq']}, and no anchor stands for what was before it"
        # Without an anchor just here entries are leaving; the chain still runs through the newest anchor.
        self.head = AuditHead(before, self._anchors.get(before) or row["prev"])
        return ""

    def faults_of_end(self, count: int | None, newest_at: int | None) -> tuple[str, ...]:
        """What is wrong with where the log ends."""
        if not self._begun and self._newest:
            self.head = AuditHead(self._newest, self._anchors[self._newest])
        if self._newest > self.head.seq:
            return (
                f"the log ends with entry {self.head.seq}, and an anchor stands for entry {self._newest}",
            )
        if count != self.head.seq:
            said = "is lost" if count is None else f"says {count}"
            return (f"the log ends with entry {self.head.seq}, and the count {said}",)
        if self._made_at is not None and self._made_at > (newest_at or 0) + _SOON:
            return ("an anchor was made that no run of the retention wrote an entry about",)
        return ()
