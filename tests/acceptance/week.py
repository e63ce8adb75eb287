"""A week of a service: three groups in three zones, what everybody does there, and the transcript of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from bot.ports.plan import Fate, Reminder, Shift
from bot.ports.records import Case, CaseRole, Programme, StaffRole
from bot.schedule.series import Series, occurrences
from tests.acceptance.stories import READY
from tests.campaign.telegram import Shown
from tests.campaign.town import Life, Member, Town, published

ZONES = {"london": "Europe/London", "chisinau": "Europe/Chisinau", "newyork": "America/New_York"}
BEGINS = datetime(2027, 3, 24, 9, 0, tzinfo=UTC)
"""A Wednesday; clocks go forward in Europe on Sunday the 28th, in New York they did two weeks ago."""
ENDS = BEGINS + timedelta(days=7)
# Each meets twice a week at the same local hour, on either side of the change.
MEETS = {"london": (25, "TH,TU"), "chisinau": (26, "FR,TU"), "newyork": (25, "TH,MO")}
MINUTE = timedelta(minutes=1)
FIX = READY | {"ST-05": ("none",)}
HOLD = READY | {"ST-07": ("car",), "ST-08": ("nobody", "done")}
# Who does what when the test opens: minutes until they begin, what they answer, after how many presses they go away.
WAYS: Mapping[str, tuple[int, dict[str, tuple[str, ...]], int] | None] = {
    "ready": (4, READY, 99),
    "to_fix": (8, FIX, 99),
    "hold": (12, HOLD, 99),
    "away": None,
    "late": (80, READY, 99),
    "silent": (6, READY, 4),
}
CHANGES_MIND, CHANGED_AT = "away chisinau", BEGINS + timedelta(days=4, hours=6)
# Staff: whether, and how many minutes after they are asked, they take a case on and resolve it.
REACTS = {
    "facilitator london": (6, 20),
    "duty": (9, None),  # takes it on and forgets it: it lapses
    "tech": (30, 15),
    "manager": (25, 30),
}


@dataclass
class Week:
    """The town, its one life, what is going to be done, and what was."""

    town: Town
    life: Life
    lines: list[str] = field(default_factory=list)
    todo: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    parts: dict[str, list[tuple[datetime, CaseRole]]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    asked_of: set[tuple[str, str]] = field(default_factory=set)
    _order: count[int] = field(default_factory=count)
    _walked: list[str] = field(default_factory=list)
    _read: int = 0

    async def settle(self) -> None:
        """Everybody is there, and the sessions are planned."""
        town = self.town
        programme = Programme(
            town.ids.new(), "p", "P", "zoom", "Europe/London", ("en",), "0300 900", "999"
        )  # fmt: skip
        chat = count(1001)
        async with self.life.plain.unit() as unit:
            await town.settle(unit, programme, ZONES)
            for key, zone in ZONES.items():
                for way in WAYS:
                    await town.enrol(unit, f"{way} {key}", None, key, zone, next(chat))
                await town.enrol(unit, f"facilitator {key}", StaffRole.FACILITATOR, key, zone, next(chat))
            for role in StaffRole:
                if role is not StaffRole.FACILITATOR:
                    await town.enrol(unit, role.value, role, "", "Europe/London", next(chat))
            duty = next(member for member in town.staff if member.role is StaffRole.DUTY)
            shift = Shift(
                town.ids.new(), programme.id, StaffRole.DUTY, duty.id, BEGINS, ENDS + timedelta(days=9), "week"
            )  # fmt: skip
            await unit.shifts.add(shift)
            for key, (first, days) in MEETS.items():
                starts = BEGINS.replace(day=first, hour=19, tzinfo=None)
                rule = Series(starts, ZoneInfo(ZONES[key]), f"FREQ=WEEKLY;BYDAY={days};COUNT=2")
                for one in occurrences(rule):
                    await unit.sessions.save(town.session(f"{key} {one.day}", key, one.starts_at))
            await unit.commit()
        changed = next(member for member in town.participants if member.name == CHANGES_MIND)
        self.todo.append((CHANGED_AT, next(self._order), lambda: self._mornings_only(changed)))
        gone = next(member for member in town.staff if member.name == "facilitator newyork")
        town.telegram.blocked.add(gone.chat)
        town.telegram.heard = self._heard

    # Doing

    async def run(self) -> None:
        """From the first to the last minute, stopping wherever something is due."""
        while self.town.clock.now() < ENDS:
            await self._round()
            now = self.town.clock.now()
            while self.todo and min(self.todo)[0] <= now:
                first = min(self.todo)
                self.todo.remove(first)
                done = first[2]()
                if done is not None:
                    await done  # type: ignore[misc]  # what is to be done is a coroutine function
            await self._round()
            self.town.clock.advance(await self._next() - self.town.clock.now())

    async def _round(self) -> None:
        await self.life.round()
        self._note()

    async def _next(self) -> datetime:
        """When something is due next; at the latest in an hour, as the plan is written anew."""
        now = self.town.clock.now()
        found = [now + timedelta(hours=1), *(at for at, *_ in self.todo)]
        async with self.life.plain.unit() as unit:
            rows = await unit.reminders.between(self.town.programme, now, found[0])
            found += [row.due_at for row in rows if row.fate is Fate.DUE]
            found += [
                p.part.next_due_at for p in await unit.cases.open_parts() if p.part and p.part.next_due_at
            ]
            for visit_id in await unit.visits.due(found[0]):
                visit = await unit.visits.get(visit_id)
                found += [visit.due_at] if visit and visit.due_at else []
            if (due := await unit.outbox.next_due_at()) is not None:
                found.append(due)
        return min(at for at in found if at > now)

    def _later(self, minutes: int, what: Callable[[], object]) -> None:
        self.todo.append((self.town.clock.now() + minutes * MINUTE, next(self._order), what))

    async def _act(self, member: Member, data: str) -> None:
        self.town.presses(member.chat, data)
        await self.life.take()
        await self.life.deliver()

    async def _walk(
        self, member: Member, item: str, choices: Mapping[str, tuple[str, ...]], most: int
    ) -> None:
        """Open it, pass the door, and answer until nothing is asked or they go away."""
        self._say(member.name, f"presses {item}")
        await self._act(member, item)
        if "DOOR:yes" in self.town.telegram.buttons(member.chat):
            await self._act(member, "DOOR:yes")
        self._walked, left = [], dict[str, list[str]]()
        for _ in range(most):
            data = self.town.telegram.question(member.chat)
            if not data:
                break
            step = data[0].split(":")[0]
            if not left.get(step):
                left[step] = list(choices.get(step) or _plain(step, data))
            choice = left[step].pop(0)
            found = next((one for one in data if one.startswith(f"{step}:{choice}:")), data[0])
            self._walked.append(":".join(found.split(":")[:2]))
            await self._act(member, found)
        self._say(member.name, f"answers {' '.join(self._walked)}")

    async def _mornings_only(self, member: Member) -> None:
        """From now on messages may arrive in the morning only; what is planned already stays planned."""
        async with self.life.plain.unit() as unit:
            person = await unit.people.get(member.id)
            assert person is not None
            await unit.people.save(replace(person, safe_times=("morning",)))
            await unit.commit()
        self._say(member.name, "says that only mornings are safe")

    # Hearing

    def _heard(self, name: str, chat: int, shown: Shown) -> None:
        member = self.town.members[chat]
        if shown.buttons and "." in shown.buttons[0]:
            return  # a question; what is answered is a line of its own
        said = " / ".join(shown.text.splitlines())
        self._say(member.name, f'{"reads" if name == "sendMessage" else "sees"} "{said[:150]}"')
        if member.role is None:
            self._prompted(member, shown)
        else:
            self._alerted(member, shown)

    def _prompted(self, member: Member, shown: Shown) -> None:
        way = WAYS[member.name.split()[0]]
        if way is None:
            return
        minutes, choices, most = way
        if "MENU:selftest" in shown.buttons and not self._is_due(member):
            self._later(minutes, lambda: self._test(member, choices, most))
        elif "MENU:confirm" in shown.buttons:
            self._later(3, lambda: self._walk(member, "MENU:confirm", {"CF-01": ("still_so",)}, 9))
        elif "MENU:after" in shown.buttons and member.name.startswith("ready"):
            self._later(5, lambda: self._walk(member, "MENU:after", {}, 30))

    def _test(self, member: Member, choices: Mapping[str, tuple[str, ...]], most: int) -> object:
        self.asked_of.discard((member.name, "test"))
        return self._walk(member, "MENU:selftest", choices, most)

    def _is_due(self, member: Member) -> bool:
        """One prompt is enough."""
        key = (member.name, "test")
        known = key in self.asked_of
        self.asked_of.add(key)
        return known

    def _alerted(self, member: Member, shown: Shown) -> None:
        take = next((data for data in shown.buttons if data.startswith("CASE:take:")), None)
        if take is None or member.name not in REACTS or (member.name, take) in self.asked_of:
            return
        self.asked_of.add((member.name, take))
        minutes, more = REACTS[member.name]
        self._later(minutes, lambda: self._take(member, take, more))

    async def _take(self, member: Member, take: str, more: int | None) -> None:
        self._say(member.name, f"presses {take}")
        await self._act(member, take)
        if more is not None:
            self._later(more, lambda: self._resolve(member, take.replace("take", "resolve")))

    async def _resolve(self, member: Member, resolve: str) -> None:
        self._say(member.name, f"presses {resolve}")
        await self._act(member, resolve)
        offered = [data for data in self.town.telegram.buttons(member.chat) if data.startswith("OUT:")]
        if offered:
            self._say(member.name, f"presses {offered[0]}")
            await self._act(member, offered[0])

    # Writing down

    def _say(self, who: str, what: str) -> None:
        self.lines.append(f"{self.town.clock.now():%a %d %H:%M}  {who}: {what}")

    def _note(self) -> None:
        """What was committed since: fates of reminders, cases and their rungs."""
        calls, self._read = self.town.noted.calls[self._read :], len(self.town.noted.calls)
        names = {member.id: member.name for member in self.town.members.values()}
        for called, args in calls:
            if called == "reminders.save":
                row: Reminder = args[0]
                why = f" ({row.reason})" if row.reason else ""
                self._say(
                    f"reminder {row.kind}", f"{names.get(row.person_id or '', 'programme')} {row.fate}{why}"
                )
            elif called == "cases.add":
                case: Case = args[0]
                self.refs[case.id] = case.ref
                concerns = ", ".join(dict.fromkeys(raised.concern for raised in case.raised))
                self._say(case.ref, f"opens for {names[case.person_id]}: {concerns} ({case.urgency.value})")
                for part in args[1]:
                    self._part(part, names)
            elif called in ("cases.save_role", "cases.add_role"):
                self._part(args[0], names)

    def _part(self, part: CaseRole, names: Mapping[str, str]) -> None:
        self.parts.setdefault(part.id, []).append((self.town.clock.now(), part))
        asked = ", ".join(names[person] for person in part.asked) or "nobody yet"
        due = f", next {part.next_due_at:%a %H:%M}" if part.next_due_at else ""
        self._say(self.refs[part.case_id], f"{part.role} {part.state} rung {part.rung}: asked {asked}{due}")


def _plain(step: str, data: list[str]) -> tuple[str, ...]:
    """The right answer, or the one that says least."""
    offered = [one.split(":")[1] for one in data]
    found = [playable.find(step) for playable in published().scripts.values()]
    known = next(one for one in found if one is not None)
    right = [choice.id for choice in known.choices if choice.right and choice.id in offered]
    for choice in (*right, "continue", "skip_text"):
        if choice in offered:
            return (choice,)
    if known.kind == "many":
        alone = [choice.id for choice in known.choices if choice.alone and choice.id in offered]
        return (*(alone or offered)[:1], "done")
    return (offered[0],)
