"""A story for each row of docs/privacy/threat-model.md that software can act on and that is told nowhere else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp

from bot.simulator.faults import ErrorAnswer
from bot.simulator.phone import Phone
from bot.usecases import neutral
from bot.usecases.privacy import BUTTONS
from flows import lines
from tests.acceptance.house import House
from tests.acceptance.rights import TYPED
from tests.acceptance.stories import ALIAS, READY, WELCOME, asked, reads, sent, words
from tests.acceptance.test_rights import moving
from tests.acceptance.test_tidy import sensitive

WORRIES: dict[str, tuple[str, ...]] = {
    "ST-13": ("hurt_self", "very_upset", "done"), "ST-12": ("wont_say",), "ST-15": ("recording",),
}  # fmt: skip
SO_LONG = timedelta(seconds=200)
"""Longer than Telegram keeps a pressed button."""
NOT_NOW = {reads(line) for line in (neutral.DOOR, neutral.HELP, *lines.CLOSINGS.values())}


async def worried(house: House) -> tuple[Phone, dict[str, Phone]]:
    """A participant whose self-test is full of worries and of words typed on the way, and staff who were told."""
    await house.plan_session()
    staff = await house.staff()
    phone = await house.participant()
    await house.selftest(phone)
    await house.walk(phone, READY | WORRIES, until="ST-13")
    await house.write(phone, TYPED)
    await house.walk(phone, READY | WORRIES)
    return phone, staff


async def logged(house: House, subject: str) -> list[tuple[str, str]]:
    """Deed and actor of every entry of the audit log about it."""
    async with house.unit() as unit:
        return [(entry.action, entry.actor) for entry in await unit.audit.of_subject(subject)]


async def with_settings(house: House, **more: Any) -> None:
    """The bot starts anew with other settings."""
    await house.stop()
    house.settings = type(house.settings)(_env_file=None, **(house.settings.model_dump() | more))
    await house.start()
    await house.quiet()


# The participant gaming it


async def test_nothing_shows_what_staff_do_about_a_case(house: House) -> None:
    """S-03, S-22: taken on, opened, seen by partner support or resolved: not one call to the participant follows."""
    phone, staff = await worried(house)
    since = len(phone.log)
    for case in await house.cases():
        for role in ("facilitator", "duty", "manager"):
            for deed in ("ack", "details", "resolve"):
                await house.write(staff[role], f"/{deed} {case.ref}")
        await house.write(staff["partner_support"], f"/details {case.ref}")
        await house.write(staff["partner_support"], f"/seen {case.ref}")
    assert phone.log[since:] == []


# Somebody else holds the phone


async def test_the_phone_a_quarter_of_an_hour_later(house: House) -> None:
    """S-01, S-05, S-43: whoever picks it up reads neutral lines, each command asks the door, and *not my chat* tells staff."""
    phone, staff = await worried(house)
    await house.later(minutes=8)
    await house.later(minutes=8)
    assert [message.text for message in sensitive(phone)] == []
    for command in ("/menu", "/selftest", "/ready", "/privacy", "/start", "/details K-101"):
        since = len(phone.log)
        await house.write(phone, command)
        assert set(words(phone, since)) <= {*NOT_NOW, reads(neutral.UNKNOWN)}, command
    await house.write(phone, "/menu")
    assert "not_the_person" not in await house.concerns()
    since = len(staff["facilitator"].log)
    await house.press(phone, "DOOR:not_me")
    assert phone.last.text in NOT_NOW
    assert "not_the_person" in await house.concerns()
    assert any("safety" in text for text in words(staff["facilitator"], since))


async def test_whoever_lies_at_the_door(house: House) -> None:
    """S-05, S-45: says *it is me*, reads what may come next and nothing of before; a copy asked for does not come there."""
    phone, staff = await worried(house)
    await house.later(minutes=8)
    await house.later(minutes=8)
    since = len(phone.log)
    answered = {choice for row in await house.answers(phone) for choice in row.choices}
    assert "hurt_self" in answered
    await house.write(phone, "/privacy")
    await house.press(phone, "DOOR:yes")
    await house.press(phone, "PRIV:copy")
    await house.press(phone, "PRIV:yes.copy")
    await house.write(phone, "/menu")
    await house.later(hours=20)
    read = "\n".join(words(phone, since))
    assert reads(BUTTONS["copy"]) in {button.text for m in sent(phone, since) for button in m.buttons}
    label = next(
        choice.label
        for step in house.bot.desk.library.newest("self_test").script.steps
        for choice in step.choices
        if choice.id == "hurt_self"
    )
    for told in (TYPED, ALIAS, "K-10", label):
        assert told not in read
    assert any("R-" in text and ALIAS not in text for text in words(staff["administrator"]))


# A stolen phone of staff


async def test_a_stolen_phone_of_staff(house: House) -> None:
    """S-21, S-44: once the new account is open, details are gone from the stolen phone, and it is a stranger's."""
    _, staff = await worried(house)
    stolen, new = staff["facilitator"], Phone(house.world, "facilitator anew")
    await house.write(stolen, "/ack K-101")
    await house.write(stolen, "/details K-101")
    assert stolen.shows(TYPED)
    await new.start(await moving(house, stolen))
    await house.quiet()
    assert [m.text for m in stolen.messages if m.from_bot] == [reads(neutral.LEFT)]
    since = len(stolen.log)
    for command in ("/case", "/details K-101", "/roster"):
        await house.write(stolen, command)
    await stolen.expect(reads(neutral.STRANGER))
    assert words(stolen, since) == [reads(neutral.STRANGER)]
    await house.write(new, "/case")
    assert new.shows("K-101")


# Curious staff


async def test_looking_without_cause_leaves_a_trace(house: House) -> None:
    """S-21, R-16: each opening, and each try by somebody without a part in it, stands in the log by their id."""
    _, staff = await worried(house)
    case = (await house.cases())[0]
    reader, curious = staff["facilitator"], staff["administrator"]
    await house.write(reader, f"/details {case.ref}")
    for tried in (f"/details {case.ref}", f"/case {case.ref}", f"/strike {case.ref}", "/roster", "/release"):
        await house.write(curious, tried)
    for text in words(curious):
        assert ALIAS not in text
        assert TYPED not in text
    entries = await logged(house, case.id)
    assert ("case.details", (await house.person(reader)).id) in entries
    refused = {action for action, actor in entries if actor == (await house.person(curious)).id}
    assert any(action.endswith("refused") for action in refused), entries
    async with house.unit() as unit:
        assert (await unit.audit.verify()).faults == ()


# Telegram itself


async def test_what_passes_through_telegram_names_nobody(house: House) -> None:
    """S-20, S-40: no alias, group, case or id of ours is in any text or button to a participant, from the link on."""
    phone, staff = await worried(house)
    await house.write(phone, "/privacy")
    await house.later(hours=3)
    person = await house.person(phone)
    ours = [ALIAS, house.group.name, person.id, "K-10", *(f"{role} one" for role in staff)]
    for message in sent(phone):
        shown = "\n".join([message.text, *(f"{b.text} {b.data}" for b in message.buttons)])
        assert [word for word in ours if word in shown] == []
    assert WELCOME.keys() < {row.step for row in await house.answers(phone)}, "the whole way was looked at"


# A token in wrong hands


async def test_somebody_else_takes_the_updates(house: House) -> None:
    """R-11, S-31: another program with the token is an outage: staff are told afterwards, and what is open is asked again."""
    await house.plan_session()
    staff = await house.staff("administrator", "facilitator", "duty")
    phone = await house.member()
    await house.selftest(phone)
    conflict = ErrorAnswer(409, "Conflict: terminated by other getUpdates request")
    house.world.faults.add("getUpdates", conflict, times=None)
    phone.write("taken by the other one")
    async with asyncio.timeout(40):
        while not house.bot.duties.inlet.is_away():
            await asyncio.sleep(0.05)
    house.clock.advance(SO_LONG)
    house.world.updates.clear()
    house.world.faults.clear()
    async with asyncio.timeout(40):
        while house.bot.duties.inlet.is_away():
            await asyncio.sleep(0.05)
    await house.later(minutes=1)
    for who in ("administrator", "facilitator", "duty"):
        assert staff[who].shows("The assistant was away from")
    assert reads(neutral.BACK_AGAIN) in words(phone)


async def test_a_token_that_was_revoked(house: House) -> None:
    """S-01, S-30: with the new token everybody is who they were and the test goes on; the old one opens nothing."""
    await house.plan_session()
    await house.staff()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-02")
    old = house.world.token
    house.world.token = f"{house.world.bot['id']}:another-token-of-no-real-bot"
    await with_settings(house, bot_token=house.world.token)
    await house.walk(phone, READY)
    assert asked(phone) == []
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert readiness.level == "ready"
    base = house.settings.bot_api_url
    async with aiohttp.ClientSession() as session:
        for token, status in ((old, 401), (house.world.token, 200)):
            async with session.get(f"{base}{token}/getMe") as response:
                assert response.status == status
