"""What is for review: in the digest of a working morning, and in the weekly list for case management.

References and kinds only, no names (S-20). Cases with changes in the home stand first, unmarked: which they are is
read in the cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.escalation import ladder
from bot.ports.records import AuditEntry, Case, CaseRole, Lane, Person, StaffRole
from bot.ports.stores import Stale, Unit, Unreadable
from bot.usecases import staff_texts as texts
from bot.usecases.ask_role import ask, build_ladder, restarted
from bot.usecases.case_card import in_rows, kind_for, raised_for
from bot.usecases.desk import Desk, Message, post
from bot.usecases.mail import notice_mail
from bot.usecases.policy import hours_of
from bot.usecases.reach import Ways, ways_to
from bot.usecases.staff_notice import Told
from flows.effects import Line
from flows.values import Level, Role, Urgency

log = structlog.get_logger(__name__)

HOME = frozenset({"home_changed", "lives_with_partner", "partner_at_home"})
LISTED = 20
THE_DIGEST = "digest"
SLOT = "digest-"
"""Each has a slot of its own: yesterday's stays where it is."""

DIGEST = Line("staff", "For review:")
WEEKLY = Line("staff", "Open cases this week:")
NONE_OPEN = Line("staff", "No case is open.")
ROW = Line("staff", "{case} · {kind}")
ROW_OPEN = Line(
    "staff",
    "{case} · {kind} · open for {number} day",
    plural="{case} · {kind} · open for {number} days",
)
ROW_TODAY = Line("staff", "{case} · {kind} · open since yesterday or today")
MORE = Line(
    "staff",
    "and {number} more; /case lists those of your roles",
    plural="and {number} more; /case lists those of your roles",
)

Item = tuple[Case, CaseRole]


@dataclass(frozen=True, slots=True)
class _Page:
    """What one reader is shown: the cases with the parts that come to them, and those they may open."""

    cases: dict[str, Case]
    roles: dict[str, list[Role]]
    may_open: frozenset[str]


async def send_digest(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """Ask, in one message each, about all that waits for a digest; how much that is, and how many people were told.

    Everybody the ladder has come to reads it each working morning until somebody takes it on; managers read all.
    Called again the same morning it does nothing.
    """
    items = await _advanced(unit, desk, await _waiting(unit, programme_id))
    if not items:
        return Told(0)
    told = 0
    people = dict.fromkeys(person for _, part in items for person in part.asked)
    managers = [one.id for one in await unit.people.in_role(programme_id, StaffRole.MANAGER)]
    for person_id in dict.fromkeys((*people, *managers)):
        manages = person_id in managers
        seen = [
            (case, part)
            for case, part in items
            if person_id in part.asked or (manages and part.role is not Role.PARTNER_SUPPORT)
        ]
        asked = frozenset(case.id for case, part in seen if person_id in part.asked)
        told += bool(seen) and await _tell(unit, desk, person_id, DIGEST, _page(seen, asked), aged=False)
    return Told(len(items), told)


async def send_weekly(unit: Unit, desk: Desk, programme_id: str) -> Told:
    """The list for case management: managers read of every open case, facilitators of those that come to them.

    Managers also read that no case is open: for them there is always something to say.
    """
    items: list[Item] = []
    for case in await unit.cases.open_in(programme_id):
        items += [(case, part) for part in await unit.cases.roles(case.id) if part.state != "done"]
    told = 0
    managers = await unit.people.in_role(programme_id, StaffRole.MANAGER)
    for person in managers:
        seen = [one for one in items if one[1].role is not Role.PARTNER_SUPPORT or person.id in one[1].asked]
        asked = frozenset(case.id for case, part in items if person.id in part.asked)
        told += await _tell(unit, desk, person.id, WEEKLY, _page(seen, asked), aged=True)
    for person in await unit.people.in_role(programme_id, StaffRole.FACILITATOR):
        seen = [one for one in items if person.id in one[1].asked]
        if seen and person.id not in {manager.id for manager in managers}:
            page = _page(seen, frozenset(case.id for case, _ in seen))
            told += await _tell(unit, desk, person.id, WEEKLY, page, aged=True)
    return Told(max(1, len(items)), told)


async def is_solved(unit: Unit, case: Case, part: CaseRole) -> bool:
    """Whether what was to be solved before the session is: the person's latest test for it says ready, later than that.

    What cannot be read is not solved, so that people look (S-31).
    """
    raised = raised_for(case, [part.role])
    if case.session_id is None or not raised or any(r.urgency is not Urgency.ROSTER for r in raised):
        return False
    try:
        session = await unit.sessions.get(case.session_id)
        found = await unit.readiness.get(case.session_id, case.person_id)
    except Unreadable as fault:
        log.warning("digest.unreadable", case=case.ref, error=str(fault))
        return False
    return (
        session is not None
        and found is not None
        and found.level is Level.READY
        and found.final
        and found.session_version == session.version
        and found.at >= max(r.at for r in raised)
    )


async def into_digest(unit: Unit, desk: Desk, case: Case, part: CaseRole) -> None:
    """Nobody is alerted any more; somebody still looks at it and closes it."""
    hours = hours_of(await unit.programmes.get(case.programme_id))
    due = ladder.digest_due(desk.now(), hours)
    rungs = await build_ladder(unit, desk, case, part.role, Urgency.REVIEW, first=due)
    if await _saved(unit, restarted(part, rungs, due)):
        await _audit(unit, desk, "case.solved", case, part)


async def _waiting(unit: Unit, programme_id: str) -> list[Item]:
    """The parts that are asked about in a digest."""
    found: list[Item] = []
    for case in await unit.cases.open_in(programme_id):
        for part in await unit.cases.roles(case.id):
            if part.state == "asking" and ladder.is_quiet(ladder.read(part.ladder)):
                found.append((case, part))
    return found


async def _advanced(unit: Unit, desk: Desk, waiting: Sequence[Item]) -> list[Item]:
    """Those due this morning, each asked one rung further."""
    now, found = desk.now(), []
    for case, part in waiting:
        if part.next_due_at is None or part.next_due_at > now + ladder.BACKSTOP:
            continue
        asked = await ask(unit, case, part, now)
        if await _saved(unit, asked.part):
            await _audit(unit, desk, "case.in_digest", case, asked.part)
            found.append((case, replace(asked.part, version=part.version + 1)))
    return found


def _page(seen: Sequence[Item], may_open: frozenset[str]) -> _Page:
    roles: dict[str, list[Role]] = {}
    for case, part in seen:
        roles.setdefault(case.id, []).append(part.role)
    found = {case.id: case for case, _ in seen}
    # First, and no word about it: a number beside few references would name the concern (S-20).
    first = sorted(found.values(), key=lambda case: not _at_home(case, roles[case.id]))
    return _Page({case.id: case for case in first}, roles, may_open)


def _at_home(case: Case, roles: Sequence[Role]) -> bool:
    """Whether what comes to the roles says that something in the home has changed."""
    return any(raised.concern in HOME for raised in raised_for(case, roles))


async def _tell(unit: Unit, desk: Desk, person_id: str, heading: Line, page: _Page, *, aged: bool) -> bool:
    ways = await ways_to(unit, person_id)
    if ways is None:
        return False
    text = _text(desk, ways.person, heading, page, desk.now(), aged=aged)
    if ways.telegram:
        buttons = [
            (Line("staff", case.ref), f"CASE:open:{case.ref}")
            for case in page.cases.values()
            if case.id in page.may_open
        ]
        rows = in_rows(desk, ways.person.language, buttons[:LISTED])
        message = Message(SLOT + desk.ids.new(), text, rows, fresh=True)
        await post(unit, desk, ways.chat, message, lane=Lane.REMINDER)
    if ways.email:
        await _mail(unit, desk, ways, text)
    return True


async def _mail(unit: Unit, desk: Desk, ways: Ways, text: str) -> None:
    message = Message(SLOT + desk.ids.new(), notice_mail(desk, ways.person, text))
    await post(unit, desk, ways.chat, message, lane=Lane.REMINDER, way="email")


def _text(desk: Desk, reader: Person, heading: Line, page: _Page, now: datetime, *, aged: bool) -> str:
    def line(text: Line, **params: str | int) -> str:
        return desk.texts.line(reader.language, text, params)

    if not page.cases:
        return line(NONE_OPEN)
    lines = [line(heading)]
    for case in list(page.cases.values())[:LISTED]:
        kind = line(texts.KIND[kind_for(desk, case, page.roles[case.id])])
        days = (now - case.opened_at).days
        row = ROW if not aged else ROW_OPEN if days > 1 else ROW_TODAY
        lines.append(line(row, case=case.ref, kind=kind, number=days))
    if len(page.cases) > LISTED:
        lines.append(line(MORE, number=len(page.cases) - LISTED))
    return "\n".join(lines)


async def _saved(unit: Unit, part: CaseRole) -> bool:
    try:
        await unit.cases.save_role(part)
    except Stale as fault:
        log.info("digest_overtaken", case=part.case_id, fault=type(fault).__name__)
        return False
    return True


async def _audit(unit: Unit, desk: Desk, action: str, case: Case, part: CaseRole) -> None:
    detail = {"role": part.role.value, "asked": ",".join(part.asked)}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), THE_DIGEST, action, case.id, detail))
