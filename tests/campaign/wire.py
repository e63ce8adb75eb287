"""Storage that is watched: every call is counted and may be the last one; what was committed is noted."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.ports.stores import Storage
from bot.storage.faults import DatabaseBusy, DatabaseFull
from tests.bot.desks import STORES


class Killed(BaseException):
    """The process is no more. No handler of the bot's own catches it."""


def busy() -> BaseException:
    """Another process holds the database."""
    return DatabaseBusy("as the campaign asks")


def full() -> BaseException:
    """No room is left."""
    return DatabaseFull("as the campaign asks")


Fault = Callable[[], BaseException]


@dataclass
class Fuse:
    """Counts the steps of a process, and breaks at the `at`-th. After a kill nothing of that process goes on."""

    at: int = 0
    fault: Fault = Killed
    count: int = 0
    names: list[str] = field(default_factory=list)
    dead: bool = False

    def step(self, name: str) -> None:
        """One call, before or after it."""
        if self.dead:
            raise Killed
        self.count += 1
        self.names.append(name)
        if self.count == self.at and self.fault is not Killed and name.endswith((" before", " after")):
            self.at += 1  # a call to Telegram: the storage breaks at one of its own
        elif self.count == self.at:
            raised = self.fault()
            self.dead = isinstance(raised, Killed)
            raise raised

    def light(self, at: int, fault: Fault) -> None:
        """Break at the `at`-th step from now."""
        self.at, self.fault = self.count + at, fault


@dataclass
class Noted:
    """What the units that were committed had written: (store.method, its arguments)."""

    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every such call."""
        return [args for called, args in self.calls if called == name]


WRITES = {
    "answers.add", "outbox.add", "cases.add", "cases.save", "cases.add_role", "cases.save_role", "reminders.add",
    "reminders.save", "reminders.correct", "seen.add",
}  # fmt: skip


@dataclass
class Watched:
    """The storage beneath, with every store's methods and both ends of a commit as steps."""

    inner: Storage
    fuse: Fuse
    noted: Noted

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        """A unit whose calls are counted."""
        self.fuse.step("begin")
        async with self.inner.unit() as unit:
            yield _Unit(self, unit)

    async def empty_journal(self) -> None:
        """As the storage beneath."""
        await self.inner.empty_journal()

    async def close(self) -> None:
        """As the storage beneath."""
        await self.inner.close()


class _Unit:
    def __init__(self, watched: Watched, unit: Any) -> None:
        self._watched, self._unit = watched, unit
        self.staged: list[tuple[str, tuple[Any, ...]]] = []
        for name in STORES:
            setattr(self, name, _Store(self, watched.fuse, name, getattr(unit, name)))
        self.at_the_end = unit.at_the_end

    async def commit(self) -> None:
        self._watched.fuse.step("before commit")
        await self._unit.commit()
        self._watched.noted.calls += self.staged
        self._watched.fuse.step("after commit")


class _Store:
    def __init__(self, unit: _Unit, fuse: Fuse, name: str, store: Any) -> None:
        self._unit, self._fuse, self._name, self._store = unit, fuse, name, store

    def __getattr__(self, name: str) -> Any:
        method, called = getattr(self._store, name), f"{self._name}.{name}"
        if not inspect.iscoroutinefunction(method):
            return method  # it asks the database nothing

        async def counted(*args: Any, **more: Any) -> Any:
            self._fuse.step(called)
            found = await method(*args, **more)
            if called in WRITES:
                self._unit.staged.append((called, (*args, *more.values())))
            return found

        return counted
