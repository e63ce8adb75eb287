"""The rows the use cases work with, as frozen values. All times are aware UTC datetimes; ids are 32 hex digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from flows.values import CaseKind, Level, Role, Urgency


class StaffRole(StrEnum):
    """The roles somebody can be invited with. The letters are those of a case's route."""

    FACILITATOR = "facilitator"
    TECH = "tech"
    PARTNER_SUPPORT = "partner_support"
    DUTY = "duty"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


ROLE_OF_LETTER: dict[Role, StaffRole] = {
    Role.FACILITATOR: StaffRole.FACILITATOR,
    Role.TECH: StaffRole.TECH,
    Role.PARTNER_SUPPORT: StaffRole.PARTNER_SUPPORT,
    Role.DUTY: StaffRole.DUTY,
    Role.MANAGER: StaffRole.MANAGER,
}


class Lane(StrEnum):
    """The order in which waiting messages go: alerts first, tidying last."""

    ALERT = "alert"
    REPLY = "reply"
    REMINDER = "reminder"
    TIDY = "tidy"


Way = Literal["telegram", "email"]
"""What carries a message."""
Reach = Literal["telegram", "email", "both"]
"""By which way somebody of staff wants to be told."""


@dataclass(frozen=True, slots=True)
class Programme:
    """An organisation's programme. `settings` holds what has a default (see usecases/import_programme)."""

    id: str
    key: str
    name: str
    platform: Literal["zoom", "teams"]
    timezone: str
    languages: tuple[str, ...]
    service_number: str
    emergency_number: str
    free_text: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Five or six people who meet; `key` is unique in its programme."""

    id: str
    programme_id: str
    key: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Session:
    """One online meeting, of a group or of one person. `link` is sealed at rest."""

    id: str
    programme_id: str
    key: str
    group_id: str | None
    person_id: str | None
    starts_at: datetime
    minutes: int
    platform: Literal["zoom", "teams"]
    link: str
    state: Literal["planned", "cancelled"] = "planned"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Participant or staff, never both. `alias` and `pending` are sealed at rest.

    `state` is the way through the programme (usecases/way.py). `open_until`: until when the door
    counts as passed. `pending`: what to do once it is. `visit_id`: the visit in front of the person.
    `released`: step ids a facilitator has opened (S-12). Staff: `email` (sealed) and by which way they are
    reached. Participants: `safe_times` (morning, afternoon, evening; none means any) and the weekday
    (0 is Monday) of the weekly check-in. `left_at`: when they left the programme.
    """

    id: str
    programme_id: str
    group_id: str | None
    kind: Literal["participant", "staff"]
    alias: str
    language: str
    timezone: str
    state: str
    open_until: datetime | None = None
    pending: dict[str, Any] | None = None
    visit_id: str | None = None
    roles: tuple[StaffRole, ...] = ()
    released: tuple[str, ...] = ()
    email: str = ""
    reach: Reach = "telegram"
    safe_times: tuple[str, ...] = ()
    check_in_day: int | None = None
    created_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A single-use link. Only the token's keyed hash is kept; `alias`, `email` and `replaces` are sealed.

    `replaces`: the id of the person whose chat moves to the account that opens it.
    """

    id: str
    programme_id: str
    group_id: str | None
    role: str
    alias: str
    language: str
    timezone: str
    expires_at: datetime
    used_at: datetime | None = None
    used_by: str | None = None
    revoked_at: datetime | None = None
    email: str = ""
    reach: Reach = "telegram"
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """A Telegram chat and whose it is. Both are sealed; look-ups go by keyed hash.

    `left`: closed by staff or by leaving, for good: it is a stranger's from then on (S-44).
    """

    id: str
    bot_id: int
    telegram_id: int
    person_id: str
    state: Literal["open", "blocked", "left"] = "open"


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A visit as it is kept: `body` is flows.visit's JSON, sealed.

    `due_at`: when it is to be looked at if nothing comes: ticks left behind, or a lapse (usecases/lapse.py).
    `version` guards against lost updates.
    """

    id: str
    person_id: str
    script: str
    script_version: int
    session_id: str | None
    status: Literal["open", "paused", "done"]
    body: str
    opened_at: datetime
    touched_at: datetime
    due_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer; a change is a new row with the next `version`. `choices` and `text` are sealed together.

    `struck_by`, `struck_at`: who took the text away, and when (S-40); sealed with them.
    """

    id: str
    visit_id: str
    person_id: str
    session_id: str | None
    script: str
    step: str
    version: int
    kind: str
    choices: tuple[str, ...]
    text: str
    at: datetime
    struck_by: str | None = None
    struck_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The participation agreement as it was agreed to, with its version (S-34). `points` is sealed."""

    id: str
    person_id: str
    script_version: int
    language: str
    points: dict[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Readiness:
    """What one person's self-test for one session came to. One row each; `body` parts are sealed.

    `lifted`: the template a person chose when lifting the hold (S-08), with who and when. `holds`: what
    holds, as step:choice. `session_version`: of the session as it was; a moved one wants a new test (S-32).
    """

    id: str
    session_id: str
    person_id: str
    visit_id: str
    level: Level
    final: bool
    fixes: tuple[dict[str, Any], ...]
    at: datetime
    lifted: str | None = None
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    session_version: int = 1
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """One concern of a case, as it was raised."""

    concern: str
    urgency: Urgency
    route: tuple[Role, ...]
    script: str
    step: str
    choices: tuple[str, ...]
    at: datetime
    raised_by: str = "answer"


@dataclass(frozen=True, slots=True)
class Case:
    """Concerns raised together. `raised` and `unasked` are sealed. `number` shows as K-<number>.

    Not `readable`: what is sealed does not open and is left out here. The rest holds, so that people are
    still asked; it is not kept, the store finds out at each reading.
    """

    id: str
    number: int
    programme_id: str
    group_id: str | None
    person_id: str
    session_id: str | None
    visit_id: str | None
    urgency: Urgency
    kind: CaseKind
    state: Literal["open", "closed"]
    raised: tuple[Raised, ...]
    unasked: tuple[str, ...]
    opened_at: datetime
    closed_at: datetime | None = None
    version: int = 1
    readable: bool = True

    @property
    def ref(self) -> str:
        """The reference people use."""
        return f"K-{self.number}"


@dataclass(frozen=True, slots=True)
class CaseRole:
    """One role's part of a case: its ladder, fixed when the case opened, and where it stands.

    While `state` is `asking` there is always a `next_target` (person ids, comma separated, or `all`)
    and a `next_due_at` (R-04, kept by a CHECK). While `taken`, `next_due_at` is when the acknowledgement is reminded of
    (`reminded`) and then lapses (R-09). `ladder`: rungs as {"people": [...], "after": seconds}.
    """

    id: str
    case_id: str
    role: Role
    state: Literal["asking", "taken", "done"]
    rung: int
    ladder: tuple[dict[str, Any], ...]
    next_target: str | None
    next_due_at: datetime | None
    asked: tuple[str, ...] = ()
    taken_by: str | None = None
    taken_at: datetime | None = None
    outcome: str | None = None
    reminded: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part of an open case beside what an auditor needs of the case; `part` is None where it has none at all."""

    case_id: str
    number: int
    programme_id: str
    urgency: Urgency
    part: CaseRole | None


Op = Literal["say", "retract", "sweep"]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One outgoing call to make. `text` and `rows` are sealed together.

    `op`: `say` shows text in the slot (send, or edit what stands there), `retract` deletes the slot's
    message, `sweep` deletes all that is known in the chat (`slot` then is a scope: sensitive, all).
    `rows`: buttons as ((label, callback_data), ...) per row. Past `not_after` the row
    is withheld: for a sensitive one that is the door's expiry (S-01), for a reminder the end of the time at
    which it may arrive. `ref`: the reminder whose line it is, so that its fate can follow (R-18). `fresh`: send anew at the bottom of the chat.
    `id` is 0 until the store has given it one; it orders the rows of a chat. Not `readable`: what is
    sealed does not open and is left out here.
    """

    chat_id: str
    lane: Lane
    slot: str
    op: Op
    due_at: datetime
    text: str = ""
    rows: tuple[tuple[tuple[str, str], ...], ...] = ()
    sensitive: bool = False
    not_after: datetime | None = None
    instead: str = ""
    fresh: bool = False
    case_id: str | None = None
    ref: str = ""
    id: int = 0
    state: Literal["waiting", "sent", "failed", "withheld", "superseded"] = "waiting"
    attempts: int = 0
    next_try_at: datetime | None = None
    ambiguous: bool = False
    way: Way = "telegram"
    readable: bool = True


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A message known to stand (or to have stood) in a chat, ours or the person's, for tidying (S-43)."""

    id: str
    chat_id: str
    message_id: int
    side: Literal["bot", "person"]
    slot: str
    sensitive: bool
    at: datetime
    gone_at: datetime | None = None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which case or person, by pseudonymous ids only (R-16)."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for under their rights (S-45), until a person of staff has dealt with it.

    `outcome` and `by` (an id, or `operator`) are empty while it is open. Outlives the person's erasure as its proof.
    """

    id: str
    programme_id: str
    person_id: str
    kind: Literal["copy", "erasure", "correction"]
    asked_at: datetime
    done_at: datetime | None = None
    outcome: str = ""
    by: str = ""
