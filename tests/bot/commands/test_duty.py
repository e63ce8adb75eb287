"""`vestibule duty` and the rotas of a programme file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.commands.duty_files import read_csv, read_ics
from bot.commands.terminal import Told
from bot.ids import CountingIds
from bot.ports.records import Chat, Person, StaffRole
from bot.schedule.rota import earliest
from bot.storage.sqlite import SqliteStorage
from tests.bot.commands.conftest import EXAMPLE, Vestibule

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def uncommented() -> str:
    """The example with what it shows commented out."""
    text = EXAMPLE.read_text(encoding="utf-8")
    head, _, rotas = text.partition("# rotas:\n")
    rotas = "\n".join(line.removeprefix("# ") for line in rotas.splitlines())
    head = head.replace("    # ladder:", "    ladder:").replace("    #   ", "      ")
    return f"{head}rotas:\n{rotas}\n"


def enrol(opened: Callable[[], SqliteStorage], alias: str) -> None:
    """Somebody who is on duty."""

    async def work() -> None:
        storage, ids = opened(), CountingIds(10**7)
        async with storage.unit() as unit:
            [programme] = await unit.programmes.all()
            person = Person(
                ids.new(), programme.id, None, "staff", alias, "en", "Europe/London", "active", created_at=NOW
            )
            await unit.people.add(person)
            await unit.people.add_role(person.id, StaffRole.DUTY, None)
            await unit.chats.add(Chat(ids.new(), 7, 1, person.id))
            await unit.commit()
        await storage.close()

    asyncio.run(work())


def test_the_examples_ladder_and_rota_can_be_used(
    vestibule: Vestibule, opened: Callable[[], SqliteStorage], tmp_path: Path
) -> None:
    """What the example shows commented out is right; imported again it is as it was, and follows who enrols."""
    file = tmp_path / "p.yaml"
    file.write_text(uncommented())
    first = vestibule("import", file)
    assert (first.code, first.err) == (0, "")
    assert "rotas: made" in first.out
    again = vestibule("import", file)
    assert "rotas: as it was" in again.out
    assert "programme example: as it was" in again.out
    listed = vestibule("duty", "list").out
    assert "nobody is on duty" in listed
    assert listed.count("duty  has not enrolled yet: Duty worker;") == 1
    enrol(opened, "Duty worker")
    assert "rotas: changed" in vestibule("import", file).out
    listed = vestibule("duty", "list").out
    assert "Duty worker" in listed
    assert "not enrolled yet: Duty worker" not in listed
    assert vestibule("duty", "gaps").out == "duty  no gaps\n"


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("who: Duty worker}", "who: Somebody}", "Somebody is no alias under staff:"),
        ('to: "22:00"', 'to: "25:00"', "rotas.0.weekly.0.to"),
        ("- {date: 2030-12-25}", '- {date: 2030-12-25, from: "09:00"}', "who, from and to belong together"),
        ("ask: duty", "ask: everybody", "ladder"),
        ("ack_lapses_minutes: 240", "ack_lapses_minutes: 100", "ack_lapses_minutes should be more than"),
    ],
)
def test_faults_in_a_rota_are_lines(
    vestibule: Vestibule, service: str, tmp_path: Path, was: str, now: str, says: str
) -> None:
    """Nothing is taken in by halves: where it stands and what would be right."""
    file = tmp_path / "p.yaml"
    text = uncommented()
    assert was in text
    file.write_text(text.replace(was, now, 1))
    outcome = vestibule("import", file)
    assert outcome.code == 1
    assert says in outcome.err


CSV = """role,person,starts,ends,zone
duty,Duty worker,{day} 09:00,{day} 17:00,Europe/Chisinau
duty,Duty worker,{day} 17:00,{day} 23:30,
"""


def test_shifts_from_csv(vestibule: Vestibule, opened: Callable[[], SqliteStorage], tmp_path: Path) -> None:
    """Local times, each in its zone or the programme's; the same file again replaces itself."""
    vestibule("import", EXAMPLE)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    file = tmp_path / "duty.csv"
    file.write_text(CSV.format(day=tomorrow))
    assert "Duty worker is not enrolled as duty" in vestibule("duty", "import", file).err
    enrol(opened, "Duty worker")
    for _ in range(2):
        assert vestibule("duty", "import", file).out == "duty.csv: 2 shifts\n"
    listed = vestibule("duty", "list").out.splitlines()
    assert len(listed) == 2
    assert "07:00 to" in listed[0]  # 09:00 in Chisinau, as London's clock shows it
    assert "17:00 to" in listed[1]
    assert "duty  " in vestibule("duty", "gaps").out


def test_faults_in_csv(tmp_path: Path) -> None:
    """All faults at once: each says its line and column, and what is wrong there."""
    file = tmp_path / "duty.csv"
    file.write_text(
        "role,person,starts,ends,zone\nboss,A,2027-01-01 09:00,2027-01-01 10:00,\nduty,A,9,10,\nduty\n"
    )
    with pytest.raises(Told) as told:
        read_csv(file)
    places = [line.split(": ")[0].removeprefix(f"{file}:") for line in told.value.lines]
    assert places == ["2:1", "3:8", "3:10", "4:1"]


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:a
SUMMARY:Duty worker
DTSTART;TZID=Europe/London:20270301T200000
DTEND;TZID=Europe/London:20270302T080000
RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270419T230000Z
EXDATE;TZID=Europe/London:20270308T200000
END:VEVENT
BEGIN:VEVENT
UID:a
RECURRENCE-ID;TZID=Europe/London:20270315T200000
SUMMARY:Manager
CATEGORIES:Manager
DTSTART;TZID=Europe/London:20270315T210000
DURATION:PT2H
END:VEVENT
BEGIN:VEVENT
UID:b
SUMMARY:Duty worker
DTSTART;VALUE=DATE:20270501
DTEND;VALUE=DATE:20270503
END:VEVENT
END:VCALENDAR
"""


def test_shifts_from_a_calendar(tmp_path: Path) -> None:
    """R-13: a series keeps its local hour over the clock change; left-out and changed days are kept to."""
    file = tmp_path / "duty.ics"
    file.write_text(ICS.replace("\n", "\r\n"))
    found = read_ics(file, StaffRole.DUTY, NOW)
    series = [one for one in found if one.alias == "Duty worker" and one.zone is not None]
    assert [one.starts.day for one in series] == [1, 22, 29, 5, 12, 19]
    assert {(one.starts.hour, one.ends.hour) for one in series} == {(20, 8)}
    assert [earliest(one.starts, one.zone).hour for one in series if one.zone] == [20, 20, 19, 19, 19, 19]
    [changed] = [one for one in found if one.alias == "Manager"]
    assert (changed.role, changed.starts.hour, changed.ends.hour) == (StaffRole.MANAGER, 21, 23)
    [days] = [one for one in found if one.zone is None]
    assert days.ends - days.starts == timedelta(days=2)


def test_a_series_without_end_is_taken_for_a_year(tmp_path: Path) -> None:
    """Rotas have no end; what is imported has, and gaps are reported before it comes."""
    file = tmp_path / "duty.ics"
    file.write_text(ICS.replace(";UNTIL=20270419T230000Z", "").replace("\n", "\r\n"))
    found = [one for one in read_ics(file, StaffRole.DUTY, NOW) if one.zone and one.alias == "Duty worker"]
    assert len(found) == 53 - 2


@pytest.mark.parametrize("start", ["DTSTART:20270301T090000Z", "DTSTART;TZID=UTC:20270301T090000"])
def test_a_series_in_utc_is_refused(tmp_path: Path, start: str) -> None:
    """R-13: repeated shifts in UTC would drift an hour at the clock change, so they are refused; a single one is not."""
    file = tmp_path / "d.ics"
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:a", "SUMMARY:duty 1", start, "DURATION:PT8H", "RRULE:FREQ=WEEKLY",
             "END:VEVENT", "END:VCALENDAR"]  # fmt: skip
    file.write_text("\r\n".join(lines))
    with pytest.raises(Told) as told:
        read_ics(file, StaffRole.DUTY, NOW)
    assert "in UTC would change their hour with the clocks" in str(told.value)
    lines.remove("RRULE:FREQ=WEEKLY")
    file.write_text("\r\n".join(lines))
    assert len(read_ics(file, StaffRole.DUTY, NOW)) == 1


def test_no_calendar(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """Anything else is refused with a line."""
    file = tmp_path / "duty.ics"
    file.write_text("hello")
    assert vestibule("duty", "import", file).code == 1
    other = tmp_path / "duty.txt"
    other.write_text("hello")
    assert "it should end in .csv or .ics" in vestibule("duty", "import", other).err
