"""Stories over HTTP and SMTP: the chat is closed, and Telegram is away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from telegram.error import InvalidToken

from bot import wiring
from bot.ports.records import Reach
from bot.schedule import cycle
from bot.simulator.faults import ErrorAnswer
from bot.simulator.phone import Phone
from tests.acceptance.house import House
from tests.acceptance.stories import words
from tests.bot.mail.post import Post, served

ADDRESS = "duty@service.example"


async def with_mail(house: House, post: Post) -> None:
    """The bot starts anew with this mail server."""
    await house.stop()
    more = {"smtp_url": f"smtp://127.0.0.1:{post.port}", "mail_from": "notes@assistant.example"}
    house.settings = type(house.settings)(_env_file=None, **(house.settings.model_dump() | more))
    await house.start()
    await house.quiet()


async def gives_address(
    house: House, phone: Phone, reach: Reach = "telegram", address: str = ADDRESS
) -> None:
    """Somebody of staff has an address."""
    async with house.bot.storage.unit() as unit:
        person = await unit.people.get(house.people[phone.id])
        assert person is not None
        await unit.people.save(replace(person, email=address, reach=reach))
        await unit.commit()


async def mailed(house: House, post: Post, count: int) -> list[str]:
    """The subjects, once so many arrived."""
    async with asyncio.timeout(5):
        while len(post.mails) < count:
            await asyncio.sleep(0.01)
    return [mail["Subject"] for mail in post.mails]


async def test_who_is_asked_first_has_blocked_the_bot(house: House) -> None:
    """R-07, S-20: the alert goes by mail, greylisted at first, and the next people are asked at once."""
    async with served() as post:
        await with_mail(house, post)
        await house.plan_session()
        staff = await house.staff("facilitator", "manager")
        await gives_address(house, staff["facilitator"])
        post.say["rcpt"] = ["450 4.2.0 greylisted"]
        house.world.faults.add(
            "sendMessage",
            ErrorAnswer(403, "Forbidden: bot was blocked by the user"),
            when=lambda given: str(given.get("chat_id")) == str(staff["facilitator"].id),
        )
        phone = await house.member()
        await house.selftest(phone)
        await house.press(phone, "ST-07:car")
        await house.later(seconds=31)
        await house.later(seconds=1)
        [subject] = await mailed(house, post, 1)
        assert subject.startswith("K-101 · ")
        assert post.recipients == [ADDRESS]
        assert any("K-101" in text for text in words(staff["manager"]))


async def test_telegram_is_away(house: House) -> None:
    """S-31, R-17: an alert that Telegram does not take for a minute goes by mail, and is not lost for the chat."""
    async with served() as post:
        await with_mail(house, post)
        await house.plan_session()
        facilitator = (await house.staff("facilitator"))["facilitator"]
        await gives_address(house, facilitator)
        phone = await house.member()
        await house.selftest(phone)
        for _ in range(40):
            house.world.faults.add(
                "sendMessage",
                ErrorAnswer(502, "Bad Gateway"),
                when=lambda given: str(given.get("chat_id")) == str(facilitator.id),
            )
        await phone.tap("ST-07:car")
        await asyncio.sleep(0.3)
        for seconds in (30, 31, 11, 50, 11):
            house.clock.advance(timedelta(seconds=seconds))
            await asyncio.sleep(0.2)
        assert (await mailed(house, post, 1))[0].startswith("K-101 · ")
        house.world.faults.clear()
        for _ in range(3):
            await house.later(seconds=9)
        assert facilitator.shows("K-101")


async def test_telegram_is_away_from_the_start(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-31, R-17: with Telegram down as the process starts, the deadline's alert goes by mail, and to the chat later."""
    monkeypatch.setattr(cycle, "CATCH_UP", 0.1)
    async with served() as post:
        facilitator = (await house.staff("facilitator"))["facilitator"]
        await gives_address(house, facilitator)
        await house.member(state="active")
        await house.plan_session(timedelta(minutes=25))
        for method in ("getMe", "sendMessage", "getUpdates"):
            house.world.faults.add(method, ErrorAnswer(502, "Bad Gateway"), times=None)
        await house.stop()
        more = {"smtp_url": f"smtp://127.0.0.1:{post.port}", "mail_from": "notes@assistant.example"}
        house.settings = type(house.settings)(_env_file=None, **(house.settings.model_dump() | more))
        await house.start()
        for seconds in (5, 11 * 60, 61, 11, 50, 11, 61, 11):
            await asyncio.sleep(0.3)
            house.clock.advance(timedelta(seconds=seconds))
        assert (await mailed(house, post, 1))[0].startswith("K-101 · ")
        assert house.bot.duties.inlet.is_away()
        house.world.faults.clear()
        async with asyncio.timeout(20):
            while not facilitator.shows("K-101"):
                await asyncio.sleep(0.1)
                house.clock.advance(timedelta(seconds=5))


async def test_a_wrong_token_ends_the_process(house: House) -> None:
    """A token that Telegram does not know is raised as such, so that the command line can say it in a line."""
    await house.stop()
    wrong = {"bot_token": SecretStr("110201543:of-another-bot")}
    house.settings = type(house.settings)(_env_file=None, **(house.settings.model_dump() | wrong))
    with pytest.raises(InvalidToken):
        await wiring.run(house.settings)
