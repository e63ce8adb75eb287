"""`vestibule sessions`: CSV and iCalendar in, whole or not at all; listed, moved, cancelled, changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.ids import CountingIds
from bot.ports.records import Session
from tests.bot.commands.conftest import EXAMPLE, Kept, Vestibule

FOLDER = EXAMPLE.parent
HEAD = "key,group,participant,starts,minutes,platform,link,state\n"
LINK = "https://example.org/x"


def starts(sessions: dict[str, Session]) -> dict[str, str]:
    """Key -> start, and whether it is cancelled."""
    return {
        key: f"{one.starts_at:%m-%d %H:%M}{'' if one.state == 'planned' else ' cancelled'}"
        for key, one in sessions.items()
    }


def write(tmp_path: Path, name: str, text: str) -> Path:
    """A file of the test."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_csv_example_is_taken_in_once(vestibule: Vestibule, kept: Kept) -> None:
    """R-14: the CSV example goes in whole, local times in the group's zone; again, nothing is doubled or changed."""
    outcome = vestibule("sessions", "import", FOLDER / "sessions.csv")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count(": made") == 3
    before = kept()
    assert starts(before) == {
        "tuesday-extra": "02-02 10:00", "thursday-extra": "02-09 10:00", "thursday-07": "02-14 18:30 cancelled",
    }  # fmt: skip
    assert vestibule("sessions", "import", FOLDER / "sessions.csv").out.count(": as it was") == 3
    assert kept() == before


def test_the_calendar_example_is_taken_in_once(vestibule: Vestibule, kept: Kept) -> None:
    """R-13, R-14: RRULE, EXDATE, moved and cancelled instances of the example; again, nothing is doubled."""
    outcome = vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "tuesday")
    assert outcome.code == 0, outcome.err
    before, uid = kept(), "tuesday-spring@example.org"
    assert starts(before) == {
        f"{uid}/2030-03-05": "03-05 18:30",
        f"{uid}/2030-03-12": "03-12 18:30",
        f"{uid}/2030-03-26": "03-27 19:00",
        f"{uid}/2030-04-02": "04-02 17:30 cancelled",
        f"{uid}/2030-04-09": "04-09 17:30",
        f"{uid}/2030-04-16": "04-16 17:30",
        f"{uid}/2030-04-23": "04-23 17:30",
        "tuesday-closing@example.org": "05-07 17:30",
    }
    assert before["tuesday-closing@example.org"].link == "https://example.zoom.us/j/0000000000"
    assert {one.minutes for one in before.values()} == {90, 60}
    vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "tuesday")
    assert kept() == before


def test_a_changed_calendar_changes_its_sessions(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """R-14: a later hour moves each session to come, a new EXDATE cancels one; versions grow by one only."""
    text = (FOLDER / "sessions.ics").read_text(encoding="utf-8")
    vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "tuesday")
    changed = text.replace("20300305T183000", "20300305T190000").replace("20300305T200000", "20300305T203000")
    changed = changed.replace("EXDATE;TZID=Europe/London:", "EXDATE;TZID=Europe/London:20300312T190000,")
    file = write(tmp_path, "changed.ics", changed)
    outcome = vestibule("sessions", "import", file, "--group", "tuesday")
    assert outcome.code == 0, outcome.err
    uid = "tuesday-spring@example.org"
    found = kept()
    assert (
        f"session {uid}/2030-03-05, moved from 2030-03-05 18:30 to 2030-03-05 19:00 Europe/London"
        in outcome.out
    )
    assert found[f"{uid}/2030-03-12"].state == "cancelled"
    assert starts(found)[f"{uid}/2030-04-09"] == "04-09 18:00"
    assert {one.version for key, one in found.items() if key.startswith(f"{uid}/2030-03-05")} == {2}
    assert found[f"{uid}/2030-03-26"].version == 1


def test_sessions_so_early_are_pointed_out(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """S-02: whoever plans sessions so early that lines come in quiet hours is told, in one line; at nine nothing is said."""
    text = (FOLDER / "sessions.csv").read_text(encoding="utf-8")
    outcome = vestibule("sessions", "import", write(tmp_path, "nine.csv", text.replace("10:00", "09:00")))
    assert outcome.code == 0, outcome.err
    assert "note:" not in outcome.out
    outcome = vestibule("sessions", "import", write(tmp_path, "eight.csv", text.replace("10:00", "08:00")))
    assert outcome.code == 0, outcome.err
    [note] = [line for line in outcome.out.splitlines() if line.startswith("note:")]
    assert "tuesday-extra, 2030-02-02 08:00 Europe/London and 1 more come in the quiet hours" in note


def test_a_session_of_one_person(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """R-13: an individual session is the participant's, at the local time of their group."""
    file = write(tmp_path, "one.csv", f"{HEAD}alone,,P-07,2030-07-01 18:30,45,,{LINK},\n")
    assert vestibule("sessions", "import", file).code == 0
    [one] = kept().values()
    assert (one.group_id, one.starts_at) == (None, datetime(2030, 7, 1, 17, 30, tzinfo=UTC))
    assert one.person_id == CountingIds(500).new()
    listed = vestibule("sessions", "list", "--from", "2030-07-01").out
    assert listed == "Mon 2030-07-01 18:30 Europe/Dublin  alone  P-07  45 min  zoom\n"


def test_a_spreadsheet_of_another_country(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """Semicolons, a byte order mark, quotes and empty lines are taken as spreadsheets write them."""
    text = f'\ufeffkey;starts;link\n"a";"2030-01-02 10:00";"{LINK}?a=1;2"\n;;\n\nb;2030-01-03 10:00;{LINK}\n'
    file = write(tmp_path, "export.csv", text)
    assert vestibule("sessions", "import", file, "--group", "tuesday").code == 0
    assert {key: one.link for key, one in kept().items()} == {"a": f"{LINK}?a=1;2", "b": LINK}


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        (
            "a,monday,,2030-01-02 10:00,,,L,",
            "2:3",
            "group: there is no group monday; there are: thursday, tuesday",
        ),
        ("a,,P-99,2030-01-02 10:00,,,L,", "2:4", "participant: nobody is enrolled under this alias"),
        ("a,tuesday,P-07,2030-01-02 10:00,,,L,", "2:3", "of a group or of one participant"),
        ("a,tuesday,,soon,,,L,", "2:12", "starts: this is no time; it should look like"),
        ("a,tuesday,,+1 day,,,L,", "2:12", "starts: a time is expected here"),
        ("a,tuesday,,2030-03-31 01:30,,,L,", "2:12", "does not exist in Europe/London"),
        ("a,tuesday,,2030-10-27 01:30,,,L,", "2:12", "comes twice in Europe/London"),
        ("a,tuesday,,2030-01-02 10:00,5,,L,", "2:29", "minutes: a session has 15 to 480 minutes"),
        ("a,tuesday,,2030-01-02 10:00,an hour,,L,", "2:29", "minutes: a number is expected here"),
        ("a,tuesday,,2030-01-02 10:00,,skype,L,", "2:30", "platform: it should be zoom or teams"),
        ("a,tuesday,,2030-01-02 10:00,,,example.org,", "2:31", "link: it should begin with https://"),
        ("a,tuesday,,2030-01-02 10:00,,,L,maybe", "2:53", "state: it should be planned or cancelled"),
        ("A B,tuesday,,2030-01-02 10:00,,,L,", "2:1", "key: a key has lower-case letters"),
        (",tuesday,,2030-01-02 10:00,,,L,", "2:1", "key: this field is needed"),
        ("a,tuesday,,2030-01-02 10:00,,,L", "2:1", "8 fields are expected, as in the first line; here are 7"),
        ("good,tuesday,,2030-01-02 10:00,,,L,", "3:1", "key: good stands twice"),
    ],
)
def test_a_fault_in_a_csv_keeps_nothing(
    vestibule: Vestibule, kept: Kept, tmp_path: Path, line: str, where: str, says: str
) -> None:
    """A fault is file:line:column with what would be right; nothing is half-imported."""
    good = "good,tuesday,,2030-01-02 10:00,,,L,"
    lines = [good, line] if where.startswith("3") else [line, good]
    file = write(
        tmp_path, "bad.csv", HEAD + "\n".join(lines).replace(",L,", f",{LINK},").replace(",L\n", f",{LINK}\n")
    )
    outcome = vestibule("sessions", "import", file)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith(f"{file}:{where}: ")
    assert says in outcome.err
    assert kept() == {}


EVENT = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:a@example.org
DTSTART;TZID=Europe/London:20300305T183000
DURATION:PT90M
RRULE:FREQ=WEEKLY;COUNT=3
URL:https://example.org/x
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        (
            "DTSTART;TZID=Europe/London:20300305T183000",
            "DTSTART:20300305T183000Z",
            "6:9",
            "a series in UTC would",
        ),
        ("Europe/London", "Mars/Base", "6:24", "there is no time zone Mars/Base"),
        (
            ";TZID=Europe/London:20300305T183000",
            ";VALUE=DATE:20300305",
            "6:20",
            "a day with a time is expected",
        ),
        ("DTSTART;TZID=Europe/London:20300305T183000\n", "", "4:1", "DTSTART: it is missing"),
        ("20300305T183000", "garbage", "6:28", "this cannot be read"),
        ("DURATION:PT90M\n", "", "4:1", "minutes: the length is missing; add DTEND or DURATION"),
        ("PT90M", "PT5M", "7:10", "minutes: a session has 15 to 480 minutes"),
        (";COUNT=3", "", "8:7", "rrule: a series needs an end"),
        ("RRULE:FREQ=WEEKLY", "RRULE:FREQ=SOON", "8:7", "this cannot be read"),
        ("URL:https://example.org/x\n", "", "4:1", "the link of the meeting is missing"),
        ("UID:a@example.org\n", "", "4:1", "each event needs a UID"),
        ("URL:", "RDATE:20300306T183000\nURL:", "9:7", "RDATE: this cannot be used here"),
        (
            "END:VEVENT\n",
            "END:VEVENT\nBEGIN:VEVENT\nUID:a@example.org\nEND:VEVENT\n",
            "12:5",
            "another event has this",
        ),
        (
            "END:VEVENT\n",
            "END:VEVENT\nBEGIN:VEVENT\nUID:a@example.org\nRECURRENCE-ID:20300306T183000Z\n"
            "DTSTART:20300307T183000Z\nEND:VEVENT\n",
            "8:7",
            "2030-03-06 is no day of this series",
        ),
        (
            "END:VEVENT\n",
            "END:VEVENT\nBEGIN:VEVENT\nUID:a@example.org\nRECURRENCE-ID;RANGE=THISANDFUTURE:20300312T183000Z\n"
            "DTSTART:20300313T183000Z\nEND:VEVENT\n",
            "13:35",
            "RANGE cannot be used here",
        ),
        ("VEVENT", "VTODO", "1:1", "there are no events in it"),
        ("BEGIN:VCALENDAR\n", "", "1:1", "this is no calendar"),
    ],
)
def test_a_fault_in_a_calendar_keeps_nothing(
    vestibule: Vestibule, kept: Kept, tmp_path: Path, old: str, new: str, where: str, says: str
) -> None:
    """A fault in an event is file:line:column with what would be right; nothing is half-imported."""
    file = write(tmp_path, "bad.ics", EVENT.replace(old, new))
    outcome = vestibule("sessions", "import", file, "--group", "tuesday")
    assert outcome.code == 1
    assert outcome.err.startswith(f"{file}:{where}: ")
    assert says in outcome.err
    assert kept() == {}


def test_zones_that_calendars_write(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """R-13: a zone the file defines, one under its Windows name, and none at all (the group's) keep the local hour."""
    vtimezone = (
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19701025T020000\n"
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0000\nEND:STANDARD\n"
        "BEGIN:DAYLIGHT\nDTSTART:19700329T010000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nTZOFFSETFROM:+0000\n"
        "TZOFFSETTO:+0100\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
    )
    event = EVENT.replace("COUNT=3", "COUNT=5")
    for zone, before in ((";TZID=Own", vtimezone), (";TZID=GMT Standard Time", ""), ("", "")):
        text = event.replace(";TZID=Europe/London", zone).replace("BEGIN:VEVENT", f"{before}BEGIN:VEVENT")
        outcome = vestibule("sessions", "import", write(tmp_path, "zone.ics", text), "--group", "tuesday")
        assert outcome.code == 0, outcome.err
        assert [at.split()[1] for at in starts(kept()).values()] == ["18:30"] * 4 + ["17:30"]
    assert {one.version for one in kept().values()} == {1}


def test_a_change_that_comes_alone(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """A calendar with one changed instance only moves that one; METHOD:CANCEL cancels it."""
    vestibule("sessions", "import", write(tmp_path, "all.ics", EVENT), "--group", "tuesday")
    alone = EVENT.replace("RRULE:FREQ=WEEKLY;COUNT=3", "RECURRENCE-ID;TZID=Europe/London:20300312T183000")
    alone = alone.replace("DTSTART;TZID=Europe/London:20300305", "DTSTART;TZID=Europe/London:20300313")
    outcome = vestibule("sessions", "import", write(tmp_path, "one.ics", alone), "--group", "tuesday")
    assert outcome.code == 0, outcome.err
    assert list(starts(kept()).values()) == ["03-05 18:30", "03-13 18:30", "03-19 18:30"]
    gone = alone.replace("VERSION:2.0", "VERSION:2.0\nMETHOD:CANCEL")
    vestibule("sessions", "import", write(tmp_path, "gone.ics", gone), "--group", "tuesday")
    assert list(starts(kept()).values()) == ["03-05 18:30", "03-13 18:30 cancelled", "03-19 18:30"]


def test_a_key_is_not_taken_from_another_group(vestibule: Vestibule, kept: Kept) -> None:
    """The same calendar for another group is a fault: its people would lose their sessions unseen."""
    vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "tuesday")
    before = kept()
    outcome = vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "thursday")
    assert outcome.code == 1
    assert "is somebody else's already" in outcome.err
    assert kept() == before


def test_wrong_use_is_named(vestibule: Vestibule, programme: None, tmp_path: Path) -> None:
    """A calendar without a group, another kind of file, and both options end with what would be right."""
    ics = FOLDER / "sessions.ics"
    assert "Add --group with one of thursday, tuesday" in vestibule("sessions", "import", ics).err
    assert "it should end in .csv or .ics" in vestibule("sessions", "import", EXAMPLE).err
    both = vestibule("sessions", "import", ics, "--group", "tuesday", "--participant", "P-07")
    assert (both.code, "give one of the two" in both.err) == (2, True)
    columns = vestibule("sessions", "import", write(tmp_path, "c.csv", "key,when,link\n"))
    assert "c.csv:1:5: there is no column when; there are: key, group" in columns.err
    assert "c.csv:1:1: the column starts is missing" in columns.err
    assert (
        vestibule("sessions", "list", "--from", "soon").err
        == "soon is no day; it should look like 2030-01-31\n"
    )


def test_a_series_in_the_programme_file(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """R-13: a series with days left out, and one of a participant; a fault in one has its line, and keeps nothing."""
    programme = (tmp_path / "programme.yaml").read_text(encoding="utf-8")
    series = (
        "sessions:\n  - key: spring\n    group: tuesday\n    starts: 2030-03-19 18:30\n"
        "    rrule: FREQ=WEEKLY;COUNT=4\n    except: [2030-03-26]\n    link: https://example.org/x\n"
        "  - key: alone\n    participant: P-07\n    starts: 2030-03-20 18:30\n    link: https://example.org/y\n"
    )
    good = write(tmp_path, "good.yaml", programme + series)
    outcome = vestibule("import", good)
    assert outcome.code == 0, outcome.err
    assert "series spring: 3 made\n" in outcome.out
    assert starts(kept()) == {
        "spring/2030-03-19": "03-19 18:30", "alone": "03-20 18:30", "spring/2030-04-02": "04-02 17:30",
        "spring/2030-04-09": "04-09 17:30",
    }  # fmt: skip
    before = kept()
    for old, new, says in (
        ("2030-03-26", "2030-03-27", "2030-03-27 is no day of this series"),
        ("COUNT=4", "COUNT=x", "COUNT should be a number"),
        ("    rrule: FREQ=WEEKLY;COUNT=4\n", "", "only a series has days to leave out"),
        ("2030-03-19 18:30", "+1 day", "a series begins at a fixed time"),
        (
            "    group: tuesday\n    starts: 2030-03",
            "    starts: 2030-03",
            "of a group or of one participant",
        ),
        ("P-07", "P-99", "nobody is enrolled under this alias"),
    ):
        bad = write(tmp_path, "bad.yaml", programme + series.replace(old, new, 1))
        outcome = vestibule("import", bad)
        assert outcome.code == 1
        assert says in outcome.err
        assert int(outcome.err.split(":")[1]) > programme.count("\n")
        assert kept() == before


def test_moved_cancelled_and_changed_by_hand(vestibule: Vestibule, kept: Kept) -> None:
    """R-14: one session or the rest of a series by its key; what cannot be is one line and changes nothing."""
    vestibule("sessions", "import", FOLDER / "sessions.ics", "--group", "tuesday")
    uid = "tuesday-spring@example.org"
    moved = vestibule("sessions", "move", f"{uid}/2030-03-05", "2030-03-06 19:15")
    assert (
        f"session {uid}/2030-03-05, moved from 2030-03-05 18:30 to 2030-03-06 19:15 Europe/London"
        in moved.out
    )
    assert "Write it into the file it came from" in moved.out
    assert vestibule("sessions", "move", uid, "20:00").code == 0
    found = starts(kept())
    assert (found[f"{uid}/2030-03-05"], found[f"{uid}/2030-04-09"]) == ("03-06 20:00", "04-09 19:00")
    assert (
        vestibule("sessions", "change", uid, "--minutes", "45", "--link", "https://example.org/new").code == 0
    )
    assert {one.minutes for key, one in kept().items() if key.startswith(uid) and one.state == "planned"} == {
        45
    }
    said = f"{uid}/2030-04-09, moved from 2030-04-09 20:00 to 2030-04-09 21:30 Europe/London"
    listed = f"2030-04-09 21:30 Europe/London  {uid}/2030-04-09"
    assert said in vestibule("sessions", "move", f"{uid}/2030-04-09", "2030-04-09 21:30 Europe/London").out
    assert listed in vestibule("sessions", "list", "--from", "2030-04-09", "--to", "2030-04-09").out
    assert vestibule("sessions", "move", f"{uid}/2030-04-09", "22:00 Europe/Chisinau").code == 0
    assert starts(kept())[f"{uid}/2030-04-09"] == "04-09 19:00"
    assert vestibule("sessions", "cancel", uid).code == 0
    assert [key for key, one in kept().items() if one.state == "planned"] == ["tuesday-closing@example.org"]
    before = kept()
    for arguments, says in (
        (("move", uid, "19:00"), f"there is no session {uid} to come"),
        (("cancel", f"{uid}/2030-03-05"), "is cancelled already"),
        (("move", "tuesday-closing@example.org", "2020-01-01 10:00"), "has passed"),
        (("move", "tuesday-closing@example.org", "+1 h"), "a time is expected here"),
        (("move", "tuesday-closing@example.org", "2030-03-31 01:30"), "does not exist in Europe/London"),
        (("change", "tuesday-closing@example.org", "--link", "example.org"), "should begin with https://"),
    ):
        outcome = vestibule("sessions", *arguments)
        assert outcome.code > 0
        assert says in outcome.err
    assert kept() == before
