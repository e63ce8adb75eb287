"""`make audit`: asks a public database (OSV) for known weaknesses of exactly what is locked. No package is needed for it."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from tests.licences import LOCKS, locked

DATABASE = "https://api.osv.dev/v1/querybatch"
SECONDS = 20


def asked(packages: dict[str, str], answer: Any) -> list[str]:
    """A line for each weakness in the database's answer, which has an entry for each package, in order."""
    return [
        f"{name} {version}: {weakness['id']}"
        for (name, version), entry in zip(packages.items(), answer["results"], strict=True)
        for weakness in entry.get("vulns", [])
    ]


def main() -> int:
    """0: nothing known, or the database could not be reached, which is said; 1: something is known."""
    packages = {**locked(LOCKS[1]), **locked(LOCKS[0])}
    queries = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": version}
        for name, version in packages.items()
    ]
    call = urllib.request.Request(
        DATABASE, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(call, timeout=SECONDS) as response:
            known = asked(packages, json.load(response))
    except (urllib.error.URLError, TimeoutError, ValueError, LookupError) as error:
        print(f"NOT CHECKED: {DATABASE} cannot be reached or read from here ({type(error).__name__})")
        print(f"{len(packages)} packages are locked; run make audit again where that address is open")
        return 0
    for line in known:
        print(line)
    print(
        f"{len(packages)} packages: {len(known)} known weaknesses"
        if known
        else f"{len(packages)} packages: none known"
    )
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main())
