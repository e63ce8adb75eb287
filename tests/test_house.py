"""The house keeps its own rules: sizes, locks, imports, the wheel."""

import ast
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from tests import missing

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
WRITTEN_BY_HAND = {".py", ".js", ".css", ".html", ".md", ".toml"}
UNSAID_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

# What the core may import besides itself, pydantic and transitions: parts of the standard library without I/O.
CORE_STDLIB = {
    "__future__", "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime", "enum",
    "functools", "hashlib", "heapq", "importlib", "itertools", "json", "math", "operator", "pathlib", "pkgutil", "re",
    "string", "textwrap", "types", "typing", "unicodedata", "uuid",
}  # fmt: skip
ROOMS = {
    "__init__", "__main__", "cli", "commands", "demo", "settings", "wiring", "parts", "running", "ports", "clock", "heartbeat", "ids", "logs", "review", "texts",
    "forms", "signposts", "texts_extract", "texts_found", "usecases", "telegram", "storage", "escalation", "schedule", "mail", "web", "simulator",
}  # fmt: skip


def house_files() -> list[Path]:
    """The files of the project: tracked, or new and not ignored."""
    # A build box may own the clone as another user than the one who tests.
    git = ["git", "-c", f"safe.directory={ROOT}"]
    command = [*git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file, or None for a picture or the like."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def imported_names(path: Path) -> set[str]:
    """The top-level names a module imports, relative imports left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def requirements(lock: str) -> dict[str, str]:
    """Each locked name with the whole text of its entry."""
    entries = re.split(r"^(?=[A-Za-z])", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.split(r"[=\[ ]", entry)[0]: entry for entry in entries if entry.strip()}


def test_files_stay_readable() -> None:
    """No file written by hand has more than 400 lines (migrations are written by Alembic)."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in house_files()
        if path.suffix in WRITTEN_BY_HAND
        and "migrations" not in path.parts
        and (lines := len((text_of(path) or "").splitlines())) > 400
    }
    assert not long


def test_modules_are_named_for_what_they_are() -> None:
    """No module is called utils, helpers, common or manager."""
    assert not [path for path in house_files() if path.suffix == ".py" and path.stem in UNSAID_NAMES]


def test_no_file_names_a_machine() -> None:
    """No file names a path of the machine it was written on, or a package registry."""
    machine = re.compile(r"(?<![\w.~-])/(?:work|root|Users/\w+|home/\w+|opt/(?:pypi|wheels))\b")
    registry = re.compile(
        r"py" + r"pi\.org|python" + r"hosted|file" + r":///(?:opt|root|work)|/sim" + r"ple\b"
    )
    found = []
    for path in house_files():
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            if path != Path(__file__) and (machine.search(line) or registry.search(line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found


def test_every_tracked_file_is_a_plain_file() -> None:
    """Nothing tracked is a link or a clone within the clone: a link to somebody's `.venv` works on one machine only."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--stage", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    staged = [entry.partition("\t") for entry in listed.stdout.decode().split("\0") if entry]
    assert [name for mode, _, name in staged if mode.split()[0] not in ("100644", "100755")] == []


def test_lint_exceptions_have_a_reason() -> None:
    """Every `noqa`, `type: ignore` and `pragma: no cover` names its rule and says why on the same line."""
    bare = re.compile(
        r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w, -]+\])?|pragma: no cover)\s*$"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in house_files()
        if path.suffix == ".py"
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if bare.search(line)
    ]
    assert not found


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-peers.lock"])
def test_locks_pin_everything_with_hashes_and_no_address(lock: str) -> None:
    """A lock pins each requirement with hashes and names no index, address or path."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-[^-]|--(?!hash=)", text, flags=re.MULTILINE)
    for name, entry in requirements(lock).items():
        assert re.match(rf"{re.escape(name)}==\S+ ", entry), name
        assert "--hash=sha256:" in entry, name


def test_locks_agree_with_the_project() -> None:
    """Each dependency is locked, the build backend too, and both locks hold the same versions."""
    asked = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]
    names = {re.split(r"[\[<>=]", wanted)[0].lower() for wanted in asked}
    runtime, development = (requirements(lock) for lock in LOCKS)
    assert names <= runtime.keys()
    assert {name: entry.split()[0] for name, entry in runtime.items()}.items() <= {
        name: entry.split()[0] for name, entry in development.items()
    }.items()


def test_core_imports_nothing_that_does_io() -> None:
    """flows imports only I/O-free standard library, pydantic and transitions; YAML in read.py alone."""
    found = {}
    for path in sorted((ROOT / "flows").rglob("*.py")):
        allowed = CORE_STDLIB | {"flows", "pydantic", "transitions"}
        if path == ROOT / "flows" / "read.py":
            allowed |= {"yaml"}
        if extra := imported_names(path) - allowed:
            found[str(path.relative_to(ROOT))] = sorted(extra)
    assert not found


def test_every_module_of_the_shell_is_in_a_known_room() -> None:
    """A module of bot is in a room that the import contracts know."""
    found = {
        path.relative_to(ROOT / "bot").parts[0].removesuffix(".py") for path in (ROOT / "bot").rglob("*.py")
    }
    assert found <= ROOMS


def test_import_contracts_hold() -> None:
    """The table "Who may import whom" holds."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def test_a_test_without_a_promise_is_refused(tmp_path: Path) -> None:
    """A test function without a docstring stops the run, and is named."""
    (tmp_path / "test_mute.py").write_text("def test_mute():\n    pass\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == pytest.ExitCode.USAGE_ERROR
    assert "test_mute.py::test_mute" in outcome.stdout + outcome.stderr


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of `make test` names a missing Chromium or PostgreSQL, and what to install."""
    monkeypatch.setenv("VESTIBULE_CHROMIUM", "no-such-browser")
    monkeypatch.setenv("VESTIBULE_POSTGRES", "/no/such/folder")
    says = missing.verdict("make test: everything is green")
    assert "Chromium is missing: the browser tests were skipped (apt install chromium)" in says
    assert "PostgreSQL is missing: the database tests were skipped (apt install postgresql-15)" in says
    monkeypatch.setattr(missing, "wanted", list)
    assert missing.verdict("everything is green") == "everything is green"


def test_image_is_locked_and_not_root() -> None:
    """The image installs from the lock with hashes, runs as a user, keeps data in a volume and has a health check."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes --only-binary :all: -r requirements.lock" in text
    last_stage = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER (?!root|0)\w+", last_stage, flags=re.MULTILINE)
    assert re.search(r"^VOLUME", last_stage, flags=re.MULTILINE)
    assert re.search(r"^HEALTHCHECK", last_stage, flags=re.MULTILINE)


@pytest.mark.slow
def test_wheel_carries_its_data(tmp_path: Path) -> None:
    """The built wheel, installed from the lock into an empty environment, passes `vestibule check`."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("vestibule-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    bin_dir = tmp_path / "empty" / "bin"
    pip = [bin_dir / "pip", "install", "--quiet", "--only-binary", ":all:"]
    lock = ROOT / "requirements.lock"
    subprocess.run([*pip, "--require-hashes", "--requirement", lock], cwd=tmp_path, check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], cwd=tmp_path, check=True)
    outcome = subprocess.run(
        [bin_dir / "vestibule", "check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
