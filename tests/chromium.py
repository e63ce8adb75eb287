"""Where Chromium is on this machine, and what a run says when it is missing."""

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path() -> str | None:
    """The browser to drive: VESTIBULE_CHROMIUM if set, else the first known name on the PATH."""
    if named := os.environ.get("VESTIBULE_CHROMIUM"):
        return shutil.which(named)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def required() -> bool:
    """Whether a missing browser is a failure and not a skip."""
    return os.environ.get("VESTIBULE_REQUIRE_CHROMIUM") == "1"


def verdict(good: str) -> str:
    """The last line of `make test`."""
    if path():
        return good
    return f"{good}, except that Chromium is missing: the browser tests were skipped (apt install chromium)"


if __name__ == "__main__":
    print(verdict(sys.argv[1]))
    sys.exit(1 if required() and not path() else 0)
