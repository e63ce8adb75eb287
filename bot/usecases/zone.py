"""Another time zone for a participant: set by staff (`/zone`) or at the command line, for what is shown and planned.

Nothing is written freely: an alias that is there, and a zone of the IANA list (S-22).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import available_timezones

from bot.forms import clock_at
from bot.ports.plan import Fate, Reminder
from bot.ports.records import AuditEntry, Chat, Person, Session, StaffRole
from bot.ports.stores import Unit
from bot.schedule import due
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import audit, say
from bot.usecases.choose_person import own_participants
from bot.usecases.desk import Desk
from bot.usecases.file_entry import known_timezone
from bot.usecases.plan import AHEAD, NEAR, is_theirs, times_for, why_void
from flows.effects import Line

WIDE = frozenset({StaffRole.MANAGER, StaffRole.ADMINISTRATOR})
MAY = WIDE | {StaffRole.FACILITATOR}
HOW = Line(
    "staff",
    "Write whose time zone it is, by the name you know them under, and the nearest city of the list of zones. "
    "For example: /zone P-07 Europe/London",
)
NO_ZONE = Line("staff", "There is no such time zone. It should look like this: /zone P-07 Europe/London")
NOBODY = Line(
    "staff", "There is nobody of that name among your participants. For example: /zone P-07 Europe/London"
)
DONE = Line(
    "staff",
    "Set and written down. Their times are shown in {zone} from now on; it is {time} there. Reminders that have "
    "not been sent yet keep to it.",
)
REASON = "zone_changed"
SAID_ALREADY = "said_already"


async def write_zone(unit: Unit, desk: Desk, person: Person, chat: Chat, argument: str) -> None:
    """`/zone ALIAS ZONE`: facilitators for their own groups, managers and administrators for all."""
    if not MAY & set(person.roles):
        await audit(unit, desk, person, "zone.refused", person.id)
        await say(unit, desk, person, chat, texts.NOT_OPEN_TO_YOU)
        return
    alias, _, named = argument.strip().rpartition(" ")
    if not alias:
        await say(unit, desk, person, chat, HOW)
        return
    zone = zone_named(named)
    if not zone:
        await say(unit, desk, person, chat, NO_ZONE)
        return
    about = await _meant(unit, person, alias)
    if about is None:
        await audit(unit, desk, person, "zone.refused", person.id)
        await say(unit, desk, person, chat, NOBODY)
        return
    await set_zone(unit, desk, about, zone, person.id)
    time = clock_at(person.language, zone, desk.now())
    await say(unit, desk, person, chat, DONE, zone=zone, time=time)


def zone_named(text: str) -> str:
    """The zone of the IANA list that is meant, however its letters are written; empty where there is none."""
    if known_timezone(text):
        return text
    return next((z for z in available_timezones() if _same(z, text) and known_timezone(z)), "")


async def in_programme(unit: Unit, programme_id: str, alias: str) -> Person | None:
    """The participant of that alias, however its letters are written, who has not left."""
    found = await unit.everything.by_alias(programme_id, alias, folded=True)
    return next(
        (one for one in found if one.kind == "participant" and one.group_id and one.state != "left"), None
    )


async def set_zone(unit: Unit, desk: Desk, about: Person, zone: str, by: str) -> int:
    """Keep it, and plan anew what has not been sent yet; gives how many reminders changed. The caller commits."""
    changed = replace(about, timezone=zone)
    await unit.people.save(changed)
    count = await _plan_anew(unit, desk, changed)
    # Which zone is not said: where somebody lives is nothing for the log (S-20).
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, "zone.set", about.id, {}))
    return count


async def _meant(unit: Unit, person: Person, alias: str) -> Person | None:
    """Who of those whose zone the member of staff may set has that alias."""
    if WIDE & set(person.roles):
        return await in_programme(unit, person.programme_id, alias)
    own = await own_participants(unit, person, MAY)
    return next((one for one in own if one.state != "left" and _same(one.alias, alias)), None)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


async def _plan_anew(unit: Unit, desk: Desk, person: Person) -> int:
    """Each row still to come whose time is another one now is cancelled, and the new one kept beside it (R-18)."""
    programme = await unit.programmes.get(person.programme_id)
    if programme is None:
        return 0
    now, times = desk.now(), times_for(desk, programme)
    near = await unit.sessions.of_programme(programme.id, now - NEAR, now + AHEAD + NEAR)
    own = [one for one in near if one.state == "planned" and is_theirs(one, person)]
    count = 0
    for rows in _by_occasion(await unit.reminders.of_person(person.id)):
        session = await _session(unit, rows[0])
        if not _stands(desk, rows) or (rows[0].session_id and why_void(rows[0], session)):
            continue
        planned = (
            due.for_person(session, person, times)
            if session
            else due.for_day(date.fromisoformat(rows[0].key.split(":")[1]), person, own, times)
        )
        wanted = next((one for one in planned if one.kind is rows[0].kind), None)
        count += await _replaced(unit, desk, rows, wanted)
    return count


async def _session(unit: Unit, row: Reminder) -> Session | None:
    return await unit.sessions.get(row.session_id) if row.session_id else None


def _by_occasion(rows: Sequence[Reminder]) -> list[list[Reminder]]:
    """The rows of one thing, said once: the kind, and the session as it stands or the day."""
    found: dict[tuple[str, str, int], list[Reminder]] = defaultdict(list)
    for row in rows:
        found[row.kind, row.session_id or row.key.split(":")[1], row.guard].append(row)
    return list(found.values())


def _stands(desk: Desk, rows: Sequence[Reminder]) -> bool:
    """Whether it is still to come: due, or planned as skipped for a time ahead; and nothing of it was said."""
    live = [row for row in rows if row.fate is Fate.DUE or _skipped_ahead(desk, row)]
    return bool(live) and all(row in live or row.reason == REASON for row in rows)


def _skipped_ahead(desk: Desk, row: Reminder) -> bool:
    return row.fate is Fate.SKIPPED and row.due_at > desk.now() and row.reason != SAID_ALREADY


async def _replaced(unit: Unit, desk: Desk, rows: Sequence[Reminder], wanted: Reminder | None) -> bool:
    """Whether anything changed. A row that stands at the very time wanted stays."""

    def fits(row: Reminder) -> bool:
        return wanted is not None and (row.due_at, row.latest_at, row.fate) == (
            wanted.due_at, wanted.latest_at, wanted.fate,
        )  # fmt: skip

    now, old = desk.now(), [row for row in rows if row.fate is Fate.DUE and not fits(row)]
    for row in old:
        await unit.reminders.save(replace(row, fate=Fate.CANCELLED, reason=REASON, done_at=now))
    if wanted is None or any(fits(row) for row in rows):
        return bool(old)
    if wanted.fate is Fate.SKIPPED and not old:
        return False
    new_id, done_at = desk.ids.new(), None if wanted.fate is Fate.DUE else now
    # The old row keeps its key, so that planning does not bring it back.
    await unit.reminders.add(replace(wanted, id=new_id, key=f"{wanted.key}:{new_id}", done_at=done_at))
    return True
