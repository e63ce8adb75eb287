"""One try at the desk by one person, undone again: what would have come of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from bot.ports.inbound import Command, Inbound, Press, What
from bot.ports.records import AnswerRow, Case, Chat, Person, Readiness, StaffRole
from bot.ports.stores import Storage, Unit
from bot.storage.columns import metadata
from bot.storage.statements import Statement
from bot.usecases import duty, neutral, staff_desk, zone
from bot.usecases import staff_texts as texts
from bot.usecases.render import tail
from bot.usecases.take_updates import TakeUpdates
from flows.effects import Line
from flows.lines import NO_BUTTON, OLD_BUTTON
from flows.values import Level
from flows.visit import from_json
from tests.bot.escalation.conftest import START, Town, concern

# What says nothing of what has been done; and what is said but not kept as a change of the programme's data.
APART = {"outbox", "audit", "audit_anchors", "seen", "ledger", "pulses", "leases"}
_ALL = {t.name: Statement(select(t)) for t in metadata.sorted_tables if t.name not in APART}
NO = (
    zone.NOBODY,
    texts.NO_SUCH_CASE,
    texts.NOT_OPEN_TO_YOU,
    texts.NO_LIFT,
    texts.NOTHING_TYPED,
    *texts.REFUSALS.values(),
)
LINE = (texts.WHAT_CAN_BE_DONE, duty.NOT_ON_DUTY, OLD_BUTTON, NO_BUTTON, neutral.UNKNOWN)
_NUMBERS = count(10_000)
TYPED = "Foundry Lane 7"


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a try. `verdict`: yes, no, first (take it on first), line (a neutral line), stranger or nothing."""

    verdict: str
    said: str
    changed: frozenset[str]
    recorded: tuple[str, ...]


class _Undone:
    """A storage whose only unit is open already and is never kept; one time beside others, one time alone."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._opened: list[bool] = []

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Unit]:
        assert beside not in self._opened, "a fault had it run again"
        self._opened.append(beside)
        yield self._unit

    async def close(self) -> None:
        return None


@contextmanager
def _kept_open(unit: Any) -> Iterator[Storage]:
    async def nothing() -> None:
        return None

    unit.commit = nothing
    yield _Undone(unit)


async def _rows(unit: Any) -> dict[str, Any]:
    return {name: await unit.outbox._work.rows(statement) for name, statement in _ALL.items()}


async def tried(town: Town, who: str, what: What, *, private: bool = True) -> Came:
    """Somebody sends it; what would have come of it. Nothing is kept, so that tries do not touch each other."""
    async with town.storage.unit() as unit:
        chat = await unit.chats.get(town.ids[f"chat of {who}"]) if who != "stranger" else None
        before, rows = await _rows(unit), await _said(town, unit)
        telegram = chat.telegram_id if chat else 999_999
        inbound = Inbound(0, 7000, telegram if private else -77, private, "en", what, 7000, town.clock.now())
        with _kept_open(unit) as storage:
            taken = await TakeUpdates(storage, town.desk, staff_desk.handle)([inbound])
        assert taken.faults == 0, f"{who}: {what}"
        changed = {name for name, found in (await _rows(unit)).items() if found != before[name]}
        new = {key: row for key, row in (await _said(town, unit)).items() if key not in rows}
        entries = await unit.outbox._work.rows(_AUDIT)  # type: ignore[attr-defined]  # looks behind the port
    for row in new.values():
        tells = f"{row.text} {row.rows}"
        if "alias of participant" in tells or "alias of neighbour" in tells or TYPED in tells:
            assert row.sensitive, f"S-43, sent without protection: {row.text}"
            assert row.not_after is not None, row.text
    own = [row for row in new.values() if chat is not None and row.chat_id == chat.id]
    said = [row.text for row in own if row.op == "say"]
    if taken.strangers:
        verdict = "stranger"
    elif not new and not changed:
        verdict = "nothing"
    elif not changed and len(own) == len(new) == 1 and (plain := _plain(said)):
        verdict = plain
    elif len(own) == len(new) and changed <= {"visits"} and _plain(said[:1]) == "line":
        verdict = "line"  # and the question that stands is asked again
    else:
        verdict = "yes"
    recorded = tuple(e["action"] for e in entries if e["at"] == town.clock.now())
    return Came(verdict, "\n".join(said), frozenset(changed), recorded)


_AUDIT = Statement(select(metadata.tables["audit"]))


def _plain(said: list[str]) -> str:
    def among(lines: tuple[Line, ...]) -> bool:
        filled = {
            line.msgid.replace("{service_number}", "0300").replace("{emergency_number}", "999")
            for line in lines
        }
        return set(said) <= filled

    if said == [texts.TAKE_FIRST.msgid]:
        return "first"
    return "no" if among(NO) else "line" if among(LINE) else ""


async def _said(town: Town, unit: Unit) -> dict[int, Any]:
    return {
        row.id or -number: row
        for name in town.ids
        if name.startswith("chat of")
        for number, row in enumerate(await unit.outbox.waiting(town.ids[name]), start=1)
    }


def parsed(text: str) -> What:
    """`/name argument` or `STEP:choice:tail`."""
    if text.startswith("/"):
        name, _, argument = text[1:].partition(" ")
        return Command(name, argument)
    step, choice, tail = text.split(":", 2)
    return Press(step, choice, tail, "callback", text)


async def _person(town: Town, name: str, kind: Any, role: StaffRole | None, group: str | None) -> None:
    new = town.desk.ids.new
    town.ids[name], town.ids[f"chat of {name}"] = new(), new()
    async with town.unit() as unit:
        await unit.people.add(
            Person(
                town.ids[name], town.ids["programme"], town.ids[group] if group and role is None else None, kind,
                f"alias of {name}", "en", "Europe/London", "active", created_at=START,
            )
        )  # fmt: skip
        if role is not None:
            await unit.people.add_role(town.ids[name], role, town.ids[group] if group else None)
        await unit.chats.add(Chat(town.ids[f"chat of {name}"], 0, 5000 + len(town.ids), town.ids[name]))


async def _begun(town: Town, who: str, *sent: str) -> str:
    """A participant sends these, for good; gives the visit that stands then."""
    for text in sent:
        async with town.storage.unit() as unit:
            chat = await unit.chats.get(town.ids[f"chat of {who}"])
        assert chat is not None
        inbound = Inbound(
            0, next(_NUMBERS), chat.telegram_id, True, "en", parsed(text), None, town.clock.now()
        )
        assert not (await TakeUpdates(town.storage, town.desk, staff_desk.handle)([inbound])).faults
    async with town.storage.unit() as unit:
        person = await unit.people.get(town.ids[who])
    assert person is not None
    assert person.visit_id is not None
    return person.visit_id


async def _raised(town: Town, route: str, visit: str, *, session: bool) -> Case:
    """A case with typed text at its step."""
    async with town.unit() as unit:
        before = len(await unit.answers.of_visit(visit))
        answer = AnswerRow(
            town.desk.ids.new(), visit, town.ids["participant"], None, "self_test", "ST-01", before + 1, "unclear",
            (), TYPED, START,
        )  # fmt: skip
        await unit.answers.add(answer)
    case = await town.raises(concern("other_nearby", route=route), visit=visit, session=session)
    assert case is not None
    return case


async def settled(town: Town) -> Town:
    """K-101 on every route, held, with typed text; asked of a facilitator of group B too. K-102 for facilitators alone.

    A holder has taken on the facilitators' part of K-103. Both participants have a question open.
    """
    await _person(town, "holder", "staff", StaffRole.FACILITATOR, "A")
    await _person(town, "asked facilitator", "staff", StaffRole.FACILITATOR, "B")
    await _person(town, "administrator", "staff", StaffRole.ADMINISTRATOR, None)
    await _person(town, "neighbour", "participant", None, "B")
    await _person(town, "left participant", "participant", None, "A")
    await _person(town, "left staff", "staff", StaffRole.MANAGER, None)
    await _begun(town, "neighbour", "/menu", "DOOR:yes:", "MENU:checkin:")
    visits = [
        await _begun(town, "participant", "/menu", "DOOR:yes:", f"MENU:{item}:", *more)
        for item, more in (("checkin", ()), ("after", ()), ("selftest", ("DOOR:yes:",)))
    ]
    async with town.unit() as unit:
        held = Readiness(
            town.desk.ids.new(), town.ids["session"], town.ids["participant"], visits[2], Level.HOLD, True, (), START
        )  # fmt: skip
        await unit.readiness.put(held)
    case = await _raised(town, "FTPDM", visits[2], session=True)
    async with town.unit() as unit:
        [part] = [p for p in await unit.cases.roles(case.id) if p.role.value == "F"]
        asked = (*part.asked, town.ids["asked facilitator"])
        await unit.cases.save_role(replace(part, asked=asked))
    await _raised(town, "F", visits[0], session=False)
    await _raised(town, "F", visits[1], session=False)
    await town.presses("holder", "CASE:take:K-103")
    async with town.unit() as unit:
        for name in ("left participant", "left staff"):
            person = await unit.people.get(town.ids[name])
            assert person is not None
            await unit.people.save(replace(person, state="left"))
            await unit.chats.set_state(town.ids[f"chat of {name}"], "left")
    await town.delivered()
    town.clock.advance(timedelta(minutes=1))
    return town


async def button_of(town: Town, who: str) -> str:
    """Callback data of the question that stands open for a participant."""
    async with town.storage.unit() as unit:
        person = await unit.people.get(town.ids[who])
        row = await unit.visits.get(person.visit_id) if person and person.visit_id else None
    assert row is not None
    visit = from_json(row.body)
    script = town.desk.library.at(row.script, row.script_version)
    assert script is not None
    step = script.find(visit.step)
    assert step is not None
    return f"{step.id}:{step.choices[0].id}:{tail(row.id, visit.asking)}"
