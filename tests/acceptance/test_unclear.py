"""What nobody asked for: voice, stickers, strange letters, old buttons, many taps, malformed updates, faults."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from bot.usecases import neutral
from flows.effects import Line
from flows.steps.choose import Choose
from tests.acceptance.house import House
from tests.acceptance.stories import READY, asked, reads, words

STEERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks of direction: the words are shown, what would turn others around is not."""
STRANGE = {
    "long": "x" * 4096,
    "right to left": "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "html": "<b>bold</b> <a href='tg://user?id=1'>x</a> &lt; </",
    "markdown": "*a* _b_ [c](d) `e` \\",
    "null bytes": "a\x00b\x00",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "braces": "{emergency_number} {0} %s %(x)s",
}


async def test_strange_text_at_a_risk_question(house: House) -> None:
    """S-23: any text where a button was expected is asked again, and at a risk question staff are told at once."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.press(phone, "ST-07:usual_room")
    for kind, text in STRANGE.items():
        await house.write(phone, text)
        assert phone.last.text.startswith(
            "Please use the buttons below the message. Staff can read what you wrote."
        ), kind
        assert asked(phone)[0].startswith("ST-08"), kind
        assert await house.concerns() == ["unreadable_answer"], kind
        assert all(text[:3] not in alert for alert in words(facilitator)), kind
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(facilitator, "CASE:details:K-101")
    read = STEERING.sub("", "\n".join(words(facilitator)))
    for kind, text in STRANGE.items():
        seen = STEERING.sub("", text[:200].replace("\x00", "")).strip()
        assert seen in read, f"staff can read all of it: {kind}"
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")


@pytest.mark.parametrize("kind", ["voice", "photo", "sticker", "edited"])
async def test_media(house: House, kind: str) -> None:
    """S-23: voice, photo, sticker and edits are never fetched nor taken for an answer; staff are told."""
    await house.plan_session()
    await house.staff("facilitator", "tech")
    phone = await house.member()
    await house.selftest(phone)
    own = next(message.message_id for message in phone.messages if not message.from_bot)
    send: Callable[[int], object] = {
        "voice": lambda _: phone.send_voice(), "photo": lambda _: phone.send_photo("a caption"),
        "sticker": lambda _: phone.send_sticker(), "edited": lambda n: phone.edit(own, f"changed {n}"),
    }[kind]  # fmt: skip
    since = len(phone.log)
    send(1)
    await house.quiet()
    assert words(phone, since)[-1].startswith(
        "Please use the buttons below the message. Staff can read what you wrote."
    )
    assert await house.cases() == [], "outside the risk questions it is asked again first"
    send(2)
    await house.quiet()
    assert await house.concerns() == ["unreadable_answer"]
    assert "getFile" not in {method for _, method, _ in house.world.calls}
    assert [a.kind for a in await house.answers(phone)] == ["unclear", "unclear"]


async def test_a_text_question_takes_any_text(house: House) -> None:
    """S-23: free text is kept as it was written, whatever markup it pretends to be."""
    phone = await house.member()
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    await house.press(phone, "MENU:end")
    texts = [
        STRANGE["html"] + STRANGE["markdown"],
        STRANGE["braces"] + STRANGE["right to left"],
        STRANGE["long"],
    ]
    await house.write(phone, texts[0])
    for text in texts[1:]:
        await house.press(phone, "RE-A2:back")
        await house.write(phone, text)
    assert [a.text for a in await house.answers(phone)] == texts
    assert [a.version for a in await house.answers(phone)] == [1, 2, 3]


async def test_an_old_button(house: House) -> None:
    """A button of an old message gets a short neutral line and the current question again."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    old = phone.shows("ST-07:usual_room")
    assert old is not None
    data = next(b.data for b in old.buttons if b.data and b.data.startswith("ST-07:car"))
    await house.walk(phone, READY, until="ST-02")
    since = len(phone.log)
    phone.press_message(old.message_id, data)
    await house.quiet()
    assert words(phone, since)[0] == "That button belonged to an earlier message."
    assert asked(phone)[0].startswith("ST-02")
    assert "in_public" in await house.concerns(), "what the old button means is not lost"


async def test_a_button_of_another_conversation(house: House) -> None:
    """A button of a visit that is over gets the neutral line; nothing of the old visit is shown again."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    old = next(b.data for m in phone.messages for b in m.buttons if b.data and b.data.startswith("ST-07:car"))
    await house.walk(phone, READY)
    since = len(phone.log)
    phone.press_message(phone.log[-1].message.message_id, old)
    await house.quiet()
    [text] = words(phone, since)
    assert text.startswith("That button belonged to an earlier message.")
    assert text.endswith("Please wait for a message from us before you join."), "it made a hold of it (S-08)"
    assert await house.concerns() == ["in_public"]


GARBLED = (
    "", ":", "X", "ST-13:hurt_self", "ST-13:hurt_self:", "NOPE:nope:0123456789ab.1", "MENU:nope", "DOOR:nope",
    "LANG:xx", "CASE:take:K-101", "REL:rs_h1:0123", "ST-07:car:\x00", "a" * 64, "ST-07:car:ffffffffffff.z",
)  # fmt: skip


async def test_garbled_buttons(house: House) -> None:
    """Callback data that no button of ours has changes nothing and breaks nothing."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    for data in GARBLED:
        house.world.press(phone.last, phone.id, data)
        await house.quiet()
    assert await house.cases() == []
    assert [row[-1] for row in house.tables()["seen"] if row[-1]] == []
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")


async def test_the_door_tapped_twice(house: House) -> None:
    """Two taps on the door at once open what it stood before, once."""
    await house.plan_session()
    phone = await house.member()
    await house.write(phone, "/selftest")
    button = phone.last
    for _ in range(5):
        house.world.press(button, phone.id, "DOOR:yes")
    await house.quiet()
    assert asked(phone)[0].startswith("ST-07")
    assert not phone.shows("MENU:selftest")


async def test_a_copy_of_the_door_that_a_crash_left(house: House) -> None:
    """R-10, S-43: pressing a copy that nothing is known of leads to the menu, never to silence, and takes it away."""
    await house.plan_session()
    phone = await house.member()
    await house.write(phone, "/selftest")
    door = phone.last
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, READY)
    copy = house.world.put(phone.id, door)
    house.world.press(copy, phone.id, "DOOR:yes")
    await house.quiet()
    assert phone.shows("What would you like to do?")
    assert not phone.shows("DOOR:yes")


async def test_ten_taps_at_once(house: House) -> None:
    """Ten taps in one batch: each step is answered once, in order, and the last question stands once."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    button = phone.last
    data = [b.data for b in button.buttons if b.data]
    for tap in itertools.islice(itertools.cycle([data[0], data[1]]), 10):
        house.world.press(button, phone.id, tap)
    await house.quiet()
    answers = [(a.step, a.version, a.choices) for a in await house.answers(phone)]
    assert answers[0] == ("ST-07", 1, ("usual_room",))
    assert {step for step, _, _ in answers} == {"ST-07"}
    assert asked(phone)[0].startswith("ST-08")
    assert sum(any(b.data and b.data.startswith("ST-08") for b in m.buttons) for m in phone.messages) == 1
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")


async def test_quick_toggles(house: House) -> None:
    """The ticks of a question with several answers can be tapped faster than the bot answers."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-14")
    button = phone.last
    for data in [
        b.data for b in button.buttons if b.data and b.data.split(":")[1] not in ("back", "pause", "defer")
    ]:
        house.world.press(button, phone.id, data)
    await house.quiet()
    assert asked(phone)[0].startswith("ST-15")
    assert [a.choices for a in await house.answers(phone) if a.step == "ST-14"] == [
        ("chair", "dressed", "no_food_smoke", "real_background")
    ]


async def test_malformed_updates_among_good_ones(house: House) -> None:
    """A malformed update among good ones: the good ones are handled, in order, and the bot goes on."""
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    bad: list[dict[str, object]] = [
        {"message": {"text": "no chat"}},
        {"message": "not an object"},
        {"callback_query": {"id": 7, "from": [], "data": {}}},
        {"edited_message": {"message_id": "x", "chat": {"id": phone.id, "type": "private"}}},
        {"a_kind_of_tomorrow": {"x": 1}},
        {"update_id": 2**70, "message": {}},
        {},
    ]
    for body in bad[:4]:
        house.world.updates.add_raw(dict(body))
    phone.press("ST-07:usual_room")
    for body in bad[4:]:
        house.world.updates.add_raw(dict(body))
    await phone.expect("ST-08:nobody")
    await house.walk(phone, READY, until="ST-10")
    phone.write("/help")
    await phone.expect(reads(neutral.HELP))


async def test_a_malformed_answer_at_a_risk_question(house: House) -> None:
    """S-23: an update that cannot be read, from somebody at a risk question, never counts as fine: staff are told."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    chat = {"id": phone.id, "type": "private"}
    house.world.updates.add_raw({"message": {"message_id": "x", "chat": chat, "text": ["torn"]}})
    await house.quiet()
    assert await house.concerns() == ["unreadable_answer"]
    assert facilitator.shows("K-101")
    assert asked(phone)[0].startswith("ST-13")


async def test_an_internal_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-23: our own fault gives the participant a neutral line, staff a case, and the update is recorded as seen."""
    await house.plan_session()
    facilitator = (await house.staff("facilitator"))["facilitator"]
    phone = await house.member()
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-12")

    def broken(*_: object) -> list[Line]:
        raise ZeroDivisionError("hurt_self is what they chose")

    since = len(phone.log)
    with monkeypatch.context() as patched:
        patched.setattr(Choose, "press", broken)
        await house.press(phone, "ST-12:some")
    assert words(phone, since) == [reads(neutral.TRY_AGAIN)]
    assert facilitator.shows("K-101")
    assert await house.concerns() == ["unreadable_answer"]
    [case] = await house.cases()
    assert case.raised[0].raised_by == "fault"
    faults = [row[-1] for row in house.tables()["seen"] if row[-1]]
    assert faults == ["ZeroDivisionError"]
    assert [a for a in await house.answers(phone) if a.step == "ST-12"] == [], "it never counts as fine"
    await house.press(phone, "ST-12:none")
    await house.walk(phone, READY, until="ST-16")
    assert phone.shows("everything is in place")
