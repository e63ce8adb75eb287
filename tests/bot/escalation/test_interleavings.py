"""A case's life under every order of what can happen to it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.stores import Stale
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.texts import GettextTexts
from bot.usecases.climb import climb
from bot.usecases.desk import Desk
from flows.read import load_library
from flows.values import Role
from tests.bot.conftest import TEST_KEYS
from tests.bot.escalation.conftest import STAFF, START, Town, concern

pytestmark = pytest.mark.both_databases

ROUTE = (Role.FACILITATOR, Role.DUTY, Role.PARTNER_SUPPORT)
OF_ROLE = {
    Role.FACILITATOR: ("facilitator", "other facilitator"),
    Role.DUTY: ("duty",),
    Role.PARTNER_SUPPORT: ("partner support",),
}
TAKERS = ("facilitator", "other facilitator", "duty", "manager")
takers = st.sampled_from(TAKERS)
_parts: list[object] = []


def parts() -> list[object]:
    """Texts and scripts, loaded once."""
    if not _parts:
        _parts.extend((GettextTexts(), load_library()))
    return _parts


class Life(RuleBasedStateMachine):
    """The model: for each role, whether it is asked, who has it, or that it is done."""

    empty: bytes

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        file = self.folder / "vestibule.db"
        file.write_bytes(self.empty)
        ids = CountingIds()
        storage = SqliteStorage(f"sqlite:///{file}", Keyring(TEST_KEYS), ids)
        texts, library = parts()
        clock = MovableClock(START)
        self.town = Town(storage, clock, Desk(clock, ids, texts, library))  # type: ignore[arg-type]  # a double
        self.run(self.town.settle(list(STAFF)))
        self.case = self.run(self.town.raises(concern("partner_nearby", "now", "FDP"), session=False))
        self.model: dict[Role, str | None] = dict.fromkeys(ROUTE)  # None: asked; a name: taken; done
        self.news = 0

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if hasattr(self, "town"):
            self.run(self.town.storage.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def part(self, role: Role):
        return self.run(self.town.part(self.case, role))

    def mine(self, name: str) -> list[Role]:
        """The roles this person can act for: their own, if near enough, and those whose ladder came to them."""
        own = {"facilitator": Role.FACILITATOR, "duty": Role.DUTY}.get(name)
        person = self.town.ids[name]
        return [r for r in ROUTE if r is own or person in self.part(r).asked]

    def closed(self) -> bool:
        return all(state == "done" for state in self.model.values())

    @precondition(lambda self: not self.closed())
    @rule(what=st.sampled_from(("take", "take", "keep", "hand_over")), name=takers, to=takers)
    def somebody_acts(self, what: str, name: str, to: str) -> None:
        """Acknowledgements of all kinds."""
        if what == "hand_over":
            self.hand_over(name, to)
        else:
            {"take": self.take, "keep": self.keep}[what](name)

    def take(self, name: str) -> None:
        """An acknowledgement of one's own role, or standing in for it."""
        mine = [] if self.closed() else self.mine(name)
        self.run(self.town.presses(name, "CASE:take:K-101"))
        for role in mine:
            if self.model[role] is None and role is not Role.PARTNER_SUPPORT:
                self.model[role] = name

    @rule(name=takers, meant=st.sampled_from((False, False, False, True)))
    def resolve(self, name: str, meant: bool) -> None:
        """Rarely, so that a case lives long enough for the rest."""
        if not meant:
            return
        mine = [] if self.closed() else self.mine(name)
        self.run(self.town.presses(name, "OUT:talked_to_them:K-101"))
        for role in mine:
            if role is not Role.PARTNER_SUPPORT:
                self.model[role] = "done"

    @rule(name=st.sampled_from(("partner support", "manager")), meant=st.sampled_from((False, False, True)))
    def see(self, name: str, meant: bool) -> None:
        """Partner support's only outcome (S-22); a stand-in's ends nothing while somebody of the role is there."""
        if not meant:
            return
        mine = [] if self.closed() else self.mine(name)
        self.run(self.town.presses(name, "CASE:seen:K-101"))
        if Role.PARTNER_SUPPORT in mine and name == "partner support":
            self.model[Role.PARTNER_SUPPORT] = "done"

    def keep(self, name: str) -> None:
        self.run(self.town.presses(name, "CASE:keep:K-101"))

    def hand_over(self, name: str, to: str) -> None:
        """Only what one has, and only to another of that role."""
        self.run(self.town.presses(name, f"HAND:{self.town.ids[to][-12:]}:K-101"))
        for role, who in self.model.items():
            if who == name != to and to in OF_ROLE[role]:
                self.model[role] = to

    @precondition(lambda self: not self.closed())
    @rule(hours=st.lists(st.sampled_from((2, 4)), min_size=1, max_size=3))
    def nobody_does_anything(self, hours: list[int]) -> None:
        """Reminders, and then lapses."""
        for some in hours:
            self.passes(some * 60)

    @precondition(lambda self: not self.closed())
    @rule(minutes=st.sampled_from((0, 4, 5, 30)))
    def time_goes_by(self, minutes: int) -> None:
        """The ladder climbs."""
        self.passes(minutes)

    def passes(self, minutes: int) -> None:
        self.run(self.town.delivered())
        self.town.clock.advance(timedelta(minutes=minutes))
        before = {role: self.part(role) for role in ROUTE}
        self.run(self.look())
        now = self.town.clock.now()
        for role, part in before.items():
            due = part.next_due_at is not None and part.next_due_at <= now
            if part.state == "taken" and part.reminded and due:
                self.model[role] = None
            if part.state == "asking" and due:  # fires once, and goes on
                assert self.part(role).rung > part.rung

    async def look(self) -> None:
        async with self.town.unit() as unit:
            await climb(unit, self.town.desk, self.town.clock.now())

    @precondition(lambda self: not self.closed())
    @rule(again=st.booleans(), meant=st.sampled_from((False, False, True)))
    def new_concern(self, again: bool, meant: bool) -> None:
        """Another concern asks again every role that had taken or closed its part (S-33)."""
        if not meant:
            return
        self.news += not again
        step = f"ST-{10 + self.news}" if not again else "ST-01"
        self.run(self.town.raises(concern("partner_nearby", "now", "FDP", step=step), session=False))
        if not again or any(state is not None for state in self.model.values()):
            self.model = dict.fromkeys(ROUTE)

    @rule(name=takers)
    def a_second_acknowledgement_from_before(self, name: str) -> None:
        """R-08: whoever writes what they read earlier over what has changed since is refused."""
        old = {role: self.part(role) for role in ROUTE}
        self.take(name)
        for role, part in old.items():
            if self.part(role).version != part.version:
                with pytest.raises(Stale):
                    self.run(self.write(part))

    async def write(self, part) -> None:
        async with self.town.unit() as unit:
            await unit.cases.save_role(part)

    @invariant()
    def what_must_hold(self) -> None:
        """R-04, R-08, R-09, S-30: each role stands where its own people have put it, and what is open has a next time."""
        if not hasattr(self, "town"):
            return
        for role, state in self.model.items():
            part = self.part(role)
            if state is None:
                assert (part.state, part.taken_by) == ("asking", None)
                assert part.next_target
                assert part.next_due_at is not None
                assert self.run(self.reached(part))
            elif state == "done":
                assert part.state == "done"
            else:
                assert (part.state, part.taken_by) == ("taken", self.town.ids[state])
                assert part.next_due_at is not None
        case = self.run(self.found())
        assert (case.state == "closed") is self.closed()

    async def reached(self, part) -> bool:
        """Somebody has been asked, or will be."""
        return bool(part.asked) or part.rung == 0

    async def found(self):
        async with self.town.storage.unit() as unit:
            return await unit.cases.get(self.case.id)


def test_every_order_leaves_each_role_to_itself(empty_database: bytes) -> None:
    """R-08, R-04, R-09, S-30, S-33: ack, climb, resolve, second ack, lapse, handover and news in any order."""
    Life.empty = empty_database
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
