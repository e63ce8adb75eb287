"""Something of every kind that is kept, each counted from one moment; and a run over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.plan import Fate
from bot.ports.records import Agreement, AuditEntry, Chat, Lane, Person, Request, StaffRole
from bot.ports.stores import Unit
from bot.storage.sqlite import SqliteStorage
from bot.texts import GettextTexts
from bot.usecases.desk import Desk
from bot.usecases.expire import Expirer
from bot.usecases.retention import OF_KIND
from tests.bot.behind import ask
from tests.bot.schedule.watching import published
from tests.bot.storage import rows
from tests.bot.storage.rows import BOT, NOW, named

Add = Callable[[Unit], Awaitable[None]]
DONE = named("visit", 7)
CASE = named("case", 101)


async def base(unit: Unit, **settings: object) -> None:
    """A programme with a group, a participant and one of staff, all of whom stay."""
    await unit.programmes.save(rows.programme(settings=dict(settings)))
    await unit.programmes.save_group(rows.group())
    await unit.people.add(rows.person(state="active"))
    await unit.people.add(rows.staff(state="active"))
    await unit.people.add_role(named("staff"), StaffRole.MANAGER, None)
    await unit.chats.add(rows.chat())


async def leave(unit: Unit) -> None:
    """The participant leaves at NOW."""
    person = await unit.people.get(named("person"))
    assert person is not None
    await unit.people.save(replace(person, state="left", left_at=NOW))


async def seen(unit: Unit) -> None:
    """An update."""
    await unit.seen.add(BOT, 1, NOW)


def outbox(*states: str) -> Add:
    """A message that ended so."""

    async def add(unit: Unit) -> None:
        for number, state in enumerate(states):
            await unit.outbox.add(rows.message(f"slot{number}", state=state))

    return add


async def ledger(unit: Unit) -> None:
    """A message deleted since, one that could not be, and a neutral one that stands."""
    for number, more in enumerate(({"gone_at": NOW}, {"gone_at": NOW, "kept": "too_old"}, {}), start=1):
        await unit.ledger.add(rows.entry(number, at=NOW, **more))


async def reminders(unit: Unit) -> None:
    """One sent and one skipped."""
    for number, fate in enumerate((Fate.SENT, Fate.SKIPPED), start=1):
        await unit.reminders.add(rows.reminder(number, due_at=NOW, fate=fate, done_at=NOW))


async def allowances(unit: Unit) -> None:
    """One that ended."""
    await unit.allowances.add(rows.allowance(until=NOW))


async def shifts(unit: Unit) -> None:
    """One that ended."""
    await unit.shifts.add(rows.shift(starts_at=NOW - timedelta(hours=8), ends_at=NOW))


async def invitations(unit: Unit) -> None:
    """One used, one revoked and one expired."""
    early, late = NOW - timedelta(days=1), NOW + timedelta(days=7)
    await unit.invitations.add(
        rows.invitation(1, used_at=NOW, used_by=named("person"), expires_at=late), "one"
    )
    await unit.invitations.add(rows.invitation(2, revoked_at=NOW, expires_at=late), "two")
    await unit.invitations.add(rows.invitation(3, expires_at=NOW), "three")
    await unit.invitations.add(
        rows.invitation(4, used_at=NOW, used_by=named("person"), expires_at=early), "four"
    )


def visits(script: str) -> Add:
    """A finished visit; the closed case that came of it names it still."""

    async def add(unit: Unit) -> None:
        await unit.visits.add(rows.visit(7, person_id=named("person"), script=script, status="done"))

    return add


def answers(script: str) -> Add:
    """An answer and its change, with their visit."""

    async def add(unit: Unit) -> None:
        await visits(script)(unit)
        for number in (1, 2):
            await unit.answers.add(
                rows.answer(number, visit_id=DONE, script=script, step="X", version=number, at=NOW)
            )

    return add


async def readiness(unit: Unit) -> None:
    """What a test came to."""
    await unit.sessions.save(rows.session())
    await visits("self_test")(unit)
    await unit.readiness.put(rows.readiness(visit_id=DONE))


async def readiness_of_done(unit: Unit) -> None:
    """What the finished visit came to."""
    await unit.sessions.save(rows.session())
    await unit.readiness.put(rows.readiness(visit_id=DONE))


async def answers_of_reflection(unit: Unit) -> None:
    """An answer in another visit, a day later."""
    later = NOW + timedelta(days=1)
    await unit.visits.add(
        rows.visit(8, person_id=named("person"), script="reflection_start", status="done", touched_at=later)
    )
    await unit.answers.add(
        rows.answer(8, visit_id=named("visit", 8), script="reflection_start", step="RS-A1", at=later)
    )


async def agreements(unit: Unit) -> None:
    """Two versions agreed to, by somebody who leaves at NOW."""
    await leave(unit)
    for number in (1, 2):
        await unit.agreements.add(
            Agreement(named("agreement", number), named("person"), number, "en", {}, NOW)
        )


async def cases(unit: Unit) -> None:
    """A closed one, with its part and an alert that was sent, about a visit and a session."""
    await unit.sessions.save(rows.session())
    await visits("self_test")(unit)
    case = rows.case(state="closed", closed_at=NOW, visit_id=DONE, session_id=named("session"))
    part = rows.case_role(state="done", next_target=None, next_due_at=None, outcome="talked_to_them")
    await unit.cases.add(case, [part])
    await unit.outbox.add(rows.message("alert", lane=Lane.ALERT, case_id=CASE, state="sent"))


async def requests(unit: Unit) -> None:
    """One that was done."""
    await unit.requests.add(
        Request(
            named("request"), named("programme"), named("person"), "copy", NOW, NOW, "granted", "operator"
        )
    )


async def sessions(unit: Unit) -> None:
    """One held and one cancelled, over at NOW."""
    start = NOW - timedelta(minutes=90)
    await unit.sessions.save(rows.session(1, starts_at=start))
    await unit.sessions.save(rows.session(2, starts_at=start, state="cancelled"))


async def left(unit: Unit) -> None:
    """Somebody who leaves at NOW, with what stood in the chat and a role; and staff that leaves."""
    await leave(unit)
    await unit.outbox.add(rows.message(state="sent"))
    await unit.ledger.add(rows.entry(9, at=NOW, sensitive=True))
    await unit.invitations.add(rows.invitation(9, used_at=NOW, used_by=named("person")), "nine")
    gone = Person(
        named("gone"),
        named("programme"),
        None,
        "staff",
        "Was here",
        "en",
        "Europe/London",
        "left",
        left_at=NOW,
    )
    await unit.people.add(gone)
    await unit.people.add_role(gone.id, StaffRole.TECH, None)
    await unit.chats.add(Chat(named("chat", 9), BOT, 9, gone.id))


async def audit(unit: Unit) -> None:
    """Two entries."""
    for number in (1, 2):
        await unit.audit.add(AuditEntry(named("audit", number), NOW, "operator", "looked", "database"))


# Kind -> part -> how a row of it comes about. A test asks that nothing is left out.
ROWS: dict[tuple[str, str], Add] = {
    ("updates", "seen"): seen,
    ("messages", "outbox"): outbox("sent", "superseded"),
    ("messages_failed", "outbox"): outbox("failed", "withheld"),
    ("message_ids", "ledger"): ledger,
    ("reminders", "reminders"): reminders,
    ("allowances", "allowances"): allowances,
    ("shifts", "shifts"): shifts,
    ("invitations", "invitations"): invitations,
    ("answers", "answers"): answers("self_test"),
    ("answers", "readiness"): readiness,
    ("answers", "visits"): visits("check_in"),
    ("reflections", "answers"): answers("reflection_start"),
    ("reflections", "visits"): visits("reflection_end"),
    ("agreements", "agreements"): agreements,
    ("cases", "cases"): cases,
    ("requests", "requests"): requests,
    ("sessions", "sessions"): sessions,
    ("people", "chats"): left,
    ("people", "people"): left,
    ("audit", "audit"): audit,
}
# What stays of a table once everything of the kind has gone.
STAYS = {"people": 1, "person_roles": 1}


def due_at(kind: str, since: datetime = NOW) -> datetime:
    """When what counts from `since` is over, reckoned by another road than the table's own."""
    found = OF_KIND[kind]
    if found.unit == "days":
        return since + timedelta(days=found.time)
    if kind == "audit":
        since = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + relativedelta(months=1)
    return since + relativedelta(months=found.time)


class Expiring:
    """A storage with rows in it, and runs over it at chosen times."""

    def __init__(self, storage: SqliteStorage, url: str) -> None:
        self.storage = storage
        self.url = url
        self.clock = MovableClock(NOW)
        self.desk = Desk(self.clock, CountingIds(10**9), GettextTexts(), published())

    async def add(self, *what: Add, **settings: object) -> None:
        """The base, and these."""
        async with self.storage.unit() as unit:
            await base(unit, **settings)
            for add in what:
                await add(unit)
            await unit.commit()

    async def run(self, at: datetime) -> int:
        """A whole run at that time."""
        self.clock.advance(at - self.clock.now())
        return await Expirer(self.storage, self.desk).run()

    def count(self, table: str) -> int:
        """How many rows the table has on the disk."""
        return int(ask(self.url, f"SELECT count(*) FROM {table}")[0][0])
