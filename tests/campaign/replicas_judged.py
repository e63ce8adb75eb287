"""What must hold once everything broke and everybody is through; R-ids in each message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import psycopg

from bot.ports.audit import AuditHead
from bot.ports.records import AnswerRow, Case
from bot.ports.stores import Unit
from bot.simulator.phone import Phone
from bot.usecases import audit_cases
from bot.usecases.read_audit import verify
from tests.acceptance.stories import ALONE
from tests.campaign.killing import ONE_OF

if TYPE_CHECKING:
    from tests.campaign.replicas import Participant, Town

WORRYING: Final = {
    "ST-07": ("car", "shared_room"), "ST-12": ("some", "wont_say"), "ST-03": ("no",), "ST-15": ("recording",),
}  # fmt: skip
AT_ONCE: Final = ("now", "session")
"""The others are told of with the roster, or in the digest."""
IN_FLIGHT: Final = timedelta(seconds=10)
"""How long before a change of the leader a message may have gone that its successor sends again."""


@dataclass
class Findings:
    """What was done, what came of it, and what did not hold."""

    kills: int = 0
    terminated: int = 0
    restarts: str = ""
    seconds: float = 0.0
    presses: int = 0
    tests: int = 0
    answers: int = 0
    worrying: int = 0
    cases: int = 0
    leaders: int = 0
    fenced: int = 0
    extra: int = 0
    entries: int = 0
    logs: str = ""
    broken: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """The report, line by line."""
        return [
            f"{self.kills} SIGKILLs, {self.terminated} connections terminated, PostgreSQL restarted by "
            f"{self.restarts or 'nobody'}, {self.leaders} times another leader; everybody through after {self.seconds:.0f} s",
            f"{self.presses} presses, {self.tests} self-tests, {self.answers} answers kept, {self.worrying} worrying, "
            f"{self.cases} cases, {self.extra} extra copies, {self.fenced} writes of leaders, "
            f"{self.entries} entries of the audit log",
            *(f"  BROKEN {one}" for one in self.broken[:50]),
            f"{len(self.broken)} broken",
        ]  # fmt: skip


async def judge(found: Findings, town: Town) -> None:
    """Look at what is in the database and in the chats."""
    found.presses = sum(actor.presses for actor in town.actors)
    found.tests = sum(actor.tests for actor in town.actors)
    storage = town.storage()
    try:
        async with storage.unit() as unit:
            cases = await unit.cases.open_in(town.programme)
            for actor in town.actors:
                await _person(unit, actor, cases, found)
            await _cases(unit, cases, town.staff, found)
            await _nothing_unknown(unit, town, found)
        verdict, _ = await verify(storage, AuditHead(), lambda checked: None)
    finally:
        await storage.close()
    found.entries, found.cases = verdict.checked, len(cases)
    found.broken += [f"R-16: {fault}" for fault in verdict.faults]
    await _database(town, found)
    for mark in ("Traceback", "uncaught", "update.fault", "batch.rerun", "audit.finding"):
        if mark in found.logs:
            line = next(line for line in found.logs.splitlines() if mark in line)
            found.broken.append(f"the log has {mark}: {line[:300]}")


async def _person(unit: Unit, actor: Participant, cases: Sequence[Case], found: Findings) -> None:
    """R-01: the answers pressed are there in that order, each once; R-02: what worries has its case; all is at its end."""
    rows = sorted(await unit.answers.of_person(actor.person), key=lambda row: row.id)
    found.answers += len(rows)
    kept = [f"{row.step}:{row.choices[0]}" for row in rows if _is_one(row)]
    if kept != actor.given:
        lost, more = Counter(actor.given) - Counter(kept), Counter(kept) - Counter(actor.given)
        found.broken.append(
            f"R-01: given {len(actor.given)}, kept {len(kept)}; lost {dict(lost)}, too many {dict(more)}"
            if lost or more
            else f"R-01: not in the order pressed: {actor.given} kept as {kept}"
        )
    for row in rows:
        if row.choices and row.choices[0] in WORRYING.get(row.step, ()):
            found.worrying += 1
            if not any(
                c.visit_id == row.visit_id and any(one.step == row.step for one in c.raised) for c in cases
            ):
                found.broken.append(f"R-02: {row.step}:{row.choices[0]} has no case")
    waiting = [visit.status for visit in await unit.visits.of_person(actor.person) if visit.status != "done"]
    if waiting:
        found.broken.append(f"somebody is left in the middle: {waiting}\n{actor.phone.screen()}")


def _is_one(row: AnswerRow) -> bool:
    return row.step in ONE_OF and row.step in ALONE and len(row.choices) == 1


async def _cases(unit: Unit, cases: Sequence[Case], staff: Sequence[Phone], found: Findings) -> None:
    """R-04: each role is asked; R-10: somebody was told."""
    told = "\n".join(
        entry.message.text for phone in staff for entry in phone.log if entry.what in ("sent", "edited")
    )
    for case in cases:
        parts = {part.role for part in await unit.cases.roles(case.id)}
        if {role for raised in case.raised for role in raised.route} - parts:
            found.broken.append(f"R-04: {case.ref} lacks a role of its route")
        if case.urgency in AT_ONCE and case.ref not in told:
            found.broken.append(f"R-10: nobody was told of {case.ref}")
    for finding in await audit_cases.look(unit, datetime.now(UTC)):
        found.broken.append(f"R-04, R-10: {finding.kind} {finding.ref}")


async def _nothing_unknown(unit: Unit, town: Town, found: Findings) -> None:
    """S-43: what stands protected in a chat is known to be there, so that it will be taken away; but for extra copies."""
    bot, unknown = town.world.bot["id"], 0
    for phone in [*(actor.phone for actor in town.actors), *town.staff]:
        chat = await unit.chats.by_telegram(bot, phone.id)
        assert chat is not None
        known = {entry.message_id for entry in await unit.ledger.standing(chat.id)}
        unknown += sum(
            one.from_bot and one.protected and one.message_id not in known for one in phone.messages
        )
    found.extra = unknown  # judged beside all extra copies


async def _database(town: Town, found: Findings) -> None:
    """R-15: who marked a message as sent is who led just then. R-10: one extra copy for a change of the leader at most."""
    async with await psycopg.AsyncConnection.connect(town.url) as connection:
        leaders = await (
            await connection.execute("SELECT at, who, token FROM story_leaders ORDER BY token")
        ).fetchall()
        wrong = await (
            await connection.execute(
                "SELECT w.at, w.who, l.who, w.token FROM story_writes w JOIN story_leaders l USING (token) "
                "WHERE w.who <> l.who"
            )
        ).fetchall()
        count = await (await connection.execute("SELECT count(*) FROM story_writes")).fetchone()
        said = await (
            await connection.execute(
                "SELECT c.id, count(*) FROM outbox o JOIN chats c ON c.id = o.chat_id "
                "WHERE o.op = 'say' AND o.state = 'sent' GROUP BY c.id"
            )
        ).fetchall()
    found.leaders, found.fenced = len(leaders) - 1, count[0] if count else 0
    found.broken += [
        f"R-15: {who} wrote at {at} while {leads} led ({token})" for at, who, leads, token in wrong
    ]
    await _copies(town, [at for at, _, _ in leaders], dict(said), found)


async def _copies(town: Town, changes: Sequence[datetime], said: dict[str, int], found: Findings) -> None:
    unknown, found.extra = found.extra, 0
    storage = town.storage()
    try:
        async with storage.unit() as unit:
            for phone in [*(actor.phone for actor in town.actors), *town.staff]:
                chat = await unit.chats.by_telegram(town.world.bot["id"], phone.id)
                assert chat is not None
                put = sum(e.what in ("sent", "edited") and e.message.from_bot for e in phone.log)
                extra = max(0, put - said.get(chat.id, 0))
                found.extra += extra
                if extra > len(changes) - 1:
                    found.broken.append(
                        f"R-10: {extra} extra copies in a chat, {len(changes) - 1} changes of the leader"
                    )
    finally:
        await storage.close()
    if unknown > found.extra:
        found.broken.append(f"S-43: {unknown} protected messages nobody knows of, {found.extra} extra copies")
    for phone in town.staff:
        _alerts(phone, changes, found)


def _alerts(phone: Phone, changes: Sequence[datetime], found: Findings) -> None:
    """An alert stands twice only where the leader changed between the two, or just after the first."""
    sent: dict[str, list[datetime]] = {}
    for entry in phone.log:
        if entry.what == "sent" and entry.message.from_bot and "K-" in entry.message.text:
            sent.setdefault(entry.message.text, []).append(entry.when)
    for text, times in sent.items():
        between = sum(times[0] - IN_FLIGHT < at <= times[-1] for at in changes)
        if len(times) - 1 > between:
            found.broken.append(f"R-10: {len(times)} copies, {between} changes of the leader: {text[:80]}")
