"""Another language at any time: what is asked is asked again in it, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.simulator.phone import Phone
from bot.texts import own_name
from bot.usecases import neutral
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import ALIAS, ALONE, READY, asked

CHOICE = ("en", "de", "sv")


def question(phone: Phone) -> str:
    """The text of the script's question that stands in the chat."""
    data = asked(phone)
    return next(m.text for m in reversed(phone.messages) if [b.data for b in m.buttons] == data)


async def switch(house: House, phone: Phone, language: str) -> None:
    """Choose the language by its button."""
    await house.write(phone, "/language")
    await house.press(phone, f"LANG:{language}")


async def answered(
    database: Path, *, switching: bool, old: bool = False
) -> list[tuple[str, int, tuple[str, ...]]]:
    """The answers of a self-test, with another language before each press; `old` presses the former buttons."""
    async with open_house(database, languages=CHOICE) as house:
        await house.plan_session()
        phone = await house.member()
        await house.selftest(phone)
        turn = 0
        for step in ALONE:
            for choice in READY[step]:
                before, standing = question(phone), phone.last
                if switching:
                    turn += 1
                    await switch(house, phone, CHOICE[turn % len(CHOICE)])
                    assert asked(phone)[0].startswith(f"{step}:")
                    assert question(phone) != before
                if old:
                    data = next(
                        b.data for b in standing.buttons if (b.data or "").startswith(f"{step}:{choice}:")
                    )
                    house.world.press(standing, phone.id, data or "")
                    await house.quiet()
                else:
                    await house.press(phone, f"{step}:{choice}")
        readiness = await house.readiness(phone)
        assert readiness is not None
        assert readiness.level == "ready"
        assert await house.cases() == []
        return [(row.step, row.version, row.choices) for row in await house.answers(phone)]


@pytest.mark.parametrize("old", [False, True])
async def test_another_language_at_every_step(tmp_path: Path, migrated: bytes, old: bool) -> None:
    """With a switch before every press the answers are the same, by the new buttons and by the former ones."""
    files = [tmp_path / name for name in ("straight.db", "switching.db")]
    for file in files:
        file.write_bytes(migrated)
    straight = await answered(files[0], switching=False)
    assert await answered(files[1], switching=True, old=old) == straight


async def test_ticks_stay(database: Path) -> None:
    """What is ticked but not sent with Done stays ticked in the other language."""
    async with open_house(database, languages=CHOICE) as house:
        await house.plan_session()
        phone = await house.member()
        await house.selftest(phone)
        await house.walk(phone, READY, until="ST-14")
        await house.press(phone, "ST-14:chair")
        await switch(house, phone, "de")
        assert sum(b.text.startswith("✓") for m in phone.messages for b in m.buttons) == 1


async def test_behind_a_closed_door_the_door_is_asked_in_it(database: Path) -> None:
    """S-01: a new language after a while shows no question; the door stands before it, in the new language."""
    async with open_house(database, languages=CHOICE) as house:
        await house.plan_session()
        phone = await house.member()
        await house.selftest(phone)
        await house.later(minutes=11)
        since = len(phone.log)
        await switch(house, phone, "de")
        assert not any(
            e.message.protected for e in phone.log[since:] if e.what == "sent" and e.message.from_bot
        )
        assert phone.last.text == house.bot.desk.texts.say("de", "neutral", neutral.DOOR.msgid)
        await house.press(phone, "DOOR:yes")
        assert asked(phone)[0].startswith("ST-07:")


@pytest.mark.parametrize(
    ("code", "language"),
    [("de-AT", "de"), ("sv", "sv"), ("nn", "en"), ("sr", "en"), ("", "en"), ("en-GB", "en")],
)
async def test_the_first_question_is_in_telegrams_language(database: Path, code: str, language: str) -> None:
    """At the first contact the choice is said in Telegram's language, or in English; the list names each in itself."""
    async with open_house(database, languages=CHOICE) as house:
        phone = Phone(house.world, "participant", language=code)
        await phone.start(await house.invite("participant", ALIAS))
        await house.quiet()
        assert phone.last.text == house.bot.desk.texts.say(
            language, "neutral", "Please choose your language."
        )
        assert [b.text for b in phone.last.buttons] == [own_name(one) for one in CHOICE]


async def test_drafts_are_not_offered_and_still_served(database: Path) -> None:
    """Without VESTIBULE_DRAFTS a draft cannot be chosen any more; whoever has it is still served in it."""
    async with open_house(database, languages=CHOICE) as house:
        phone = await house.member()
        await switch(house, phone, "de")
        house.settings = house.settings.model_copy(update={"drafts": "no"})
        await house.stop()
        await house.start()
        assert house.bot.desk.languages == ("en",)
        await house.write(phone, "/language")
        assert phone.last.text == house.bot.desk.texts.say("de", "neutral", "Please choose your language.")
        assert [b.text for b in phone.last.buttons] == ["English"]
