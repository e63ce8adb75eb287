"""Dates, times, lengths of time, lists and plurals as each language writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from bot.forms import Unit, clock_at, date_and_time, date_at, day_and_time, lasting, listed
from bot.texts import GettextTexts, catalogue, languages, locale_of
from bot.usecases import digest, privacy, staff_texts, tidy
from flows.effects import Line

SEVERAL = (
    digest.ROW_OPEN,
    digest.MORE,
    staff_texts.MORE,
    staff_texts.GONE_SOON,
    privacy.COPIES,
    tidy.KEPT,
    tidy.PERHAPS,
)
UNITS: tuple[Unit, ...] = ("minute", "hour", "day", "month")
AT = datetime(2027, 3, 11, 23, 30, tzinfo=UTC)


def category(language: str, number: int) -> str:
    """The plural category of CLDR: one, few, many and so on."""
    return str(Locale.parse(locale_of(language)).plural_form(number))


def form(language: str, line: Line, number: int) -> str:
    """The form of the line for the number, its placeholders not filled."""
    return catalogue(language).npgettext(line.context, line.msgid, line.plural, number)


@given(language=st.sampled_from(languages()), one=st.integers(0, 1000), other=st.integers(0, 1000))
def test_numbers_of_one_category_share_a_form(language: str, one: int, other: int) -> None:
    """In every language two numbers have the same form of a text where CLDR counts them alike, and only there."""
    alike = category(language, one) == category(language, other)
    for line in SEVERAL:
        if alike:
            assert form(language, line, one) == form(language, line, other)
    if not alike and language != "ar":  # in Arabic numbers of several categories may share a word
        assert any(form(language, line, one) != form(language, line, other) for line in SEVERAL)


@given(language=st.sampled_from(languages()), number=st.integers(0, 1000))
def test_no_number_goes_unsaid(language: str, number: int) -> None:
    """A form shows its number, or is for that number alone: no form says *a minute* of 21 minutes."""
    for line in SEVERAL:
        said = form(language, line, number)
        if "{number}" not in said:
            assert all(form(language, line, other) != said for other in range(1001) if other != number)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "يختفي هذا تلقائيًا بعد \u20680\u2069 دقيقة."),
        (1, "يختفي هذا تلقائيًا بعد دقيقة واحدة."),
        (2, "يختفي هذا تلقائيًا بعد دقيقتين."),
        (3, "يختفي هذا تلقائيًا بعد \u20683\u2069 دقائق."),
        (11, "يختفي هذا تلقائيًا بعد \u206811\u2069 دقيقة."),
        (100, "يختفي هذا تلقائيًا بعد \u2068100\u2069 دقيقة."),
    ],
)
def test_arabic_has_six_forms(number: int, said: str) -> None:
    """Arabic says one and two in the noun itself, and counts 3 to 10, 11 to 99 and hundreds each in its own way."""
    assert GettextTexts().line("ar", staff_texts.GONE_SOON, {"number": number}) == said


@pytest.mark.parametrize(
    ("number", "days"), [(0, "يوم"), (1, "يوم واحد"), (2, "يومين"), (3, "أيام"), (11, "يومًا"), (100, "يوم")]
)
def test_arabic_days(number: int, days: str) -> None:
    """The same of days, where 11 and 100 differ."""
    assert form("ar", privacy.COPIES, number).replace("{number} ", "").endswith(f"بعد {days} من ذلك.")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "ru",
            {1: "1 минуту", 2: "2 минуты", 5: "5 минут", 11: "11 минут", 21: "21 минуту", 112: "112 минут"},
        ),
        ("uk", {1: "1 хвилину", 3: "3 хвилини", 5: "5 хвилин", 12: "12 хвилин", 101: "101 хвилину"}),
        ("ro", {1: "un minut", 2: "2 minute", 19: "19 minute", 20: "20 de minute", 101: "101 minute"}),
        ("fr", {0: "0 minute", 1: "1 minute", 2: "2 minutes"}),
        ("de", {0: "0 Minuten", 1: "1 Minute", 2: "2 Minuten"}),
        ("en", {0: "0 minutes", 1: "1 minute", 2: "2 minutes"}),
    ],
)
def test_minutes_in_a_sentence(language: str, said: dict[int, str]) -> None:
    """Slavic languages, Romanian, French, German and English each count by their own rule."""
    for number, words in said.items():
        text = GettextTexts().line(language, staff_texts.GONE_SOON, {"number": number})
        assert f" {words}." in text


def test_large_numbers_are_grouped() -> None:
    """A number is written as the language writes it."""
    for language, written in (("en", "1,234"), ("de", "1.234"), ("sv", "1\xa0234")):
        assert written in GettextTexts().line(language, staff_texts.MORE, {"number": 1234})


@pytest.mark.parametrize("language", languages())
def test_lengths_of_time_are_words_of_the_language(language: str) -> None:
    """No unit comes out as a key of the tables, as days and months did in Arabic, and none is empty."""
    for unit in UNITS:
        for number in (1, 2, 3, 11, 30, 100):
            said = lasting(language, number, unit)
            assert said
            assert "duration" not in said
            assert language == "en" or unit not in said.replace("minute", "")


def test_lengths_of_time() -> None:
    """Lengths follow the number in Arabic, Russian and Romanian too."""
    assert [lasting("ar", n, "month") for n in (1, 2, 3, 12, 100)] == [
        "شهر",
        "شهران",
        "3 أشهر",
        "12 شهرًا",
        "100 شهر",
    ]
    assert [lasting("ru", n, "day") for n in (1, 2, 5)] == ["1 день", "2 дня", "5 дней"]
    assert [lasting("ro", n, "day") for n in (1, 2, 30)] == ["1 zi", "2 zile", "30 de zile"]


def test_lists() -> None:
    """The word before the last is the language's; in Arabic each item is isolated, and the list begins at the right."""
    assert [listed("en", list("ABC")[:n]) for n in range(4)] == ["", "A", "A and B", "A, B and C"]
    assert [listed(language, "AB") for language in ("de", "uk", "ro")] == ["A und B", "A і B", "A și B"]
    assert listed("ar", "AB") == "\u200f\u2068A\u2069 و\u2068B\u2069"


def test_dates_and_times_are_of_the_zone() -> None:
    """The evening in London is the next morning in Moldova, on the next weekday."""
    assert day_and_time("en", "Europe/London", AT) == "Thu 11 Mar, 23:30"
    assert day_and_time("ro", "Europe/Chisinau", AT) == "vin., 12 mar., 01:30"
    assert date_and_time("de", "Europe/Berlin", AT) == "12. März 2027, 00:30"
    assert date_at("uk", "Europe/Kyiv", AT) == "12 березня 2027\u202fр."
    assert clock_at("da", "Europe/Copenhagen", AT) == "00.30"
    assert day_and_time("ar", "Europe/Berlin", AT) == "الجمعة، 12 مارس، 12:30 ص"
