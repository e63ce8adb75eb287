"""The queue behind getUpdates: what waits, for how long, and who is asking."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.ports.services import Clock
from bot.simulator.refusals import CONFLICT, Refusal
from bot.simulator.shapes import LIMITS

KEPT = timedelta(hours=LIMITS["update_kept_hours"])
PRESS_KEPT = timedelta(seconds=LIMITS["callback_query_kept_seconds"])
QUIET = timedelta(days=7)
_LEFT_OUT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
# Telegram answers from the start of the queue when an offset is further ahead of its newest update.
_AHEAD = 10


@dataclass(frozen=True, eq=False)
class Waiting:
    """An update that waits. `chat`: whose it is, None where the body does not say."""

    update_id: int
    kind: str
    body: dict[str, Any]
    since: datetime
    chat: int | None


class UpdateQueue:
    """Updates until they are confirmed by a higher offset, taken, or too old: 24 hours, 150 seconds for presses.

    `came` is set whenever one is added.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._waiting: list[Waiting] = []
        self._next_id = self._random_id()
        self._last_at: datetime | None = None
        self._allowed: set[str] | None = None
        self._poll: asyncio.Future[None] | None = None
        self.came = asyncio.Event()

    def __len__(self) -> int:
        self._expire()
        return len(self._waiting)

    @property
    def allowed(self) -> list[str]:
        """The kinds asked for by the last call that named any."""
        return sorted(self._allowed or ())

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Queues an update, if its kind is asked for. Ids start again at random after a quiet week."""
        wanted = kind in self._allowed if self._allowed else kind not in _LEFT_OUT_BY_DEFAULT
        if not wanted:
            return
        now = self._clock.now()
        if self._last_at is not None and now - self._last_at > QUIET:
            self._next_id = self._random_id()
        self._last_at = now
        self.add_raw({"update_id": self._next_id, kind: payload}, kind)

    def add_raw(self, body: dict[str, Any], kind: str = "message") -> None:
        """Queues any body, a malformed one too (its id is set if it has none), for tests of the intake."""
        body.setdefault("update_id", self._next_id)
        self._waiting.append(Waiting(self._next_id, kind, body, self._clock.now(), _chat_of(body.get(kind))))
        self._next_id += 1
        self.came.set()
        if self._poll and not self._poll.done():
            self._poll.set_result(None)

    def clear(self) -> None:
        """Forgets everything that waits (drop_pending_updates)."""
        self._waiting.clear()

    def allow(self, kinds: list[str] | None) -> None:
        """From now on only these kinds are kept; with none the usual ones, with None those as before."""
        if kinds is not None:
            self._allowed = set(kinds) or None

    def chats(self) -> set[int | None]:
        """Of which chats updates wait."""
        self._expire()
        return {waiting.chat for waiting in self._waiting}

    def first(self, chat: int | None) -> Waiting | None:
        """The chat's oldest update that waits."""
        self._expire()
        return next((waiting for waiting in self._waiting if waiting.chat == chat), None)

    def take(self, taken: Waiting) -> None:
        """This one has arrived."""
        self._waiting = [waiting for waiting in self._waiting if waiting is not taken]

    async def poll(
        self, offset: int, limit: int, timeout: float, allowed: list[str] | None
    ) -> list[dict[str, Any]]:
        """One getUpdates. Waits up to `timeout` seconds of real time for something to come.

        Raises Refusal 409 in the older call when a second one comes while it waits.
        """
        self.allow(allowed)
        self.interrupt(CONFLICT)
        self._confirm(offset)
        updates = self._take(limit)
        if updates or timeout <= 0:
            return updates
        poll = self._poll = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(poll, timeout)
        except TimeoutError:
            return []
        finally:
            if self._poll is poll:
                self._poll = None
        return self._take(limit)

    def interrupt(self, why: str) -> None:
        """Ends a waiting poll with 409."""
        if self._poll and not self._poll.done():
            self._poll.set_exception(Refusal(409, why))

    def _take(self, limit: int) -> list[dict[str, Any]]:
        self._expire()
        return [waiting.body for waiting in self._waiting[: max(1, min(limit, LIMITS["updates_per_call"]))]]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self._waiting = self._waiting[offset:]
        elif offset <= self._next_id + _AHEAD:
            self._waiting = [waiting for waiting in self._waiting if waiting.update_id >= offset]

    def _expire(self) -> None:
        now = self._clock.now()
        self._waiting = [
            waiting
            for waiting in self._waiting
            if now - waiting.since <= (PRESS_KEPT if waiting.kind == "callback_query" else KEPT)
        ]

    def _random_id(self) -> int:
        return self._rng.randint(10_000_000, 900_000_000)


def _chat_of(payload: Any) -> int | None:
    """The chat of an update's content, which may be malformed."""
    message = payload.get("message", payload) if isinstance(payload, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    number = chat.get("id") if isinstance(chat, dict) else None
    return number if isinstance(number, int) else None
