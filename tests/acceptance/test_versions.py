"""Scripts change while people stand in them; languages change in the middle."""

from __future__ import annotations

import pytest

from bot.usecases.carry_out import MissingScript
from flows.library import Library
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import READY, WELCOME, asked, published


def with_second_version() -> Library:
    """A second version of the self-test and the welcome: other words, one question less, another agreement."""
    library = published()
    test, welcome = library.newest("self_test").script, library.newest("welcome").script
    steps = tuple(
        step.model_copy(update={"text": f"New words. {step.text[:500]}"})
        for step in test.steps
        if step.id != "ST-02"
    )
    points = tuple(
        step.model_copy(update={"text": f"New words. {step.text[:500]}"}) if step.kind == "agree" else step
        for step in welcome.steps
    )
    scripts = [playable.script for playable in library.scripts.values()]
    scripts.append(test.model_copy(update={"version": 2, "steps": steps}))
    scripts.append(welcome.model_copy(update={"version": 2, "steps": points}))
    return Library.of(library.catalogue, scripts)


async def test_a_visit_finishes_on_its_version(house: House) -> None:
    """S-34: a visit goes on with the version it began with after a newer one is published; the next one is new."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.stop()
    await house.start(library=with_second_version())
    steps = await house.walk(phone, READY)
    assert "ST-02" in steps
    assert not phone.shows("New words.")
    await house.selftest(phone)
    assert phone.shows("New words.")
    assert "ST-02" not in await house.walk(phone, READY)
    versions = [(v.script_version, v.status) for v in await house.visits(phone)]
    assert versions == [(2, "done"), (1, "done")]


async def test_an_agreement_keeps_its_version(house: House) -> None:
    """S-34: what was agreed to is kept with the version that was read."""
    first = await house.participant()
    await house.stop()
    await house.start(library=with_second_version())
    second = await house.participant()
    kept = []
    for phone in (first, second):
        async with house.unit() as unit:
            [agreement] = await unit.agreements.of_person((await house.person_in(unit, phone)).id)
        kept.append((agreement.script_version, agreement.language, agreement.points["WE-10"]))
    assert kept == [(1, "en", "agree"), (2, "en", "agree")]


async def test_no_start_without_the_version(house: House) -> None:
    """S-34: the bot refuses to start while an open visit stands on a version that is gone, and names it."""
    await house.plan_session()
    phone = await house.member()
    await house.stop()
    await house.start(library=with_second_version())
    await house.selftest(phone)
    await house.stop()
    with pytest.raises(MissingScript, match="self_test version 2"):
        await house.start()
    await house.start(library=with_second_version())
    await house.walk(phone, READY)
    await house.stop()
    await house.start()
    await house.quiet()


async def test_answers_keep_their_versions(house: House) -> None:
    """S-34: a changed answer is a further version; the earlier one stays as it was."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-08")
    await house.press(phone, "ST-08:back")
    await house.walk(phone, READY | {"ST-07": ("lent_room",)}, until="ST-08")
    rows = [(a.step, a.version, a.choices) for a in await house.answers(phone)]
    assert rows == [("ST-07", 1, ("usual_room",)), ("ST-07", 2, ("lent_room",))]


async def test_another_language_in_the_middle(database: object) -> None:
    """The language can be changed in the middle of a script: the question is asked again in the new one."""
    async with open_house(database, languages=("en", "de")) as house:  # type: ignore[arg-type]  # a fixture's path
        if "de" not in house.bot.desk.languages:
            pytest.skip("there is no second catalogue yet")
        await house.plan_session()
        phone = await house.participant()
        await house.selftest(phone)
        await house.walk(phone, READY, until="ST-12")
        english = phone.last.text
        await house.write(phone, "/language")
        await house.press(phone, "LANG:de")
        assert asked(phone)[0].startswith("ST-12")
        german = next(
            m.text for m in reversed(phone.messages) if any(b.data in asked(phone) for b in m.buttons)
        )
        assert "alcohol" in english
        assert "Alkohol" in german
        assert "alcohol" not in german
        assert (await house.person(phone)).language == "de"
        await house.walk(phone, READY, until="ST-16")
        readiness = await house.readiness(phone)
        assert readiness is not None
        assert readiness.level == "ready"


async def test_enrolment_in_german(database: object) -> None:
    """The language chosen first is the language of everything after it, the agreement's record included."""
    async with open_house(database, languages=("en", "de")) as house:  # type: ignore[arg-type]  # a fixture's path
        if "de" not in house.bot.desk.languages:
            pytest.skip("there is no second catalogue yet")
        from bot.simulator.phone import Phone

        phone = Phone(house.world, "participant", language="de")
        await phone.start(await house.invite("participant", "P-07"))
        await house.quiet()
        await house.press(phone, "LANG:de")
        await house.press(phone, "DOOR:yes")
        await house.walk(phone, WELCOME)
        async with house.unit() as unit:
            [agreement] = await unit.agreements.of_person((await house.person_in(unit, phone)).id)
        assert agreement.language == "de"
