"""Where Chromium is on this machine."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path() -> str | None:
    """The browser to drive: VESTIBULE_CHROMIUM if set, else the first known name on the PATH."""
    if named := os.environ.get("VESTIBULE_CHROMIUM"):
        return shutil.which(named)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def required() -> bool:
    """Whether a missing browser is a failure and not a skip."""
    return os.environ.get("VESTIBULE_REQUIRE_CHROMIUM") == "1"
