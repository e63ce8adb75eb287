"""Who may do what with a case (S-21). Unknown cases and foreign ones are answered alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.ports.records import ROLE_OF_LETTER, AuditEntry, Case, CaseRole, Chat, Person, StaffRole
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk, Message, post
from flows.effects import Line
from flows.values import Role

REFERENCE = re.compile(r"(?:[Kk]-?)?([0-9]{1,9})")
PROGRAMME_WIDE = frozenset({StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Visitor:
    """A staff member in front of a case: whose chat, which case, and all its parts.

    `own`: parts of their own group or programme-wide role. `asked`: parts whose ladder came to them,
    be it from another group or standing in for a role that nobody has. `typed`: they wrote a command, so
    that the case may stand far above what they wrote.
    """

    person: Person
    chat: Chat
    case: Case
    parts: tuple[CaseRole, ...]
    own: tuple[CaseRole, ...]
    asked: tuple[CaseRole, ...]
    typed: bool = False

    @property
    def mine(self) -> tuple[CaseRole, ...]:
        """The parts they may take on, mark as seen or resolve."""
        return tuple(part for part in self.parts if part in self.own or part in self.asked)

    @property
    def readable(self) -> tuple[CaseRole, ...]:
        """The parts whose details they may open: those of another group only once they have taken them on.

        Partner support takes nothing on, and a stand-in belongs to no group: being asked is enough.
        """
        return tuple(
            part
            for part in self.mine
            if part in self.own
            or part.taken_by == self.person.id
            or part.role is Role.PARTNER_SUPPORT
            or ROLE_OF_LETTER[part.role] not in self.person.roles
        )


async def _is_own(unit: Unit, person: Person, case: Case, role: StaffRole) -> bool:
    if role not in person.roles or person.programme_id != case.programme_id:
        return False
    if case.group_id is None or role in PROGRAMME_WIDE or not await unit.people.groups_of(person.id, role):
        return True
    return any(p.id == person.id for p in await unit.people.in_role(case.programme_id, role, case.group_id))


async def visit(unit: Unit, person: Person, chat: Chat, case: Case) -> Visitor:
    """What of the case is open to this person; nothing may be."""
    parts = tuple(await unit.cases.roles(case.id))
    own = [part for part in parts if await _is_own(unit, person, case, ROLE_OF_LETTER[part.role])]
    asked = tuple(part for part in parts if person.id in part.asked)
    return Visitor(person, chat, case, parts, tuple(own), asked)


def number_of(ref: str) -> int | None:
    """104 for K-104, k-104, k104 or 104."""
    found = REFERENCE.fullmatch(ref.strip())
    return int(found[1]) if found else None


async def find(unit: Unit, desk: Desk, person: Person, chat: Chat, ref: str, action: str) -> Visitor | None:
    """The case as it is open to the person; otherwise one neutral line, an audit entry, and None."""
    number = number_of(ref)
    case = await unit.cases.by_number(number) if number is not None else None
    visitor = await visit(unit, person, chat, case) if case is not None else None
    if visitor is None or not visitor.mine:
        await audit(unit, desk, person, f"{action}.refused", case.id if case else "unknown")
        await say(unit, desk, person, chat, texts.NO_SUCH_CASE)
        return None
    return visitor


async def say(unit: Unit, desk: Desk, person: Person, chat: Chat, line: Line, **params: str) -> None:
    """One line at the bottom of a staff member's chat."""
    text = desk.texts.line(person.language, line, params)
    await post(unit, desk, chat, Message("notice", text, fresh=True))


async def audit(unit: Unit, desk: Desk, person: Person, action: str, subject: str, **detail: str) -> None:
    """Record who did what; ids only (R-16)."""
    kept = {name: value for name, value in detail.items() if value}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), person.id, action, subject, kept))
