"""What the entries of a programme file are made of."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator


def known_timezone(name: str) -> bool:
    """Whether it is an IANA zone, such as Europe/London."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return "/" in name or name == "UTC"


def _zone(name: str) -> str:
    if not known_timezone(name):
        raise ValueError("there is no such time zone; it should look like Europe/London")
    return name


def _country(code: str) -> str:
    if len(code) != 2 or code not in Locale("en").territories:
        raise ValueError("there is no such country; it should look like GB")
    return code


Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Zone = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]


class Entry(BaseModel):
    """A part of the file; a field that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        """PostgreSQL keeps no text with a NUL in it, and nobody means one."""
        parts = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(part, str) and "\0" in part for part in parts):
            raise ValueError("there is a NUL in it, which no database keeps; take it out")
        return value
