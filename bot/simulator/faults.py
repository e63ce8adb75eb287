"""Faults that a test puts in the way of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class ErrorAnswer:
    """Telegram refuses: HTTP status, description and, for 429 or a migrated group, parameters."""

    code: int
    description: str
    parameters: dict[str, int] | None = None


@dataclass(frozen=True)
class ResetBefore:
    """The connection is reset before the call was accepted: nothing happened."""


@dataclass(frozen=True)
class ResetAfter:
    """The call is carried out, then the connection is reset: the caller cannot know."""


@dataclass(frozen=True)
class Hang:
    """The answer comes after so many seconds of real time; the call is carried out first, unless not
    `accepted`, when it never is and the connection is reset at the end."""

    seconds: float
    accepted: bool = True


@dataclass(frozen=True)
class Malformed:
    """The call is carried out and answered with HTTP 200 and a body that is no JSON."""

    body: bytes = b'{"ok":true,"result":'


Fault = ErrorAnswer | ResetBefore | ResetAfter | Hang | Malformed


@dataclass
class _Planned:
    method: str
    fault: Fault
    times: int | None
    when: Predicate | None


class Faults:
    """Faults waiting for their call, in the order they were added."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(self, method: str, fault: Fault, *, times: int | None = 1, when: Predicate | None = None) -> None:
        """Lets the next `times` calls of `method` ("*" for any; None: all from now on) whose parameters
        satisfy `when` meet `fault`."""
        self._planned.append(_Planned(method, fault, times, when))

    def clear(self) -> None:
        """Takes all faults away."""
        self._planned.clear()

    def meet(self, method: str, params: Mapping[str, Any]) -> Fault | None:
        """The fault this call meets, if any; it is used up by that."""
        for planned in self._planned:
            if planned.method not in (method, "*") or (planned.when and not planned.when(params)):
                continue
            if planned.times is not None:
                planned.times -= 1
                if planned.times <= 0:
                    self._planned.remove(planned)
            return planned.fault
        return None
