"""Messages decided but not yet delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, or_, select, text, update

from bot.ports.records import Lane, OutboxRow, Way
from bot.ports.services import Ids
from bot.storage.many import Many
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, fields_of, insert_into, update_by_id
from bot.storage.tables import cases, not_sent, outbox, perhaps_sent, reminders, waiting
from bot.storage.work import Work

log = structlog.get_logger(__name__)

_SEALED = ("text", "rows", "instead")
_ADD = insert_into(outbox, without=["id"])
_giving_way = (
    waiting,
    outbox.c.chat_id == bindparam("where_chat"),
    or_(outbox.c.slot == bindparam("where_slot"), bindparam("where_slot") == "*"),
    or_(outbox.c.way == bindparam("where_way"), bindparam("where_way") == "*"),
    or_(outbox.c.op == "say", bindparam("any_op") == 1),
    or_(outbox.c.sensitive.is_(True), bindparam("neutral_too") == 1),
)
_SUPERSEDE = Statement(update(outbox).where(*_giving_way), ["state"])
OVERTAKEN = "overtaken"
# A reminder whose line gives way unsent was not sent; one that got through all the same was.
_NOT_SENT = Statement(
    update(reminders)
    .where(
        text("reminders.fate IN ('sent', 'late')"),
        # One at most: each `say` of a slot takes the place of the one before it. Joined instead, PostgreSQL may go
        # along all reminders there ever were.
        reminders.c.id == select(func.max(outbox.c.ref)).where(*_giving_way).scalar_subquery(),
    )
    .values(fate="skipped", reason=OVERTAKEN)
)
_SENT_AFTER_ALL = Statement(
    update(reminders)
    .where(reminders.c.id == bindparam("where_id"), reminders.c.reason == OVERTAKEN)
    .values(fate="sent", reason="")
)
_gave_way = and_(
    outbox.c.state == "superseded", bindparam("new_state", type_=outbox.c.state.type) == "waiting"
)
_SAVE = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("where_id"))
    .values(state=case((_gave_way, outbox.c.state), else_=bindparam("new_state", type_=outbox.c.state.type))),
    ["attempts", "next_try_at", "ambiguous"],
)
_WAITING = Statement(
    select(outbox).where(waiting, outbox.c.chat_id == bindparam("chat_id")).order_by(outbox.c.id)
)

_earlier = outbox.alias("earlier")


def _blocked(lane: ColumnElement[str], by_then: ColumnElement[Any]) -> ColumnElement[bool]:
    """An earlier row of the chat, by the same way, is due by then, and a row of that lane must not pass it.

    Alerts wait for alerts only (R-12); replies and reminders for all but tidying; tidying for everything.
    """
    must_not_pass = case(
        (lane == "alert", _earlier.c.lane == "alert"),
        (lane == "tidy", _earlier.c.lane == _earlier.c.lane),
        else_=_earlier.c.lane != "tidy",
    )
    return exists().where(
        text("earlier.state = 'waiting'"),
        _earlier.c.chat_id == outbox.c.chat_id,
        _earlier.c.way == outbox.c.way,
        _earlier.c.id < outbox.c.id,
        _earlier.c.due_at <= by_then,
        must_not_pass,
    )


_now: ColumnElement[Any] = bindparam("now", type_=outbox.c.due_at.type)
_try_at = case((outbox.c.next_try_at > outbox.c.due_at, outbox.c.next_try_at), else_=outbox.c.due_at)
_DUE = Statement(
    select(outbox)
    .where(
        waiting,
        outbox.c.lane == bindparam("lane"),
        outbox.c.way == bindparam("way"),
        outbox.c.due_at <= _now,
        or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at <= _now),
        ~_blocked(outbox.c.lane, _now),
    )
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update(of=outbox, skip_locked=True)
)
# Asked before `due`, lane by lane in one statement: mostly there is something in one lane, or in none.
_is_due: list[ColumnElement[Any]] = [
    exists()
    .where(waiting, outbox.c.lane == lane.value, outbox.c.way == bindparam("way"), outbox.c.due_at <= _now)
    .label(lane.value)
    for lane in Lane
]
_LANES_DUE = Statement(select(*_is_due))
_FREE = Many(select(outbox.c.id).with_for_update(skip_locked=True), outbox.c.id)
_THERE = Many(select(outbox.c.id), outbox.c.id)
_NEXT = Statement(
    select(func.min(_try_at, type_=outbox.c.due_at.type).label("at")).where(
        and_(waiting, outbox.c.way == bindparam("way"), ~_blocked(outbox.c.lane, _try_at))
    )
)
_time = outbox.c.due_at.type
_DUE_NOW = Statement(
    update(outbox).where(
        waiting,
        outbox.c.way == bindparam("where_way"),
        outbox.c.due_at > bindparam("where_now", type_=_time),
        outbox.c.due_at <= bindparam("where_was", type_=_time),
    ),
    ["due_at"],
)
_TRY_NOW = Statement(
    update(outbox).where(
        waiting,
        outbox.c.way == bindparam("where_way"),
        outbox.c.next_try_at > bindparam("where_now", type_=_time),
    ),
    ["next_try_at"],
)
_UNSENT_ALERTS = Statement(
    select(outbox)
    .where(waiting, outbox.c.lane == "alert", outbox.c.due_at < bindparam("before"))
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("limit"))
)
_COUNTS = Statement(select(outbox.c.state, func.count().label("rows")).group_by(outbox.c.state))
# Sent and superseded ones are nearly all there are, and are not counted.
_TALLY = [
    Statement(
        select(outbox.c.state, outbox.c.lane, func.count().label("rows"))
        .where(some)
        .group_by(outbox.c.state, outbox.c.lane)
    )
    for some in (waiting, not_sent)
]
_AMBIGUOUS = Statement(select(func.count().label("rows")).select_from(outbox).where(perhaps_sent))
_tried_then = and_(
    outbox.c.sensitive.is_(True),
    outbox.c.next_try_at >= bindparam("since", type_=_time),
    outbox.c.next_try_at < bindparam("until", type_=_time),
)
# Counted here, not there: to group by chat SQLite would go along every message of every chat.
_LEFT_BEHIND = [
    Statement(select(outbox.c.chat_id).where(some, _tried_then))
    for some in (perhaps_sent, and_(waiting, outbox.c.ambiguous.is_(True)))
]
_DETAILS = Statement(
    select(outbox)
    .join(cases, cases.c.id == outbox.c.case_id)
    .where(cases.c.visit_id == bindparam("visit_id"), outbox.c.op == "say", outbox.c.sensitive.is_(True))
)
_IN_SLOT = Statement(
    select(outbox).where(
        outbox.c.slot == bindparam("slot"), outbox.c.op == "say", outbox.c.sensitive.is_(True)
    )
)
_EMPTY = update_by_id(outbox, ["sealed_payload", "state"])


class OutboxStore:
    """Implements bot.ports.messages.Outbox. Text, buttons and the neutral stand-in are sealed together.

    Ways are apart: neither gives way to the other or waits for it, so that a mail server that is down
    holds back nothing on Telegram. `cancel` takes both. Where a reminder's line gives way its fate follows here,
    as only here it is seen which rows do (R-18).
    """

    def __init__(self, work: Work, keys: Keyring, ids: Ids) -> None:
        self._work = work
        self._keys = keys
        self._ids = ids

    async def add(self, row: OutboxRow) -> None:
        """Stage a row. An unsent `say` of the same chat, slot and way gives way to a `say` (state superseded)."""
        if row.op == "say":
            self._supersede(row.chat_id, row.slot, way=row.way, says_only=True, reminders_too=bool(row.ref))
        values = fields_of(row)
        del values["id"], values["readable"]
        seal_id = self._ids.new()
        payload = {name: values.pop(name) for name in _SEALED}
        sealed = self._keys.seal_json("outbox", "payload", f"{row.chat_id}.{seal_id}", payload)
        self._work.stage(_ADD, {**values, "seal_id": seal_id, "sealed_payload": sealed})

    async def cancel(self, chat_id: str, slots: Sequence[str], *, sensitive_only: bool = False) -> None:
        """Supersede the chat's unsent rows of these slots ('*' for all)."""
        for slot in slots:
            self._supersede(chat_id, slot, sensitive_only=sensitive_only)

    async def due(
        self, now: datetime, lane: Lane, limit: int, way: Way = "telegram", *, but: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Waiting rows of a lane and way that are due and may be tried, oldest first, at most one per chat: its first.

        Chats in `but` count for the limit and are left out.

        One whose payload does not open comes too, marked so, and stops none of the others.
        A row that waits to be tried again holds back those behind it; one that is not due yet does not. One that a
        unit beside this one is changing is left out, and no other changes those that come until this unit ends.
        """
        found = await self._work.rows(_DUE, now=now, lane=lane.value, limit=limit, way=way)
        return [self._row(row) for row in found if row["chat_id"] not in but]

    async def lanes_due(self, now: datetime, way: Way = "telegram") -> list[Lane]:
        """The lanes in which something of the way waits that is due, whether it may be tried or not; first the first."""
        row = await self._work.row(_LANES_DUE, now=now, way=way)
        return [lane for lane in Lane if row and row[lane.value]]

    async def free(self, row_ids: Collection[int]) -> set[int]:
        """Those of the rows that no unit beside this one is changing; none changes them until this one ends.

        What is there no more is free as well: nobody can be changing it.
        """
        if not self._work.beside:
            return set(row_ids)
        wanted = {(one,) for one in row_ids}
        held = wanted - {(row["id"],) for row in await _FREE.rows(self._work, wanted, as_written=True)}
        there = {row["id"] for row in await _THERE.rows(self._work, held, as_written=True)}
        return set(row_ids) - there

    async def next_due_at(self, way: Way = "telegram") -> datetime | None:
        """When the earliest waiting row of the way that no other holds back may be tried."""
        row = await self._work.row(_NEXT, way=way)
        return row["at"] if row else None

    async def clock_set_back(self, was: datetime, now: datetime, way: Way = "telegram") -> None:
        """What was due by `was` is due by `now`, and nothing waits longer to be tried again."""
        about = {"where_way": way, "where_now": now}
        await self._work.run(_DUE_NOW, {"due_at": now, "where_was": was, **about})
        await self._work.run(_TRY_NOW, {"next_try_at": now, **about})

    async def save(self, row: OutboxRow) -> None:
        """Stage state, attempts, next_try_at and ambiguous of the row with that id.

        A row superseded while it was being tried stays so, unless it got through: it is not tried again.
        """
        self._work.stage(
            _SAVE,
            {
                "attempts": row.attempts,
                "next_try_at": row.next_try_at,
                "ambiguous": row.ambiguous,
                "new_state": row.state,
                "where_id": row.id,
            },
        )
        if row.ref and row.state == "sent":
            self._work.stage(_SENT_AFTER_ALL, {"where_id": row.ref})

    async def waiting(self, chat_id: str) -> list[OutboxRow]:
        """The chat's waiting rows of all lanes, in order."""
        return [self._row(row) for row in await self._work.rows(_WAITING, chat_id=chat_id)]

    async def counts(self) -> dict[str, int]:
        """State -> number of rows, every one looked at; states without rows are left out."""
        return {row["state"]: row["rows"] for row in await self._work.rows(_COUNTS)}

    async def unsent_alerts(self, before: datetime, limit: int = 100) -> list[OutboxRow]:
        """Alerts by any way that were due before then and still wait, the oldest first."""
        found = await self._work.rows(_UNSENT_ALERTS, before=before, limit=limit)
        return [self._row(row) for row in found]

    async def tally(self) -> dict[tuple[str, str], int]:
        """(state, lane) -> number of rows that wait or were not sent; pairs without rows are left out."""
        return {
            (row["state"], row["lane"]): row["rows"] for some in _TALLY for row in await self._work.rows(some)
        }

    async def ambiguous(self) -> int:
        """How many rows that are settled may have left a copy behind (S-43)."""
        row = await self._work.row(_AMBIGUOUS)
        return int(row["rows"]) if row else 0

    async def left_behind(self, since: datetime, until: datetime) -> dict[str, int]:
        """Chat -> how many sensitive rows of it may have left a copy behind, last tried from `since` on, before `until`."""
        found = Counter[str]()
        for some in _LEFT_BEHIND:
            found.update(row["chat_id"] for row in await self._work.rows(some, since=since, until=until))
        return dict(found)

    async def forget_details(self, visit_id: str) -> list[tuple[str, str]]:
        """Empty every details row of the visit's cases, unsent ones given up; (chat, slot) of each (S-40)."""
        return await self._forget(await self._work.rows(_DETAILS, visit_id=visit_id))

    async def forget_slot(self, slot: str) -> list[tuple[str, str]]:
        """The same for what stood or waits in that slot, whichever chat it is (S-40)."""
        return await self._forget(await self._work.rows(_IN_SLOT, slot=slot))

    async def _forget(self, found: Sequence[Row]) -> list[tuple[str, str]]:
        for row in found:
            place = f"{row['chat_id']}.{row['seal_id']}"
            sealed = self._keys.seal_json("outbox", "payload", place, {"text": "", "rows": [], "instead": ""})
            state = "superseded" if row["state"] == "waiting" else row["state"]
            await self._work.run(_EMPTY, {"where_id": row["id"], "sealed_payload": sealed, "state": state})
        return list(dict.fromkeys((row["chat_id"], row["slot"]) for row in found))

    def _supersede(
        self,
        chat_id: str,
        slot: str,
        *,
        way: str = "*",
        says_only: bool = False,
        sensitive_only: bool = False,
        reminders_too: bool = False,
    ) -> None:
        # Rows of earlier units are changed by a staged UPDATE, which is written before this unit's rows;
        # those of this unit are changed where they wait.
        which = {
            "where_chat": chat_id,
            "where_slot": slot,
            "where_way": way,
            "any_op": 0 if says_only else 1,
            "neutral_too": 0 if sensitive_only else 1,
        }
        self._work.stage(_SUPERSEDE, {"state": "superseded", **which}, first=True)
        if reminders_too:  # written before it, while they still wait
            self._work.stage(_NOT_SENT, which, first=True)
        for row in self._work.staged(_ADD):
            if (
                row["state"] == "waiting"
                and row["chat_id"] == chat_id
                and slot in ("*", row["slot"])
                and way in ("*", row["way"])
                and (row["op"] == "say" or not says_only)
                and (row["sensitive"] or not sensitive_only)
            ):
                row["state"] = "superseded"

    def _row(self, row: Row) -> OutboxRow:
        place = f"{row['chat_id']}.{row.pop('seal_id')}"
        row["lane"] = Lane(row["lane"])
        try:
            payload = self._keys.open_json("outbox", "payload", place, row.pop("sealed_payload"))
        except CannotOpen as fault:
            log.warning("outbox.unreadable", lane=row["lane"].value, error=str(fault))
            return OutboxRow(**row, readable=False)
        payload["rows"] = tuple(tuple((label, data) for label, data in line) for line in payload["rows"])
        return OutboxRow(**row, **payload)
