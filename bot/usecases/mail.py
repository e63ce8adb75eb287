"""What goes to staff by e-mail: as little as an alert says, and how to answer it in the chat (S-20).

The first line of a mail's text becomes its subject (bot.mail). Nothing else than alerts and notices is mailed.
"""

from __future__ import annotations

from bot.ports.records import Case, Chat, Lane, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from flows.effects import Line

ANSWER = Line(
    "staff",
    "To take it on, write /ack {case} to the assistant on Telegram. This mailbox reads nothing; "
    "please do not reply.",
)
NOTICE = Line("staff", "A notice from the assistant")


def case_mail(desk: Desk, person: Person, case: Case, alert: str) -> str:
    """The alert's text as a mail; its first line, the urgency, stands in the subject with the reference."""
    subject = f"{case.ref} · {alert.partition(chr(10))[0]}"
    return f"{subject}\n\n{alert}\n\n{desk.texts.line(person.language, ANSWER, {'case': case.ref})}"


def notice_mail(desk: Desk, person: Person, text: str) -> str:
    """A notice's text as a mail."""
    return f"{desk.texts.line(person.language, NOTICE)}\n\n{text}"


async def mail_case(
    unit: Unit, desk: Desk, person: Person, chat: Chat, case: Case, slot: str, alert: str
) -> None:
    """Stage the mail. One of the same case that is still unsent gives way to it."""
    message = Message(slot, case_mail(desk, person, case, alert))
    await post(unit, desk, chat, message, lane=Lane.ALERT, case_id=case.id, way="email")
