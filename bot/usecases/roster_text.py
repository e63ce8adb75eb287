"""The roster as text: who stands where before a session, by alias. Values in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.forms import Unit, clock_at, lasting, listed
from bot.ports.records import Person, Readiness, Session, VisitRow
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk
from bot.usecases.facts import time_of
from bot.usecases.hold import is_held
from flows.effects import Line
from flows.library import Library
from flows.values import Level
from flows.visit import Visit, from_json


class Standing(StrEnum):
    """The groups of the roster, in its order."""

    READY = "ready"
    TO_CONFIRM = "to_confirm"
    TO_FIX = "to_fix"
    HOLD = "hold"
    UNDER_WAY = "under_way"
    NOT_BEGUN = "not_begun"
    UNKNOWN = "unknown"


GROUPS = {
    Standing.READY: Line("staff", "Ready ({number})"),
    Standing.TO_CONFIRM: Line("staff", "To confirm ({number})"),
    Standing.TO_FIX: Line("staff", "To fix ({number})"),
    Standing.HOLD: Line("staff", "Hold ({number})"),
    Standing.UNDER_WAY: Line("staff", "Under way ({number})"),
    Standing.NOT_BEGUN: Line("staff", "Not begun ({number})"),
    Standing.UNKNOWN: Line("staff", "Cannot be read, please ask them ({number})"),
}
HEADING = Line("staff", "Roster · {group}\n{time}")
BEFORE = Line("staff", "Starts in {left} (as of {now}).")
STARTED = Line("staff", "Has started (as of {now}).")
FINAL = Line("staff", "This is the last roster before the start.")
NOBODY = Line("staff", "There is nobody in this group yet.")
ONE = Line("staff", "• {alias}")
ONE_ANSWERED = Line("staff", "• {alias}: {text}")
MARK = "*"
MARKED = Line("staff", "* Says that somebody else is at home, out of sight and hearing. The case says more.")
ONLY_SAYS = Line(
    "staff", "Ready means only: so the participant says. Please look again when the session starts."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One participant. `answered`: the template with which staff answered a hold. `at_home`: to be marked."""

    alias: str
    standing: Standing
    answered: str | None = None
    at_home: bool = False


def entry_of(
    library: Library,
    person: Person,
    session: Session,
    readiness: Readiness | None,
    visits: Sequence[VisitRow],
    *,
    to_confirm: bool = False,
) -> Entry:
    """Where one person stands; `visits`: theirs, newest first. A test of the session as it was counts not (S-32).

    A hold stands before everything else, that of the session as it was too (S-08). `to_confirm`: they were asked
    whether it is still so, and it is ready no more until they said so (S-32). A test begun anew counts as under way until it has its result.
    """
    tests = [row for row in visits if row.session_id == session.id and row.script == "self_test"]
    newest = from_json(tests[0].body) if tests else None
    if readiness is not None and readiness.session_version != session.version and not is_held(readiness):
        readiness = None
    at_home = newest is not None and any(key.startswith("partner_at_home:") for key in newest.raised)
    if readiness is not None and readiness.level is Level.HOLD:
        return Entry(person.alias, Standing.HOLD, readiness.lifted, at_home)
    if newest is not None and newest.status != "done" and not _concluded(library, newest):
        begun = newest.status != "new" or bool(newest.answers)
        return Entry(person.alias, Standing.UNDER_WAY if begun else Standing.NOT_BEGUN, at_home=at_home)
    if readiness is None or not readiness.final:
        return Entry(person.alias, Standing.NOT_BEGUN, at_home=at_home)
    if readiness.level is not Level.READY:
        return Entry(person.alias, Standing.TO_FIX, at_home=at_home)
    return Entry(person.alias, Standing.TO_CONFIRM if to_confirm else Standing.READY, at_home=at_home)


def _concluded(library: Library, visit: Visit) -> bool:
    """Whether the visit stands at its result."""
    playable = library.at(visit.script, visit.version)
    step = playable.find(visit.step) if playable else None
    return step is not None and step.kind == "result"


def text_of(
    desk: Desk, reader: Person, session: Session, group: str, entries: Sequence[Entry], *, final: bool = False
) -> str:
    """The whole roster in the reader's language and zone; groups without anybody are left out."""
    say, language = desk.texts.line, reader.language
    heading = say(language, HEADING, {"group": group, "time": time_of(reader, session.starts_at)})
    paragraphs = ["\n".join([heading, _time_left(desk, reader, session)])]
    if final:
        paragraphs.append(say(language, FINAL))
    for standing, line in GROUPS.items():
        found = sorted((e for e in entries if e.standing is standing), key=lambda e: e.alias)
        if found:
            lines = [
                say(language, line, {"number": len(found)}),
                *(_one(desk, reader, e) for e in found),
            ]
            paragraphs.append("\n".join(lines))
    if not entries:
        paragraphs.append(say(language, NOBODY))
    if any(entry.at_home for entry in entries):
        paragraphs.append(say(language, MARKED))
    return "\n\n".join([*paragraphs, say(language, ONLY_SAYS)])


def _one(desk: Desk, reader: Person, entry: Entry) -> str:
    alias = entry.alias + (f" {MARK}" if entry.at_home else "")
    if entry.answered in texts.LIFTS:
        text = desk.texts.line(reader.language, texts.LIFTS[entry.answered])
        return desk.texts.line(reader.language, ONE_ANSWERED, {"alias": alias, "text": text})
    return desk.texts.line(reader.language, ONE, {"alias": alias})


def _time_left(desk: Desk, reader: Person, session: Session) -> str:
    now = desk.now()
    shown = clock_at(reader.language, reader.timezone, now)
    if now >= session.starts_at:
        return desk.texts.line(reader.language, STARTED, {"now": shown})
    left = _duration(session.starts_at, now, reader.language)
    return desk.texts.line(reader.language, BEFORE, {"left": left, "now": shown})


def _duration(starts_at: datetime, now: datetime, language: str) -> str:
    """Rounded up to the minute; in days once it is two of them."""
    minutes = -((now - starts_at) // timedelta(minutes=1))
    days, hours, rest = minutes // 1440, minutes // 60, minutes % 60
    if days >= 2:
        return lasting(language, days, "day")
    parts: list[tuple[int, Unit]] = [(hours, "hour"), (rest, "minute")]
    return listed(language, (lasting(language, number, unit) for number, unit in parts if number))
