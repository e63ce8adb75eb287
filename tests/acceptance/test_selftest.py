"""The self-test: what each way through it comes to, and what staff do about it."""

from __future__ import annotations

from datetime import timedelta

from tests.acceptance.house import House
from tests.acceptance.stories import ALONE, READY, asked, words


async def test_harm_to_self(house: House) -> None:
    """Somebody who might hurt themselves reads the help text with both numbers, and four roles are asked at once.

    Nobody takes it on, so the ladder climbs within minutes and asks again, for each role.
    """
    await house.plan_session()
    staff = await house.staff()
    phone = await house.member()
    await house.selftest(phone)
    since = len(phone.log)
    assert await house.walk(phone, READY | {"ST-13": ("hurt_self", "done")}) == ALONE
    text = next(text for text in words(phone, since) if "You do not have to be alone with this" in text)
    assert "call 999 now" in text
    assert "+44 1632 960000" in text
    assert phone.shows("You do not have to be alone with this"), "the help text stays when the test goes on"
    [case] = await house.cases()
    assert (case.urgency, case.kind) == ("now", "safety")
    assert set(await house.roles(case)) == {"F", "D", "M", "P"}
    for role in ("facilitator", "duty", "manager", "partner_support"):
        assert words(staff[role])[0].startswith("A person is needed now."), role
    assert words(staff["tech"]) == words(staff["administrator"]) == []
    before = {role: len(words(staff[role])) for role in ("facilitator", "duty", "manager", "partner_support")}
    await house.press(staff["duty"], "CASE:take:K-101")
    before["duty"] = len(words(staff["duty"]))
    await house.later(minutes=5)
    after = {role: len(words(staff[role])) for role in before}
    assert {role for role in before if after[role] > before[role]} == {"facilitator", "manager"}
    assert (await house.roles(case))["P"].rung == 3, (
        "nobody else is in partner support, so the manager was asked"
    )
    await house.later(minutes=5)
    assert len(words(staff["partner_support"])) > after["partner_support"], (
        "nobody yet, so all are asked again"
    )
    await house.later(minutes=5)
    assert len(words(staff["facilitator"])) > after["facilitator"]
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert readiness.level == "hold"


async def test_not_the_person(house: House) -> None:
    """S-05: whoever says it is not their chat gets the same closing as anybody, and staff are told."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator", "duty", "partner_support"))["facilitator"]
    known, new = await house.member(), await house.member("P-08")
    await house.selftest(known)
    await house.walk(known, READY | {"ST-13": ("very_upset", "done")})
    for phone in (known, new):
        since = len(phone.log)
        await house.write(phone, "/selftest")
        await house.press(phone, "DOOR:not_me")
        assert words(phone, since)[-1] == "Thank you. Nothing more is needed here."
        assert [m.text for m in phone.messages if m.protected] == [], "no history is shown"
    assert (await house.concerns()).count("not_the_person") == 2
    assert facilitator.shows("K-102")
    readiness = await house.readiness(new)
    assert readiness is not None
    assert (readiness.level, readiness.final) == ("hold", True)


async def test_not_the_person_without_anything_under_way(house: House) -> None:
    """S-05: at the door of the menu the closing is the same, and staff are told there too."""
    await house.staff("facilitator", "duty", "partner_support")
    phone = await house.member()
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:not_me")
    assert phone.last.text == "Thank you. Nothing more is needed here."
    assert await house.concerns() == ["not_the_person"]


async def test_not_now_at_the_door(house: House) -> None:
    """S-04: not now before a self-test is treated as somebody near; at the menu it is recorded, not alerted."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:later")
    assert (
        phone.last.text == "We stop here for now. Please come back later or from another place, with /menu."
    )
    assert await house.cases() == []
    person = await house.person(phone)
    async with house.unit() as unit:
        assert "door.later" in [entry.action for entry in await unit.audit.of_subject(person.id)]
    await house.write(phone, "/selftest")
    await house.press(phone, "DOOR:later")
    assert phone.last.text.endswith("Please wait for a message from us before you join.")
    assert await house.concerns() == ["other_nearby"]
    assert (await house.cases())[0].unasked[0] == "ST-07"
    assert facilitator.shows("K-101")


async def test_to_fix_and_again(house: House) -> None:
    """What is open is named with what to do about it; testing again can end ready."""
    await house.plan_session()
    await house.staff("tech", "facilitator")
    phone = await house.member()
    await house.selftest(phone)
    steps = await house.walk(phone, READY | {"ST-03": ("no", "no"), "ST-05": ("none",)}, until="ST-16")
    assert steps == ALONE[:-1]
    text = phone.last.text
    assert "Still open for" in text
    assert "The camera, with your face in good light" in text
    assert "Headphones with a microphone" in text
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert readiness.level == "to_fix"
    await house.press(phone, "ST-16:again")
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")
    await house.press(phone, "ST-16:continue")
    readiness = await house.readiness(phone)
    assert readiness is not None
    assert readiness.level == "ready"


async def test_tips_first(house: House) -> None:
    """A fault of the equipment gets tips and the question once more; solved then, it is no case."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-04": ("weak", "steady")}, until="ST-16")
    assert phone.shows("everything is in place")
    assert await house.cases() == []


async def test_stop_in_the_middle(house: House) -> None:
    """S-06: /stop with ticks not yet done raises them, leaves nothing sensitive on the phone and nothing queued."""
    await house.plan_session()
    staff = await house.staff("facilitator", "duty")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.press(phone, "ST-13:hurt_someone")
    assert await house.cases() == []
    await house.write(phone, "my own words on the way")
    await house.write(phone, "/stop")
    assert phone.last.text == "Stopped. When it suits you, send /menu."
    assert "harm_to_others" in await house.concerns()
    assert staff["duty"].shows("A person is needed now.")
    assert [m.text for m in phone.messages if m.protected] == []
    assert "my own words on the way" not in phone.screen()
    assert asked(phone) == []
    assert await house.waiting(phone) == []
    assert (await house.person(phone)).open_until is None
    await house.write(phone, "/menu")
    assert phone.shows("DOOR:yes"), "what was open is closed again"


async def test_stop_without_anything_open(house: House) -> None:
    """S-06: /stop works at any point, also when nothing is under way or the door is being asked."""
    phone = await house.member()
    await house.write(phone, "/stop")
    assert phone.last.text == "Stopped. When it suits you, send /menu."
    await house.write(phone, "/menu")
    await house.write(phone, "/stop")
    assert not phone.shows("DOOR:yes")
    assert phone.last.text == "Stopped. When it suits you, send /menu."


async def test_a_test_begun_late_is_for_the_next_session(house: House) -> None:
    """Without a session ahead there is nothing to test for, and it says so neutrally."""
    phone = await house.member()
    await house.write(phone, "/selftest")
    assert phone.last.text == "There is nothing to do here right now. You can send /menu at any time."
    await house.plan_session(timedelta(days=3))
    await house.selftest(phone)
    assert asked(phone)[0].startswith("ST-07")


async def test_a_second_concern_is_alerted_again(house: House) -> None:
    """S-33: a concern that joins a taken case, and one that is more urgent, each reach the people again."""
    await house.plan_session()
    staff = await house.staff("facilitator", "duty")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY | {"ST-07": ("shared_room",)}, until="ST-13")
    facilitator = staff["facilitator"]
    await house.press(facilitator, "CASE:take:K-101")
    since = len(facilitator.log)
    await house.walk(phone, READY | {"ST-13": ("very_upset", "done")}, until="ST-12")
    again = words(facilitator, since)
    assert len(again) == 1
    assert again[0].startswith("A person is needed before the session.")
    assert "Something new has come to this case (1), " in again[0]
    since = len(facilitator.log)
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(phone, "ST-12:back")
    await house.walk(phone, READY | {"ST-13": ("very_upset", "hurt_self", "done")}, until="ST-12")
    assert any(text.startswith("A person is needed now.") for text in words(facilitator, since))
    assert staff["duty"].shows("A person is needed now.")
    assert len(await house.cases()) == 1


async def test_a_test_lapses_with_its_session(house: House) -> None:
    """S-32: a test left open belongs to its session: after that it closes, and the next session's begins anew."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-12")
    old = phone.last
    await house.later(hours=4)
    assert asked(phone) == []
    house.world.press(old, phone.id, next(b.data for b in old.buttons if b.data))
    await house.quiet()
    assert asked(phone) == []
    assert not phone.shows("DOOR:yes")
    first = house.session
    await house.plan_session()
    await house.selftest(phone)
    assert asked(phone)[0].startswith("ST-07")
    assert house.session != first
    assert [v.status for v in await house.visits(phone)] == ["open", "done"]


async def test_not_now_about_something_else(house: House) -> None:
    """S-04: not now at the menu's door, with a paused test behind it, is recorded and closes nothing."""
    await house.plan_session()
    await house.staff("facilitator")
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-12")
    await house.press(phone, "ST-12:pause")
    await house.later(minutes=11)
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:later")
    assert await house.cases() == []
    assert [v.status for v in await house.visits(phone)] == ["paused"]
