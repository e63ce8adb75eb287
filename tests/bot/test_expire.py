"""What is kept goes at its time and not before (S-42), on a real database with the movable clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from bot.ports.records import Case, Lane, Request
from bot.storage.address import is_postgres
from bot.storage.expiry_rules import RULES
from bot.storage.sqlite import SqliteStorage
from bot.storage.tables import metadata
from bot.usecases.retention import (
    BACKUPS,
    KEPT,
    OF_KIND,
    TABLE,
    BadRetention,
    before,
    checked,
    gone_by,
    longest,
    time_of,
)
from tests.bot import expiring
from tests.bot.behind import ask
from tests.bot.expiring import CASE, ROWS, STAYS, Expiring, due_at
from tests.bot.storage import rows
from tests.bot.storage.rows import NOW, named

pytestmark = pytest.mark.both_databases

SECOND = timedelta(seconds=1)
YEARS = timedelta(days=366 * 30)


@pytest.fixture
def house(storage: SqliteStorage, database_url: str) -> Expiring:
    """A database to fill."""
    return Expiring(storage, database_url)


def test_every_table_has_a_time_or_a_reason_to_stay() -> None:
    """S-42 No table can be added without a time after which its rows go, or a reason why none is needed."""
    listed = {name for kind in TABLE for name in kind.tables}
    assert listed | set(KEPT) == set(metadata.tables)
    assert not listed & set(KEPT)
    for kind in TABLE:
        parts = {part for name, part in RULES if name == kind.name} or {"audit"}
        along = {
            each.column.table.name
            for (name, _), rule in RULES.items()
            for each in rule.emptied
            if each.along and name == kind.name
        }
        assert set(kind.tables) == parts | along - {"outbox"} | (
            {"people"} if kind.name == "people" else set()
        )
        assert kind.least <= kind.time <= kind.most
        assert all((kind.reason, kind.hook, kind.since))


def test_the_page_says_what_the_table_says() -> None:
    """S-42 docs/privacy/retention.md has every time, its bounds and its reason as they are."""
    page = (Path(__file__).parents[2] / "docs" / "privacy" / "retention.md").read_text(encoding="utf-8")
    for kind in TABLE:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{kind.setting}` |"))
        assert (
            f"| {kind.time} {kind.unit}{' *' if kind.capped else ''} ({kind.least} to {kind.most}) |" in row
        )
        assert f"| {kind.since} | {kind.reason} | {kind.hook} |" in row
    assert all(f"| `{table}` | {why} |" in page for table, why in KEPT.items())
    assert f"after {BACKUPS} days" in page


def test_every_part_is_tried() -> None:
    """S-42 The test below cannot pass with a kind, or a part of one, that it does not know."""
    assert set(ROWS) == set(RULES) | {("audit", "audit")}
    assert {kind for kind, _ in ROWS} == set(OF_KIND)


@pytest.mark.parametrize(("kind", "part"), list(ROWS), ids="/".join)
async def test_goes_at_its_time_and_not_before(house: Expiring, kind: str, part: str) -> None:
    """S-42 Every kind is there until its time, and gone a second later; nobody else's row goes with it."""
    await house.add(ROWS[kind, part])
    there = house.count(part)
    assert there > STAYS.get(part, 0)
    await house.run(due_at(kind) - SECOND)
    assert house.count(part) == there
    await house.run(due_at(kind) + SECOND)
    if kind == "audit":
        assert ask(house.url, "SELECT count(*) FROM audit WHERE action = 'looked'") == [(0,)]
        return
    assert house.count(part) == STAYS.get(part, 0)
    for table in OF_KIND[kind].tables:
        if kind in ("cases", "people"):
            assert house.count(table) == STAYS.get(table, 0)


async def test_somebody_who_left_goes_entirely(house: Expiring) -> None:
    """S-42 In the end nothing is left of who has left: chat link, answers, agreement, case, request, roles."""
    everything = [add for key, add in ROWS.items() if key not in {("answers", "visits"), ("reflections", "visits"),
                  ("reflections", "answers"), ("answers", "readiness"), ("people", "chats"), ("agreements", "agreements"),
                  ("cases", "cases"), ("sessions", "sessions")}]  # fmt: skip
    await house.add(*everything)
    async with house.storage.unit() as unit:
        await unit.sessions.save(rows.session())
        await unit.readiness.put(rows.readiness(visit_id=expiring.DONE))
        case = rows.case(state="closed", closed_at=NOW, visit_id=expiring.DONE, session_id=named("session"))
        await unit.cases.add(case, [rows.case_role(state="done", next_target=None, next_due_at=None)])
        await unit.outbox.add(rows.message("alert", lane=Lane.ALERT, case_id=CASE, state="sent"))
        await unit.commit()
    await house.run(NOW + YEARS)
    for table in metadata.tables:
        if table not in KEPT and table != "audit":
            assert house.count(table) == STAYS.get(table, 0), table
    if not is_postgres(house.url):  # which checks that at each change
        assert ask(house.url, "PRAGMA foreign_key_check") == []
    assert ask(house.url, "SELECT id FROM people") == [(named("staff"),)]


async def test_what_an_open_case_needs_stays(house: Expiring) -> None:
    """S-42 S-30 While a case of the person is open nothing of theirs goes, however old."""
    await house.add(
        expiring.answers("self_test"), expiring.readiness_of_done, expiring.agreements, expiring.allowances
    )
    async with house.storage.unit() as unit:
        await unit.cases.add(rows.case(visit_id=expiring.DONE), [rows.case_role()])
        await unit.outbox.add(rows.message("alert", lane=Lane.ALERT, case_id=CASE))
        await unit.commit()
    tables = ("answers", "visits", "readiness", "agreements", "cases", "case_roles", "people", "chats", "allowances",
              "sessions", "outbox")  # fmt: skip
    there = {table: house.count(table) for table in tables}
    await house.run(NOW + YEARS)
    assert {table: house.count(table) for table in tables} == there


@pytest.mark.parametrize("status", ["open", "paused"])
async def test_an_unfinished_visit_stays_with_its_answers(house: Expiring, status: str) -> None:
    """S-34 S-42 A visit that can still go on keeps what it stands on."""
    await house.add(expiring.answers("self_test"))
    async with house.storage.unit() as unit:
        row = await unit.visits.get(expiring.DONE)
        assert row is not None
        await unit.visits.save(replace(row, status=status))
        await unit.commit()
    await house.run(NOW + YEARS)
    assert (house.count("visits"), house.count("answers")) == (1, 2)


@pytest.mark.parametrize("ref", ["K-101", named("person"), "all"])
async def test_a_legal_hold_keeps_everything_of_the_person(house: Expiring, ref: str) -> None:
    """S-42 Nothing of whom a legal hold names goes, nor the audit log; without it everything does."""
    await house.add(
        expiring.answers("self_test"), expiring.left, expiring.audit, expiring.requests, legal_hold=[ref]
    )
    async with house.storage.unit() as unit:
        await unit.cases.add(rows.case(state="closed", closed_at=NOW, visit_id=expiring.DONE), [])
        await unit.commit()
    tables = ("answers", "visits", "cases", "outbox", "ledger", "invitations", "requests")
    there = {table: house.count(table) for table in tables}
    await house.run(NOW + YEARS)
    assert {table: house.count(table) for table in tables} == there
    async with house.storage.unit() as unit:
        assert await unit.people.get(named("person")) is not None
        assert await unit.chats.of_person(named("person")) is not None
        assert len(await unit.audit.of_subject("database")) >= 2
        await unit.programmes.save(rows.programme(settings={}))
        await unit.commit()
    await house.run(house.clock.now() + SECOND)
    assert {house.count(table) for table in tables} == {0}


def of_session(state: str) -> Case:
    """A case about a session's people: somebody else is its person, the participant is named beside them."""
    raised = tuple(
        replace(rows.case().raised[0], script="session", choices=(one,))
        for one in (named("other"), named("person"))
    )
    more = {"raised": raised, "person_id": named("other"), "session_id": None}
    return rows.case(state=state, closed_at=NOW if state == "closed" else None, **more)


async def named_beside(house: Expiring, state: str, **settings: object) -> None:
    """The participant has answers and is named in a case of a session; nobody has left."""
    await house.add(expiring.answers("self_test"), **settings)
    async with house.storage.unit() as unit:
        await unit.people.add(rows.person(2, id=named("other"), visit_id=None))
        await unit.cases.add(of_session(state), [])
        await unit.commit()


@pytest.mark.parametrize(("ref", "stays"), [("K-101", (2, 1)), (named("person"), (2, 1)), ("K-102", (0, 0))])
async def test_a_hold_is_of_all_whom_a_case_names(house: Expiring, ref: str, stays: tuple[int, int]) -> None:
    """S-42 A hold on a session's case keeps what all it names have; one on any of them keeps the case."""
    await named_beside(house, "closed", legal_hold=[ref])
    await house.run(NOW + YEARS)
    assert (house.count("answers"), house.count("cases")) == stays


async def test_an_open_case_of_a_session_keeps_what_all_it_names_have(house: Expiring) -> None:
    """S-42 S-30 What an open case may need stays of each person it names, not of the first alone."""
    await named_beside(house, "open")
    await house.run(NOW + YEARS)
    assert (house.count("answers"), house.count("cases")) == (2, 1)


async def test_a_case_stays_while_something_of_it_waits_to_be_sent(house: Expiring) -> None:
    """S-30 S-42 A closed case whose alert still waits stays with it; once it was sent both go."""
    await house.add(expiring.cases)
    waits = rows.message("alert-2", lane=Lane.ALERT, case_id=CASE)
    async with house.storage.unit() as unit:
        await unit.outbox.add(waits)
        await unit.commit()
    await house.run(NOW + YEARS)
    assert house.count("cases") == 1
    async with house.storage.unit() as unit:
        [row] = await unit.outbox.waiting(waits.chat_id)
        await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()
    await house.run(house.clock.now() + SECOND)
    assert house.count("cases") == 0


async def test_waiting_messages_and_open_requests_never_go(house: Expiring) -> None:
    """S-30 S-45 What has still to be sent or answered stays, and so does who asked."""
    await house.add(expiring.left, expiring.reminders)
    async with house.storage.unit() as unit:
        await unit.outbox.add(rows.message("alert", lane=Lane.ALERT))
        await unit.reminders.add(rows.reminder(9, due_at=NOW))
        await unit.requests.add(
            Request(named("request"), named("programme"), named("person"), "erasure", NOW)
        )
        await unit.commit()
    await house.run(NOW + YEARS)
    assert house.count("requests") == 1
    assert house.count("reminders") == 1
    async with house.storage.unit() as unit:
        assert [row.slot for row in await unit.outbox.waiting(named("chat"))] == ["alert"]
        assert await unit.people.get(named("person")) is not None


async def test_who_left_without_a_time_left_when_that_was_seen(house: Expiring) -> None:
    """S-42 A person marked as having left before that was timed does not stay for ever."""
    await house.add()
    async with house.storage.unit() as unit:
        person = await unit.people.get(named("person"))
        assert person is not None
        await unit.people.save(replace(person, state="left"))
        await unit.commit()
    await house.run(NOW)
    assert house.count("people") == 2
    await house.run(due_at("people") + SECOND)
    assert house.count("people") == 1


async def test_a_programme_may_set_other_times(house: Expiring) -> None:
    """S-42 `retention_months` counts for what has no time of its own; a kind's own time goes before it."""
    await house.add(
        expiring.answers("self_test"), expiring.sessions, retention_months=2, retention={"sessions_months": 3}
    )
    await house.run(datetime(2026, 5, 2, 9, 59, tzinfo=UTC))
    assert (house.count("answers"), house.count("sessions")) == (2, 2)
    await house.run(datetime(2026, 5, 2, 10, 1, tzinfo=UTC))
    assert (house.count("answers"), house.count("sessions")) == (0, 2)
    await house.run(datetime(2026, 6, 2, 10, 1, tzinfo=UTC))
    assert house.count("sessions") == 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"message_ids_days": 6}, "from 7 to 180"),
        ({"audit_months": 11}, "from 12 to 240"),
        ({"reminders_days": 13}, "from 14"),
        ({"answers": 6}, "there is no answers; there are: agreements_months"),
    ],
)
def test_times_have_bounds(settings: dict[str, int], says: str) -> None:
    """S-42 S-43 R-16 No programme can set a time that breaks tidying, the plan or the audit log."""
    with pytest.raises(BadRetention, match=says):
        checked(settings)


def test_what_belongs_to_all_stays_for_the_longest_asked() -> None:
    """S-42 Of two programmes the longer time holds for what neither has alone."""
    one, other = rows.programme(settings={"retention": {"audit_months": 60}}), rows.programme(settings={})
    assert longest(OF_KIND["audit"], [other, one]) == 60
    assert time_of(OF_KIND["audit"], other) == 36


def test_the_date_said_is_never_too_early() -> None:
    """S-42 What is said to go by a date is over a day before it, at any hour, over every end of a month."""
    days = (datetime(2027, 12, 1, tzinfo=UTC) + timedelta(days=day, hours=day % 24) for day in range(400))
    for since, kind in product(days, TABLE):
        by = gone_by(kind, kind.time, since)
        assert since < before(kind, kind.time, by - timedelta(days=1) + timedelta(microseconds=1))
        assert since >= before(kind, kind.time, by - timedelta(days=5))


async def test_spans_are_of_the_person_alone(house: Expiring) -> None:
    """S-42 S-03 The dates of the notice come from the person's own answers; what is kept beyond its time is not seen."""
    await house.add(expiring.answers("self_test"), expiring.answers_of_reflection)
    async with house.storage.unit() as unit:
        assert await unit.expiry.span("answers", named("person"), NOW) == (NOW, NOW)
        assert await unit.expiry.span("answers", named("person"), NOW + SECOND) is None
        assert await unit.expiry.span("answers", named("staff"), NOW) is None
