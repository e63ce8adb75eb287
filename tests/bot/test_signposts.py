"""Help contacts of the service's own: who is shown which, where, and who hears that they were not checked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import wiring
from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports.inbound import Command
from bot.ports.records import OutboxRow, StaffRole
from bot.settings import Settings
from bot.signposts import BadSignposts, read_signposts
from bot.storage.sealing import Keyring
from bot.usecases.signposts import SLOT, Signpost, country_of, for_reader, tell_unchecked
from flows.read import load_library
from tests.bot.conftest import TEST_KEYS
from tests.bot.desks import START, Room, open_room

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "signposts.yaml"
TODAY = START.date()
GOOD = """
signposts:
  - {country: GB, kind: crisis, name: Line A, number: 01632 960101, languages: [en], checked: 2027-01-31, source: its page}
"""


def contact(name: str, **more: object) -> Signpost:
    """A contact in Great Britain that speaks English, checked a month ago."""
    known = {"country": "GB", "kind": "crisis", "name": name, "number": "01632 960101", "languages": ["en"]}
    return Signpost.model_validate({**known, "checked": "2027-01-31", "source": "its own page", **more})


POSTS = (
    contact("Relay", kind="emergency", languages=["any"], number="01632 960999"),
    contact("Line A", link="https://example.org/a"),
    contact("Line B", languages=["de", "ro"], number="01632 960102"),
    contact("Line C", country="IE", number="01632 960103"),
    contact("Our desk", kind="own", number="0300"),
)


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk that has contacts."""
    async with open_room(database_url, keyring, load_library()) as room:
        room.desk = replace(room.desk, signposts=POSTS)
        yield room


async def speaks(room: Room, language: str) -> None:
    """The participant reads the language."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, language=language))
        await unit.commit()


async def shown(room: Room, slot: str = SLOT, op: str = "say") -> list[OutboxRow]:
    """What is staged for the participant in the slot."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        return [row for row in await unit.outbox.waiting(chat.id) if (row.slot, row.op) == (slot, op)]


async def until_how_they_are(room: Room) -> None:
    """The self-test stands at the question how they are."""
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:nobody", "ST-08:done")


async def test_they_stand_below_the_help_text(room: Room) -> None:
    """S-01, S-09, S-43: behind the door, protected, in the country and language, crisis lines first; gone with the help."""
    await until_how_they_are(room)
    assert await shown(room) == []
    await room.play("ST-13:hurt_self", "ST-13:done")
    [helped], [row] = await shown(room, "help"), await shown(room)
    assert "0300" in helped.text
    assert row.text.split("\n")[1:] == [
        "• Line A: 01632 960101 · https://example.org/a",
        "• Relay: 01632 960999",
    ]
    assert row.sensitive
    assert row.not_after == helped.not_after
    assert len(row.text) <= 600
    [gone], [help_gone] = await shown(room, op="retract"), await shown(room, "help", "retract")
    assert gone.due_at == help_gone.due_at == START + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("language", "names"), [("de", ["Line B", "Relay"]), ("uk", ["Relay"]), ("ro", ["Line B", "Relay"])]
)
async def test_they_are_in_the_persons_language(room: Room, language: str, names: list[str]) -> None:
    """S-09: nobody is sent to a line that does not speak their language; `any` is for everybody."""
    await speaks(room, language)
    await until_how_they_are(room)
    await room.play("ST-13:hurt_someone", "ST-13:done")
    [row] = await shown(room)
    assert re.findall("Line [A-C]|Relay|Our desk", row.text) == names


async def test_without_any_the_programmes_numbers_stand(room: Room) -> None:
    """S-07: where no contact fits, the help text has the programme's own numbers, and nothing stands below."""
    room.desk = replace(room.desk, signposts=POSTS[1:2])
    await speaks(room, "de")
    await until_how_they_are(room)
    await room.play("ST-13:hurt_self", "ST-13:done")
    [helped] = await shown(room, "help")
    assert "0300" in helped.text
    assert "999" in helped.text
    assert await shown(room) == []


async def test_no_other_line_has_them(room: Room) -> None:
    """S-01, S-02: neither /help nor a help text without numbers brings them up, nor anything that is sent unasked."""
    await until_how_they_are(room)
    await room.play("ST-13:very_upset", "ST-13:done")
    await room.ask(room.update(Command("help")), room.update(Command("stop")))
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        texts = [row.text for row in await unit.outbox.waiting(chat.id)]
    assert not any(one.name in text for one in POSTS for text in texts)


async def test_a_closed_door_holds_them_back(room: Room) -> None:
    """S-01: an answer after the door has closed shows none; they come with the help text behind the door, and go with it (S-43)."""
    await until_how_they_are(room)
    await room.play("ST-13:hurt_self")
    room.clock.advance(timedelta(minutes=11))
    await room.play("ST-13:done")
    assert await shown(room) == []
    await room.play("DOOR:yes")
    [row] = await shown(room)
    assert "Line A" in row.text
    [gone], [help_gone] = await shown(room, op="retract"), await shown(room, "help", "retract")
    assert gone.due_at == help_gone.due_at == room.clock.now() + timedelta(minutes=10)


async def test_the_country_is_the_programmes(room: Room) -> None:
    """The programme's setting says the country, else its time zone."""
    async with room.storage.unit() as unit:
        programme = await unit.programmes.get(room.programme)
    assert programme is not None
    assert country_of(programme) == "GB"
    assert country_of(replace(programme, timezone="Europe/Chisinau")) == "MD"
    assert country_of(replace(programme, settings={"country": "IE"})) == "IE"
    assert [one.name for one in for_reader(POSTS, "IE", "en")] == ["Line C"]


async def told(room: Room) -> list[str]:
    """What the administrator reads, after a day's look."""
    async with room.storage.unit() as unit:
        await tell_unchecked(unit, room.desk, room.programme)
        chat = await unit.chats.of_person(room.people[StaffRole.ADMINISTRATOR])
        assert chat is not None
        texts = [row.text for row in await unit.outbox.waiting(chat.id)]
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()
    return texts


async def test_the_administrator_hears_of_unchecked_ones_once_a_month(room: Room) -> None:
    """S-20: after six months a notice with a number and no name, once in 30 days, also by another process."""
    assert await told(room) == []
    room.clock.advance(datetime(2027, 8, 1, 9, tzinfo=UTC) - START)
    [text] = await told(room)
    assert "6 months: 4." in text  # the one in another country is none of this programme's
    assert not any(one.name in text for one in POSTS)
    for _ in range(29):
        room.clock.advance(timedelta(days=1))
        room.desk = replace(room.desk, signposts=tuple(POSTS))
        assert await told(room) == []
    room.clock.advance(timedelta(days=1))
    assert len(await told(room)) == 1
    room.desk = replace(
        room.desk, signposts=tuple(one.model_copy(update={"checked": date(2027, 8, 31)}) for one in POSTS)
    )
    room.clock.advance(timedelta(days=31))
    assert await told(room) == []


def test_six_months_are_six_months() -> None:
    """A contact counts as checked to the same day of the sixth month after."""
    one = contact("Line A", checked="2027-08-31")
    assert not one.unchecked(date(2028, 2, 29))
    assert one.unchecked(date(2028, 3, 1))


def test_the_example_can_be_used_and_calls_nobody() -> None:
    """The example is read as it is; its numbers are of a range never given out, its links lead nowhere."""
    found = read_signposts(EXAMPLE, date(2026, 3, 1))
    assert {one.kind for one in found} == {"crisis", "own", "emergency"}
    assert all(one.number.startswith("01632 960") for one in found)
    assert all(one.link in ("", "https://example.org/line-a") for one in found)
    assert Settings(_env_file=None).signposts is None


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (
            "country: GB",
            "country: UK",
            "entry 1 (Line A): country: there is no such country; it should look like GB",
        ),
        ("kind: crisis", "kind: help", "entry 1 (Line A): kind: it should be crisis, own or emergency"),
        ("number: 01632 960101, ", "", "entry 1 (Line A): a number or a link is needed"),
        ("number: 01632 960101", "number: call us", "number: it should be a number as it is dialled"),
        ("number: 01632 960101", "link: http://a.example", "link: it should begin with https://"),
        ("languages: [en]", "languages: en", "languages: a list is expected, as [en, de]"),
        (
            "languages: [en]",
            "languages: [English]",
            "entry 1 (Line A): languages: nobody is served in English; ",
        ),
        (
            "languages: [en]",
            "languages: [en, ua]",
            "languages: nobody is served in ua; it should be any, or one of en,",
        ),
        ("languages: [en]", "languages: [no, de_AT, se]", "languages: nobody is served in se; "),
        ("checked: 2027-01-31", "checked: last week", "checked: it should be a day, as 2030-01-31"),
        ("checked: 2027-01-31", "checked: 2027-12-31", "entry 1 (Line A): checked: it lies in the future"),
        (", source: its page", "", "source: this field is needed; docs/examples/signposts.yaml shows it"),
        ("source: its page", "source: its page, phone: 1", "phone: there is no such field"),
        ("name: Line A, ", "", "entry 1: name: this field is needed"),
        ("signposts:", "contacts:", "a list is expected under `signposts:` and nothing else"),
        ("[en]", "[en", "no YAML at line"),
    ],
)
def test_a_fault_says_where_and_what_to_do(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    """Each fault is one line: file, entry, field, and what would be right."""
    file = tmp_path / "signposts.yaml"
    assert was in GOOD
    file.write_text(GOOD.replace(was, becomes), encoding="utf-8")
    with pytest.raises(BadSignposts) as bad:
        read_signposts(file, TODAY)
    [fault] = bad.value.faults
    assert fault.startswith(f"{file}: ")
    assert says in fault


def test_too_many_for_one_message_are_a_fault(tmp_path: Path) -> None:
    """S-09: what one person would be shown keeps to one message of 600 characters, or the file is refused."""
    lines = [f"  - {{country: GB, kind: crisis, name: A line with quite a long name {n}, number: 01632 96010{n}, "
             "languages: [en], checked: 2027-01-31, source: its page}" for n in range(9)]  # fmt: skip
    file = tmp_path / "signposts.yaml"
    file.write_text("signposts:\n" + "\n".join(lines), encoding="utf-8")
    with pytest.raises(BadSignposts, match="GB, en: 9 contacts are too many for one message"):
        read_signposts(file, TODAY)


def test_nothing_starts_with_a_file_of_no_use(tmp_path: Path) -> None:
    """A file that is set and not there stops the start with what to look at."""
    settings = Settings(_env_file=None, keys=TEST_KEYS, signposts=tmp_path / "none.yaml")
    with pytest.raises(
        BadSignposts, match="cannot be read \\(FileNotFoundError\\); look at VESTIBULE_SIGNPOSTS"
    ):
        wiring.make_desk(settings, SystemClock(), SystemIds())
