"""What falls due when: pure, over zones and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import Person, Programme, Session
from bot.schedule import due
from bot.schedule.times import Rules, Times, in_quiet_hours, instant, opens_at, part_of_day, times_of

ZONES = (
    "Europe/London",
    "Europe/Chisinau",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
)
TIMES = Times(zone="Europe/London")
K = ReminderKind
zones = st.sampled_from(ZONES)
safe = st.lists(st.sampled_from(["morning", "afternoon", "evening"]), unique=True, max_size=3).map(tuple)
starts = st.integers(0, 2 * 365 * 24 * 4).map(
    lambda n: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * n)
)


def person(zone: str = "Europe/London", safe_times: tuple[str, ...] = (), day: int | None = None) -> Person:
    """A participant."""
    return Person(
        "p", "prog", "g", "participant", "a", "en", zone, "active", safe_times=safe_times, check_in_day=day
    )


def session(starts_at: datetime, minutes: int = 90, version: int = 1) -> Session:
    """A group's session."""
    return Session(
        "s", "prog", "k", "g", None, starts_at, minutes, "zoom", "https://m.example", version=version
    )


def by_kind(rows: list[Reminder]) -> dict[ReminderKind, Reminder]:
    """One of each."""
    return {row.kind: row for row in rows}


@given(starts, zones, safe)
def test_everything_around_a_session_is_planned_in_time(
    starts_at: datetime, zone: str, safe_times: tuple[str, ...]
) -> None:
    """R-18 Each kind is planned once for a person: at an allowed time in its span, or skipped with the reason."""
    one = session(starts_at)
    rows = due.for_person(one, person(zone, safe_times), TIMES)
    assert sorted(row.kind for row in rows) == sorted(
        [K.DAY_BEFORE, K.TEST_OPENS, K.TEST_AGAIN, K.CONFIRM, K.HOLD_STANDS, K.AFTER_SESSION, K.NEXT_DAY]
    )
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        rules = due.rules_for(row.kind, person(zone, safe_times), TIMES, [one])
        if row.fate is Fate.DUE:
            assert rules.against(row.due_at) == ""
            assert row.due_at <= row.latest_at
        else:
            assert (row.fate, bool(row.reason)) == (Fate.SKIPPED, True)
        assert row.guard == one.version


@given(starts, zones, safe)
def test_lines_about_the_test_lie_between_its_opening_and_the_start(
    starts_at: datetime, zone: str, safe_times: tuple[str, ...]
) -> None:
    """S-32 Nobody is called to a test that does not count yet, nor after the deadline."""
    one = session(starts_at)
    found = by_kind(due.for_person(one, person(zone, safe_times), TIMES))
    for kind in (K.TEST_OPENS, K.TEST_AGAIN):
        if found[kind].fate is Fate.DUE:
            assert opens_at(one, TIMES) <= found[kind].due_at <= starts_at - timedelta(minutes=TIMES.deadline)
    assert found[K.HOLD_STANDS].due_at == starts_at
    assert found[K.DAY_BEFORE].due_at < starts_at
    assert found[K.AFTER_SESSION].due_at >= due.ends_at(one)


@given(starts, zones, safe)
def test_quiet_hours_are_kept_unless_the_session_lies_in_them(
    starts_at: datetime, zone: str, safe_times: tuple[str, ...]
) -> None:
    """S-02 In quiet hours no line arrives that has another time in its span; a safe time is always kept."""
    one, own = session(starts_at), ZoneInfo(zone)
    at_night = in_quiet_hours(TIMES, starts_at.astimezone(own))
    spans = {K.TEST_OPENS: (90, 31), K.TEST_AGAIN: (90, 15), K.CONFIRM: (30, 5)}
    for row in due.for_person(one, person(zone, safe_times), TIMES):
        if row.fate is not Fate.DUE or row.kind in (K.HOLD_STANDS, K.AFTER_SESSION):
            continue
        local = row.due_at.astimezone(own)
        assert not safe_times or part_of_day(local) in safe_times
        first, last = spans.get(row.kind, (0, 0))
        span = [starts_at - timedelta(minutes=m) for m in range(last, first + 1)]
        other = any(not in_quiet_hours(TIMES, at.astimezone(own)) for at in span)
        if row.kind not in due.AHEAD_OF_SESSION or (other and not at_night):
            assert not in_quiet_hours(TIMES, local)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/London", date(2027, 3, 28)), ("Europe/Chisinau", date(2027, 3, 28)), ("Europe/London", date(2027, 10, 31)),
     ("Europe/Chisinau", date(2027, 10, 31)), ("Australia/Lord_Howe", date(2027, 4, 4))],
)  # fmt: skip
def test_hours_are_the_persons_over_a_clock_change(zone: str, day: date) -> None:
    """R-13 Around a clock change the hour of the day stays; minutes before a session are real minutes."""
    own = ZoneInfo(zone)
    starts_at = datetime(day.year, day.month, day.day, 19, 0, tzinfo=own).astimezone(UTC)
    found = by_kind(due.for_person(session(starts_at), person(zone), TIMES))
    assert found[K.DAY_BEFORE].due_at.astimezone(own).isoformat()[:16] == f"{day - timedelta(days=1)}T18:00"
    assert found[K.NEXT_DAY].due_at.astimezone(own).isoformat()[:16] == f"{day + timedelta(days=1)}T10:00"
    assert starts_at - found[K.TEST_OPENS].due_at == timedelta(minutes=90)


def test_an_early_session_opens_the_test_when_the_quiet_hours_end() -> None:
    """S-02 At 09:00 the line waits until 08:00; the second one comes at its own time."""
    found = by_kind(due.for_person(session(datetime(2027, 3, 3, 9, 0, tzinfo=UTC)), person(), TIMES))
    assert found[K.TEST_OPENS].due_at == datetime(2027, 3, 3, 8, 0, tzinfo=UTC)
    assert found[K.TEST_AGAIN].due_at == datetime(2027, 3, 3, 8, 30, tzinfo=UTC)


def test_no_safe_time_near_the_session_skips_the_line() -> None:
    """S-02 Somebody whose only safe time is the morning gets the notice of an evening session in the morning before."""
    found = by_kind(
        due.for_person(
            session(datetime(2027, 3, 3, 19, 0, tzinfo=UTC)), person(safe_times=("morning",)), TIMES
        )
    )
    assert found[K.DAY_BEFORE].due_at == datetime(2027, 3, 2, 11, 45, tzinfo=UTC)
    assert (found[K.TEST_OPENS].fate, found[K.TEST_OPENS].reason) == (Fate.SKIPPED, "no_safe_time")


@pytest.mark.parametrize(("hour", "minute"), [(8, 0), (8, 4), (22, 0)])
def test_nobody_misses_all_lines_because_the_session_is_early(hour: int, minute: int) -> None:
    """S-32 Where quiet hours leave a line before the session no time at all, it comes at its own time."""
    at = datetime(2027, 3, 3, hour, minute, tzinfo=UTC)
    found = by_kind(due.for_person(session(at), person(), TIMES))
    for kind, minutes in ((K.TEST_OPENS, 90), (K.TEST_AGAIN, 30), (K.CONFIRM, 15)):
        assert (found[kind].fate, found[kind].due_at) == (Fate.DUE, at - timedelta(minutes=minutes)), kind
    assert due.leaves_quiet_hours_aside(session(at), TIMES, ZoneInfo("Europe/London"))
    assert not due.leaves_quiet_hours_aside(
        session(at.replace(hour=9, minute=0)), TIMES, ZoneInfo("Europe/London")
    )


def test_an_early_session_leaves_safe_times_as_they_are() -> None:
    """S-02 Whoever said that mornings are not safe gets no line before a session at eight."""
    at = datetime(2027, 3, 3, 8, 0, tzinfo=UTC)
    found = by_kind(due.for_person(session(at), person(safe_times=("evening",)), TIMES))
    for kind in due.AHEAD_OF_SESSION:
        assert (found[kind].fate, found[kind].reason) == (Fate.SKIPPED, "no_safe_time")


def test_a_test_that_opens_late_is_not_said_twice() -> None:
    """R-18 Where quiet hours push the first line onto the second, the second is skipped, with the reason."""
    found = by_kind(due.for_person(session(datetime(2027, 3, 3, 8, 20, tzinfo=UTC)), person(), TIMES))
    assert found[K.TEST_OPENS].due_at == datetime(2027, 3, 3, 6, 50, tzinfo=UTC)
    assert found[K.TEST_AGAIN].due_at == datetime(2027, 3, 3, 8, 0, tzinfo=UTC)
    found = by_kind(due.for_person(session(datetime(2027, 3, 3, 8, 33, tzinfo=UTC)), person(), TIMES))
    assert found[K.TEST_OPENS].due_at == datetime(2027, 3, 3, 8, 0, tzinfo=UTC)
    assert found[K.TEST_AGAIN].reason == "just_said"


@given(
    st.dates(date(2027, 1, 1), date(2028, 12, 31)),
    zones,
    safe,
    st.integers(0, 6),
    st.lists(starts, max_size=3),
)
def test_a_week_keeps_clear_of_sessions(
    monday: date, zone: str, safe_times: tuple[str, ...], chosen: int, sessions: list[datetime]
) -> None:
    """S-12 A week has one check-in on the day chosen and two reflections, in staffed hours and clear of sessions."""
    near = [session(at) for at in sessions]
    someone = person(zone, safe_times, chosen)
    rows = [r for n in range(7) for r in due.for_day(monday + timedelta(days=n), someone, near, TIMES)]
    assert sorted(r.kind for r in rows) == [K.CHECK_IN, K.REFLECTION, K.REFLECTION]
    for row in rows:
        assert row.fate is Fate.DUE or row.reason
        if row.fate is not Fate.DUE:
            continue
        assert not [
            s
            for s in near
            if s.starts_at - timedelta(hours=2) <= row.due_at <= due.ends_at(s) + timedelta(hours=1)
        ]
        if row.kind is K.CHECK_IN:
            assert row.due_at.astimezone(ZoneInfo(zone)).weekday() == chosen
        else:
            local = row.due_at.astimezone(ZoneInfo("Europe/London"))
            assert local.weekday() < 5
            assert 9 <= local.hour < 17


@given(starts, zones, safe, st.booleans())
def test_the_nearest_time_is_allowed_and_near(
    wanted: datetime, zone: str, safe_times: tuple[str, ...], quiet: bool
) -> None:
    """R-18 Of the times tried within a day either side none that is allowed lies much nearer than the one chosen."""
    rules = Rules(TIMES, ZoneInfo(zone), frozenset(safe_times), quiet)
    first, last = wanted - timedelta(hours=12), wanted + timedelta(hours=12)
    found = rules.nearest(wanted, first, last)
    tried = [first + timedelta(minutes=15 * n) for n in range(97)]
    allowed = [abs(at - wanted) for at in tried if not rules.against(at)]
    if found is None:
        assert not allowed
    else:
        assert rules.against(found) == ""
        assert abs(found - wanted) <= min(allowed, default=timedelta(days=1)) + timedelta(minutes=15)


def test_an_hour_that_the_clock_skips_or_repeats_has_one_instant() -> None:
    """R-13 02:00 in the skipped hour is the moment after it, and 01:00 that comes twice is the first."""
    london = ZoneInfo("Europe/London")
    assert instant(date(2027, 3, 28), 1, london) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert instant(date(2027, 10, 31), 1, london) == datetime(2027, 10, 31, 0, 0, tzinfo=UTC)
    assert instant(date(2027, 10, 30), 24, london) == datetime(2027, 10, 30, 23, 0, tzinfo=UTC)


def test_every_kind_has_a_policy_for_lateness() -> None:
    """R-18 What cannot be sent in time follows a written policy, with its reason."""
    assert set(due.LATENESS) == set(ReminderKind)
    assert all(policy.why for policy in due.LATENESS.values())


@pytest.mark.parametrize("kind", list(ReminderKind))
def test_lateness_follows_the_table(kind: ReminderKind) -> None:
    """R-18 In time it is sent; later the table says; what staff need is never dropped, what is over never sent."""
    at = datetime(2027, 3, 3, 18, 0, tzinfo=UTC)
    row, end = Reminder("r", "k", "p", kind, at, at + timedelta(minutes=5)), at + timedelta(hours=1)
    assert due.verdict(row, at, end) is Fate.SENT
    during, after = (due.verdict(row, at + timedelta(minutes=m), end) for m in (10, 100))
    then = due.LATENESS[kind].then
    assert during is (Fate.SKIPPED if then == "skip" else Fate.LATE)
    assert after is (Fate.LATE if then == "tell_staff" else Fate.SKIPPED)


def test_a_programme_sets_its_own_times() -> None:
    """Settings of a programme replace the defaults, and what nobody set keeps its default."""
    programme = Programme(
        "p", "k", "N", "zoom", "Europe/Berlin", ("en",), "1", "2",
        settings={"reminders": {"test_opens": 60}, "test_any_time": True, "staffed_from": 8, "retention_months": 3},
    )  # fmt: skip
    times = times_of(programme, clear_before=30)
    assert (times.test_opens, times.test_any_time, times.staffed_from, times.clear_before) == (
        60,
        True,
        8,
        30,
    )
    assert (times.zone, times.deadline) == ("Europe/Berlin", 15)


@given(st.dates(date(2027, 1, 1), date(2028, 12, 31)), zones)
def test_staff_are_told_each_morning(monday: date, zone: str) -> None:
    """R-18 A week has seven looks for gaps in duty, five digests and one list, each at nine in the programme's zone."""
    days = [monday + timedelta(days=n) for n in range(7)]
    rows = [r for day in days for r in due.for_programme(day, "p", Times(zone=zone))]
    assert sorted(r.kind for r in rows) == sorted([K.GAPS] * 7 + [K.DIGEST] * 5 + [K.WEEKLY])
    assert {r.due_at.astimezone(ZoneInfo(zone)).hour for r in rows} == {9}
