"""Rows to work with; every id says what it is of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.ports import plan as p
from bot.ports import records as r
from bot.ports.stores import Unit
from flows.values import CaseKind, Level, Role, Urgency

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
BOT = 7001


def named(what: str, number: int = 1) -> str:
    """A readable id of 32 characters."""
    return f"{what}{number:0{32 - len(what)}d}"


def at(minutes: float) -> datetime:
    """So many minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def programme(**changes: Any) -> r.Programme:
    row = r.Programme(
        id=named("programme"),
        key="north",
        name="Programme North",
        platform="zoom",
        timezone="Europe/London",
        languages=("en", "de"),
        service_number="0800 1",
        emergency_number="112",
        settings={"pace": 3},
    )
    return replace(row, **changes)


def group(number: int = 1, **changes: Any) -> r.Group:
    return replace(
        r.Group(named("group", number), named("programme"), f"g{number}", "Group", "Europe/London"), **changes
    )


def session(number: int = 1, **changes: Any) -> r.Session:
    row = r.Session(
        id=named("session", number),
        programme_id=named("programme"),
        key=f"s{number}",
        group_id=named("group"),
        person_id=None,
        starts_at=at(60 * number),
        minutes=90,
        platform="zoom",
        link="https://meeting.example/room",
    )
    return replace(row, **changes)


def person(number: int = 1, **changes: Any) -> r.Person:
    row = r.Person(
        id=named("person", number),
        programme_id=named("programme"),
        group_id=named("group"),
        kind="participant",
        alias=f"Alias {number}",
        language="en",
        timezone="Europe/London",
        state="enrolled",
        created_at=NOW,
    )
    return replace(row, **changes)


def staff(number: int = 1, **changes: Any) -> r.Person:
    return person(number, **{"id": named("staff", number), "kind": "staff", "group_id": None, **changes})


def invitation(number: int = 1, **changes: Any) -> r.Invitation:
    row = r.Invitation(
        id=named("invitation", number),
        programme_id=named("programme"),
        group_id=named("group"),
        role="participant",
        alias="Alias I",
        language="en",
        timezone="Europe/London",
        expires_at=at(60),
    )
    return replace(row, **changes)


def chat(number: int = 1, **changes: Any) -> r.Chat:
    return replace(r.Chat(named("chat", number), BOT, 555000000 + number, named("person", number)), **changes)


def visit(number: int = 1, **changes: Any) -> r.VisitRow:
    row = r.VisitRow(
        id=named("visit", number),
        person_id=named("person", number),
        script="self_test",
        script_version=1,
        session_id=None,
        status="open",
        body='{"step": "ST-01"}',
        opened_at=NOW,
        touched_at=NOW,
    )
    return replace(row, **changes)


def answer(number: int = 1, **changes: Any) -> r.AnswerRow:
    row = r.AnswerRow(
        id=named("answer", number),
        visit_id=named("visit"),
        person_id=named("person"),
        session_id=None,
        script="self_test",
        step=f"ST-{number:02d}",
        version=1,
        kind="one",
        choices=("yes",),
        text="",
        at=at(number),
    )
    return replace(row, **changes)


def readiness(**changes: Any) -> r.Readiness:
    row = r.Readiness(
        id=named("readiness"),
        session_id=named("session"),
        person_id=named("person"),
        visit_id=named("visit"),
        level=Level.HOLD,
        final=False,
        fixes=({"fix": "camera"},),
        at=NOW,
    )
    return replace(row, **changes)


def case(number: int = 101, **changes: Any) -> r.Case:
    raised = r.Raised(
        "partner_nearby", Urgency.NOW, (Role.FACILITATOR, Role.DUTY), "self_test", "ST-02", ("nearby",), NOW
    )
    row = r.Case(
        id=named("case", number),
        number=number,
        programme_id=named("programme"),
        group_id=named("group"),
        person_id=named("person"),
        session_id=None,
        visit_id=None,
        urgency=Urgency.NOW,
        kind=CaseKind.SAFETY,
        state="open",
        raised=(raised,),
        unasked=("ST-09",),
        opened_at=NOW,
    )
    return replace(row, **changes)


def case_role(number: int = 1, **changes: Any) -> r.CaseRole:
    row = r.CaseRole(
        id=named("part", number),
        case_id=named("case", 101),
        role=Role.FACILITATOR,
        state="asking",
        rung=0,
        ladder=({"people": [named("staff")], "after": 300},),
        next_target="all",
        next_due_at=at(5),
        asked=(named("staff"),),
    )
    return replace(row, **changes)


def message(slot: str = "question", **changes: Any) -> r.OutboxRow:
    row = r.OutboxRow(
        chat_id=named("chat"),
        lane=r.Lane.REPLY,
        slot=slot,
        op="say",
        due_at=NOW,
        text="Can anyone hear you?",
        rows=((("Yes", "ST-02:yes"), ("No", "ST-02:no")),),
    )
    return replace(row, **changes)


def entry(number: int = 1, **changes: Any) -> r.LedgerEntry:
    row = r.LedgerEntry(named("entry", number), named("chat"), number, "bot", "question", False, at(number))
    return replace(row, **changes)


def reminder(number: int = 1, **changes: Any) -> p.Reminder:
    row = p.Reminder(
        id=named("reminder", number),
        key=f"test_opens/{number}",
        programme_id=named("programme"),
        kind=p.ReminderKind.TEST_OPENS,
        due_at=at(number),
        latest_at=at(number + 10),
        person_id=named("person"),
        guard=1,
    )
    return replace(row, **changes)


def shift(number: int = 1, **changes: Any) -> p.Shift:
    row = p.Shift(
        id=named("shift", number),
        programme_id=named("programme"),
        role=r.StaffRole.DUTY,
        person_id=named("staff", number),
        starts_at=at(60 * number),
        ends_at=at(60 * number + 75),
        source="rota.csv",
    )
    return replace(row, **changes)


def allowance(number: int = 1, **changes: Any) -> p.Allowance:
    row = p.Allowance(
        named("allowance", number), named("person"), "phone", at(60 * number), named("staff"), NOW
    )
    return replace(row, **changes)


async def settle(unit: Unit, people: int = 1) -> None:
    """A programme with a group, and people with a chat and a visit each."""
    await unit.programmes.save(programme())
    await unit.programmes.save_group(group())
    for number in range(1, people + 1):
        await unit.people.add(person(number, visit_id=named("visit", number)))
        await unit.chats.add(chat(number))
        await unit.visits.add(visit(number))
