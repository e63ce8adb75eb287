"""A simulated week in seconds: three zones, eighteen people, a clock change, and everything accounted for."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.clock import MovableClock
from bot.escalation import ladder
from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import ROLE_OF_LETTER, StaffRole
from bot.usecases import neutral, remind_person
from tests.acceptance.week import BEGINS, ENDS, WAYS, ZONES, Week
from tests.campaign.town import Town

GOLDEN = Path(__file__).with_name("week.txt")
pytestmark = pytest.mark.slow
K = ReminderKind
LINES = [neutral.DO_NOT_JOIN_CALL, *(line for line, _ in remind_person.LINES.values())]
PROMPTS = [re.split(r"[{]", line.msgid)[0] for line in LINES]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def week(tmp_path_factory: pytest.TempPathFactory, migrated: bytes) -> AsyncIterator[Week]:
    """The week, over."""
    file = tmp_path_factory.mktemp("week") / "week.db"
    file.write_bytes(migrated)
    town = Town(file, MovableClock(BEGINS))
    life = town.life(away=False)
    week = Week(town, life)
    try:
        await week.settle()
        await week.run()
        yield week
    finally:
        await life.end()


async def _reminders(week: Week) -> list[Reminder]:
    far = timedelta(days=30)
    async with week.life.plain.unit() as unit:
        return await unit.reminders.between(week.town.programme, BEGINS - far, ENDS + far)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_week_is_as_it_was(week: Week) -> None:
    """The transcript of the week is the one kept beside; VESTIBULE_WRITE_WEEK=1 writes it anew, to be read."""
    text = "\n".join(week.lines) + "\n"
    if os.environ.get("VESTIBULE_WRITE_WEEK"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


@pytest.mark.asyncio(loop_scope="module")
async def test_every_reminder_is_accounted_for(week: Week) -> None:
    """R-18: each row due by then has a fate, a time and, unless it went out, a reason; none is missing."""
    over = [row for row in await _reminders(week) if row.due_at <= ENDS - timedelta(minutes=1)]
    assert [row for row in over if row.fate is Fate.DUE] == []
    assert all(row.done_at for row in over)
    assert all(row.reason for row in over if row.fate is not Fate.SENT)
    async with week.life.plain.unit() as unit:
        sessions = await unit.sessions.of_programme(week.town.programme, BEGINS, ENDS)
    assert len(sessions) == 2 * len(ZONES)
    kinds = Counter((row.kind, row.session_id) for row in over if row.session_id)
    for session in sessions:
        for kind in (K.TEST_OPENS, K.TEST_AGAIN, K.CONFIRM, K.HOLD_STANDS, K.AFTER_SESSION):
            assert kinds[kind, session.id] == len(WAYS), (kind, session.key)
        assert (kinds[K.DEADLINE, session.id], kinds[K.ROSTER, session.id]) == (3, 2)
    week_kinds = Counter((row.kind, row.person_id) for row in over if row.person_id and not row.session_id)
    for member in week.town.participants:
        assert (week_kinds[K.CHECK_IN, member.id], week_kinds[K.REFLECTION, member.id]) == (1, 2), member
    sent = [row for row in over if row.fate in (Fate.SENT, Fate.LATE) and row.person_id]
    lines = [args[0] for args in week.town.noted.of("outbox.add") if args[0].slot.startswith("reminder")]
    assert len(sent) == len(lines), "each that was sent has its line, each line its row"
    assert {row.id for row in sent} == {line.ref for line in lines}
    withheld = {(row.kind, row.reason) for row in over if row.fate is Fate.WITHHELD}
    assert (K.TEST_OPENS, "no_safe_time") in withheld, "who said that mornings alone are safe"
    read = sum(": reads " in line and any(said in line for said in PROMPTS) for line in week.lines)
    assert read == len(sent), "and each line arrived"


@pytest.mark.asyncio(loop_scope="module")
async def test_sessions_keep_their_hour_over_the_clock_change(week: Week) -> None:
    """R-13: 19:00 is 19:00 before and after, so that the UTC hour moves in Europe and not in New York."""
    async with week.life.plain.unit() as unit:
        sessions = await unit.sessions.of_programme(week.town.programme, BEGINS, ENDS)
    hours: dict[str, list[int]] = {}
    for session in sessions:
        hours.setdefault(session.key.split()[0], []).append(session.starts_at.hour)
    assert hours == {"london": [19, 18], "chisinau": [17, 16], "newyork": [23, 23]}
    opened = [row for row in await _reminders(week) if row.kind is K.TEST_OPENS]
    starts = {session.id: session.starts_at for session in sessions}
    assert {starts[row.session_id or ""] - row.due_at for row in opened} == {timedelta(minutes=90)}


@pytest.mark.asyncio(loop_scope="module")
async def test_every_case_and_rung_is_accounted_for(week: Week) -> None:
    """R-04, R-05, R-07: each open part has a next target and time; each rung came when it was due, none was left out."""
    async with week.life.plain.unit() as unit:
        open_parts = await unit.cases.open_parts()
    assert open_parts
    for found in open_parts:
        assert found.part is not None
        if found.part.state != "done":
            assert found.part.next_due_at is not None
            assert found.part.next_due_at >= ENDS, f"K-{found.number} is overdue"
            assert found.part.state == "taken" or found.part.next_target
    climbed = lapsed = 0
    for parts in week.parts.values():
        for (then, before), (at, after) in itertools.pairwise(parts):
            lapsed += (before.state, after.state) == ("taken", "asking")
            if before.state != "asking" or after.state != "asking" or after.rung <= before.rung:
                continue
            assert before.next_due_at is not None
            # At its time, or in the same minute where nobody of the rung before could be reached, or with
            # the digest, a little before the ladder itself would look.
            quiet = ladder.is_quiet(ladder.read(before.ladder))
            digest = before.next_due_at - ladder.BACKSTOP if quiet else then
            assert at in (before.next_due_at, then, digest), (
                week.refs[after.case_id],
                after.role,
                after.rung,
            )
            climbed += 1
    assert climbed > 20
    assert lapsed > 0, "R-09: what the duty worker forgot is asked again"
    staffed = {member.role for member in week.town.staff}
    assert {ROLE_OF_LETTER[part.role] for parts in week.parts.values() for _, part in parts} <= staffed
    assert StaffRole.FACILITATOR in staffed


@pytest.mark.asyncio(loop_scope="module")
async def test_everybody_gets_what_they_came_to(week: Week) -> None:
    """S-32: whoever was ready is in no case; whoever did not test, or did it late, is in one at the deadline."""
    text = "\n".join(week.lines)
    for zone in ZONES:
        assert f"opens for hold {zone}: in_public" in text
        assert f"opens for ready {zone}: check_not_done" not in text
    async with week.life.plain.unit() as unit:
        sessions = await unit.sessions.of_programme(week.town.programme, BEGINS, ENDS)
        names = {member.id: member.name.split()[0] for member in week.town.participants}
        for session in sessions:
            entries = await unit.audit.of_subject(session.id)
            told = [entry for entry in entries if entry.action == "session.check_not_done"]
            assert told, session.key
        levels = {
            (names[one.person_id], one.level, one.final)
            for session in sessions
            for one in await unit.readiness.of_session(session.id)
        }
    assert {("ready", "ready", True), ("late", "ready", True), ("to_fix", "to_fix", True)} <= levels
    assert any(name == "hold" and level == "hold" for name, level, _ in levels)
    assert not any(name == "away" for name, *_ in levels)
