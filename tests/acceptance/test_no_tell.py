"""Nothing in the chat tells that an answer worried anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.library import Library
from flows.script import Script
from tests.acceptance.house import House, open_house
from tests.acceptance.stories import READY, published

Call = tuple[Any, ...]


def without_concerns(library: Library) -> Library:
    """The same scripts, raising nothing. Verdicts, tips and closings stay: they are what the script shows."""
    return Library.of(library.catalogue, [_bare(playable.script) for playable in library.scripts.values()])


def _bare(script: Script) -> Script:
    steps = tuple(
        step.model_copy(update={"choices": tuple(c.model_copy(update={"raises": ()}) for c in step.choices)})
        for step in script.steps
    )
    rules = tuple(rule.model_copy(update={"raises": ()}) for rule in script.rules)
    defer = script.defer.model_copy(update={"raises": ()}) if script.defer else None
    return script.model_copy(update={"steps": steps, "rules": rules, "defer": defer})


async def worrying(house: House) -> list[Call]:
    """A day full of worrying answers, new and late, by button and by text; the calls it made to the participants."""
    await house.staff()
    await house.plan_session()
    phone = await house.member()
    await house.selftest(phone)
    old = [b.data for m in phone.messages for b in m.buttons if b.data and b.data.count(":") == 2]
    worries = {
        "ST-07": ("other_home",), "ST-08": ("partner", "children", "done"), "ST-10": ("no",),
        "ST-13": ("very_upset", "hurt_self", "hurt_someone", "done"), "ST-12": ("some",), "ST-11": ("no",),
        "ST-02": ("shared",), "ST-01": ("phone",), "ST-03": ("no", "no"), "ST-15": ("recording",),
    }  # fmt: skip
    await house.walk(phone, READY | worries, until="ST-13")
    for data in old:
        phone.press_message(phone.log[-1].message.message_id, data)
        await house.quiet()
    await house.write(phone, "words where a button was expected")
    await house.walk(phone, READY | worries, until="ST-16")
    await house.press(phone, "ST-16:continue")
    await house.later(minutes=5)
    await house.write(phone, "/menu")
    await house.press(phone, "MENU:after")
    await house.walk(phone, {"AS-01": ("hurt_self", "done"), "AS-02": ("yes",), "AS-04": ("no_plan", "done")})
    await house.later(hours=5)
    await house.write(phone, "/menu")
    await house.press(phone, "DOOR:yes")
    await house.press(phone, "MENU:start")
    await house.walk(phone, {"RS-L1": ("yes",), "RS-L2": ("public",), "RS-L3": ("partner_others",)})
    near = await house.member("P-09")
    await house.plan_session()
    await house.selftest(near)
    await house.walk(near, READY | {"ST-08": ("partner", "done"), "ST-09": ("yes",)})
    new = await house.participant({"WE-01": ("shared",)})
    other = await house.participant({"WE-12": ("ask", "decline")})
    return calls_to(house, {phone.id, near.id, new.id, other.id})


def calls_to(house: House, chats: set[int]) -> list[Call]:
    """The calls into these chats, with time and order, without the random part of a button's data."""
    found: list[Call] = []
    for when, method, params in house.world.calls:
        if params.get("chat_id") in chats:
            kept = {name: _plain(value) for name, value in params.items()}
            found.append((when - house.world.calls[0][0], method, kept))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: item.rpartition(".")[2] + item.partition(":")[0] + item.split(":")[1]
            if name == "callback_data" and item.count(":") == 2
            else _plain(item)
            for name, item in value.items()
        }
    return [_plain(item) for item in value] if isinstance(value, list) else value


async def test_the_chat_is_the_same_without_concerns(database: Path, tmp_path: Path, migrated: bytes) -> None:
    """S-03: with all concerns taken out of the scripts the calls to participants are identical, in order and time."""
    async with open_house(database) as house:
        with_concerns = await worrying(house)
        raised = set(await house.concerns())
    other = tmp_path / "other.db"
    other.write_bytes(migrated)
    async with open_house(other, library=without_concerns(published())) as house:
        without = await worrying(house)
        assert set(await house.concerns()) == {"unreadable_answer"}
    assert len(raised) > 15
    assert len(with_concerns) > 100
    assert with_concerns == without
