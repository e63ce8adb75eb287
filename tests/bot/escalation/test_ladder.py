from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.escalation import ladder
from bot.escalation.ladder import ALL, Ask, Rung, Staff
from bot.escalation.office import Hours
from flows.values import Role, Urgency

NOW = datetime(2026, 6, 9, 17, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
people = st.lists(st.sampled_from("abcdef"), unique=True, max_size=3).map(tuple)
ladders = st.lists(st.builds(Rung, people, st.integers(60, 90_000)), min_size=1, max_size=5)


@given(ladders, st.lists(people, min_size=12, max_size=12))
def test_the_ladder_never_ends(rungs, lookups):
    """R-06, R-04, S-31: after every step there is a next target and a later due time; the end asks everybody again."""
    rung, now = 0, NOW
    for everybody in lookups:
        step = ladder.step(rungs, rung, now, everybody)
        assert step.next_target
        assert step.next_due_at > now
        assert step.rung > rung
        if step.rung > len(rungs):
            assert step.people == everybody
        rung, now = step.rung, step.next_due_at
    assert rung > len(rungs)


@given(ladders)
def test_rungs_with_people_are_asked_in_order_and_empty_ones_passed(rungs):
    """R-07: an empty rung costs no time, and none with people is left out."""
    asked, rung, now = [], 0, NOW
    while True:
        step = ladder.step(rungs, rung, now, ("everybody",))
        if step.people == ("everybody",):
            break
        asked.append(step.people)
        assert step.next_target == (",".join(next_people(rungs, step.rung)) or ALL)
        rung, now = step.rung, step.next_due_at
    assert asked == [r.people for r in rungs if r.people]


def next_people(rungs, start):
    return next((r.people for r in rungs[start:] if r.people), ())


@given(ladders)
def test_a_ladder_is_kept_and_read_back(rungs):
    """What is kept in the part is the same ladder."""
    assert ladder.read(ladder.rows_of(rungs)) == tuple(rungs)


F, T, D = Role.FACILITATOR, Role.TECH, Role.DUTY
HOURS = Hours("Europe/London")


def asked(policy, role, staff):
    return [(rung.kind, rung.people) for rung in ladder.build(policy, role, staff, 15)]


def test_managers_and_administrators_stand_in_only_for_nobody():
    """S-31: a role without anybody asks managers, then administrators, whatever its policy; one with somebody does not."""
    nobody = Staff(managers=("m",), administrators=("x",))
    assert asked([Ask("group")], F, nobody) == [
        ("group", ()),
        ("manager", ("m",)),
        ("manager", ("x",)),
        ("all", ()),
    ]
    somebody = replace(nobody, programme=("f",))
    assert asked([Ask("group")], F, somebody) == [("group", ()), ("all", ())]


def test_rungs_where_nobody_can_be_expected_are_left_out():
    """No rota, no managers, or a manager's own case: such a rung would only be reported as passed."""
    lines = [Ask("duty"), Ask("programme", times=2), Ask("manager")]
    assert asked(lines, F, Staff(programme=("f",))) == [("programme", ("f",))] * 2 + [("all", ())]
    managers = Staff(programme=("m",), managers=("m",), rota=True)
    assert [kind for kind, _ in asked(lines, Role.MANAGER, managers)] == [
        "duty",
        "programme",
        "programme",
        "all",
    ]


def test_the_defaults():
    """A facilitator's group first, then duty; another role its own rota first, if it has one."""
    assert [line.who for line in ladder.default_policy(F, Staff(rota=True))] == [
        "group",
        "duty",
        "programme",
        "manager",
    ]
    assert [line.who for line in ladder.default_policy(T, Staff(rota=True))] == [
        "group",
        "programme",
        "manager",
    ]
    own = Staff(rota=True, own_rota=True)
    assert [line.who for line in ladder.default_policy(D, own)] == ["duty", "group", "programme", "manager"]


lines = st.lists(
    st.builds(Ask, st.sampled_from(["group", "duty", "programme", "manager"]), st.none() | st.integers(1, 600), st.integers(1, 3)),
    min_size=1,
    max_size=6,
)  # fmt: skip
staffs = st.builds(Staff, people, people, people, people, st.booleans(), st.booleans())


@given(lines, st.sampled_from(Role), staffs, st.integers(1, 600), st.integers(1, 30 * 3600))
def test_the_last_rung_is_reached_before_the_session(policy, role, staff, minutes, left):
    """The ladder is compressed so that each rung has had its time when the session starts; all hands keep their pace."""
    starts_at = NOW + timedelta(seconds=left)
    built = ladder.build(policy, role, staff, minutes)
    rungs = ladder.paced(built, Urgency.NOW, NOW, starts_at, HOURS)
    own = [rung for rung in rungs if rung.kind != "all"]
    if left >= len(own):
        assert sum(rung.after for rung in own) <= max(left, 1) or rungs == built
        assert NOW + timedelta(seconds=sum(rung.after for rung in own[:-1])) < starts_at
    assert all(rung.after >= 1 for rung in rungs)
    if left >= ladder.SHORTEST * len(own):
        assert all(rung.after >= ladder.SHORTEST for rung in own)
    assert rungs[-1] == built[-1]
    assert [replace(rung, after=0) for rung in rungs] == [replace(rung, after=0) for rung in built]


@given(
    lines,
    st.sampled_from(Role),
    staffs,
    st.sampled_from(Urgency),
    st.lists(people, min_size=14, max_size=14),
    st.data(),
)
def test_a_ladder_of_any_policy_never_ends(policy, role, staff, urgency, lookups, data):
    """R-06, R-04, R-07: whoever is on duty or not, after every step there is a next target and a later due time."""
    rungs = ladder.paced(ladder.build(policy, role, staff, 15), urgency, NOW, None, HOURS)
    rungs = ladder.read(ladder.rows_of(rungs))
    rung, now = 0, NOW
    for everybody in lookups:
        step = ladder.step(rungs, rung, now, everybody, data.draw(people))
        assert step.next_target
        assert step.next_due_at > now
        assert step.rung > rung
        if ladder.asked_all(rungs, step.rung):
            assert step.people == everybody
        rung, now = step.rung, step.next_due_at
    if len(rungs) <= len(lookups):
        assert ladder.asked_all(rungs, rung)


@pytest.mark.parametrize(
    ("urgency", "now", "starts_in", "due"),
    [
        (Urgency.NOW, "Tue 18:00", None, "Tue 18:00"),
        (Urgency.SESSION, "Tue 18:00", 300, "Tue 18:00"),
        (Urgency.SESSION, "Tue 18:00", -20, "Tue 18:00"),
        (Urgency.SESSION, "Tue 18:00", None, "Wed 09:00"),
        (Urgency.SESSION, "Tue 10:00", None, "Tue 10:00"),
        (Urgency.SESSION, "Fri 17:00", None, "Mon 09:00"),
        (Urgency.SESSION, "Fri 18:00", 30 * 60, "Sat 00:00"),
        (Urgency.ROSTER, "Tue 18:00", 300, "Tue 22:45"),
        (Urgency.ROSTER, "Tue 18:00", 10, "Tue 18:00"),
        (Urgency.ROSTER, "Tue 18:00", None, "Wed 09:00"),
        (Urgency.REVIEW, "Tue 18:00", 300, "Wed 09:05"),
        (Urgency.REVIEW, "Fri 09:00", None, "Mon 09:05"),
    ],
)
def test_first_due(urgency, now, starts_in, due):
    """At once, or 15 minutes before the session, or in working hours, or just after the hour of the digest."""

    def at(text):
        day, _, clock = text.partition(" ")
        days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(day)
        # Monday, 8 June 2026; Fridays and later lead into the next week
        hours, minutes = map(int, clock.split(":"))
        return datetime(2026, 6, 8, tzinfo=LONDON) + timedelta(days=days, hours=hours, minutes=minutes)

    begins = at(now)
    starts_at = None if starts_in is None else begins + timedelta(minutes=starts_in)
    wanted = at(due) if at(due) >= begins else at(due) + timedelta(days=7)
    assert (
        ladder.first_due(urgency, begins.astimezone(UTC), starts_at, HOURS, timedelta(minutes=15)) == wanted
    )


def test_without_a_session_soon_a_ladder_takes_a_working_day():
    """`session` without one within 24 hours: the last rung is asked within one working day, and only in its hours."""
    staff = Staff(("a",), ("a", "b"), ("m",), (), rota=True)
    rungs = ladder.build(ladder.default_policy(F, staff), F, staff, 15)
    rungs = ladder.paced(rungs, Urgency.SESSION, NOW, None, HOURS)
    monday = datetime(2026, 6, 8, 9, tzinfo=LONDON)
    now, rung, asked_at = monday, 0, []
    while not ladder.asked_all(rungs, rung):
        step = ladder.step(rungs, rung, now, ("all",), ("d",))
        asked_at.append(now)
        rung, now = step.rung, step.next_due_at
    assert [at.astimezone(LONDON).hour for at in asked_at[:4]] == [9, 11, 13, 15]
    assert all(HOURS.open(at) for at in asked_at)


def test_a_session_that_office_hours_would_miss_is_kept():
    """A session on Saturday with a concern on Friday afternoon: no rung waits for Monday."""
    staff = Staff(("a",), ("a", "b"), ("m",))
    rungs = ladder.build(ladder.default_policy(F, staff), F, staff, 15)
    friday = datetime(2026, 6, 12, 15, tzinfo=LONDON)
    paced = ladder.paced(rungs, Urgency.SESSION, friday, friday + timedelta(hours=30), HOURS)
    assert all(rung.hours is None for rung in paced)


def test_ladders_kept_before_there_were_policies_are_read():
    """Parts opened by an earlier version go on: group, programme, then everybody."""
    rungs = ladder.read([{"people": ["a"], "after": 300}, {"people": ["a", "b"], "after": 300}])
    assert [rung.kind for rung in rungs] == ["group", "programme"]
    assert ladder.step(rungs, 2, NOW, ("z",)).people == ("z",)
    assert not ladder.asked_all(rungs, 2)
    assert ladder.asked_all(rungs, 3)


@given(
    st.lists(st.builds(Rung, people, st.integers(1, 7200), st.just("group")), max_size=6),
    st.booleans(),
    st.integers(0, 8),
    st.integers(1, 100_000),
)
def test_late_rungs_leave_the_last_its_time(own, office, rung, left):
    """R-05: asked late, the last rung is still asked before the start; in time, the ladder stays as it is."""
    rungs = tuple(replace(one, hours=HOURS if office else None) for one in (*own, Rung((), 900, "all")))
    starts_at = NOW + timedelta(seconds=left)
    found = ladder.in_time(rungs, rung, NOW, starts_at, 15)
    assert len(found) == len(rungs)
    assert [one.people for one in found] == [one.people for one in rungs]
    assert all(new.after <= old.after for new, old in zip(found, rungs, strict=True))
    to_come, at = own[rung:], NOW
    for index, one in enumerate(rungs[rung : rung + len(to_come)]):
        at = at + timedelta(seconds=one.after)
        at = HOURS.within(at) if office else at
        if index == len(to_come) - 1 and at <= starts_at:
            assert found == rungs, "in time"
    if not to_come:
        assert found == rungs
    if left >= ladder.SHORTEST * (len(to_come) + 1):
        late = ladder.in_time(found, rung, NOW, starts_at, 15)
        assert late == found, "the same again"
        assert asked_by(found, rung, NOW) <= starts_at


def asked_by(rungs, rung, now):
    """When everybody of the role is asked, every rung having had its time from now on."""
    for one in rungs[rung:]:
        if one.kind != "all":
            now = now + timedelta(seconds=one.after)
            now = one.hours.within(now) if one.hours else now
    return now


def test_quiet_rungs_are_not_hastened():
    """R-05: what is read in the digest of a morning stays there, however late it is."""
    quiet = (Rung(("a",), 900, "group", HOURS, quiet=True), Rung((), 900, "all", HOURS, quiet=True))
    assert ladder.in_time(quiet, 0, NOW, NOW + timedelta(minutes=1), 15) == quiet
