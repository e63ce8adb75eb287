"""Local times, handovers and gaps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule.rota import Duty, Line, Override, duties, gaps, handed_over, merged, span_of

# The nights in which clocks change: forward and back, in 2027.
NIGHTS = [date(2027, 3, 28), date(2027, 10, 31)]
ZONES = ["Europe/London", "Europe/Chisinau"]


def at(day, minutes, zone):
    return datetime.combine(day, datetime.min.time()).replace(tzinfo=ZoneInfo(zone)) + timedelta(
        minutes=minutes
    )


def clock(minutes):
    minutes %= 24 * 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def change_of(day, zone):
    """The local minute of the day at which the clocks change."""
    found = [
        minute
        for minute in range(24 * 60)
        if at(day, minute, zone).utcoffset() != at(day, minute + 1, zone).utcoffset()
    ]
    return found[0] + 1


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("off", range(-90, 91, 5))
def test_a_handover_near_a_clock_change_leaves_no_gap(zone, night, off):
    """R-13: whatever minute within 90 of the change duty is handed over, both are on for at least 15 minutes."""
    hand = change_of(night, zone) + off
    eve = (night.weekday() - 1) % 7
    first = Line(eve, "12:00", clock(hand), "a", zone)
    second = Line(night.weekday() if hand >= 0 else eve, clock(hand), "23:00", "b", zone)
    found = handed_over(duties([first, second], [], night - timedelta(days=1), night))
    a, b = (next(duty for duty in found if duty.who == who) for who in "ab")
    assert b.starts_at <= a.ends_at - timedelta(minutes=15)
    assert a.ends_at - b.starts_at <= timedelta(minutes=60 + 15)
    assert not gaps([(d.starts_at, d.ends_at) for d in found], [(a.starts_at, b.ends_at)])


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("off", range(-90, 91, 15))
def test_a_handover_between_two_zones_leaves_no_gap(night, off):
    """R-13: one begins by London's clock when the other ends by Chisinau's, two hours on; so does the week after."""
    for day in (night, night + timedelta(days=7)):
        hand = change_of(night, "Europe/London") + off
        eve = day - timedelta(days=1)
        first = Line(eve.weekday(), "12:00", clock(hand), "a", "Europe/London")
        begins = at(day, hand, "Europe/London").astimezone(UTC)  # what London's clock shows, in UTC
        local = begins.astimezone(ZoneInfo("Europe/Chisinau"))
        second = Line(local.weekday(), f"{local:%H:%M}", "23:00", "b", "Europe/Chisinau")
        found = handed_over(duties([first, second], [], eve, day))
        a, b = (next(duty for duty in found if duty.who == who) for who in "ab")
        assert not gaps([(d.starts_at, d.ends_at) for d in found], [(a.starts_at, b.ends_at)]), (a, b)


@pytest.mark.parametrize("zone", ZONES)
def test_a_week_round_the_clock_keeps_its_local_hours(zone):
    """R-13: day and night shifts through both changes are handed over at 08:00 and 20:00 local, without a gap."""
    week = [Line(day, "08:00", "20:00", "day", zone) for day in range(7)]
    week += [Line(day, "20:00", "08:00", "night", zone) for day in range(7)]
    for night in NIGHTS:
        found = handed_over(duties(week, [], night - timedelta(days=7), night + timedelta(days=7)))
        assert {duty.starts_at.astimezone(ZoneInfo(zone)).hour for duty in found} == {8, 20}
        start, end = found[0].starts_at, found[-1].ends_at
        assert not gaps([(d.starts_at, d.ends_at) for d in found], [(start, end)])
        lengths = {round((d.ends_at - d.starts_at) / timedelta(hours=1), 2) for d in found[:-1]}
        assert lengths == {12.25, 11.25 if night.month == 3 else 13.25}


def test_an_exception_replaces_the_days_lines():
    """A date of its own is taken instead of the week; a date with nobody leaves a gap."""
    week = [Line(day, "09:00", "17:00", "a", "Europe/London") for day in range(5)]
    monday = date(2027, 1, 4)
    others = [
        Override(monday, "10:00", "12:00", "b", "Europe/London"),
        Override(monday, "12:00", "24:00", "c", "Europe/London"),
        Override(monday + timedelta(days=1), "", "", "", "Europe/London"),
    ]
    found = duties(week, others, monday, monday + timedelta(days=2))
    assert [(d.who, d.starts_at.day, d.starts_at.hour) for d in found] == [
        ("b", 4, 10),
        ("c", 4, 12),
        ("a", 6, 9),
    ]
    assert found[1].ends_at == datetime(2027, 1, 5, tzinfo=UTC)


def test_a_shift_without_a_successor_ends_on_time():
    """Nobody stays on for whom nobody comes; the other stays 15 minutes."""
    start = datetime(2027, 1, 4, 9, tzinfo=UTC)
    hour = timedelta(hours=1)
    one, two = Duty("a", start, start + hour), Duty("b", start + hour, start + 2 * hour)
    assert [d.ends_at - d.starts_at for d in handed_over([one, two])] == [hour + timedelta(minutes=15), hour]


def test_up_to_the_same_hour_is_a_whole_day():
    """From 09:00 to 09:00 is until the next morning, also when the clocks change."""
    start, end = span_of(date(2027, 3, 27), "09:00", "09:00", "Europe/London")
    assert end - start == timedelta(hours=23)


START = datetime(2027, 1, 4, tzinfo=UTC)
spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 60)).map(
        lambda pair: (START + timedelta(minutes=pair[0]), START + timedelta(minutes=sum(pair)))
    ),
    max_size=12,
)


@given(spans, spans)
def test_covered_and_gaps_are_all_that_is_expected(covered, expected):
    """Every expected minute is either covered or in a gap, never both."""
    found = gaps(covered, expected)

    def inside(minute, listed):
        moment = START + timedelta(minutes=minute, seconds=30)
        return any(a <= moment < b for a, b in listed)

    for minute in range(0, 570, 7):
        assert inside(minute, found) == (inside(minute, expected) and not inside(minute, covered))
    assert found == merged(found)
