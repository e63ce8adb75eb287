"""What of the system's programs the tests wanted in vain, said in the last line of `make test`."""

import sys
from typing import NamedTuple

from tests import chromium, postgres


class Wanted(NamedTuple):
    """A program that some tests need."""

    name: str
    there: bool
    required: bool
    tests: str
    package: str


def wanted() -> list[Wanted]:
    """The programs, and whether they are there."""
    return [
        Wanted("Chromium", chromium.path() is not None, chromium.required(), "browser", "chromium"),
        Wanted(
            "PostgreSQL", postgres.programs() is not None, postgres.required(), "database", "postgresql-15"
        ),
    ]


def verdict(good: str) -> str:
    """The last line of `make test`."""
    missing = [
        f"{each.name} is missing: the {each.tests} tests were skipped (apt install {each.package})"
        for each in wanted()
        if not each.there
    ]
    return f"{good}, except that {', and '.join(missing)}" if missing else good


if __name__ == "__main__":
    print(verdict(sys.argv[1]))
    sys.exit(1 if any(each.required and not each.there for each in wanted()) else 0)
