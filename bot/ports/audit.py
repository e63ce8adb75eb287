"""The audit log: what it may say, and what looking it over gives (R-16); and requests (S-45)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.ports.records import AuditEntry, Request

FIRST = "0" * 64
"""What the very first entry names as the hash before it."""

_ID = r"[0-9a-z]{32}"
_WORD = r"[a-z][a-z0-9_.-]{0,39}"
_STEP = r"[A-Z]{2}-[A-Z]?\d{1,2}(:[a-z0-9_-]{1,20})?|OUTSIDE"
_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|\+00:00)?)?"
_NUMBER = r"\d{1,12}"
_IDS = rf"({_ID}(,{_ID})*)?"
_WORDS = rf"{_WORD}(,{_WORD})*"
_REF = r"[A-Z][A-Z0-9]?-\d{1,9}"

DETAIL: Mapping[str, str] = {
    "action": _WORD,
    "asked": _IDS,
    "before": _TIME,
    "by": rf"{_ID}|{_WORD}",
    "count": _NUMBER,
    "due": _TIME,
    "gone": rf"{_WORD}:{_NUMBER}(,{_WORD}:{_NUMBER})*",
    "hash": r"[0-9a-f]{64}",
    "key": r"[A-Za-z0-9_-]{1,16}",
    "kind": _WORD,
    "kinds": _WORDS,
    "new_to": r"[A-Z]{1,8}(,[A-Z])*",
    "outcome": _WORD,
    "people": _IDS,
    "role": rf"[A-Z]|{_WORD}",
    "roles": rf"[A-Z](,[A-Z])*|{_WORDS}",
    "rung": _NUMBER,
    "seq": _NUMBER,
    "session": _ID,
    "shifts": _NUMBER,
    "since": _TIME,
    "step": _STEP,
    "taken_by": rf"({_ID})?",
    "template": _WORD,
    "to": rf"{_ID}|[A-Z]|{_WORD}",
    "until": _TIME,
    "version": _NUMBER,
    "what": _WORD,
    "why": _WORD,
}
"""Key -> the shape of its value. Ids, numbers, times and words from our own lists: no name and no free text fits a
key that is not here, and a new key is a decision to be read here (S-20, R-16)."""

ACTORS = ("operator", "clock", "ladder", "digest", "retention", "tidy", "stranger")
"""Who acts without being a person with an id: whoever has the command line, and parts of the software."""
SUBJECTS = ("unknown", "audit", "database", "keys", "backup")
"""What is acted on without an id."""

_ACTOR = re.compile("|".join((_ID, *ACTORS)))
_SUBJECT = re.compile("|".join((_ID, _REF, *SUBJECTS)))
_ACTION = re.compile(_WORD)
_SHAPES = {key: re.compile(shape) for key, shape in DETAIL.items()}


class NotPseudonymous(ValueError):
    """An entry would tell more than ids, numbers and words from lists. Names the place, never the value."""


def check_pseudonymous(entry: AuditEntry) -> None:
    """Return if the entry may be kept. Raises NotPseudonymous."""
    for name, shape in (("actor", _ACTOR), ("subject", _SUBJECT), ("action", _ACTION)):
        if not shape.fullmatch(getattr(entry, name)):
            raise NotPseudonymous(f"the {name} of an audit entry is neither an id nor a word of ours")
    for key, value in entry.detail.items():
        if key not in _SHAPES:
            raise NotPseudonymous(f"bot.ports.audit.DETAIL does not allow the key that entry {entry.id} has")
        if not _SHAPES[key].fullmatch(value):
            raise NotPseudonymous(f"{key!r} in the detail of {entry.action} has not the shape it should have")


@dataclass(frozen=True, slots=True)
class AuditHead:
    """A place in the chain: the number of an entry, and its hash, which vouches for all before it."""

    seq: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What a look over the chain found. `whole`: the end was reached; otherwise look on after `head`."""

    checked: int
    head: AuditHead
    faults: tuple[str, ...] = ()
    whole: bool = True


class Audit(Protocol):
    """Grows only, each entry carrying the hash of the one before it (R-16)."""

    async def add(self, entry: AuditEntry) -> None:
        """Raises NotPseudonymous for an entry that would hold more than ids and words from lists."""
        ...

    async def of_subject(self, subject: str) -> list[AuditEntry]: ...
    async def between(self, start: datetime, end: datetime) -> list[AuditEntry]:
        """Entries from `start` on and before `end`, in the order they were made."""
        ...

    async def verify(self, after: AuditHead | None = None, limit: int | None = None) -> AuditVerdict:
        """Look over the chain, from the place reached before, at most `limit` entries at a time."""
        ...


class Requests(Protocol):
    """What people asked for under their rights (S-45)."""

    async def add(self, request: Request) -> None: ...
    async def open_in(self, programme_id: str) -> list[Request]:
        """Those not dealt with, the oldest first."""
        ...

    async def of_person(self, person_id: str) -> list[Request]: ...
    async def save(self, request: Request) -> None:
        """Write done_at, outcome and by of the request with that id."""
        ...
