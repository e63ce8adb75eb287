"""What `vestibule sessions` says to people: faults all at once, and what was not done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bot.commands.conftest import Kept, Vestibule
from tests.bot.commands.test_sessions import EVENT, HEAD, LINK, write


def test_a_new_session_in_the_past_is_said_not_to_be_made(
    vestibule: Vestibule, kept: Kept, tmp_path: Path
) -> None:
    """S-32: a mistyped year is not swallowed: people read that the session, or the whole series, was not made."""
    text = f"{HEAD}typo,tuesday,,2020-01-07 18:30,90,,{LINK},\ngood,tuesday,,2030-01-08 18:30,90,,{LINK},\n"
    outcome = vestibule("sessions", "import", write(tmp_path, "year.csv", text))
    assert "session typo, 2020-01-07 18:30 Europe/London: NOT made, it is in the past" in outcome.out
    assert list(kept()) == ["good"]
    old = write(tmp_path, "old.ics", EVENT.replace("20300305", "20200303"))
    assert ": 3 NOT made, it is in the past" in vestibule("sessions", "import", old, "--group", "tuesday").out


def test_a_change_of_nothing_says_what_can_be_changed(vestibule: Vestibule, kept: Kept) -> None:
    """Without an option nothing is done, and the options are named."""
    outcome = vestibule("sessions", "change", "tuesday-extra")
    assert (outcome.code, "--minutes, --platform or --link" in outcome.err) == (2, True)


def test_nobody_to_tell_is_a_sentence(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """R-18: whoever moves a session that is near reads that no staff could be told, in words and not as a log line."""
    soon = datetime.now(UTC) + timedelta(days=1)
    text = f"{HEAD}soon,tuesday,,{soon:%Y-%m-%d} 12:00,90,,{LINK},\n"
    assert vestibule("sessions", "import", write(tmp_path, "soon.csv", text)).code == 0
    outcome = vestibule("sessions", "move", "soon", "13:00")
    assert outcome.err == "note: nobody of staff could be told of this; please tell them yourself\n"
    assert "staff_notice" not in outcome.out


def test_all_faults_of_a_csv_are_said_at_once(vestibule: Vestibule, kept: Kept, tmp_path: Path) -> None:
    """Nobody mends a file fault by fault: those of a line and those of other lines, in the order they stand."""
    lines = [
        f"a,monday,,2030-01-02 10:00,,,{LINK},",
        "B,tuesday,,2030-01-02 10:00,x,skype,example.org,maybe",
        f"c,tuesday,,2030-01-02 10:00,5,,{LINK},",
        f"d,tuesday,,2030-01-02 10:00,90,,{LINK},",
    ]
    outcome = vestibule("sessions", "import", write(tmp_path, "bad.csv", HEAD + "\n".join(lines)))
    assert outcome.code == 1
    fields = [(line.split(":")[1], line.split(": ")[1]) for line in outcome.err.splitlines()]
    assert fields == [
        ("2", "group"), ("3", "key"), ("3", "minutes"), ("3", "platform"), ("3", "link"), ("3", "state"),
        ("4", "minutes"),
    ]  # fmt: skip
    assert kept() == {}
