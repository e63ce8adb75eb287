"""What administrators copy and look for is there: variables, commands, metrics, log events, links, and files that load."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import filter as filter_names
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from bot.cli import app
from bot.commands.examine_postgres import PER_PROCESS
from bot.settings import Settings, variable
from bot.usecases.rounds import Rounds
from bot.web.metrics import LABELS, Metrics

ROOT = Path(__file__).parents[1]
DEPLOY = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPERATIONS = ROOT / "docs" / "operations.md"
ALERTS = ROOT / "deploy" / "alerts.yaml"
# Read by tests and benches, not by the bot.
ELSEWHERE = {"VESTIBULE_BENCH_REDIS", "VESTIBULE_CHROMIUM", "VESTIBULE_WRITE_WEEK"}
DATABASES = {"vestibule_restored"}
METRIC = re.compile(r"\b(vestibule_[a-z_]+)\b(?:\{([^}]*)\})?")
# The user, the image, the container and the unit are called so, too.
NOT_COMMANDS = re.compile(r"docker (run|build|logs|stop)|systemctl|journalctl|createdb|dbname")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*PAGES, *DEPLOY, ROOT / "compose.yaml"], ids=lambda path: path.name)
def test_every_variable_is_one_of_the_settings(path: Path) -> None:
    """A VESTIBULE_ variable that a page, a unit or the compose file names is read by the bot."""
    known = {variable(name) for name in Settings.model_fields} | ELSEWHERE
    assert set(re.findall(r"VESTIBULE_[A-Z_]+[A-Z](?!_*\.\.\.)", text_of(path))) - known == set()


@cache
def metrics() -> dict[str, tuple[str, ...]]:
    """Name -> labels of all there are."""
    found = chain.from_iterable(family.samples for family in Metrics(Rounds(()))._registry.collect())
    return {sample.name: tuple(sample.labels) for sample in found if not sample.name.endswith("_created")}


@pytest.mark.parametrize("path", [*PAGES, ALERTS], ids=lambda path: path.name)
def test_every_metric_is_there(path: Path) -> None:
    """A metric that a page or a rule names is exported, with each label and value that it names."""
    for name, labels in METRIC.findall(text_of(path)):
        if name in DATABASES:
            continue
        assert name in metrics(), name
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            assert label in metrics()[name], f"{name}: {label}"
            assert value in LABELS[label], f"{name}: {label}={value}"


def test_every_metric_is_explained() -> None:
    """docs/operations.md names each metric that somebody may see, or the rules watch it."""
    named = {name for path in (OPERATIONS, ALERTS) for name, _ in METRIC.findall(text_of(path))}
    assert set(metrics()) - named == set()


LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


@cache
def events(*levels: str) -> frozenset[str]:
    """All that the code can log at these levels: a call's first argument, or what a name in its place was given before."""
    trees = [ast.parse(text_of(path)) for path in sorted((ROOT / "bot").rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    said = {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and node.func.attr in levels
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    chosen = {
        part.value
        for node in nodes
        if isinstance(node, ast.Assign) and [getattr(to, "id", "") for to in node.targets] == ["event"]
        for part in ast.walk(node.value)
        if isinstance(part, ast.Constant)
    }
    return frozenset(said | chosen)


def told_events() -> set[str]:
    """The names in the table of docs/operations.md; `*.fault` stands for all that end so."""
    table = text_of(OPERATIONS).split("### Log events")[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(.+?)`", row)}


def test_every_log_event_is_logged() -> None:
    """Each event of the table in docs/operations.md, and each that tells of the database, is one the code logs."""
    after = text_of(OPERATIONS).split("### Log events")[1].split("\n## ", 1)[1]
    named = told_events() | set(re.findall(r"`((?:poll|webhook|leading|clock|audit|watch)\.[a-z_]+)`", after))
    assert len(named) > 20
    assert [name for name in named if not filter_names(events(*LEVELS), name)] == []


def test_every_warning_is_explained() -> None:
    """Each event that the code logs as a warning or worse stands in the table of docs/operations.md."""
    explained = {name for told in told_events() for name in filter_names(events(*LEVELS[2:]), told)}
    assert events(*LEVELS[2:]) - explained == set()


def commands(path: Path) -> Iterator[list[str]]:
    """The words after `vestibule` wherever a page shows it as something to type."""
    text = re.sub(r"\n *(?:> )?", "\n", text_of(path))
    shown = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in [line for block in shown for line in block.splitlines()] + spans:
        found = re.search(r"(?<![\w/.@=-])(?:[\w/]*/bin/)?vestibule ([a-z].*)", line)
        if found and (not NOT_COMMANDS.search(line) or "vestibule vestibule" in line):
            yield found[1].removeprefix("vestibule ").split()


@pytest.mark.parametrize(
    "path", [*PAGES, *sorted((ROOT / "docs/privacy").glob("*.md"))], ids=lambda path: path.name
)
def test_every_command_is_there(path: Path) -> None:
    """A `vestibule ...` that a page shows is a command of it, with each of the options shown."""
    top: Any = typer.main.get_command(app)  # typer brings a click of its own, without types
    for words in commands(path):
        shown = " ".join(words)
        command = top.commands.get(words[0])
        assert command is not None, shown
        if hasattr(command, "commands") and len(words) > 1 and words[1].isalpha():
            command = command.commands.get(words[1])
            assert command is not None, shown
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if re.fullmatch(r"--[a-z-]+", word)} - known == set(), shown


@pytest.mark.parametrize("page", [OPERATIONS, ROOT / "docs" / "postgresql.md"], ids=lambda page: page.name)
def test_connections_are_those_a_process_takes(page: Path) -> None:
    """The pages that say how many connections a process takes say what doctor reckons with."""
    assert re.findall(r"process takes up to (\d+)", text_of(page)) == [str(PER_PROCESS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link of a page leads to a file, and to a heading in it, that are there."""
    for address in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        where, _, heading = address.partition("#")
        if where.startswith(("http:", "https:")):
            continue
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), address
        heads = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE) if heading else []
        assert not heading or heading in {
            re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads
        }, address


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_figure_is_left_out(page: Path) -> None:
    """No page has a place left for a figure that nobody has measured."""
    assert re.findall(r"\{\{\w+\}\}", text_of(page)) == []


@cache
def services() -> dict[str, Any]:
    """Those of the compose file."""
    services: dict[str, Any] = yaml.safe_load(text_of(ROOT / "compose.yaml"))["services"]
    return services


@pytest.mark.parametrize("name", ["db", "migrate", "bot", "front"])
def test_containers_are_closed(name: str) -> None:
    """S-41: each container has a root it cannot write to, no capability it does not need, and no core dumps."""
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"] == {"core": 0}
    assert not {"privileged", "network_mode", "pid"} & set(service)
    assert set(service.get("cap_add", ())) <= {
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "NET_BIND_SERVICE",
    }  # fmt: skip


def test_the_database_is_nobodys_business() -> None:
    """S-41: the database is on a network without a way out, no port of it is open, and no secret stands in the file."""
    compose = yaml.safe_load(text_of(ROOT / "compose.yaml"))
    assert [name for name, service in services().items() if "ports" in service] == ["front"]
    assert services()["front"]["profiles"] == ["replicas"]
    assert (services()["db"]["networks"], compose["networks"]["inside"]) == (["inside"], {"internal": True})
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    assert not re.search(r"(PASSWORD|TOKEN|SECRET|KEYS): *[^/\s]", text_of(ROOT / "compose.yaml"))


def test_tables_come_before_the_bot() -> None:
    """S-34: the bot starts once the database is up and its tables are this software's, and is started again when it ends."""
    waits = services()["bot"]["depends_on"]
    assert waits["db"] == {"condition": "service_healthy"}
    assert waits["migrate"] == {"condition": "service_completed_successfully"}
    assert services()["migrate"]["command"] == ["migrate"]
    assert {services()[name]["restart"] for name in ("db", "bot", "front")} == {"unless-stopped"}


@pytest.mark.parametrize("unit", ["vestibule.service", "vestibule@.service"])
def test_units_watch_and_close(unit: str) -> None:
    """R-17: systemd hears the bot's signs of life, starts it again for ever, and shuts it in."""
    lines = text_of(ROOT / "deploy" / unit).splitlines()
    assert {
        "Type=notify", "WatchdogSec=60", "Restart=always", "StartLimitIntervalSec=0", "ProtectSystem=strict",
        "NoNewPrivileges=true", "CapabilityBoundingSet=", "LimitCORE=0", "UMask=0077",
    } <= set(lines)  # fmt: skip


@pytest.mark.parametrize("file", ["nginx.conf", "Caddyfile", "compose.Caddyfile"])
def test_load_balancers_pass_on_one_path(file: str) -> None:
    """S-40: a load balancer passes on POSTs to the webhook's path alone, keeps no log of callers, and bounds the body."""
    text = text_of(ROOT / "deploy" / file)
    expected = {
        "nginx.conf": ["access_log off;", "client_max_body_size 1m;", "location = /telegram {", "return 405;", "return 404;"],
        "Caddyfile": ["request delete", "max_size 1MiB", "path {$WEBHOOK_PATH:/telegram}", "method POST", "respond 404"],
    }  # fmt: skip
    for line in expected.get(file, expected["Caddyfile"]):
        assert line in text
    assert "fail_duration 5s" not in text, "a caller's broken request would count against the replica"


def test_rules_say_what_they_mean() -> None:
    """R-17: each rule for Prometheus watches a metric of ours, says what it means, and wakes somebody or waits."""
    [group] = yaml.safe_load(text_of(ALERTS))["groups"]
    for rule in group["rules"]:
        assert METRIC.search(rule["expr"]), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def run_program(*command: str) -> tuple[int, str]:
    """Its exit code and what it says; skipped where it is not installed."""
    path = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        pytest.skip(f"{command[0]} is not installed")
    outcome = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False, timeout=60)
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """systemd finds nothing wrong with the units, where it is there to be asked."""
    for unit in (path for path in DEPLOY if path.suffix in (".service", ".timer")):
        text = text_of(unit).replace("/opt/vestibule/bin/vestibule run", "/bin/true").replace(
            "/opt/vestibule/bin/vestibule migrate", "/bin/true"
        )  # fmt: skip
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    _, says = run_program("systemd-analyze", "verify", "--man=no", *units)
    assert [line for line in says.splitlines() if "vestibule" in line] == []


def test_nginx_takes_its_example(tmp_path: Path) -> None:
    """nginx finds nothing wrong with its example, where it is there to be asked."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    run_program(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=bot.example.org",
        "-keyout", str(key), "-out", str(cert),
    )  # fmt: skip
    site = text_of(ROOT / "deploy" / "nginx.conf")
    for there, here in (("fullchain.pem", cert), ("privkey.pem", key)):
        site = site.replace(f"/etc/ssl/vestibule/{there}", str(here))
    site = site.replace("/var/log/nginx", str(tmp_path))
    paths = "".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error; events {{}} http {{ {paths}\n{site} }}",
        encoding="utf-8",
    )
    code, says = run_program("nginx", "-t", "-e", str(tmp_path / "first"), "-c", str(tmp_path / "nginx.conf"))
    assert code == 0, says


@pytest.mark.parametrize("file", ["Caddyfile", "compose.Caddyfile"])
def test_caddy_takes_its_examples(file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Caddy finds nothing wrong with its examples, where it is there to be asked."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    code, says = run_program(
        "caddy", "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / file)
    )
    assert code == 0, says
