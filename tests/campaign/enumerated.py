"""Every crash point of a turn, an escalation look, a schedule look and a delivery round, with every fault there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.ports.stores import StorageFault
from tests.bot.schedule.watching import FIRST as ANSWERS
from tests.campaign.base import FIRST, SESSION, Moment, moment
from tests.campaign.checker import ALWAYS, Broken, Checker
from tests.campaign.telegram import FAULTS
from tests.campaign.town import Life, Town
from tests.campaign.wire import Fault, Fuse, Killed, busy, full

IN_STORAGE: dict[str, Fault] = {"killed": Killed, "busy": busy, "full": full}
Work = Callable[[Life], Awaitable[None]]
PASSING = (
    "killed",
    "busy",
    "full",
    "429",
    "409",
    "500",
    "502",
    "reset_before",
    "hang",
    "reset_after",
    "malformed",
)
"""Faults after which everything ends as it would have without them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment, and the work that is broken in it at every point."""

    name: str
    at: Moment
    work: Work


@dataclass(frozen=True, slots=True)
class Point:
    """One variant: the fault at the step of that number, or at that call to Telegram."""

    scene: Scene
    fault: str
    step: int = 0
    call: int = 0


@dataclass
class Tally:
    """What came of the variants."""

    points: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


async def scenes(base: Moment, file: Path) -> list[Scene]:
    """The four, each prepared by what leads up to it."""
    town = base.again(file)
    town.clock.advance(timedelta(minutes=10))
    life = town.life(away=False)
    chat = FIRST
    await life.round()
    town.writes(chat, "selftest")
    await life.round()
    town.presses(chat, "DOOR:yes")
    await life.round()
    for press in (*ANSWERS[:1], "ST-08:partner", "ST-08:done"):
        town.presses(chat, _now(town, chat, press))
        await life.round()
    town.presses(chat, _now(town, chat, "ST-09:maybe"))
    turn = Scene("turn", await _kept(town, life), Life.take)

    town = turn.at.again(file)
    life = town.life(away=False)
    await life.take()
    deliver = Scene("delivery", await _kept(town, life), Life.deliver)

    town = deliver.at.again(file)
    life = town.life(away=False)
    await life.deliver()
    town.clock.advance(timedelta(minutes=16))
    climb = Scene("escalation", await _kept(town, life), Life.look)

    town = climb.at.again(file)
    life = town.life(away=False)
    await life.round()
    town.clock.advance(SESSION - timedelta(minutes=15) - town.clock.now())
    plan = Scene("schedule", await _kept(town, life), _planned)
    return [turn, climb, plan, deliver]


async def _planned(life: Life) -> None:
    await life.plan()


async def _kept(town: Town, life: Life) -> Moment:
    await life.end()
    return moment(town)


def _now(town: Town, chat: int, press: str) -> str:
    return next(data for data in town.telegram.question(chat) if data.startswith(f"{press}:"))


async def points(scene: Scene, file: Path) -> list[Point]:
    """Every variant of the scene: each step with each fault of a storage, each call with each fault of Telegram."""
    town, calls = scene.at.again(file), 0

    def counted(name: str, chat: int) -> str:
        nonlocal calls
        calls += 1
        return ""

    fuse = Fuse()
    town.telegram.fault = counted
    life = town.life(fuse, away=False)
    await scene.work(life)
    await life.end()
    return [*_at_steps(scene, fuse), *(Point(scene, f, call=n) for n in range(1, calls + 1) for f in FAULTS)]


def _at_steps(scene: Scene, fuse: Fuse) -> Iterator[Point]:
    for number, name in enumerate(fuse.names, 1):
        on_the_way = " " in name and "commit" not in name  # a call to Telegram, or its confirmation
        for fault in ("killed",) if on_the_way else IN_STORAGE:
            yield Point(scene, fault, step=number)


async def essence(town: Town, life: Life) -> object:
    """What it all came to, without what a crash may shift: numbers, times, copies."""
    async with life.plain.unit() as unit:
        answers = [
            sorted((a.step, a.version, a.choices) for a in await unit.answers.of_person(member.id))
            for member in town.participants
        ]
        cases = [
            (
                sorted((r.concern, r.step, r.choices) for r in case.raised),
                _parts(await unit.cases.roles(case.id)),
            )
            for case in await unit.cases.open_in(town.programme)
        ]
        rows = await unit.reminders.between(town.programme, *ALWAYS)
    return answers, cases, sorted((row.key, row.fate) for row in rows)


def _parts(parts: object) -> list[tuple[str, str]]:
    return sorted((part.role, part.state) for part in parts)  # type: ignore[attr-defined]  # parts of a case


async def _to_the_end(scene: Scene, town: Town, life: Life, checker: Checker) -> object:
    """The work once more, as the loops would, then some rounds with nothing wrong."""
    await checker.expect(life)
    await scene.work(life)
    for seconds in (3, 10, 10, 31):
        await life.round()
        await checker.look(life, looked=True)
        town.clock.advance(timedelta(seconds=seconds))
    await life.round()
    await checker.look(life, looked=True, planned=True)
    await checker.at_the_end(life)
    return await essence(town, life)


async def without(scene: Scene, file: Path) -> object:
    """What the scene comes to when nothing goes wrong."""
    town = scene.at.again(file)
    life = town.life(away=False)
    try:
        return await _to_the_end(scene, town, life, Checker(town))
    finally:
        await life.end()


async def broken_at(point: Point, file: Path, right: object) -> str:
    """Run the variant; what does not hold then, or nothing."""
    town, left = point.scene.at.again(file), point.call

    def fault(name: str, chat: int) -> str:
        nonlocal left
        left -= 1
        return point.fault if left == 0 and point.call else ""

    town.telegram.fault = fault
    life, checker = town.life(Fuse(), away=False), Checker(town)
    if point.step:
        life.fuse.light(point.step, IN_STORAGE[point.fault])
    try:
        await checker.expect(life)
        try:
            await point.scene.work(life)
        except Killed:
            await life.end()
            checker.killed()
            life = town.life(away=False)
        except StorageFault:
            pass
        await checker.look(life)
        came_to = await _to_the_end(point.scene, town, life, checker)
        if point.fault in PASSING and came_to != right:
            return f"R-02: it ended otherwise than without the fault: {came_to} instead of {right}"
    except Broken as broken:
        return str(broken)
    finally:
        await life.end()
    return ""


async def enumerate_all(
    base: Moment, file: Path, *, most: int = 0, seed: int = 0, told: Callable[[str], None] = lambda _: None
) -> Tally:
    """All variants, or `most` of each scene chosen by the seed."""
    tally = Tally()
    for scene in await scenes(base, file):
        right, found = await without(scene, file), await points(scene, file)
        chosen = random.Random(seed).sample(found, most) if 0 < most < len(found) else found
        for number, point in enumerate(chosen, 1):
            wrong = await broken_at(point, file, right)
            tally.points[scene.name] += 1
            tally.kinds[point.fault] += 1
            if wrong:
                where = f"step {point.step}" if point.step else f"call {point.call}"
                tally.broken.append(f"{scene.name}, {point.fault} at {where}: {wrong}")
            if number % 25 == 0:
                told(f"{scene.name}: {number} of {len(chosen)}")
    return tally
