"""The service's help contacts at the command line: what is wrong with the file, and what waits to be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.commands.conftest import Vestibule
from tests.bot.test_signposts import GOOD


def test_doctor_and_check_name_what_waits(
    vestibule: Vestibule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both name each contact that nobody has checked for six months, and a faulty file; neither shows a source."""
    file = tmp_path / "signposts.yaml"
    file.write_text(
        GOOD.replace("2027-01-31", "2020-01-31").replace("source: its page", "source: a page of ours"),
        "utf-8",
    )
    monkeypatch.setenv("VESTIBULE_SIGNPOSTS", str(file))
    says = "GB, Line A: last checked on 2020-01-31; try it, and write today's date ("
    outcome = vestibule("check")
    assert f"note: {says}" in outcome.out
    outcome = vestibule("doctor")
    assert f"note   help contacts: {says}" in outcome.out
    assert f"VESTIBULE_SIGNPOSTS: set to {file}" in outcome.out
    assert "a page of ours" not in outcome.out
    file.write_text("signposts: []\nmore: []\n", encoding="utf-8")
    assert f"fault  help contacts: {file}: a list is expected" in vestibule("doctor").out
    outcome = vestibule("check")
    assert outcome.code == 1
    assert f"{file}: a list is expected" in outcome.err
