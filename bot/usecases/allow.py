"""Dated allowances (`/allow`): a participant, what, until when, each from a list; nothing is typed (S-22).

The self-test then no longer counts a phone (in an individual session) or missing headphones as something to fix.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from bot.forms import listed
from bot.ports.inbound import Press
from bot.ports.plan import Allowance
from bot.ports.records import Chat, Person, StaffRole
from bot.ports.stores import Unit
from bot.usecases.case_access import audit, say
from bot.usecases.choose_person import TAIL, Choice, choose, chosen, refuse, show
from bot.usecases.desk import Desk, retract
from bot.usecases.facts import time_of
from flows.effects import Line

SLOT = "allow"
MAY = frozenset({StaffRole.FACILITATOR, StaffRole.TECH})
WHO = Line("staff", "For whom should something be allowed?")
CHOICE = Choice(SLOT, "ALW:who", "allowance", MAY, WHO)
WHICH = Line("staff", "{alias}: what should be allowed? Allowed now: {current}")
UNTIL = Line("staff", "{alias}: until when? {what}")
DONE = Line("staff", "Allowed and written down, until {time}. It counts from the next test on.")
NO_SESSION = Line("staff", "No session is planned for them.")
ENDED = Line("staff", "Ended and written down. It does not count any more from the next test on.")
NONE_YET = Line("staff", "nothing.")
CURRENT = Line("staff", "{what} ({time})")
WHAT = {
    "phone": Line("staff", "Phone, in sessions alone with staff"),
    "no_headphones": Line("staff", "No headphones"),
}
SPAN = {
    "next": Line("staff", "Until the next session is over"),
    "2w": Line("staff", "2 weeks"),
    "3m": Line("staff", "3 months"),
}
END, NO_LONGER = "end", Line("staff", "No longer")


async def choose_person(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The participants of the facilitator's or tech helper's own groups, by alias, taken away again (S-21)."""
    await choose(unit, desk, person, chat, CHOICE)


async def pressed(unit: Unit, desk: Desk, person: Person, chat: Chat, press: Press) -> None:
    """`ALW:who:<person>` asks what, `ALW:<what>:<person>` until when, `ALW:<what>.<span>:<person>` allows it.

    With `end` for a span what is allowed ends.
    """
    about = await chosen(unit, person, CHOICE, press.tail)
    what, _, span = press.choice.partition(".")
    if about is None:
        await refuse(unit, desk, person, chat, CHOICE)
    elif what in WHAT and span in SPAN:
        await _allow(unit, desk, person, chat, about, what, span)
    elif what in WHAT and span == END:
        await _end(unit, desk, person, chat, about, what)
    elif what in WHAT:
        stands = any(one.what == what for one in await unit.allowances.current(about.id, desk.now()))
        choices = {**SPAN, **({END: NO_LONGER} if stands else {})}
        text = {"alias": about.alias, "what": desk.texts.line(person.language, WHAT[what])}
        rows = tuple(
            ((desk.texts.line(person.language, line), f"ALW:{what}.{key}:{press.tail}"),)
            for key, line in choices.items()
        )
        await show(unit, desk, chat, SLOT, desk.texts.line(person.language, UNTIL, text), rows)
    else:
        await _ask_what(unit, desk, person, chat, about)


async def _ask_what(unit: Unit, desk: Desk, person: Person, chat: Chat, about: Person) -> None:
    now, language = await unit.allowances.current(about.id, desk.now()), person.language
    lines = [
        desk.texts.line(
            language,
            CURRENT,
            {"what": desk.texts.line(language, WHAT[a.what]), "time": time_of(person, a.until)},
        )
        for a in now
        if a.what in WHAT
    ]
    current = listed(person.language, lines) or desk.texts.line(person.language, NONE_YET)
    text = desk.texts.line(person.language, WHICH, {"alias": about.alias, "current": current})
    rows = tuple(
        ((desk.texts.line(person.language, line), f"ALW:{key}:{about.id[-TAIL:]}"),)
        for key, line in WHAT.items()
    )
    await show(unit, desk, chat, SLOT, text, rows)


async def _allow(
    unit: Unit, desk: Desk, person: Person, chat: Chat, about: Person, what: str, span: str
) -> None:
    until = await _until(unit, desk, about, span)
    if until is None:
        await say(unit, desk, person, chat, NO_SESSION)
        return
    kept = Allowance(desk.ids.new(), about.id, what, until, person.id, desk.now())
    await unit.allowances.add(kept)
    await audit(unit, desk, person, "allowance.given", about.id, what=what, until=until.isoformat())
    await retract(unit, desk, chat, SLOT)
    await say(unit, desk, person, chat, DONE, time=time_of(person, until))


async def _end(unit: Unit, desk: Desk, person: Person, chat: Chat, about: Person, what: str) -> None:
    """Whatever of it is still allowed ends now; pressed again it changes nothing more."""
    await unit.allowances.end(about.id, what, desk.now())
    await audit(unit, desk, person, "allowance.ended", about.id, what=what)
    await retract(unit, desk, chat, SLOT)
    await say(unit, desk, person, chat, ENDED)


async def _until(unit: Unit, desk: Desk, about: Person, span: str) -> datetime | None:
    if span == "next":
        session = await unit.sessions.next_for(about, desk.now())
        return session.starts_at + timedelta(minutes=session.minutes) if session else None
    return desk.now() + (timedelta(weeks=2) if span == "2w" else relativedelta(months=3))
