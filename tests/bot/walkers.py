"""People who press, write and wait at random, and what holds after each thing they do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.ports.inbound import Command, Press, Sent, Text, What
from bot.ports.records import OutboxRow, StaffRole
from bot.usecases import neutral, staff_texts
from flows import lines
from tests.bot.desks import PARTICIPANT, STAFF, Room

FACILITATOR = STAFF[StaffRole.FACILITATOR]
NEUTRAL = {line.msgid for line in (*neutral.ALL, *staff_texts.NEUTRAL, *lines.CLOSINGS.values())} | {
    line.msgid for line in (lines.OLD_BUTTON, lines.PAUSED, lines.ENOUGH, lines.LAPSED, lines.FINISHED)
}
COMMANDS = ("menu", "selftest", "privacy", "stop", "help", "language", "start", "nonsense")
WRITTEN = ("yes", "no", "<b>", "x" * 4096, "\u202ea", "{service}")
LONGEST = 600


@dataclass
class Walker:
    """Does things at random in one room, and checks what comes of each."""

    room: Room
    rng: random.Random
    buttons: list[str] = field(default_factory=list)
    staff_buttons: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    said: list[OutboxRow] = field(default_factory=list)
    staff_too: bool = True

    async def step(self) -> None:
        """One thing, by the participant or by a facilitator, and sometimes time."""
        if self.rng.random() < 0.08:
            self.room.clock.advance(timedelta(minutes=self.rng.choice((1, 9, 11, 70, 600))))
        staff = self.rng.random() < 0.15 and self.staff_too
        what = self._staff() if staff else self._participant()
        self.done.append(f"{'staff' if staff else 'participant'}: {what}")
        taken = await self.room.ask(self.room.update(what, FACILITATOR if staff else PARTICIPANT))
        assert taken.faults == 0, self.story()
        await self._check()

    def story(self) -> str:
        """What was done, for whoever has to repeat it."""
        return "\n".join(self.done)

    def _participant(self) -> What:
        roll = self.rng.random()
        if roll < 0.78 and self.buttons:
            # Mostly what stands there now; now and then an old button.
            return _press(self.rng.choice(self.buttons[-9:] if self.rng.random() < 0.9 else self.buttons))
        if roll < 0.9:
            return Command(self.rng.choice(COMMANDS))
        if roll < 0.96:
            return Text(self.rng.choice(WRITTEN))
        return Sent(self.rng.choice(("voice", "photo", "sticker", "edited", "other")))

    def _staff(self) -> What:
        if self.staff_buttons and self.rng.random() < 0.8:
            return _press(self.rng.choice(self.staff_buttons[-8:]))
        return self.rng.choice((Command("case"), Command("release"), Command("ack", "K-101"), Text("hello")))

    async def _check(self) -> None:
        now = self.room.clock.now()
        async with self.room.storage.unit() as unit:
            person = await unit.people.get(self.room.participant)
            chat = await unit.chats.of_person(self.room.participant)
            other = await unit.chats.of_person(self.room.people[StaffRole.FACILITATOR])
            assert person is not None
            assert chat is not None
            assert other is not None
            said = await unit.outbox.waiting(chat.id)
            for row in said:
                is_open = person.open_until is not None and person.open_until >= now
                self._check_row(row, is_open=is_open)
            self.buttons += [data for row in said for line in row.rows for _, data in line]
            self.said = said
            told = await unit.outbox.waiting(other.id)
            self.staff_buttons += [data for row in told for line in row.rows for _, data in line]
            for row in (*said, *told):
                await unit.outbox.save(replace(row, state="sent"))
            for case in await unit.cases.open_in(self.room.programme):
                for part in await unit.cases.roles(case.id):
                    asks = part.state != "asking" or (part.next_target and part.next_due_at)
                    assert asks, self.story()
            await unit.commit()

    def _check_row(self, row: OutboxRow, *, is_open: bool) -> None:
        if row.op != "say":
            return
        if row.sensitive:
            assert is_open, f"S-01: {row.text}\n{self.story()}"
            assert row.not_after is not None
            assert row.instead in NEUTRAL
            assert len(row.text) <= LONGEST, row.text
        else:
            assert (
                row.text.replace("0300", "{service_number}").replace("999", "{emergency_number}") in NEUTRAL
            ), f"S-02: {row.text}\n{self.story()}"
        assert all(len(data.encode()) <= 64 for line in row.rows for _, data in line)


def _press(data: str) -> Press:
    step, choice, *rest = data.split(":", 2)
    return Press(step, choice, rest[0] if rest else "", "cb", data)
