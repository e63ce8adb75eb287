"""The limits: never above them, and not below them without need."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.clock import MovableClock
from bot.ports.records import Lane
from bot.ports.services import SendLimits
from bot.usecases.pace import Pace
from tests.bot.deliveries import START

LIMITS = SendLimits()


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, -5]), st.floats(0, 3)), max_size=300))
def test_never_above_the_limits(asked: list[tuple[int, float]]) -> None:
    """Whoever asks when: no stretch of time holds more messages than the limits allow for it."""
    clock = MovableClock(START)
    pace = Pace(clock, LIMITS)
    went: list[tuple[int, float]] = []
    for chat, seconds in asked:
        clock.advance(timedelta(seconds=seconds))
        if pace.wait(chat) == 0:
            pace.take(chat)
            went.append((chat, (clock.now() - START).total_seconds()))
    for first, (_, start) in enumerate(went):
        for last, (chat, end) in enumerate(went[first:], first):
            same = sum(other == chat for other, _ in went[first : last + 1])
            assert last - first + 1 <= 30 + 30 * (end - start) + 1e-3
            assert same <= 3 + (end - start) + 1e-3
            assert chat > 0 or same <= 20 + (end - start) / 3 + 1e-3


def test_waiting_the_time_named_is_enough() -> None:
    """After the seconds that `wait` names a message may go, and chats with full buckets are forgotten."""
    clock = MovableClock(START)
    pace = Pace(clock, LIMITS)
    for _ in range(3):
        pace.take(1)
    assert pace.wait(1) == 1.0
    assert (pace.wait(2), pace.waiting_chats()) == (0.0, 1)
    clock.advance(timedelta(seconds=pace.wait(1)))
    assert pace.wait(1) == 0.0
    clock.advance(timedelta(minutes=1))
    assert pace.waiting_chats() == 0


@given(st.lists(st.floats(0, 0.4), max_size=60), st.sampled_from([1, -5]))
def test_a_wait_is_over_when_it_is_over(steps: list[float], chat: int) -> None:
    """Whatever went before, a message may go once the time named has passed, rounded as clocks round it."""
    clock = MovableClock(START)
    pace = Pace(clock, LIMITS)
    for step in steps:
        clock.advance(timedelta(seconds=step))
        pace.take(chat)
    clock.advance(timedelta(seconds=pace.wait(chat)))
    assert pace.wait(chat) == 0.0


def test_a_clock_set_back_gives_nothing_away() -> None:
    """R-05 Setting the clock back and forth again adds no more than the time that passed."""
    clock = MovableClock(START)
    pace = Pace(clock, LIMITS)
    for _ in range(3):
        pace.take(1)
    clock.advance(timedelta(hours=-1))
    assert pace.wait(1) == 1.0


def test_off_is_off() -> None:
    """Benches can switch the limits off."""
    pace = Pace(MovableClock(START), SendLimits(off=True))
    for _ in range(1000):
        pace.take(1)
    assert (pace.wait(1), pace.waiting_chats()) == (0.0, 0)
    assert pace.room() >= 1000


def test_what_can_wait_leaves_room_for_what_cannot() -> None:
    """R-12: however many reminders go, half a second's messages are left over for alerts and answers at any time."""
    clock = MovableClock(START)
    pace = Pace(clock, LIMITS)
    spare = pace.spare(Lane.REMINDER)
    chat = 0
    while pace.room(spare):
        pace.take(chat := chat + 1)
    assert chat == 15
    assert pace.wait(1000, spare) > 0
    assert pace.spare(Lane.ALERT) == pace.spare(Lane.REPLY) == 0
    assert (pace.room(), pace.wait(1000)) == (15, 0.0)
    clock.advance(timedelta(seconds=pace.wait(1000, spare)))
    assert pace.room(spare) == 1
