"""`make fuzz`: a hundred thousand updates and more, and coverage-guided fuzzing of the parsers where atheris is there."""

from __future__ import annotations

import argparse
import secrets

from tests.fuzz.parsers import ATHERIS, fuzz_parsers
from tests.fuzz.run import fuzz


def main() -> None:
    """Run it; a batch that breaks something is shown with its seed."""
    asked = argparse.ArgumentParser(prog="make fuzz ARGS=...")
    asked.add_argument("--updates", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    asked.add_argument("--parser-seconds", type=int, default=60)
    given = asked.parse_args()
    met = fuzz(given.updates, given.seed, print)
    rows = ", ".join(f"{met[name]} {name}" for name in ("answers", "cases", "outbox", "audit"))
    print(f"{met['updates']} updates ({rows} came of them): no unhandled fault, nothing personal in the logs")
    if ATHERIS is None:
        print("atheris is not installed; the parsers were met by Hypothesis only")
    else:
        fuzz_parsers(given.parser_seconds)


if __name__ == "__main__":
    main()
