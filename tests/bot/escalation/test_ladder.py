from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.escalation import ladder
from bot.escalation.ladder import ALL, Rung
from flows.values import Urgency

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


def test_managers_and_administrators_stand_in_only_for_nobody():
    """S-31: a role without anybody asks managers, then administrators; a role with somebody does not."""
    assert [r.people for r in ladder.build((), (), ("m",), ("x",), 60)] == [(), (), ("m",), ("x",)]
    assert [r.people for r in ladder.build((), ("f",), ("m",), ("x",), 60)] == [(), ("f",)]


@pytest.mark.parametrize(
    ("urgency", "starts_in", "due_in"),
    [
        (Urgency.NOW, 300, 0),
        (Urgency.SESSION, 300, 0),
        (Urgency.ROSTER, 300, 285),
        (Urgency.ROSTER, 10, 0),
        (Urgency.ROSTER, None, 0),
        (Urgency.REVIEW, 300, 15 * 60),  # 18:00 in London -> 09:00
    ],
)
def test_first_due(urgency, starts_in, due_in):
    """Now and session are alerted at once, roster 15 minutes before the session, review next working morning."""
    starts_at = None if starts_in is None else NOW + timedelta(minutes=starts_in)
    assert ladder.first_due(urgency, NOW, starts_at, LONDON) == NOW + timedelta(minutes=due_in)


def test_a_review_raised_on_friday_waits_for_monday():
    """Review alerts come on working days only."""
    friday = datetime(2026, 6, 12, 9, 0, tzinfo=UTC)
    assert ladder.next_working_morning(friday, LONDON) == datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
