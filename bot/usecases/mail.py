"""What goes to staff by e-mail: as little as an alert says, and how to answer it in the chat (S-20).

The first line of a mail's text becomes its subject (bot.mail). Nothing else than alerts and notices is mailed.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports.records import Case, CaseRole, Chat, Lane, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from flows.effects import Line
from flows.values import Role

SUBJECT = Line("staff", "{case} · {text}")
ANSWER = Line("staff", "To take it on, write /ack {case} to the assistant on Telegram.")
SEEN = Line("staff", "When you have seen it, write /seen {case} to the assistant on Telegram.")
NO_REPLY = Line("staff", "This mailbox reads nothing; please do not reply.")
NOTICE = Line("staff", "A notice from the assistant")


def case_mail(desk: Desk, person: Person, case: Case, alert: str, mine: Sequence[CaseRole]) -> str:
    """The alert's text as a mail; its first line, the urgency, stands in the subject with the reference.

    It says what can be written: nobody takes on partner support's part, they mark it as seen (S-22).
    """
    about = {"case": case.ref, "text": alert.partition("\n")[0]}
    subject = desk.texts.line(person.language, SUBJECT, about)
    seen = [part.role is Role.PARTNER_SUPPORT for part in mine if part.state == "asking"] or [False]
    lines = [*([ANSWER] if not all(seen) else []), *([SEEN] if any(seen) else []), NO_REPLY]
    says = " ".join(desk.texts.line(person.language, line, {"case": case.ref}) for line in lines)
    return f"{subject}\n\n{alert}\n\n{says}"


def notice_mail(desk: Desk, person: Person, text: str) -> str:
    """A notice's text as a mail."""
    return f"{desk.texts.line(person.language, NOTICE)}\n\n{text}"


async def mail_case(
    unit: Unit,
    desk: Desk,
    person: Person,
    chat: Chat,
    case: Case,
    slot: str,
    alert: str,
    mine: Sequence[CaseRole],
) -> None:
    """Stage the mail, for the parts that are `mine`. One of the same case that is still unsent gives way to it."""
    message = Message(slot, case_mail(desk, person, case, alert, mine))
    await post(unit, desk, chat, message, lane=Lane.ALERT, case_id=case.id, way="email")
