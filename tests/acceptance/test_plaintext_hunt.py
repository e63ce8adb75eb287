"""A hunt for plaintext: after a whole programme nothing that anybody said or is stands readable in what is kept."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import structlog

from bot import logs
from bot.simulator.phone import Phone
from bot.storage import backup
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.usecases.rotate_keys import rotate
from tests.acceptance.house import House
from tests.acceptance.stories import LINK, READY, WELCOME
from tests.acceptance.test_mail import gives_address, mailed
from tests.acceptance.test_other_scripts import SAFE, open_item
from tests.bot.mail.post import Post, served

ALIAS = "Nightjar seven"
GIVEN = "Zebulon Quartermain"
TYPED = "Seagulls over the old harbour, für Zoë"
OPEN_ANSWER = "We keep the blue tin in the larder"
TO_STAFF = "I wrote something nobody asked for"
ADDRESS = "larkspur.duty@service.example"
WORRIES: dict[str, tuple[str, ...]] = {
    "ST-08": ("partner", "done"), "ST-13": ("hurt_self", "very_upset", "done"), "ST-12": ("wont_say",),
    "ST-03": ("no", "no"), "ST-15": ("recording",),
}  # fmt: skip
FIRST_ID = 7_123_456_789_012
"""Telegram's ids have up to 52 bits; long ones are not found by chance among sealed bytes."""
SHORTEST = 16  # of a line that is looked for: shorter ones may stand elsewhere for other reasons


@pytest.fixture
def plain_logging() -> Iterator[None]:
    """Puts logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def anew(house: House, post: Post) -> None:
    """The bot starts anew with a mail server and an open port for metrics."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await house.stop()
    more = {
        "smtp_url": f"smtp://127.0.0.1:{post.port}",
        "mail_from": "notes@assistant.example",
        "web_port": port,
        "log_level": "debug",
    }
    house.settings = type(house.settings)(_env_file=None, **(house.settings.model_dump() | more))
    await house.start()
    await house.quiet()


async def programme(house: House, staff: dict[str, Phone], phone: Phone, token: str) -> None:
    """Welcome, orientation, reflection with words of one's own, a self-test full of worries, a case to its end."""
    await phone.start(token)
    await house.quiet()
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, WELCOME)
    await open_item(house, phone, "orientation")
    await house.walk(phone, {})
    await open_item(house, phone, "start")
    await house.walk(phone, SAFE)
    await house.later(hours=2)
    await open_item(house, phone, "start")
    await house.walk(phone, SAFE | {"RS-D2": (f"={OPEN_ANSWER}",)})
    await house.later(hours=2)
    await open_item(house, phone, "start")
    await house.walk(phone, SAFE | {"RS-D2": (f"={OPEN_ANSWER}",)})
    await house.plan_session()
    await house.selftest(phone)
    await house.walk(phone, READY | WORRIES, until="ST-13")
    await house.write(phone, TYPED)
    await house.walk(phone, READY | WORRIES)
    await house.write(phone, TO_STAFF)
    facilitator = staff["facilitator"]
    case = next(c for c in await house.cases() if any(r.concern == "self_harm" for r in c.raised)).ref
    for button in (f"CASE:take:{case}", f"CASE:details:{case}", f"CASE:resolve:{case}", "OUT:talked_to_them"):
        await house.press(facilitator, button)
    await house.write(staff["partner_support"], f"/seen {case}")
    await house.write(staff["manager"], f"/ack {case}")
    await house.later(minutes=20)


def said(house: House) -> set[str]:
    """Every line of some length that went over the wire in either direction, and every label of a button."""
    lines: set[str] = set()
    for chat in house.world.chats:
        for entry in Phone.of(house.world, chat).log:
            labels = [button.text for button in entry.message.buttons]
            lines.update(line.strip() for text in (entry.message.text, *labels) for line in text.split("\n"))
    return {line for line in lines if len(line) >= SHORTEST}


def forms(text: str) -> set[bytes]:
    """How a text may stand in a file: as it is, as JSON, in UTF-16, in base64 at any of its three places."""
    found = {
        text.encode(),
        json.dumps(text)[1:-1].encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
    }
    for shift in range(3):
        bare = base64.b64encode(b"\0" * shift + text.encode())
        found.add(bare[4 if shift else 0 : len(bare) - 4])
    return found


def number_forms(number: int) -> set[bytes]:
    """How a number may stand in a file: in digits, hexadecimal, or binary either way round."""
    least = (number.bit_length() + 7) // 8
    sizes = {size for size in (least, 6, 8) if size >= least}
    binary = {number.to_bytes(size, order) for size, order in itertools.product(sizes, ("big", "little"))}
    return {str(number).encode(), f"{number:x}".encode(), f"{number:X}".encode(), *binary}


def found_in(kept: bytes, texts: set[str], numbers: set[int]) -> list[str]:
    """Those of the texts and numbers that stand in it in any form."""
    hits = [text for text in sorted(texts) if any(form in kept for form in forms(text))]
    return hits + [
        str(number) for number in sorted(numbers) if any(form in kept for form in number_forms(number))
    ]


async def test_no_plaintext_is_found_after_a_programme(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str], plain_logging: None
) -> None:
    """S-20, S-41: in the database, its log and index, a backup, the logs at debug level and the metrics nothing is readable.

    Looked for: aliases, names at Telegram, every line anybody typed or read, labels, choices, addresses, chats, the link
    of the session, the invitation's token, the bot's token and the keys.
    """
    logs.configure("debug")
    house.world._next_person = FIRST_ID
    async with served() as post:
        await anew(house, post)
        staff = await house.staff()
        await gives_address(house, staff["duty"], "both", ADDRESS)
        token = await house.invite("participant", ALIAS)
        phone = Phone(house.world, GIVEN)
        assert phone.id >= FIRST_ID
        house.world.updates.add_raw({"message": {"text": TYPED, "chat": {"id": phone.id}}})
        await programme(house, staff, phone, token)
        staff["tech"].block()
        await house.later(minutes=61)
        assert await mailed(house, post, 1)
        address = f"http://127.0.0.1:{house.settings.web_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(address) as response:
            metrics = await response.read()
        async with house.unit() as unit:
            person = await house.person_in(unit, phone)
            answers = await unit.answers.of_person(person.id)
        concerns = set(await house.concerns())
        assert "self_harm" in concerns
        assert OPEN_ANSWER in {answer.text for answer in answers}
        assert {TYPED, TO_STAFF} <= said(house)
        copy = tmp_path / "copies" / "one.vestibule"
        copy.parent.mkdir()
        keys = house.settings.keys_text()
        await asyncio.to_thread(
            backup.take, house.settings.database_url, copy, Keyring(keys), lambda _: None,
            software="0", now=datetime.now(UTC), force=False,
        )  # fmt: skip
        kept = {file.name: file.read_bytes() for file in house.file.parent.iterdir() if file.is_file()}
        captured = capfd.readouterr()
    kept |= {"backup": copy.read_bytes(), "logs": (captured.err + captured.out).encode(), "metrics": metrics}
    assert kept.keys() >= {"story.db", "story.db-wal", "story.db-shm"}
    assert b"self_test" in kept["story.db"] + kept["story.db-wal"], "what is not sealed should be found"
    assert b'"event"' in kept["logs"], "there should be logs to look at"
    assert b"vestibule_" in kept["metrics"]
    # Short ones and those that a role's name contains would be found for other reasons.
    choices = {choice for answer in answers for choice in answer.choices if len(choice) > 6}
    texts = said(house) | concerns | {choice for choice in choices if choice not in "partner_support"}
    texts |= {ALIAS, GIVEN, TYPED, OPEN_ANSWER, TO_STAFF, ADDRESS, LINK, token, house.world.token}
    texts |= {"facilitator one", "manager one", *(entry.partition(":")[2] for entry in keys.split())}
    assert len(texts) > 200
    numbers = {phone.id, *(one.id for one in staff.values())}
    everywhere = {name: found_in(held, texts, numbers) for name, held in kept.items()}
    assert {name: hits for name, hits in everywhere.items() if hits} == {}


async def test_keys_are_rotated_under_a_running_bot(house: House) -> None:
    """S-41: a test that is half done goes on through a rotation; afterwards the bot runs without the old key."""
    await house.plan_session()
    phone = await house.participant()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    old = house.settings.keys_text()
    new = Keyring.generate()

    async def with_keys(text: str) -> None:
        await house.stop()
        house.settings = type(house.settings)(
            _env_file=None, **(house.settings.model_dump() | {"keys": text})
        )
        await house.start()
        await house.quiet()

    await with_keys(f"{new},{old}")
    beside = SqliteStorage(house.settings.database_url, Keyring(f"{new},{old}"), house.ids)
    turning = asyncio.create_task(rotate(beside, house.clock, house.ids, lambda *_: None))
    await house.walk(phone, READY, until="ST-02")
    rotated = await turning
    await beside.close()
    assert rotated.done > 20
    assert rotated.behind(new.partition(":")[0]) == 0
    await with_keys(f"{new} lookup:{old.partition(':')[2]}")
    await house.walk(phone, READY)
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert (readiness.level, readiness.final) == ("ready", True)
    assert await house.cases() == []
    async with house.unit() as unit:
        assert (await unit.audit.verify()).faults == ()


def test_the_hunt_finds_what_is_there() -> None:
    """S-41: a text or a number that does stand somewhere, in any of its forms, is found: the hunt is not blind."""
    for number, text in ((FIRST_ID, TYPED), (2**40 + 77, ALIAS)):
        for form in forms(text):
            assert found_in(b"\0\1before" + form + b"after\2", {text}, set()) == [text]
        for form in number_forms(number):
            assert found_in(b"\0\1before" + form + b"after\2", set(), {number}) == [str(number)]
    for shift in range(3):
        hidden = base64.b64encode(b"x" * shift + TYPED.encode() + b"and more")
        assert found_in(hidden, {TYPED}, set()) == [TYPED]
    assert found_in(b"nothing of it", {TYPED}, {FIRST_ID}) == []
