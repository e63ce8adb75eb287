"""Several processes on one PostgreSQL, killed again and again while hundreds answer (`make replicas`).

`vestibule run` as often as asked for, behind a round-robin front, on a PostgreSQL that waits for the disk. While
everybody goes through the self-test, a process is killed by SIGKILL every few seconds and started again, connections are
terminated, and the database is restarted once in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports.records import Chat, Group, Person, Programme, Session, StaffRole
from bot.ports.stores import Unit
from bot.simulator.phone import Phone
from bot.simulator.world import World
from bot.storage.postgres import PostgresStorage
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from tests import postgres
from tests.acceptance.fleet import Fleet, at_work, logged
from tests.acceptance.processes import TOKEN
from tests.acceptance.stories import READY
from tests.campaign.base import folder
from tests.campaign.killing import Actor
from tests.campaign.replicas_judged import WORRYING, Findings, judge

REPLICAS: Final = 3
GROUP_OF: Final = 6
PATIENCE: Final = 120.0
"""Seconds somebody waits for what the bot says next; Telegram keeps a pressed button 150."""
TERMINATED_EVERY: Final = 4.0
AWAY: Final = "the database's server"
STARTS_WITHIN: Final = 15.0
"""Seconds. A process that runs goes on while the database is away; one that starts just then ends, and says so."""
DATABASE: Final = "vestibule"
# Kept by the database itself, whoever writes: which process marked a message as sent, and under which token.
WATCH: Final = """
CREATE TABLE story_leaders (at timestamptz, who text, token bigint);
CREATE TABLE story_writes (at timestamptz, who text, token bigint);
CREATE FUNCTION story_leads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO story_leaders VALUES (clock_timestamp(), session_user, NEW.token); RETURN NULL; END $$;
CREATE FUNCTION story_wrote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO story_writes SELECT clock_timestamp(), session_user, token FROM leases WHERE name = 'leader'; RETURN NULL; END $$;
CREATE TRIGGER story_took AFTER INSERT ON leases FOR EACH ROW EXECUTE FUNCTION story_leads();
CREATE TRIGGER story_took_over AFTER UPDATE ON leases FOR EACH ROW WHEN (NEW.token <> OLD.token)
  EXECUTE FUNCTION story_leads();
CREATE TRIGGER story_sent AFTER UPDATE ON outbox FOR EACH ROW WHEN (NEW.state = 'sent' AND OLD.state <> 'sent')
  EXECUTE FUNCTION story_wrote();
CREATE TRIGGER story_pulse AFTER UPDATE ON pulses FOR EACH ROW WHEN (NEW.name = 'cycle') EXECUTE FUNCTION story_wrote();
"""


@dataclass(frozen=True)
class Plan:
    """What is to happen."""

    participants: int
    seconds: float
    kills_every: float
    seed: int


@dataclass
class Participant(Actor):
    """Goes through the self-test, and again while there is time; always to its end."""

    rest: float = 0.0
    tests: int = 0
    database: str = ""

    async def through(self, first: float, until: float) -> None:
        """Begin after so many seconds, and anew before `until` (of time.monotonic)."""
        await asyncio.sleep(first)
        while not self.tests or time.monotonic() < until:
            while not self._has_question():
                await self._begin()
            while (data := self._asked()) or not await self._is_over():
                if data:
                    await self._answer(data)
                else:  # what was there has gone, and the next is on its way
                    await asyncio.sleep(0.3)
            self.tests += 1

    async def _is_over(self) -> bool:
        """Whether the test is at its end: the one thing that is asked of the database, since a chat does not tell."""
        try:
            async with await psycopg.AsyncConnection.connect(self.database) as connection:
                ask = "SELECT 1 FROM visits WHERE person_id = %s AND status <> 'done'"
                return await (await connection.execute(ask, [self.person])).fetchone() is None
        except psycopg.OperationalError:
            return False  # it is being started again

    async def _answer(self, data: list[str]) -> None:
        step = data[0].split(":")[0]
        for choice in self.choices.get(step) or self._way_on(data):
            found = next((one for one in self._asked() if one.startswith(f"{step}:{choice}:")), "")
            if not found:
                return
            await asyncio.sleep(self.rest)
            await self._press(found, step, choice)

    def _way_on(self, data: list[str]) -> tuple[str, ...]:
        offered = [one.split(":")[1] for one in data]
        return ("continue",) if "continue" in offered else (offered[0],)


@dataclass
class Town:
    """Everybody, and how to read the database."""

    url: str
    keys: str
    world: World
    programme: str = ""
    actors: list[Participant] = field(default_factory=list)
    staff: list[Phone] = field(default_factory=list)

    def storage(self) -> PostgresStorage:
        """A storage of our own, to be closed."""
        return PostgresStorage(self.url, Keyring(self.keys), SystemIds())


async def _settle(town: Town, plan: Plan, rng: random.Random) -> None:
    ids, now, storage = SystemIds(), datetime.now(UTC), town.storage()
    programme = Programme(ids.new(), "p", "Example Service", "zoom", "Europe/London", ("en",), "0300", "999")
    town.programme = programme.id

    async def enrol(unit: Unit, name: str, group: str | None, role: StaffRole | None) -> tuple[Phone, str]:
        phone = Phone(town.world, name, role=role or "participant")
        town.world.chats[phone.id].open = True
        person = Person(
            ids.new(), programme.id, None if role else group, "staff" if role else "participant", name, "en",
            "Europe/London", "active" if role else "orientation", created_at=now,
        )  # fmt: skip
        await unit.people.add(person)
        await unit.chats.add(Chat(ids.new(), town.world.bot["id"], phone.id, person.id))
        if role:
            await unit.people.add_role(person.id, role, group)
            town.staff.append(phone)
        return phone, person.id

    async with storage.unit() as unit:
        await unit.programmes.save(programme)
        for number in range(-(-plan.participants // GROUP_OF)):
            group = Group(ids.new(), programme.id, f"g{number}", f"Group {number}", "Europe/London")
            await unit.programmes.save_group(group)
            starts = now + timedelta(minutes=90)
            await unit.sessions.save(
                Session(ids.new(), programme.id, f"s{number}", group.id, None, starts, 90, "zoom", "https://m.example")
            )  # fmt: skip
            await enrol(unit, f"facilitator {number}", group.id, StaffRole.FACILITATOR)
            for one in range(min(GROUP_OF, plan.participants - number * GROUP_OF)):
                phone, person_id = await enrol(unit, f"participant {number} {one}", group.id, None)
                town.actors.append(
                    Participant(phone, person_id, _choices(rng), looks_every=0.05, longest=PATIENCE, rest=0.4 * rng.random(), database=town.url)
                )  # fmt: skip
        for role in StaffRole:
            if role is not StaffRole.FACILITATOR:
                await enrol(unit, role.value, None, role)
        await unit.commit()
    await storage.close()


def _choices(rng: random.Random) -> dict[str, tuple[str, ...]]:
    """Half of them answer as if all were well, the others say something worrying here and there."""
    worrying = {
        step: (rng.choice(choices),) for step, choices in WORRYING.items() if rng.random() < 0.4
    }  # fmt: skip
    return READY | (worrying if rng.random() < 0.5 else {})


@dataclass
class Troubles:
    """What is done to the fleet, and how often it was."""

    fleet: Fleet
    server: postgres.Server
    rng: random.Random
    found: Findings
    watching: list[asyncio.Task[None]] = field(default_factory=list)

    async def make(self, plan: Plan) -> None:
        """For so many seconds."""
        for port, process in self.fleet.processes.items():
            self.watching.append(asyncio.create_task(self._watch(port, process, -STARTS_WITHIN)))
        async with asyncio.timeout(plan.seconds + 60):
            async with asyncio.TaskGroup() as group:
                until = time.monotonic() + plan.seconds
                group.create_task(self._kill(plan.kills_every, until))
                group.create_task(self._terminate(until))
                group.create_task(self._restart(plan.seconds))

    async def _kill(self, every: float, until: float) -> None:
        """One of them after the other by chance; the one that leads as often as any other."""
        while time.monotonic() + every < until:
            await asyncio.sleep(every * (0.5 + self.rng.random()))
            port = self.rng.choice(list(self.fleet.processes))
            process = self.fleet.processes[port]
            if process.returncode is not None:
                continue  # `_watch` sees to it
            process.send_signal(signal.SIGKILL)
            await process.wait()
            self.found.kills += 1
            await self._started(port)

    async def _started(self, port: int) -> None:
        """As a service manager does it: what ends at its start, since the database is away just then, is started again."""
        began = time.monotonic()
        await self.fleet.start(port)
        self.watching.append(asyncio.create_task(self._watch(port, self.fleet.processes[port], began)))

    async def _watch(self, port: int, process: asyncio.subprocess.Process, began: float) -> None:
        code = await process.wait()
        if code < 0:
            return  # a signal of ours
        said = (self.fleet.folder / f"log-{port}").read_text()[-600:]
        if code == 1 and AWAY in said.splitlines()[-1] and time.monotonic() - began < STARTS_WITHIN:
            await asyncio.sleep(1)
            await self._started(port)
        else:
            self.found.broken.append(f"a process ended by itself with {code}: {said}")

    async def _terminate(self, until: float) -> None:
        """Connections of theirs, one to three at a time."""
        while time.monotonic() + TERMINATED_EVERY < until:
            await asyncio.sleep(TERMINATED_EVERY * (0.5 + self.rng.random()))
            ask = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vestibule' "
                "ORDER BY random() LIMIT %s"
            )
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.server.address("postgres")
                ) as connection:
                    rows = await (await connection.execute(ask, [self.rng.randint(1, 3)])).fetchall()
            except psycopg.OperationalError:
                continue  # the server is away just now
            self.found.terminated += len(rows)

    async def _restart(self, seconds: float) -> None:
        """The database, in the middle: cleanly, or as after a crash."""
        await asyncio.sleep(seconds * (0.4 + 0.2 * self.rng.random()))
        how = self.rng.choice((signal.SIGINT, signal.SIGQUIT))
        await asyncio.to_thread(self.server.restart, how)
        self.found.restarts = how.name


async def story(plan: Plan, server: postgres.Server, own: Path) -> tuple[Findings, Town]:
    """All of it, on a database of its own on that server; what was found, and everybody."""
    rng, found, keys = random.Random(plan.seed), Findings(), Keyring.generate()
    url = postgres.Databases(server.folder).make(DATABASE)
    await asyncio.to_thread(migrate, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WATCH.encode())
        for number in range(REPLICAS):
            connection.execute(f"CREATE ROLE replica_{number} LOGIN IN ROLE {postgres.ROLE}".encode())
    town = Town(url, keys, World(SystemClock(), limits=False, seed=plan.seed, token=TOKEN))
    await _settle(town, plan, rng)
    urls = [server.address(DATABASE, f"replica_{number}") for number in range(REPLICAS)]
    async with at_work(town.world, keys, own, urls, patience=10.0, VESTIBULE_SEND_LIMITS="off") as fleet:
        began = time.monotonic()
        until = began + plan.seconds
        work = [
            asyncio.create_task(one.through(rng.random() * plan.seconds / 4, until)) for one in town.actors
        ]
        await Troubles(fleet, server, rng, found).make(plan)
        for error in await asyncio.gather(*work, return_exceptions=True):
            if error is not None:
                found.broken.append(f"R-01: somebody waited in vain: {error!r}")
        found.seconds = time.monotonic() - began
        await _quiet(town, found)
    found.logs = logged(own)
    await judge(found, town)
    return found, town


async def _quiet(town: Town, found: Findings) -> None:
    """Until Telegram has nothing for the bot and the bot nothing for Telegram."""
    async with asyncio.timeout(PATIENCE):
        while len(town.world.updates):
            await asyncio.sleep(0.1)
    storage, until = town.storage(), time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            async with storage.unit() as unit:
                due = (await unit.outbox.tally()).items()
            if not sum(
                count for (state, lane), count in due if state == "waiting" and lane in ("alert", "reply")
            ):
                return
            await asyncio.sleep(0.5)
    finally:
        await storage.close()
    found.broken.append(f"R-10: still waiting: {dict(due)}")


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="make replicas", description=__doc__)
    parser.add_argument("--participants", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long things break (default 120)")
    parser.add_argument("--kills-every", type=float, default=3.0, help="seconds between two SIGKILLs, about")
    parser.add_argument(
        "--seed", type=int, default=None, help="what is killed when, and who answers what; printed"
    )
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    return Plan(given.participants, given.seconds, given.kills_every, seed)


def main() -> int:
    """Run it; 1 if anything did not hold, or PostgreSQL is missing."""
    plan = _plan()
    if postgres.programs() is None:
        print("PostgreSQL is missing (apt install postgresql-15)", file=sys.stderr)
        return 1
    print(f"replicas, seed {plan.seed}: repeat with --seed {plan.seed}", flush=True)
    server = postgres.Server(durable=True)
    try:
        server.start()
        with folder() as own:
            found, _ = asyncio.run(story(plan, server, Path(own)))
    finally:
        server.remove()
    print(*found.told(), sep="\n", flush=True)
    return 1 if found.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
