"""Somebody with a bit of everything kept about them, for the commands about rights."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.ids import SystemIds
from bot.ports.plan import Allowance
from bot.ports.records import (
    Agreement,
    AnswerRow,
    AuditEntry,
    Case,
    CaseRole,
    Chat,
    Person,
    Raised,
    Readiness,
    Request,
    Session,
    StaffRole,
    VisitRow,
)
from bot.ports.stores import Unit
from bot.storage.sqlite import SqliteStorage
from flows.values import CaseKind, Level, Role, Urgency
from flows.visit import Visit, to_json

Opened = Callable[[], SqliteStorage]
NOW = datetime.now(UTC).replace(microsecond=0)
NASTY = """<script>alert(1)</script><img src=x onerror="y"> & 'quoted' https://evil.example"""
IDS = SystemIds()


def within(opened: Opened, work: Callable[[Unit], Awaitable[Any]]) -> Any:
    """Do it in one transaction."""

    async def run() -> Any:
        storage = opened()
        async with storage.unit() as unit:
            found = await work(unit)
            await unit.commit()
        await storage.close()
        return found

    return asyncio.run(run())


async def settle(unit: Unit, language: str = "en") -> dict[str, str]:
    """A participant P-1 with a bit of everything, and staff: a manager M-1 and partner support S-1."""
    programme = (await unit.programmes.all())[0]
    group = (await unit.programmes.groups(programme.id))[0]
    who = Person(
        IDS.new(), programme.id, group.id, "participant", "P-1", language, "Europe/Berlin", "active",
        created_at=NOW - timedelta(days=10), safe_times=("morning",),
    )  # fmt: skip
    manager, support = (
        Person(IDS.new(), programme.id, None, "staff", alias, "en", "Europe/Berlin", "active", roles=(role,))
        for alias, role in (("M-1", StaffRole.MANAGER), ("S-1", StaffRole.PARTNER_SUPPORT))
    )
    for person in (who, manager, support):
        await unit.people.add(person)
    await unit.chats.add(Chat(IDS.new(), 7, 4711, who.id))
    session = Session(
        IDS.new(),
        programme.id,
        "past",
        group.id,
        None,
        NOW - timedelta(days=3),
        90,
        "zoom",
        "https://m.example",
    )
    await unit.sessions.save(session)
    body = to_json(Visit(script="self_test", version=1, step="ST-16", status="done"))
    visit = VisitRow(IDS.new(), who.id, "self_test", 1, session.id, "done", body, NOW, NOW)
    await unit.visits.add(visit)
    for step, kind, choices, text in (
        ("ST-02", "chosen", ("shared",), ""),
        ("ST-07", "deferred", ("defer",), ""),
        ("ST-16", "unclear", ("text",), NASTY),
    ):
        await unit.answers.add(
            AnswerRow(IDS.new(), visit.id, who.id, session.id, "self_test", step, 1, kind, choices, text, NOW)
        )
    await unit.agreements.add(Agreement(IDS.new(), who.id, 1, language, {"WE-13": "agree"}, NOW))
    await unit.readiness.put(Readiness(IDS.new(), session.id, who.id, visit.id, Level.HOLD, True, (), NOW))
    await unit.allowances.add(Allowance(IDS.new(), who.id, "phone", NOW, manager.id, NOW))
    raised = Raised(
        "shared_device",
        Urgency.SESSION,
        (Role.FACILITATOR, Role.PARTNER_SUPPORT),
        "self_test",
        "ST-02",
        ("shared",),
        NOW,
    )
    case = Case(
        IDS.new(), await unit.cases.next_number(), programme.id, group.id, who.id, session.id, visit.id,
        Urgency.SESSION, CaseKind.SAFETY, "closed", (raised,), (), NOW, NOW,
    )  # fmt: skip
    parts = [
        CaseRole(IDS.new(), case.id, role, "done", 1, (), None, None, taken_by=by, outcome=outcome)
        for role, by, outcome in (
            (Role.MANAGER, manager.id, "handled"),
            (Role.PARTNER_SUPPORT, support.id, "seen"),
        )
    ]
    await unit.cases.add(case, parts)
    for actor, action, role in (
        (who.id, "case.opened", ""),
        (manager.id, "case.take", "M"),
        (manager.id, "case.resolve", "M"),
        (support.id, "case.see", "P"),
    ):
        await unit.audit.add(
            AuditEntry(IDS.new(), NOW, actor, action, case.id, {"role": role} if role else {})
        )
    await unit.requests.add(Request(IDS.new(), programme.id, who.id, "copy", NOW))
    return {"person": who.id, "manager": manager.id, "support": support.id, "case": case.id}
