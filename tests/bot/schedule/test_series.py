"""Series of sessions: local hours over clock changes, days left out, days moved, rules that cannot be meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule.series import MOST, BadRule, Occurrence, Series, days_of, occurrences, utc_of

LONDON = ZoneInfo("Europe/London")
ZONES = ("Europe/London", "Europe/Chisinau", "Europe/Dublin", "America/New_York")
# Local nights in which clocks change: forward, back.
CHANGES = {
    "Europe/London": (date(2030, 3, 31), date(2030, 10, 27)),
    "Europe/Chisinau": (date(2030, 3, 31), date(2030, 10, 27)),
    "Europe/Dublin": (date(2030, 3, 31), date(2030, 10, 27)),
    "America/New_York": (date(2030, 3, 10), date(2030, 11, 3)),
}
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
STARTS = datetime.fromisoformat("2030-01-08 18:30")


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks there ever show it."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def weekly(zone: ZoneInfo = LONDON, rule: str = "FREQ=WEEKLY;COUNT=4", **more: object) -> list[Occurrence]:
    return occurrences(Series(STARTS, zone, rule, **more))  # type: ignore[arg-type]  # the tests' shorthand


@given(
    st.sampled_from(ZONES),
    st.sampled_from((0, 1)),
    TIMES,
    st.integers(0, 40),
    st.sampled_from(["DAILY", "WEEKLY"]),
)
def test_a_series_keeps_its_local_hour(name: str, which: int, at: time, before: int, often: str) -> None:
    """R-13: over both clock changes, in each zone, every session is at the local hour, unless no clock shows it."""
    zone = ZoneInfo(name)
    starts = datetime.combine(CHANGES[name][which] - timedelta(days=before), at)
    for one in occurrences(Series(starts, zone, f"FREQ={often};COUNT=60")):
        local = one.starts_at.astimezone(zone)
        if exists(datetime.combine(one.day, at), zone):
            assert local.replace(tzinfo=None) == datetime.combine(one.day, at)
            assert local.fold == 0
        else:
            gap = local.utcoffset() - (local - timedelta(days=1)).utcoffset()  # type: ignore[operator]  # aware, so not None
            assert local.replace(tzinfo=None) == datetime.combine(one.day, at) + gap


@given(st.sampled_from(ZONES), st.sampled_from((0, 1)), st.integers(-1440, 2880))
def test_every_local_time_has_one_meaning(name: str, which: int, minutes: int) -> None:
    """R-13: a local time near a change is the first that clocks show it, or the same stretch after the gap (PEP 495)."""
    zone = ZoneInfo(name)
    local = datetime.combine(CHANGES[name][which], time()) + timedelta(minutes=minutes)
    assert utc_of(local, zone) == local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    assert utc_of(local.replace(tzinfo=UTC), zone) == local.replace(tzinfo=UTC)


@given(
    st.sampled_from(ZONES),
    TIMES,
    st.sets(st.integers(0, 29)),
    st.dictionaries(st.integers(0, 29), st.integers(-900, 900)),
)
def test_left_out_and_moved_leave_the_others(
    name: str, at: time, left_out: set[int], moved: dict[int, int]
) -> None:
    """R-13: days left out are gone, moved ones are where they were moved to, and all others stay as they were."""
    zone = ZoneInfo(name)
    starts = datetime.combine(date(2030, 3, 1), at)
    rule = "FREQ=WEEKLY;COUNT=30"
    plain = occurrences(Series(starts, zone, rule))
    away = {plain[i].day: plain[i].starts_at + timedelta(minutes=m) for i, m in moved.items()}
    gone = frozenset(plain[i].day for i in left_out)
    expected = [
        Occurrence(one.day, away.get(one.day, one.starts_at))
        for one in plain
        if one.day in away or one.day not in gone
    ]
    assert occurrences(Series(starts, zone, rule, gone, away)) == expected


@given(st.sampled_from(ZONES), st.integers(1, 60), TIMES)
def test_count_and_until_say_the_same(name: str, count: int, at: time) -> None:
    """R-13: as many sessions as COUNT says; ending at the last one's day, local time or UTC time gives the same."""
    zone = ZoneInfo(name)
    starts = datetime.combine(date(2030, 2, 5), at)
    counted = occurrences(Series(starts, zone, f"FREQ=WEEKLY;COUNT={count}"))
    assert len(counted) == count
    day = counted[-1].day
    ends = (f"{day:%Y%m%d}", f"{day:%Y%m%d}T{at:%H%M%S}", f"{counted[-1].starts_at:%Y%m%dT%H%M%SZ}")
    for until in ends:
        assert occurrences(Series(starts, zone, f"RRULE:FREQ=WEEKLY;UNTIL={until}")) == counted


def test_days_keep_their_keys() -> None:
    """A moved session keeps the day its rule gives, so that it is known again."""
    found = weekly(moved={date(2030, 1, 15): datetime.fromisoformat("2030-01-17 19:00")})
    assert found[1] == Occurrence(date(2030, 1, 15), datetime(2030, 1, 17, 19, 0, tzinfo=UTC))


def test_a_zone_that_a_calendar_brings() -> None:
    """R-13: with a calendar's own time zone, too, a missing time moves forward, and the hour is kept."""
    lines = (
        "BEGIN:VTIMEZONE", "TZID:Own", "BEGIN:STANDARD", "DTSTART:19701025T020000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0000", "END:STANDARD",
        "BEGIN:DAYLIGHT", "DTSTART:19700329T010000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "TZOFFSETFROM:+0000", "TZOFFSETTO:+0100", "END:DAYLIGHT", "END:VTIMEZONE",
    )  # fmt: skip
    import io

    own = tzical(io.StringIO("\n".join(lines))).get("Own")
    assert own is not None
    for local in (
        datetime.fromisoformat("2030-03-31 01:30"),
        datetime.fromisoformat("2030-10-27 01:30"),
        datetime.fromisoformat("2030-07-01 18:30"),
    ):
        assert utc_of(local, own) == utc_of(local, LONDON)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "this is no rule"),
        ("weekly", "this is no rule"),
        ("FREQ=WEEKLY", "needs an end"),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20300401", "needs an end, either COUNT or UNTIL"),
        ("FREQ=HOURLY;COUNT=3", "FREQ should be one of"),
        ("FREQ=WEEKLY;BYHOUR=9,10;COUNT=3", "BYHOUR cannot be used here"),
        ("FREQ=WEEKLY;COUNT=3;COUNT=4", "this is no rule"),
        ("FREQ=WEEKLY;COUNT=0", "COUNT should be a number from 1"),
        ("FREQ=WEEKLY;COUNT=1e3", "COUNT should be a number from 1"),
        ("FREQ=WEEKLY;INTERVAL=0;COUNT=3", "INTERVAL should be a number from 1"),
        ("FREQ=WEEKLY;BYDAY=WE;COUNT=3", "does not begin on Tuesday, 2030-01-08"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", "this is no rule"),
        ("FREQ=WEEKLY;UNTIL=soon", "UNTIL should be a day such as"),
        ("FREQ=WEEKLY;UNTIL=20301399", "UNTIL should be a day such as"),
        ("FREQ=WEEKLY;UNTIL=20291231", "does not begin on"),
        ("FREQ=DAILY;UNTIL=20320101", f"at most {MOST} sessions"),
        ("FREQ=WEEKLY;UNTIL=20990101", "at most three years"),
        ("FREQ=YEARLY;COUNT=9", "at most three years"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "does not begin on"),
    ],
)
def test_what_cannot_be_meant_is_refused(rule: str, says: str) -> None:
    """A rule without an end, without its own beginning, or too long is refused at once, with what would be right."""
    with pytest.raises(BadRule, match=says):
        weekly(rule=rule)


@given(st.text("FREQUNTILCOBYDAMSW=;:,0123456789TZ+-", max_size=60))
def test_no_rule_breaks_anything(rule: str) -> None:
    """Whatever stands there, it is a series or a BadRule, and it ends."""
    for text in (rule, f"FREQ=WEEKLY;COUNT=3;{rule}", f"FREQ=MONTHLY;BYDAY={rule};COUNT=2"):
        try:
            assert len(days_of(Series(STARTS, LONDON, text))) <= MOST
        except BadRule:
            continue


def test_nothing_is_moved_from_a_day_without_a_session() -> None:
    """A moved day that is no day of the series is refused: it would be moved unseen."""
    with pytest.raises(BadRule, match="2030-01-16 is no day of this series"):
        weekly(moved={date(2030, 1, 16): STARTS})
