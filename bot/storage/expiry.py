"""Taking away what is over (S-42): a window of rows at a time, so that nobody waits long for the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from bot.ports.expiry import Expiring, Held, Swept
from bot.ports.services import Ids
from bot.storage.columns import UtcTime
from bot.storage.expiry_rules import RULES, Rule, not_of
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, insert_into
from bot.storage.tables import (
    audit,
    audit_anchors,
    cases,
    chats,
    counters,
    ledger,
    left_unnoted,
    outbox,
    people,
    seen,
)
from bot.storage.work import Work

WINDOW = 100
"""How many rows one transaction looks at."""
_GONE = "gone."
_AUDIT = "audit"
_CASE = re.compile(r"K-(\d{1,9})\Z")

_COUNT_UP = insert(counters).values(name=bindparam("name"), value=bindparam("value"))
_ADD_COUNT = Statement(
    _COUNT_UP.on_conflict_do_update(
        index_elements=["name"], set_={"value": counters.c.value + _COUNT_UP.excluded.value}
    )
)
_COUNTS = Statement(select(counters).where(counters.c.name.like(_GONE + "%"), counters.c.value > 0))
_RESET = Statement(update(counters).where(counters.c.name.like(_GONE + "%")), ["value"])
_NOTE_LEFT = Statement(update(people).where(left_unnoted), ["left_at"])
_AT_ONCE = 100
_PEOPLE = Statement(
    select(people.c.id).where(
        people.c.programme_id == bindparam("programme_id"),
        people.c.id.in_([bindparam(f"id{n}") for n in range(_AT_ONCE)]),
    )
)
_cases = select(cases.c.id, cases.c.person_id, cases.c.sealed_body)
_in_programme = cases.c.programme_id == bindparam("programme_id")
_WHOSE_CASE = Statement(_cases.where(cases.c.number == bindparam("number"), _in_programme))
# A session's case belongs to no visit and may name several people; who they are is sealed.
_OPEN_OF_SESSIONS = Statement(
    _cases.where(text("cases.state = 'open'"), cases.c.visit_id.is_(None), _in_programme)
)
_CASE_ROW = Statement(_cases.where(cases.c.id == bindparam("id")))


def _first(column: Column[Any], upto: ColumnElement[bool]) -> ColumnElement[bool]:
    """Up to the value at which the first so many rows end: a span of the index. Named one by one, PostgreSQL may join all."""
    window = select(column).where(upto).order_by(column).limit(bindparam("rows")).subquery()
    return column <= select(func.max(window.c[column.name])).scalar_subquery()


_OVER_SEEN = Statement(delete(seen).where(_first(seen.c.at, seen.c.at < bindparam("before", type_=UtcTime))))

_at = bindparam("before", type_=UtcTime)
_FIRST_KEPT = Statement(select(func.min(audit.c.seq).label("seq")).where(audit.c.at >= _at))
_LAST = Statement(select(func.max(audit.c.seq).label("seq")))
_ANCHOR_FROM = Statement(select(audit.c.seq, audit.c.hash).where(audit.c.seq == bindparam("seq")))
_ANCHORED = Statement(select(func.max(audit_anchors.c.seq).label("seq")))
_ADD_ANCHOR = insert_into(audit_anchors)
_OVER_AUDIT = Statement(delete(audit).where(_first(audit.c.seq, audit.c.seq <= bindparam("upto"))))
_COUNT_AUDIT = Statement(select(func.count().label("rows")).select_from(audit).where(audit.c.at < _at))


class ExpiryStore:
    """Implements bot.ports.expiry.Expiry."""

    def __init__(self, work: Work, keys: Keyring, ids: Ids) -> None:
        self._work = work
        self._keys = keys
        self._ids = ids

    def parts(self, kind: str) -> tuple[str, ...]:
        """The parts of a kind, in the order in which they go."""
        return tuple(part for name, part in RULES if name == kind) or (_AUDIT,)

    async def sweep(self, what: Expiring, part: str, after: str = "") -> Swept:
        """Take away what is over in one window of rows, and count it; nothing staged elsewhere must wait for it."""
        if part == _AUDIT:
            gone, end = await self._audit(what)
        elif part == "seen":
            gone = await self._work.run(_OVER_SEEN, {"before": what.before, "rows": WINDOW})
            end = None if gone < WINDOW else part
        else:
            gone, end = await self._window(what, part, after)
        if gone:
            await self._work.run(_ADD_COUNT, {"name": _GONE + what.kind, "value": gone})
        return Swept(gone, end)

    async def count(self, what: Expiring) -> int:
        """How many rows would be over then; what refers to them is not asked for, as it may go first."""
        if what.kind == _AUDIT:
            return int((await self._work.rows(_COUNT_AUDIT, before=what.before))[0]["rows"])
        total = 0
        for part in self.parts(what.kind):
            if part != "chats":
                kept = await self._kept_back(what, part)
                if kept is None:
                    continue
                statement = _counting(what.kind, part, kept.held, await self._chats_held(kept))
                total += (await self._work.rows(statement, **_given(statement, what)))[0]["rows"]
        return total

    async def counted(self) -> dict[str, int]:
        """Kind -> how many have gone since this was last asked; begins at 0 again."""
        rows = await self._work.rows(_COUNTS)
        await self._work.run(_RESET, {"value": 0})
        return {row["name"].removeprefix(_GONE): row["value"] for row in rows}

    async def held(self, programme_id: str, refs: tuple[str, ...]) -> Held:
        """The people these references stand for, of that programme. Of a case that does not open it may be anybody."""
        if "all" in refs:
            return Held(everybody=True)
        found = set(refs)
        for number in [int(case[1]) for ref in refs if (case := _CASE.match(ref))]:
            for row in await self._work.rows(_WHOSE_CASE, number=number, programme_id=programme_id):
                named = self._named_in(row)
                if named is None:
                    return Held(everybody=True)
                found |= named
        return Held(await self._of_programme(programme_id, found))

    async def _of_programme(self, programme_id: str, ids: set[str]) -> frozenset[str]:
        """Those of the ids that are people of the programme."""
        asked, found = sorted(ids), set[str]()
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            some += some[:1] * (_AT_ONCE - len(some))  # always as many, so that one compiled statement does
            named: Row = {f"id{n}": one for n, one in enumerate(some)}
            rows = await self._work.rows(_PEOPLE, programme_id=programme_id, **named)
            found |= {row["id"] for row in rows}
        return frozenset(found)

    def _named_in(self, row: Row) -> set[str] | None:
        """Whom a case is about: in a session's case each that is named, among other choices. None if it does not open."""
        try:
            body = self._keys.open_json("cases", "body", row["id"], row["sealed_body"])
        except CannotOpen:
            return None
        return {row["person_id"], *(one for raised in body["raised"] for one in raised["choices"])}

    async def _kept_back(self, what: Expiring, part: str) -> Expiring | None:
        """With those held whom an open case of a session names: of them nothing goes that is the person's own.

        None if one of these cases does not open: it may name anybody.
        """
        if what.programme_id is None or not RULES[what.kind, part].free:
            return what
        named: set[str] = set()
        for row in await self._work.rows(_OPEN_OF_SESSIONS, programme_id=what.programme_id):
            found = self._named_in(row)
            if found is None:
                return None
            named |= found
        return replace(what, held=what.held | await self._of_programme(what.programme_id, named))

    async def _names_no_held(self, what: Expiring, case_id: str) -> bool:
        rows = await self._work.rows(_CASE_ROW, id=case_id)
        return all((named := self._named_in(row)) is not None and not what.held & named for row in rows)

    async def note_left(self, now: datetime) -> None:
        """Whoever is marked as having left without a time has left now."""
        await self._work.run(_NOTE_LEFT, {"left_at": now})

    async def span(self, kind: str, person_id: str, after: datetime) -> tuple[datetime, datetime] | None:
        """From when the oldest and the newest of the person's rows that count from `after` on do; None without any."""
        found: list[datetime] = []
        for part in self.parts(kind):
            row = (await self._work.rows(_spanning(kind, part), person_id=person_id, after=after))[0]
            found += [at for at in (row["first"], row["last"]) if at is not None]
        return (min(found), max(found)) if found else None

    async def _window(self, what: Expiring, part: str, after: str) -> tuple[int, str | None]:
        rule, kept = RULES[what.kind, part], await self._kept_back(what, part)
        if kept is None:
            return 0, None
        what = kept
        start: str | int = int(after or 0) if isinstance(rule.table.c.id.type, BigInteger) else after
        end = await self._work.row(_window_end(what.kind, part), start=start)
        statement = _finding(what.kind, part, what.held, await self._chats_held(what))
        given = {"start": start, **_given(statement, what)}
        if statement.takes("end"):
            given["end"] = end["id"] if end else start
        ids = [row["id"] for row in await self._work.rows(statement, **given)] if end else []
        if part == "cases" and what.held:
            ids = [one for one in ids if await self._names_no_held(what, one)]
        if ids:
            await (self._chats(ids) if part == "chats" else self._rows(rule, ids))
        return len(ids), None if end is None or end["rows"] < WINDOW else str(end["id"])

    async def _rows(self, rule: Rule, ids: Sequence[Any]) -> None:
        for each in rule.emptied:
            if each.along:
                await self._work.run(Statement(delete(each.column.table).where(_among(each.column, ids))), {})
            else:
                emptied = update(each.column.table).where(_among(each.column, ids))
                await self._work.run(Statement(emptied, [each.column.name]), {each.column.name: None})
        await self._work.run(Statement(delete(rule.table).where(_among(rule.table.c.id, ids))), {})

    async def _chats(self, person_ids: Sequence[str]) -> None:
        """The links from chats to these people, and all that was known of the chats."""
        of_them = _among(chats.c.person_lookup, sorted(self._lookups(person_ids)))
        ids = [row["id"] for row in await self._work.rows(Statement(select(chats.c.id).where(of_them)))]
        for column in (outbox.c.chat_id, ledger.c.chat_id, chats.c.id) if ids else ():
            await self._work.run(Statement(delete(column.table).where(_among(column, ids))), {})

    async def _chats_held(self, what: Expiring) -> frozenset[str]:
        """The chats of people under a legal hold."""
        if not what.held:
            return frozenset()
        of_them = _among(chats.c.person_lookup, sorted(self._lookups(what.held)))
        rows = await self._work.rows(Statement(select(chats.c.id).where(of_them)))
        return frozenset(row["id"] for row in rows)

    def _lookups(self, person_ids: Sequence[str] | frozenset[str]) -> list[bytes]:
        return [self._keys.lookup("person", person_id) for person_id in person_ids]

    async def _audit(self, what: Expiring) -> tuple[int, str | None]:
        """Closed months go from the front, behind an anchor that keeps their last hash (R-16)."""
        kept = await self._seq(_FIRST_KEPT, before=what.before)
        upto = kept - 1 if kept else await self._seq(_LAST)
        anchored = await self._seq(_ANCHORED)
        if upto > anchored:
            [last] = await self._work.rows(_ANCHOR_FROM, seq=upto)
            anchor: Row = {**last, "id": self._ids.new(), "at": what.now, "up_to": what.before}
            await self._work.run(_ADD_ANCHOR, anchor)
        gone = await self._work.run(_OVER_AUDIT, {"upto": upto, "rows": WINDOW})
        return gone, None if gone < WINDOW else _AUDIT

    async def _seq(self, statement: Statement, **values: Any) -> int:
        return int((await self._work.rows(statement, **values))[0]["seq"] or 0)


def _among(column: Column[Any], values: Sequence[Any]) -> Any:
    return column.in_([literal(value, column.type) for value in values])


def _given(statement: Statement, what: Expiring) -> Row:
    values: Row = {"before": what.before, "programme_id": what.programme_id}
    return {name: value for name, value in values.items() if statement.takes(name)}


@lru_cache(maxsize=256)
def _finding(kind: str, part: str, held: frozenset[str], chats_held: frozenset[str]) -> Statement:
    """The ids in a window that may go now."""
    rule = RULES[kind, part]
    own = rule.table.c.id
    refers = [] if part == "chats" else rule.unreferred()
    window = (own > bindparam("start"), own <= bindparam("end"))
    return Statement(
        select(own).where(*window, *rule.over(), *not_of(rule, held, chats_held), *refers).order_by(own)
    )


@lru_cache(maxsize=64)
def _window_end(kind: str, part: str) -> Statement:
    """The last id of the window, and how many rows are in it."""
    own = RULES[kind, part].table.c.id
    window = select(own).where(own > bindparam("start")).order_by(own).limit(WINDOW).subquery()
    found: list[ColumnElement[Any]] = [func.max(window.c.id).label("id"), func.count().label("rows")]
    return Statement(select(*found).having(func.count() > 0))


@lru_cache(maxsize=256)
def _counting(kind: str, part: str, held: frozenset[str], chats_held: frozenset[str]) -> Statement:
    rule = RULES[kind, part]
    counted = select(func.count().label("rows")).select_from(rule.table)
    return Statement(counted.where(*rule.over(), *not_of(rule, held, chats_held)))


@lru_cache(maxsize=64)
def _spanning(kind: str, part: str) -> Statement:
    rule = RULES[kind, part]
    assert rule.person is not None, "only what is somebody's is asked for"
    since = rule.since
    return Statement(
        select(func.min(since, type_=UtcTime).label("first"), func.max(since, type_=UtcTime).label("last"))
        .select_from(rule.table)
        .where(rule.person == bindparam("person_id"), since >= bindparam("after", type_=UtcTime), *rule.kind)
    )
