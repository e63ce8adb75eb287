"""What each locked package is licensed under: read from what is installed, judged by one list, written for people."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
PAGE = ROOT / "docs" / "licences.md"

# May be used beside Apache-2.0 code that is passed on. LGPL and MPL ask for their own files only, as long as those
# stay libraries of their own that anybody can exchange: nothing of them is copied into the project.
FREE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
AS_LIBRARIES = {"LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"}
_SAME = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}


class Unlicensed(Exception):
    """A package that says nothing, or what we cannot use."""


def locked(lock: str) -> dict[str, str]:
    """Each package of a lock with its version."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, flags=re.MULTILINE))


def licence_of(about: metadata.PackageMetadata) -> str:
    """The licence by its SPDX name, or an expression of them; empty where none is said."""
    if said := about.get("License-Expression"):
        return str(said)
    if (said := (about.get("License") or "").strip()) and "\n" not in said:
        return _SAME.get(said.lower(), said)
    listed = [
        one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    return " OR ".join(_SAME.get(one.lower(), one) for one in listed if one != "OSI Approved")


def usable(expression: str) -> bool:
    """Whether we may use what is under it: one side of each OR, all sides of each AND."""
    bare = expression.replace("(", " ").replace(")", " ")
    return bool(bare.strip()) and any(
        all(one.strip() in FREE | AS_LIBRARIES for one in re.split(r"\s+AND\s+", side))
        for side in re.split(r"\s+OR\s+", bare)
    )


def found() -> dict[str, tuple[str, str, bool]]:
    """Version, licence and whether the running bot needs it, for each locked package that is installed here."""
    runtime = locked(LOCKS[0])
    rows: dict[str, tuple[str, str, bool]] = {}
    for name, version in {**runtime, **locked(LOCKS[1])}.items():
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # of another system or Python: its marker keeps it away here
        rows[name.lower()] = (version, licence_of(about), name in runtime)
    return dict(sorted(rows.items()))


def page() -> str:
    """The list as it is shown."""
    rows = found()
    if bad := [
        f"{name} ({licence or 'says nothing'})"
        for name, (_, licence, _) in rows.items()
        if not usable(licence)
    ]:
        raise Unlicensed(f"cannot be used: {', '.join(bad)}")
    lines = [
        "# Licences", "",
        "Vestibule is under the Apache licence 2.0. `make licences` writes this list from what the locked packages say",
        "of themselves. Those under LGPL or MPL are used as libraries, unchanged; nothing of them is copied.", "",
        "| package | version | licence | needed to run |", "| --- | --- | --- | --- |",
        *(f"| {name} | {version} | {licence} | {'yes' if runs else ''} |" for name, (version, licence, runs) in rows.items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{len(found())} packages, all under licences that we may use: {PAGE.relative_to(ROOT)}")
