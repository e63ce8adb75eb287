"""Participants who tap whatever the bot offers, and a watch on how long it takes."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.api import Api

FIRST_CHAT = 10_000_001
STALLED = 60.0
"""Seconds without any answer after which a bot counts as stuck."""
# Of these all are ticked, one after the other; of every other question the first choice is taken.
TICKED = {
    "ST-08": ("nobody",),
    "ST-13": ("calm",),
    "ST-14": ("chair", "dressed", "no_food_smoke", "real_background"),
}
# The way from the end of a test to the next one; where the button is not there, the command is written.
ONWARD = {"MENU": "MENU:selftest"}


class Stuck(Exception):
    """The bot does not answer any more; says whom, and what stood there."""


@dataclass(slots=True)
class Sample:
    """What one phase came to. Times in seconds."""

    after_handing_over: list[float] = field(default_factory=list)
    after_tapping: list[float] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0

    @property
    def taps_per_second(self) -> float:
        """Answered taps by the time from the first tap to the last answer."""
        return len(self.after_handing_over) / (self.ended - self.began)


@dataclass(slots=True)
class Participant:
    """One chat: the buttons that stand there last, and the tap that is not answered yet."""

    chat: int
    message_id: int = 0
    buttons: list[tuple[str, str]] = field(default_factory=list)
    tapped_at: float = 0.0
    handed_at: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether a tap is under way."""
        return self.tapped_at > 0

    def choice(self) -> str:
        """The button to press; empty when only a command leads on."""
        data = [one for _, one in self.buttons]
        step = data[0].partition(":")[0] if data else ""
        if step in ONWARD:
            return ONWARD[step] if ONWARD[step] in data else ""
        if step in TICKED:
            left = [
                one for label, one in self.buttons if not label.startswith("✓") and _picks(one, TICKED[step])
            ]
            return (left or [one for one in data if _picks(one, ("done",))])[0]
        return data[0] if data else ""


def _picks(data: str, choices: tuple[str, ...]) -> bool:
    return data.split(":")[1] in choices


class Crowd:
    """N participants of one bot. `opening` is what they write where no button leads on."""

    def __init__(self, count: int, opening: str) -> None:
        self.participants = [Participant(FIRST_CHAT + number) for number in range(count)]
        self.calls: Api | None = None
        self._opening = opening
        self._by_chat = {one.chat: one for one in self.participants}
        self._by_update: dict[int, Participant] = {}
        self._sample = Sample()
        self._left = 0
        self._under_way = 0
        self._idle = asyncio.Event()
        self._answered: Callable[[Participant], None] = lambda participant: None

    @property
    def api(self) -> Api:
        """The server they are at."""
        assert self.calls is not None, "join comes first"
        return self.calls

    def join(self, api: Api) -> None:
        """Be at that server."""
        self.calls = api

    # What the server tells

    def handed(self, update_ids: list[int]) -> None:
        """See benchmarks.api.Audience."""
        now = time.perf_counter()
        for number in update_ids:
            participant = self._by_update.pop(number, None)
            if participant is not None:
                participant.handed_at = now

    def shown(self, chat: int, message_id: int, markup: str, text: str) -> None:
        """See benchmarks.api.Audience. The first message with buttons after a tap is its answer."""
        participant = self._by_chat.get(chat)
        buttons = _buttons(markup)
        if participant is None or not buttons or not participant.handed_at:
            return  # what comes unasked, such as a reminder, is left alone
        participant.message_id, participant.buttons = message_id, buttons
        if participant.waits:
            now = time.perf_counter()
            self._sample.after_handing_over.append(now - participant.handed_at)
            self._sample.after_tapping.append(now - participant.tapped_at)
            self._sample.ended = now
            participant.tapped_at = participant.handed_at = 0.0
            self._under_way -= 1
            self._answered(participant)
            if not self._under_way and not self._left:
                self._idle.set()

    # What they do

    async def closed(self, taps: int) -> Sample:
        """Closed loop: everybody taps again as soon as they are answered, until there were so many taps."""
        self._left = taps

        def again(participant: Participant) -> None:
            if self._left:
                self._left -= 1
                self._tap(participant)

        self._begin(again)
        for participant in self.participants[:taps]:
            again(participant)
        return await self._ended()

    async def open(self, rate: float, seconds: float, *, seed: int = 1) -> Sample:
        """Open loop: taps come at random times, `rate` a second, whether the bot keeps up or not."""
        chance = random.Random(seed)
        idle = list(self.participants)
        chance.shuffle(idle)
        self._begin(idle.append)
        began = due = time.perf_counter()
        while True:
            due += chance.expovariate(rate)
            if due > began + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            while not idle:
                await asyncio.sleep(0.001)
            self._tap(idle.pop(0), at=due)
        return await self._ended()

    async def one(self, participant: Participant, data: str) -> None:
        """One participant presses a button of that beginning; returns when it is answered."""
        self._begin(lambda one: None)
        self._tap(participant, next((one for _, one in participant.buttons if one.startswith(data)), data))
        await self._ended()

    def press(self, participant: Participant, data: str) -> int:
        """The same without waiting; the update's id."""
        return self._tap(participant, next(one for _, one in participant.buttons if one.startswith(data)))

    def _begin(self, answered: Callable[[Participant], None]) -> None:
        self._answered = answered
        self._sample = Sample(began=time.perf_counter())
        self._idle.clear()

    async def _ended(self) -> Sample:
        """When nothing is under way any more. Raises Stuck."""
        if not self._under_way and not self._left:
            self._idle.set()
        answered = -1
        while not self._idle.is_set():
            if answered == len(self._sample.after_handing_over):
                stuck = next(one for one in self.participants if one.waits)
                raise Stuck(f"chat {stuck.chat} after {answered} answers: {stuck.buttons}")
            answered = len(self._sample.after_handing_over)
            try:
                await asyncio.wait_for(self._idle.wait(), STALLED)
            except TimeoutError:
                continue
        return self._sample

    def _tap(self, participant: Participant, data: str = "", *, at: float = 0.0) -> int:
        data = data or participant.choice()
        participant.tapped_at, participant.handed_at = at or time.perf_counter(), 0.0
        self._under_way += 1
        body = self._press(participant, data) if data else self._written(participant)
        number = self.api.add(body)
        self._by_update[number] = participant
        return number

    def _press(self, participant: Participant, data: str) -> dict[str, Any]:
        message = _message(participant.message_id, participant.chat) | {"text": "x"}
        query = {"id": f"q{participant.chat}", "from": _user(participant.chat), "chat_instance": "1"}
        return {"callback_query": {**query, "message": message, "data": data}}

    def _written(self, participant: Participant) -> dict[str, Any]:
        message = _message(self.api.next_message(), participant.chat)
        command = {"type": "bot_command", "offset": 0, "length": len(self._opening)}
        return {
            "message": {
                **message,
                "from": _user(participant.chat),
                "text": self._opening,
                "entities": [command],
            }
        }


def _user(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "x", "language_code": "en"}


def _message(number: int, chat: int) -> dict[str, Any]:
    return {"message_id": number, "date": 1, "chat": {"id": chat, "type": "private", "first_name": "x"}}


def _buttons(markup: str) -> list[tuple[str, str]]:
    if not markup:
        return []
    rows = json.loads(markup).get("inline_keyboard", [])
    return [(one["text"], one["callback_data"]) for row in rows for one in row]
