"""/privacy: what is kept, until when in the person's own dates, and what can be asked for; behind the door (S-01, S-42).

No date comes from anything that staff know or noted: whether there is a case is not to be seen here (S-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.ports.records import Chat, Person, Programme, Request
from bot.ports.services import Rows
from bot.ports.stores import Unit
from bot.usecases import neutral
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import date_of, months, params_for, programme_of
from bot.usecases.render import LONGEST, open_menu
from bot.usecases.retention import BACKUPS, OF_KIND, before, gone_by, longest, months_on, time_of
from flows.effects import Line

STEP = "PRIV"
SLOT = "privacy"

WHAT = Line(
    "privacy",
    "What is kept: your answers, your agreement, the times of your sessions and how this chat reaches you. It is "
    "stored encrypted. Names, places and contacts of other people are never asked for; please leave them out.",
)
WHO = Line(
    "privacy",
    "Who reads it: the staff of {service} who work with you. If an answer gives cause for concern, it is passed on to other "
    "staff, and where the law says so to others, also without your agreement. "
    "Telegram carries the messages and could read them; bot chats have no end-to-end encryption.",
)
UNTIL = Line("privacy", "Until when:")
NO_ANSWERS = Line("privacy", "• Answers: none are kept now. Each goes {months} after you gave it.")
ANSWERS = Line("privacy", "• Answers: the oldest goes by {first}, the newest so far by {last}.")
NO_REFLECTIONS = Line(
    "privacy", "• Answers to reflection questions: none are kept now. Each goes {months} after you gave it."
)
REFLECTIONS = Line(
    "privacy", "• Answers to reflection questions: the oldest goes by {first}, the newest so far by {last}."
)
AGREEMENT = Line("privacy", "• Your agreement: {months} after you have left.")
AGREEMENT_LEFT = Line("privacy", "• Your agreement: by {date}.")
CHAT = Line("privacy", "• Who you are, and how this chat reaches you: {months} after you have left.")
CHAT_LEFT = Line("privacy", "• Who you are, and how this chat reaches you: by {date}.")
REQUESTS = Line("privacy", "• What you ask for here: {months} after it was answered.")
RECORD = Line("privacy", "• The record of who opened what, under a number: {months}.")
NOTES = Line(
    "privacy",
    "If staff note something for their work, that is kept for up to {months} after they have finished with it, and what "
    "it rests on until they have.",
)
COPIES = Line(
    "privacy",
    "Copies kept in case of damage go {number} day later.",
    plural="Copies kept in case of damage go {number} days later.",
)
COURT = Line("privacy", "A court can order that something is kept longer.")
RIGHTS = Line(
    "privacy",
    "You can ask for a copy, for erasure, or say that something is wrong: with a button here, by speaking to staff or "
    "at {service_number}. A person decides and tells you why. A copy is handed over outside this chat. You can also "
    "complain to the data protection authority. /stop clears what can be cleared here at any time.",
)
BUTTONS: Mapping[str, Line] = {
    "copy": Line("privacy", "Ask for a copy"),
    "erasure": Line("privacy", "Ask for erasure"),
    "correction": Line("privacy", "Something is wrong"),
}
NOTED = Line("privacy", "You have asked already ({what}). Staff answer by {date}.")

STAFF = (
    Line(
        "staff",
        "What is kept about you: the words you are known by here, your role and groups, your chat and mail address, "
        "encrypted. Which cases you took on, opened or closed, and when, stands in the audit log under a number.",
    ),
    Line(
        "staff",
        "The audit log is kept for {audit}, your place here until {people} after you have left, longer where a case "
        "still names you. For a copy, a correction or erasure please speak to your administrator; requests of "
        "participants are listed by: vestibule requests. Telegram carries the messages and could read them.",
    ),
)


async def show_privacy(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The notice, in messages of which none is too long; the last one has the buttons."""
    programme = await programme_of(unit, person)
    texts = await _notice(unit, desk, person, programme)
    instead = desk.texts.line(person.language, neutral.WAITING)
    for number, text in enumerate(texts, start=1):
        rows = _buttons(desk, person) if number == len(texts) else ()
        message = Message(f"{SLOT}{number}", text, rows, True, person.open_until, instead, fresh=True)
        await post(unit, desk, chat, message)


async def _notice(unit: Unit, desk: Desk, person: Person, programme: Programme) -> list[str]:
    params = params_for(person, programme, None)

    def say(line: Line, **more: str | int) -> str:
        return desk.texts.line(person.language, line, {**params, **more})

    def lasts(kind: str) -> str:
        return months(person, time_of(OF_KIND[kind], programme))

    asked = [request for request in await unit.requests.of_person(person.id) if request.done_at is None]
    until = [say(UNTIL), *await _until(unit, desk, person, programme)]
    return [
        *_packed([say(WHAT), say(WHO)], "\n\n"),
        *_packed(until, "\n"),
        " ".join([say(NOTES, months=lasts("cases")), say(COPIES, number=BACKUPS), say(COURT)]),
        *_packed([say(RIGHTS), *(_noted(desk, person, request) for request in asked)], "\n\n"),
    ]


async def _until(unit: Unit, desk: Desk, person: Person, programme: Programme) -> list[str]:
    """A line for each kind of the person's own data, with their dates."""
    lines: list[tuple[Line, dict[str, str]]] = []
    for kind, line, none in (("answers", ANSWERS, NO_ANSWERS), ("reflections", REFLECTIONS, NO_REFLECTIONS)):
        time = time_of(OF_KIND[kind], programme)
        span = await unit.expiry.span(kind, person.id, before(OF_KIND[kind], time, desk.now()))
        if span is None:
            lines.append((none, {"months": months(person, time)}))
        else:
            first, last = (date_of(person, gone_by(OF_KIND[kind], time, at)) for at in span)
            lines.append((line, {"first": first, "last": last}))
    for kind, line, left in (("agreements", AGREEMENT, AGREEMENT_LEFT), ("people", CHAT, CHAT_LEFT)):
        time = time_of(OF_KIND[kind], programme)
        if person.left_at is None:
            lines.append((line, {"months": months(person, time)}))
        else:
            lines.append((left, {"date": date_of(person, gone_by(OF_KIND[kind], time, person.left_at))}))
    lines.append((REQUESTS, {"months": months(person, time_of(OF_KIND["requests"], programme))}))
    lines.append((RECORD, {"months": months(person, await _audit_months(unit))}))
    return [desk.texts.line(person.language, line, params) for line, params in lines]


async def _audit_months(unit: Unit) -> int:
    """The audit log is one for all programmes, and stays for the longest time that any of them asks for."""
    return longest(OF_KIND["audit"], await unit.programmes.all())


def answer_by(request: Request) -> datetime:
    """By when it has to be answered: within one month, in a shorter one by its last day (GDPR art. 12(3))."""
    due = months_on(request.asked_at, 1)
    return due if due.day == request.asked_at.day else due - timedelta(days=1)


def _noted(desk: Desk, person: Person, request: Request) -> str:
    what = desk.texts.line(person.language, BUTTONS[request.kind])
    return desk.texts.line(
        person.language, NOTED, {"what": what, "date": date_of(person, answer_by(request))}
    )


def _buttons(desk: Desk, person: Person) -> Rows:
    say = desk.texts.line
    asks = tuple(((say(person.language, label), f"{STEP}:{kind}"),) for kind, label in BUTTONS.items())
    return (*asks, *open_menu(desk, person))


def _packed(parts: list[str], between: str) -> list[str]:
    """As few messages as S-09 allows."""
    found = [parts[0]]
    for part in parts[1:]:
        together = f"{found[-1]}{between}{part}"
        if len(together) <= LONGEST:
            found[-1] = together
        else:
            found.append(part)
    return found


async def show_to_staff(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """What is kept about staff, and where participants' requests are."""
    programme = await programme_of(unit, person)
    params = {
        "audit": months(person, await _audit_months(unit)),
        "people": months(person, time_of(OF_KIND["people"], programme)),
    }
    for number, line in enumerate(STAFF, start=1):
        text = desk.texts.line(person.language, line, params)
        await post(unit, desk, chat, Message(f"{SLOT}{number}", text, fresh=True))
