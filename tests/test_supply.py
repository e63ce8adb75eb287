"""What the code may not do, what it may be made of, and how much it reads at most."""

from __future__ import annotations

import ast
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bot.commands import duty_files, sessions_csv, sessions_ics
from bot.commands.input_file import LONGEST_LINE, MOST_BYTES, MOST_LINES
from bot.commands.programme_yaml import read_programme
from bot.commands.terminal import Told
from bot.ports.records import StaffRole
from bot.telegram.transport import AiohttpRequest, Garbled
from flows.read import DEEPEST, LONGEST, compose
from tests import licences, weaknesses

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
# Modules that make code or commands of data.
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "code",
    "codeop",
    "telnetlib",
    "ftplib",
    "xml",
    "commands",
    "pty",
}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    ("yaml", "load"), ("yaml", "load_all"), ("yaml", "full_load"), ("yaml", "unsafe_load"), ("yaml", "UnsafeLoader"),
    ("yaml", "Loader"), ("yaml", "FullLoader"), ("os", "system"), ("os", "popen"), ("tempfile", "mktemp"),
    ("ssl", "_create_unverified_context"), ("hashlib", "md5"), ("hashlib", "sha1"),
}  # fmt: skip
READERS = {
    "programme": lambda path: read_programme(path, NOW),
    "sessions.csv": sessions_csv.read_csv,
    "sessions.ics": sessions_ics.read_ics,
    "duty.csv": duty_files.read_csv,
    "duty.ics": lambda path: duty_files.read_ics(path, StaffRole.DUTY, NOW),
}


def forbidden(source: str) -> list[str]:
    """What of a module is not to be, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [(line, one.name) for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append((line, str(node.module)))
        elif isinstance(node, ast.Name) and node.id in CALLS:
            found.append((line, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in METHODS:
                found.append((line, f"{node.value.id}.{node.attr}"))
        elif isinstance(node, ast.keyword):
            off = node.value.value if isinstance(node.value, ast.Constant) else "?"
            if (node.arg == "shell" and off is not False) or (
                node.arg in ("verify", "verify_ssl", "ssl") and off is False
            ):
                found.append((node.value.lineno, f"{node.arg}={off}"))
    return [f"{line}: {what}" for line, what in found]


def test_no_data_becomes_code() -> None:
    """Nothing in bot and flows unpickles, evaluates, runs a shell, loads unsafe YAML, or leaves certificates unchecked."""
    found = {
        str(path.relative_to(ROOT)): bad
        for room in ("bot", "flows")
        for path in sorted((ROOT / room).rglob("*.py"))
        if (bad := forbidden(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "bad",
    [
        "import pickle", "from marshal import loads", "import xml.etree", "eval('1')", "f = exec", "yaml.load(x)",
        "yaml.compose(x, Loader=yaml.UnsafeLoader)", "subprocess.run(x, shell=True)", "run(x, shell=flag)",
        "os.system(x)", "get(x, ssl=False)", "httpx.get(x, verify=False)", "hashlib.md5(x)",
    ],
)  # fmt: skip
def test_it_would_be_seen(bad: str) -> None:
    """Each of these is seen, and what is like them but harmless is not."""
    assert forbidden(bad)
    assert not forbidden(
        "re.compile('x')\nyaml.safe_load(x)\nsubprocess.run(['x'], shell=False)\nget(ssl=True)"
    )


def test_licences_are_ones_we_may_use() -> None:
    """Every locked package that is installed says a licence that goes with ours, and docs/licences.md lists them."""
    for name, (version, licence, _) in licences.found().items():
        assert licences.usable(licence), f"{name}: {licence or 'says nothing'}"
        assert f"| {name} | {version} | {licence} |" in licences.PAGE.read_text(encoding="utf-8"), (
            "make licences"
        )


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("MIT", True), ("Apache-2.0 OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False), ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False), ("SSPL-1.0", False), ("", False), ("Proprietary", False), ("(MIT OR GPL-2.0-only) ", True),
    ],
)  # fmt: skip
def test_licences_are_judged(expression: str, may: bool) -> None:
    """A licence that is not known, or asks for more than we give, is refused."""
    assert licences.usable(expression) is may


def test_weaknesses_are_told() -> None:
    """What the database knows of a locked version is told by its name and number."""
    packages = {"a": "1", "b": "2"}
    assert weaknesses.asked(packages, {"results": [{}, {"vulns": [{"id": "X-1"}]}]}) == ["b 2: X-1"]
    assert len(licences.locked("requirements.lock")) > 20


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MOST_BYTES + 1), b"\n" * (MOST_LINES + 1), b"x" * (LONGEST_LINE + 1), b"\xff\xfe", b"\xf0" * 2_100_000,
    ],
    ids=["size", "lines", "line", "bytes", "both"],
)  # fmt: skip
def test_files_that_are_too_long(name: str, data: bytes, tmp_path: Path) -> None:
    """A file beyond the bounds, or no UTF-8, is refused in a line, and quickly."""
    file = tmp_path / name
    file.write_bytes(data)
    began = time.monotonic()
    with pytest.raises(Told, match=r"too long|too many|UTF-8"):
        READERS[name](file)
    assert time.monotonic() - began < 5


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a b\n",
        "[" * (DEEPEST + 2),
        "- " * 5000 + "x",
        "{a: " * 3000,
        "x" * (LONGEST + 1),
        "a: &a [*a]",
    ],
    ids=["bomb", "anchor", "deep", "deeper", "mapping", "long", "loop"],
)
def test_yaml_bombs(text: str, tmp_path: Path) -> None:
    """YAML that stands for more than it says, or is nested without end, is refused where it is read."""
    began = time.monotonic()
    with pytest.raises(yaml.YAMLError):
        compose(text)
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(Told):
        read_programme(file, NOW)
    assert time.monotonic() - began < 10


def test_a_rule_that_never_fits(tmp_path: Path) -> None:
    """A calendar's rule whose first day would be looked for without end is refused."""
    file = tmp_path / "duty.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nSUMMARY:Alias\nDTSTART:20300131T183000\nDTEND:20300131T193000\n"
        "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    with pytest.raises(Told, match="FREQ=WEEKLY"):
        duty_files.read_ics(file, StaffRole.DUTY, NOW)


@pytest.mark.parametrize("answer", ["[" * 100_000, '{"ok":' * 50_000, json.dumps([1]), "", "nul"])
def test_answers_nested_without_end(answer: str) -> None:
    """S-20: an answer of the Bot API that is nested without end, or no object, is a fault of the call and says nothing."""
    with pytest.raises(Garbled):
        AiohttpRequest.parse_json_payload(answer.encode())
