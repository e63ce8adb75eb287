"""The small closed vocabularies that scripts, concerns and effects share."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: compared by content, never changed, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Urgency(StrEnum):
    """How soon a person is needed (3-content.md, Concerns)."""

    NOW = "now"
    SESSION = "session"
    ROSTER = "roster"
    REVIEW = "review"

    @property
    def rank(self) -> int:
        """Higher is more urgent."""
        return ("review", "roster", "session", "now").index(self.value)


class Role(StrEnum):
    """Who can be on a case's route."""

    FACILITATOR = "F"
    TECH = "T"
    PARTNER_SUPPORT = "P"
    DUTY = "D"
    MANAGER = "M"


class CaseKind(StrEnum):
    """The only thing an alert says about a concern (S-20)."""

    SAFETY = "safety"
    SPACE = "space"
    EQUIPMENT = "equipment"
    REVIEW = "review"


class Level(StrEnum):
    """What a self-test came to; `ready` means only: so the participant says (S-24)."""

    READY = "ready"
    TO_FIX = "to_fix"
    HOLD = "hold"

    @property
    def rank(self) -> int:
        """Higher is more restrictive."""
        return ("ready", "to_fix", "hold").index(self.value)


class Closing(StrEnum):
    """The neutral closings a choice may prescribe (S-04, S-05) and /stop's (S-06)."""

    NEARBY = "nearby"
    NOT_PERSON = "not_person"
    DECLINED = "declined"
    WAIT = "wait"
    STOPPED = "stopped"
