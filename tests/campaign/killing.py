"""`python -m bot run` killed by SIGKILL again and again, while several people answer at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from bot.clock import SystemClock
from bot.ports.records import AnswerRow, Case
from bot.simulator.phone import Phone
from bot.simulator.records import Message
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.usecases import audit_cases
from tests.acceptance.processes import TOKEN, Runner, runner
from tests.acceptance.stories import ALONE, READY
from tests.acceptance.test_killed import Books

PEOPLE = 6
LONGEST = 60.0
WORRYING = {"ST-07": "car"}
ONE_OF = {step: choices[0] for step, choices in READY.items() if len(choices) == 1}


@dataclass
class Killings:
    """What came of it."""

    kills: int = 0
    presses: int = 0
    answers: int = 0
    cases: int = 0
    sent: int = 0
    extra: int = 0
    lives: list[int] = field(default_factory=list)  # how long the facilitator's log was at each kill
    broken: list[str] = field(default_factory=list)


@dataclass
class Actor:
    """Somebody who answers without a pause, and knows what they answered."""

    phone: Phone
    person: str
    choices: dict[str, tuple[str, ...]]
    given: list[str] = field(default_factory=list)
    presses: int = 0
    looks_every: float = 0.005
    longest: float = LONGEST

    async def run(self) -> None:
        """Answer what stands there; begin anew when it is over."""
        while True:
            await asyncio.sleep(0.005)
            data = self._asked()
            if not data:
                await self._begin()
                continue
            step = data[0].split(":")[0]
            for choice in self._of(step):
                found = next((one for one in self._asked() if one.startswith(f"{step}:{choice}:")), "")
                if not found:
                    break  # it was shown anew meanwhile
                await self._press(found, step, choice)

    def _of(self, step: str) -> tuple[str, ...]:
        if step == "ST-16":
            return ("continue",)
        return self.choices.get(step, ("yes",))

    async def _begin(self) -> None:
        if self.phone.shows("DOOR:yes"):
            before = len(self.phone.log)
            self.phone.press("DOOR:yes")
            # A copy of the door that a crash has left leads to the menu.
            await self._until(lambda: self._has_question() or self._was_sent("MENU:privacy", before))
        else:
            self.phone.command("/selftest")
            await self._until(lambda: self._has_question() or self.phone.shows("DOOR:yes") is not None)

    def _was_sent(self, data: str, since: int) -> bool:
        new = [entry.message for entry in self.phone.log[since:] if entry.what == "sent"]
        return any(button.data == data for message in new for button in message.buttons)

    def _has_question(self) -> bool:
        return bool(self._asked())

    def _asked(self) -> list[str]:
        """The question put last, if it still stands there: a copy that a crash has left above it is none."""
        message = self._question()
        return [button.data or "" for button in message.buttons] if message else []

    def _question(self) -> Message | None:
        for entry in reversed(self.phone.log):
            data = [button.data or "" for button in entry.message.buttons]
            put = entry.what in ("sent", "edited") and entry.message.from_bot
            if put and data and data[0].count(":") == 2 and "." in data[0]:
                return next(
                    (m for m in self.phone.messages if m.message_id == entry.message.message_id), None
                )
        return None

    async def _press(self, data: str, step: str, choice: str) -> None:
        before, shown, message = self._asked(), self._shown(), self._question()
        if message is None:
            return
        self.phone.press_message(message.message_id, data)
        self.presses += 1
        counts = step in ONE_OF
        if counts:
            self.given.append(f"{step}:{choice}")
        # A press is given once: whoever has answered waits for the next question, through as many crashes as it takes.
        await self._until(lambda: self._asked() != before or (not counts and self._shown() > shown))

    def _shown(self) -> int:
        return sum(e.what in ("sent", "edited") and e.message.from_bot for e in self.phone.log)

    async def _until(self, true: Callable[[], bool]) -> None:
        """As soon as something in the chat makes it true."""
        async with asyncio.timeout(self.longest):
            seen = -1
            while seen == len(self.phone.log) or not true():
                seen = len(self.phone.log)
                await asyncio.sleep(self.looks_every)


async def kill_many(
    database: Path, times: int, seed: int, told: Callable[[str], None] = lambda _: None
) -> Killings:
    """Kill the process so often at moments chosen by the seed; then look at what is on the disk and in the chats."""
    rng, result = random.Random(seed), Killings()
    world = World(SystemClock(), limits=False, seed=seed, token=TOKEN)
    books, actors = Books(database), []
    facilitator = Phone(world, "facilitator", role="facilitator")
    world.chats[facilitator.id].open = True
    for number in range(PEOPLE):
        phone = Phone(world, f"participant {number}")
        world.chats[phone.id].open = True
        await books.fill(phone.id, facilitator.id if number == 0 else None)
        choices = READY | ({step: (choice,) for step, choice in WORRYING.items()} if number % 3 == 0 else {})
        actors.append(Actor(phone, books.person, choices))
    async with (
        serve(world) as address,
        runner(database.parent, address.base_url, database, books.keys) as bot,
    ):
        work = [asyncio.create_task(actor.run()) for actor in actors]
        await _kill(bot, actors, rng, times, result, told, facilitator)
        await bot.start()
        for one in work:
            one.cancel()
        for error in await asyncio.gather(*work, return_exceptions=True):
            if not isinstance(error, asyncio.CancelledError):
                result.broken.append(f"R-01: somebody waited in vain: {error!r}")
        async with asyncio.timeout(LONGEST):
            while len(world.updates):
                await asyncio.sleep(0.05)
        await asyncio.sleep(3)
        with suppress(TimeoutError):
            await bot.terminate()
    result.presses = _presses(actors)
    await _judge(books, actors, facilitator, result)
    return result


async def _kill(
    bot: Runner,
    actors: list[Actor],
    rng: random.Random,
    times: int,
    result: Killings,
    told: Callable[[str], None],
    facilitator: Phone,
) -> None:
    """Each time after so many more presses, which is after as many turns; none is while it starts."""
    for number in range(1, times + 1):
        await bot.start()
        enough = _presses(actors) + (rng.randint(0, 12) if number > 1 else 5 * PEOPLE)
        async with asyncio.timeout(LONGEST):
            while _presses(actors) < enough:
                await asyncio.sleep(0.002)
        await asyncio.sleep(rng.random() * rng.choice((0.01, 0.1, 1.0)))
        bot.kill()
        code, written = await bot.ended()
        if code != -9:
            result.broken.append(f"it ended by itself: {written[-300:]}")
        result.kills = number
        result.lives.append(len(facilitator.log))
        if number % 10 == 0:
            told(f"killed {number} of {times}")


def _presses(actors: list[Actor]) -> int:
    return sum(actor.presses for actor in actors)


async def _judge(books: Books, actors: list[Actor], facilitator: Phone, result: Killings) -> None:
    async with books.open() as storage, storage.unit() as unit:
        for actor in actors:
            rows = sorted(await unit.answers.of_person(actor.person), key=lambda row: row.id)
            result.answers += len(rows)
            kept = [f"{row.step}:{row.choices[0]}" for row in rows if _is_one(row)]
            if kept != actor.given:
                lost = Counter(actor.given) - Counter(kept)
                result.broken.append(f"R-01: given {len(actor.given)}, kept {len(kept)}; lost {lost}")
        cases = await unit.cases.open_in(books.programme.id)
        result.cases = len(cases)
        for actor in actors:
            _owed_a_case(actor, cases, result)
        for found in await audit_cases.look(unit, datetime.now(UTC)):
            result.broken.append(f"R-04, R-10: {found.kind} {found.ref}")
        for case in cases:
            parts = {part.role for part in await unit.cases.roles(case.id)}
            if {role for raised in case.raised for role in raised.route} - parts:
                result.broken.append(f"R-04: {case.ref} lacks a role of its route")
            if not any(e.what == "sent" and case.ref in e.message.text for e in facilitator.log):
                result.broken.append(f"R-10: nobody was told of {case.ref}")
        waiting = (await unit.outbox.tally()).get(("waiting", "alert"), 0)
    if waiting:
        result.broken.append(f"R-10: {waiting} alerts are still waiting")
    result.sent = sum(sum(e.what == "sent" for e in actor.phone.log) for actor in actors)
    _copies(facilitator, result)


def _owed_a_case(actor: Actor, cases: list[Case], result: Killings) -> None:
    """Whoever said something worrying has a case that says so (S-30)."""
    for step, choice in WORRYING.items():
        raised = any(
            case.person_id == actor.person and any(one.step == step for one in case.raised) for case in cases
        )
        if f"{step}:{choice}" in actor.given and not raised:
            result.broken.append(f"R-02: {step}:{choice} has no case")


def _copies(facilitator: Phone, result: Killings) -> None:
    """R-10: between two crashes no alert goes out twice, so that a crash costs one extra copy of each at most."""
    bounds, told = [0, *result.lives, len(facilitator.log)], Counter[str]()
    for start, end in pairwise(bounds):
        life = Counter(
            e.message.text for e in facilitator.log[start:end] if e.what == "sent" and e.message.from_bot
        )
        told += life
        result.broken += [
            f"R-10: {count} copies in one life: {text[:80]}" for text, count in life.items() if count > 1
        ]
    result.extra = sum(count - 1 for count in told.values())


def _is_one(row: AnswerRow) -> bool:
    return row.step in ONE_OF and row.step in ALONE and len(row.choices) == 1
