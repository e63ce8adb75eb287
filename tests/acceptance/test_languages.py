"""Another language at any time: what is asked is asked again in it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from bot.simulator.phone import Phone
from bot.simulator.records import Message
from bot.texts import GettextTexts, from_right, languages, own_name
from bot.usecases import neutral
from bot.usecases.facts import params_for
from flows.effects import Line
from flows.lines import BACK, CONTINUE, DONE, NOBODY_ON_DUTY, PAUSE
from flows.script import Step
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import ALIAS, READY, asked, published

CHOICE = ("en", "de", "sv")
EVERY = languages()
WITH_CHILDREN = READY | {"ST-08": ("children", "done")}  # leads by ST-09, ST-10 and ST-11
OUTCOMES: dict[str, dict[str, tuple[str, ...]]] = {
    "ready": WITH_CHILDREN,
    "to_fix": WITH_CHILDREN | {"ST-03": ("no", "no"), "ST-05": ("none",), "ST-15": ("open", "open")},
    "hold": WITH_CHILDREN | {"ST-10": ("no",), "ST-03": ("no", "no"), "ST-02": ("shared",)},
}
TO_FIX = (
    ("ST-03", "The camera, with your face in good light"),
    ("ST-05", "Headphones with a microphone"),
    ("ST-15", "Other windows, apps and calls closed"),
)
TEXTS = GettextTexts()


@dataclass
class Taken:
    """A self-test that is taken in a house: what it came to, and by which languages it went."""

    answers: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    level: str = ""
    concerns: list[str] = field(default_factory=list)
    asked_in: list[tuple[str, str]] = field(default_factory=list)


def question(phone: Phone) -> Message:
    """The script's question that stands in the chat."""
    data = asked(phone)
    return next(m for m in reversed(phone.messages) if [b.data for b in m.buttons] == data)


async def switch(house: House, phone: Phone, language: str) -> None:
    """Choose the language by its button."""
    await house.write(phone, "/language")
    await house.press(phone, f"LANG:{language}")


def lines_of(step: Step, level: str) -> list[Line]:
    """What the self-test says at a step once the language has changed. Nobody is on duty in this house (S-07)."""
    text = Line(f"self_test/{step.id}", step.texts[level] if step.kind == "result" else step.text)
    open_points = TO_FIX if step.kind == "result" and level == "to_fix" else ()
    points = [Line(f"self_test/{at}", fix, item=True) for at, fix in open_points]
    return [*([NOBODY_ON_DUTY] if step.risk else []), text, *points]


def labels_of(step: Step, level: str, ticked: Sequence[str], language: str) -> list[str]:
    """The buttons of a step from the top, and in a row as the language reads."""
    self_test = published().newest("self_test").script
    shown = [c for c in step.choices if c.id != "missing" and (step.kind != "result" or level == "to_fix")]
    labels = [("✓ " * (c.id in ticked), Line(f"self_test/{step.id}", c.label)) for c in shown]
    if step.kind == "result":
        labels += [("", CONTINUE)]
    else:
        assert self_test.defer is not None
        last = [BACK, PAUSE] if step.id != "ST-07" else [PAUSE]
        labels += [("", DONE)] if step.kind == "many" else []
        labels += [("", Line("self_test/defer", self_test.defer.label))]
        labels += [("", one) for one in (last[::-1] if from_right(language) else last)]
    return [mark + TEXTS.line(language, label) for mark, label in labels]


async def asked_again(house: House, phone: Phone, step: Step, ticked: Sequence[str], language: str) -> None:
    """Switch; the step stands in the new language, word for word, with its ticks and the same buttons."""
    since, before = len(phone.log), sorted(asked(phone))
    await switch(house, phone, language)
    assert sorted(asked(phone)) == before, "the same buttons, of the same asking"
    readiness = await house.readiness(phone)
    level = readiness.level if readiness else "ready"
    person = await house.person(phone)
    assert person.language == language
    params = params_for(person, house.programme, house.session)
    wanted = [("• " if one.item else "") + TEXTS.line(language, one, params) for one in lines_of(step, level)]
    new = [e.message for e in phone.log[since:] if e.what == "sent" and e.message.protected]
    assert "\n\n".join(message.text for message in new) == "\n\n".join(wanted)
    assert new[-1] is question(phone)
    assert [b.text for b in question(phone).buttons] == labels_of(step, level, ticked, language)


async def taken(database: Path, outcome: str, *, switching: bool, old: bool = False) -> Taken:
    """A self-test, with another language before each press; `old` presses the former buttons."""
    test, turns = Taken(), count(list(OUTCOMES).index(outcome) * 5 + 3 * old + 1)
    async with open_house(database, languages=EVERY) as house:
        assert house.bot.desk.languages == EVERY, "every one is offered"
        await house.plan_session()
        phone = await house.member()
        await house.selftest(phone)
        for name, choices in OUTCOMES[outcome].items():
            step = published().newest("self_test").step(name)
            for number, choice in enumerate(choices):
                assert asked(phone)[0].startswith(f"{name}:")
                former = question(phone)
                if switching:
                    test.asked_in.append((name, EVERY[next(turns) % len(EVERY)]))
                    ticked = choices[:number] if step.kind == "many" else ()
                    await asked_again(house, phone, step, ticked, test.asked_in[-1][1])
                if old:
                    data = next(b.data for b in former.buttons if f"{name}:{choice}:" in (b.data or ""))
                    house.world.press(former, phone.id, data or "")
                    await house.quiet()
                else:
                    await house.press(phone, f"{name}:{choice}")
        readiness = await house.readiness(phone)
        assert readiness is not None
        assert readiness.final
        assert asked(phone) == [], "it is over"
        test.level, test.concerns = readiness.level, await house.concerns()
        test.answers = [(row.step, row.version, row.choices) for row in await house.answers(phone)]
        return test


@pytest.mark.parametrize("outcome", list(OUTCOMES))
async def test_another_language_at_every_step(tmp_path: Path, migrated: bytes, outcome: str) -> None:
    """A switch before every press changes nothing but the words: by the new buttons and by the former ones the same
    is answered, raised and decided, at each of the sixteen steps and through every language."""
    found = []
    for name, switching, old in (("straight", False, False), ("new", True, False), ("former", True, True)):
        file = tmp_path / f"{name}.db"
        file.write_bytes(migrated)
        found.append(await taken(file, outcome, switching=switching, old=old))
    straight, *others = found
    assert straight.level == outcome
    for other in others:
        assert (other.answers, other.level, other.concerns) == (
            straight.answers, straight.level, straight.concerns,
        )  # fmt: skip
        assert {step for step, _ in other.asked_in} == {f"ST-{n:02}" for n in range(1, 17)}
        assert {language for _, language in other.asked_in} == set(EVERY)


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


async def test_a_language_can_be_typed(database: Path) -> None:
    """`/language de` chooses as the button does, also before the first choice; what is not offered gets the list."""
    async with open_house(database, languages=CHOICE) as house:
        phone = Phone(house.world, "participant")
        await phone.start(await house.invite("participant", ALIAS))
        await house.quiet()
        for typed in ("/language fr", "/language xx and more"):
            await house.write(phone, typed)
            assert [b.text for b in phone.last.buttons] == [own_name(one) for one in CHOICE]
        await house.write(phone, "/language de-AT")
        assert phone.last.text == house.bot.desk.texts.say("de", "neutral", neutral.DOOR.msgid)
        assert not [m for m in phone.messages if any(b.data.startswith("LANG:") for b in m.buttons)]
        await house.press(phone, "DOOR:yes")
        first = phone.last.text
        await house.write(phone, "/language SV")
        assert (phone.last.text != first, asked(phone)[0].split(":")[0]) == (True, "WE-01")
        assert phone.last.text == house.bot.desk.texts.line("sv", Line("welcome/WE-01", welcome_asks()))


def welcome_asks() -> str:
    """The welcome's first question, in English."""
    return published().newest("welcome").script.step("WE-01").text


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
