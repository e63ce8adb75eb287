"""Days of a service in the pseudo-language: all that is sent on them comes out of the catalogues, and fits Telegram.

Covered is what these three stories send: the chats of participants, staff and strangers, the list of commands, mails,
and a participant's exported page. A text that none of them reaches is not looked at here, nor is what is printed in a
terminal, logged or measured.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bot.ports.records import StaffRole
from bot.simulator.phone import Phone
from bot.simulator.shapes import LIMITS
from bot.texts import languages, own_name
from bot.usecases.export_page import page
from bot.usecases.export_person import Review, export_person
from bot.usecases.rota import roll_out
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import EMERGENCY, READY, SERVICE, asked
from tests.acceptance.test_mail import gives_address, mailed, with_mail
from tests.bot.mail.post import Post, served
from tests.pseudo import MARKS, bypasses, pseudo_languages

__all__ = ["pseudo_languages"]  # the fixture, for the tests below
ALIASES = ("P-07", "P-08", "P-09")
# What is no text of ours: names, numbers, words the platforms and people have, languages named in themselves.
DATA = (
    "Example Service", "Monday group", SERVICE, EMERGENCY, "Zoom", "Teams", "Europe/London", "Europe/Paris", "London",
    "Londen", "לונדון", "K-101", "my own words", "Something short.", "Line A", *ALIASES, *(f"{role.value} one" for role in StaffRole),
    *(own_name(code) for code in (*languages(), *MARKS)), "(en)", *(f"({code})" for code in MARKS),
)  # fmt: skip
# Of use in any language, and checked long before the story begins.
CONTACTS = """
signposts:
  - {country: GB, kind: crisis, name: Line A, number: 01632 960101, languages: [any], checked: 2026-01-31, source: its page}
"""
WORRIES: dict[str, tuple[str, ...]] = {
    "ST-07": ("other_home",), "ST-08": ("children", "others", "done"), "ST-10": ("no",),
    "ST-13": ("very_upset", "hurt_self", "hurt_someone", "done"), "ST-12": ("some",), "ST-11": ("no",),
    "ST-02": ("shared",), "ST-01": ("phone",), "ST-03": ("no", "no"), "ST-15": ("recording",),
}  # fmt: skip


@pytest.fixture(params=sorted(MARKS))
def language(request: pytest.FixtureRequest) -> str:
    """One way of writing and the other."""
    return str(request.param)


@pytest.fixture
async def house(database: Path, language: str, pseudo_languages: tuple[str, ...]) -> AsyncIterator[House]:
    """A house that offers the pseudo-language beside English."""
    contacts = database.with_name("signposts.yaml")
    contacts.write_text(CONTACTS, encoding="utf-8")
    async with open_house(database, languages=("en", language)) as house:
        await house.stop()
        house.settings = house.settings.model_copy(update={"signposts": contacts})
        await house.start()
        yield house


async def speaks(house: House, phone: Phone, language: str) -> Phone:
    """Whoever has this phone reads the language."""
    async with house.bot.storage.unit() as unit:
        person = await house.person_in(unit, phone)
        await unit.people.save(replace(person, language=language))
        await unit.commit()
    return phone


async def go_through(house: House, phone: Phone, item: str, choices: dict[str, tuple[str, ...]]) -> None:
    """Open an item by the menu and walk through it (or one sitting of it); a day passes."""
    await house.write(phone, "/menu")
    for press in ("DOOR:yes", f"MENU:{item}", "DOOR:yes"):
        if phone.shows(press):
            await house.press(phone, press)
    assert asked(phone), phone.screen()
    await house.walk(phone, choices)
    await house.later(hours=25)


def shown(house: House, language: str) -> list[str]:
    """All that was sent to anybody: texts, buttons, notes on a press, and the list of commands."""
    found: dict[str, None] = {}
    for _, method, params in house.world.calls:
        if method == "setMyCommands" and params.get("language_code") != language:
            continue
        found |= dict.fromkeys(_texts(params))
    return list(found)


def _texts(params: dict[str, Any]) -> Iterable[str]:
    if text := params.get("text"):
        yield text
    for row in (params.get("reply_markup") or {}).get("inline_keyboard", ()):
        yield from (button["text"].removeprefix("✓ ") for button in row)
    yield from (command["description"] for command in params.get("commands") or ())


def all_fits(house: House) -> None:
    """Whatever was sent keeps Telegram's limits, though it is so much longer."""
    for _, method, params in house.world.calls:
        assert len(str(params.get("text", "")).encode("utf-16-le")) // 2 <= LIMITS["text_chars"], method
        for row in (params.get("reply_markup") or {}).get("inline_keyboard", ()):
            for button in row:
                assert len(button["callback_data"].encode()) <= LIMITS["callback_data_bytes"]
                assert len(button["text"]) <= 64, button  # what a phone can show of one in two lines
        for command in params.get("commands") or ():
            assert len(command["description"]) <= 256


def nothing_bypasses(house: House, language: str, more: Iterable[str] = ()) -> None:
    """S-09: no sentence of ours reached anybody but through the catalogue."""
    found = {
        told: None for text in (*shown(house, language), *more) for told in bypasses(text, language, DATA)
    }
    assert list(found) == [], "\n".join(found)
    all_fits(house)


async def test_a_participants_days(house: House, language: str) -> None:
    """S-09: from the invitation to the end: every script, the menu, privacy, requests, stop and what is not understood."""
    await speaks(house, (await house.staff("manager"))["manager"], language)  # told of each request
    phone = Phone(house.world, "participant", language=language)
    await phone.start(await house.invite("participant", "P-07", language))
    await house.quiet()
    await house.press(phone, f"LANG:{language}")
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, {"WE-01": ("mine",), "WE-TZ": ("right",), "WE-SAFE": ("any", "done")})
    await house.plan_session(timedelta(minutes=40))
    for press in ("DOOR:later", "DOOR:not_me"):
        await house.write(phone, "/selftest")
        await house.press(phone, press)
    await house.write(phone, "/selftest")
    await house.press(phone, "DOOR:yes")
    await house.write(phone, "my own words")
    await house.walk(phone, READY | WORRIES, until="ST-03")
    phone.send_voice()
    await house.walk(phone, READY | WORRIES)
    for item in ("orientation", "after", "checkin", "start", "during", "end"):
        await go_through(house, phone, item, {"AS-01": ("hurt_self", "done")})
    await house.plan_session(timedelta(hours=26))
    for hours in (2, 20, 3, 0.5, 0.5, 3, 20):
        await house.later(hours=hours)
    await house.write(phone, "/privacy")
    await house.press(phone, "DOOR:yes")
    for kind in ("copy", "erasure", "correction"):
        for sure in ("no", f"yes.{kind}"):
            await house.write(phone, "/privacy")
            await house.press(phone, f"PRIV:{kind}")
            await house.press(phone, f"PRIV:{sure}")
        await house.write(phone, "/privacy")
        await house.press(phone, f"PRIV:{kind}")  # noted already
    for text in ("/help", "/language", "/nonsense", "my own words", "/stop", "/selftest"):
        await house.write(phone, text)
    nothing_bypasses(house, language, [f"\u2068{text}\u2069" for text in await exported(house, phone)])


async def exported(house: House, phone: Phone) -> list[str]:
    """Each text of a reviewed copy, as it is printed. In it dates stand beside words of ours without a sentence."""
    async with house.bot.storage.unit() as unit:
        person = await house.person_in(unit, phone)
        reader = replace(person, kind="staff", roles=(StaffRole.MANAGER,))
        copy = await export_person(
            unit, house.bot.desk, house.programme, person, Review(reader, "access_request")
        )
    html = page(copy, lambda line: house.bot.desk.texts.line(person.language, line))
    return [unescape(text) for text in re.findall(r">([^<>]+)<", html.partition("<body>")[2]) if text.strip()]


async def test_staffs_days(house: House, language: str) -> None:
    """S-09, S-20: cases, roster, lists, notices and what is mailed, for each role, until nobody has done anything."""
    async with served() as post:
        await with_mail(house, post)
        staff = await house.staff()
        for phone in staff.values():
            await speaks(house, phone, language)
        await gives_address(house, staff["duty"], "both")
        people = [await speaks(house, await house.member(alias), language) for alias in ALIASES]
        await house.plan_session(timedelta(minutes=60))
        for phone, worries in zip(
            people, (WORRIES, {"ST-08": ("partner", "done"), "ST-09": ("yes",)}), strict=False
        ):
            await house.selftest(phone)
            await house.walk(phone, READY | worries, until="ST-15")
            await house.write(phone, "my own words")
            await house.walk(phone, READY | worries)
        await all_commands(house, staff)
        await cases_are_worked(house, staff)
        for minutes in (5, 10, 15, 15, 30, 60, 120):
            await house.later(minutes=minutes)
        await with_a_gap_in_duty(house)
        for hours in (12, 12, 24, 24, 24, 24, 24, 24, 24):
            await house.later(hours=hours)
        await house.stop()
        house.clock.advance(timedelta(hours=2))
        await house.start()
        await house.later(minutes=1)
        nothing_bypasses(house, language, [part for mail in await mails(house, post) for part in mail])


async def test_around_a_session(house: House, language: str) -> None:
    """S-02, S-08, S-09: reminders, holds and each answer to them, an outage, moves, strangers, and leaving."""
    facilitator = await speaks(house, (await house.staff("facilitator"))["facilitator"], language)
    people = [await speaks(house, await house.member(alias), language) for alias in ALIASES]
    stranger = Phone(house.world, "stranger", language=language)
    await house.write(stranger, "my own words")
    await house.plan_session(timedelta(hours=26))
    await house.later(hours=1)
    await house.later(hours=24, minutes=16)
    for phone in people:
        await house.selftest(phone)
        await house.walk(phone, READY | {"ST-07": ("car",)})
    for number, answer in enumerate(("waiting_room", "not_today", "call_us")):
        await house.write(facilitator, f"/ack K-10{number + 1}")
        await house.write(facilitator, f"/lift K-10{number + 1}")
        await house.press(facilitator, f"LIFT:{answer}")
        await house.selftest(people[number])
        await house.walk(people[number], READY | {"ST-07": ("public",)}, until="ST-12")
    await house.stop()
    house.clock.advance(timedelta(minutes=6))
    await house.start()
    await house.later(minutes=1)
    for minutes in (15, 15, 15, 15, 30, 60, 60):
        await house.later(minutes=minutes)
    await house.write(people[0], "/language")
    await house.press(people[0], f"LANG:{language}")
    people[1].block()
    await house.later(hours=20)
    people[1].unblock()
    await house.later(hours=70)
    await house.write(people[2], "/menu")
    nothing_bypasses(house, language)


async def all_commands(house: House, staff: dict[str, Phone]) -> None:
    """What staff can write: what is theirs, what is refused, and what is not understood. One after the other: a
    notice that is not sent yet gives way to the next."""
    everybody = ("/case", "/duty", "/help", "/details K-102")
    one = (
        "/case K-999", "/ack K-102", "/handover K-102", "/resolve K-102", "/strike K-102", "/lift K-102", "/seen K-102",
        "/roster", "/allow", "/release", "/zone", "/zone P-07 Europe/Paris", "/zone P-99 Europe/Paris",
        "/zone P-07 Nowhere", "/language", "/privacy", "/nonsense", "words",
    )  # fmt: skip
    for role, phone in staff.items():
        for command in (*everybody, *(one if role in ("facilitator", "partner_support") else ())):
            await house.write(phone, command)
    await every_button(house, staff["facilitator"], ("REL:", "ALW:"))
    for phone in staff.values():
        await house.write(phone, "/stop")


async def cases_are_worked(house: House, staff: dict[str, Phone]) -> None:
    """Taken on, read, handed over, lifted and resolved, by the buttons that there are."""
    for role in ("facilitator", "duty", "tech", "manager", "partner_support"):
        phone = staff[role]
        for command in (
            "/ack K-101",
            "/details K-101",
            "/strike K-101",
            "/handover K-101",
            "/lift K-101",
            "/seen K-101",
        ):
            await house.write(phone, command)
        await every_button(house, phone, ("STRIKE:", "STRK:", "LIFT:", "HAND:"))
        await house.write(phone, "/resolve K-101")
        await every_button(house, phone, ("OUT:",), most=1)


async def every_button(house: House, phone: Phone, of: tuple[str, ...], most: int = 12) -> None:
    """Press buttons of these kinds as long as there are any not pressed yet."""
    pressed: set[str] = set()
    for _ in range(most):
        there = [b.data or "" for m in phone.messages for b in m.buttons]
        new = next((one for one in there if one.startswith(of) and one not in pressed), None)
        if new is None:
            return
        pressed.add(new)
        await house.press(phone, new)


async def with_a_gap_in_duty(house: House) -> None:
    """A rota with nobody in it."""
    rota = {"role": "duty", "cover": "always", "weekly": [], "exceptions": []}
    async with house.bot.storage.unit() as unit:
        programme = await unit.programmes.get(house.programme.id)
        assert programme is not None
        programme = replace(programme, settings={**programme.settings, "rotas": [rota]})
        await unit.programmes.save(programme)
        await roll_out(unit, house.ids, programme, house.clock.now())
        await unit.commit()


async def mails(house: House, post: Post) -> list[tuple[str, str]]:
    """Subject and text of what was mailed, of which there is some."""
    await mailed(house, post, 2)
    await asyncio.sleep(0.1)
    return [(str(mail["Subject"]), str(mail.get_content())) for mail in post.mails]
