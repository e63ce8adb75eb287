"""Two versions of the software on one database, each going by its own migrations."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.storage import revisions
from bot.storage.faults import DatabaseNewer, DatabaseOlder
from bot.storage.revisions import check_revision, current_revision, migrate

pytestmark = pytest.mark.both_databases

Install = Callable[[str], None]
REAL = revisions._MIGRATIONS
NOW = revisions._scripts().get_current_head()
# What each made-up version brings, after all that is real: revision, kind, what it does.
BRINGS = {
    "today": [],
    "next": [("9001", "before", "op.add_column('pulses', sa.Column('late', sa.Integer()))")],
    "later": [
        ("9002", "after", "op.drop_column('pulses', 'late')"),
        ("9003", "before", "op.add_column('pulses', sa.Column('early', sa.Integer()))"),
    ],
    "last": [
        ("9004", "before", "op.create_index('ix_pulses_at', 'pulses', ['at'])"),
        ("9005", "after", "op.drop_column('pulses', 'early')"),
        ("9006", "after", "op.drop_index('ix_pulses_at', 'pulses')"),
    ],
}
MIGRATION = '''"""{revision}"""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None
kind = "{kind}"
def upgrade():
    {does}
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """From here on the software is that version."""
    before, brought = NOW, []
    for version, migrations in BRINGS.items():
        folder = tmp_path / version
        shutil.copytree(REAL, folder, ignore=shutil.ignore_patterns("__pycache__"))
        brought += migrations
        last = before
        for revision, kind, does in brought:
            made = MIGRATION.format(revision=revision, before=last, kind=kind, does=does)
            (folder / "versions" / f"{revision}.py").write_text(made)
            last = revision
    return lambda version: monkeypatch.setattr(revisions, "_MIGRATIONS", tmp_path / version)


@pytest.fixture
def may_run(database_url: str, install: Install) -> Callable[[], dict[str, str]]:
    """What each version says to the database as it stands."""

    def asked() -> dict[str, str]:
        says = {}
        for version in BRINGS:
            install(version)
            try:
                check_revision(database_url)
            except (DatabaseOlder, DatabaseNewer) as fault:
                says[version] = type(fault).__name__.removeprefix("Database").lower()
            else:
                says[version] = "runs"
        return says

    return asked


def columns(url: str) -> set[str]:
    """Those of the table that the made-up versions change."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = set(connection.execute(text("SELECT * FROM pulses")).keys())
    engine.dispose()
    return found


def upgraded(url: str, install: Install, *versions: str) -> None:
    """Brought on by those versions, one after the other, with all they bring."""
    for version in versions:
        install(version)
        assert migrate(url, after=True) == ()


def test_an_older_version_runs_on_what_only_had_something_added(
    database_url: str, install: Install, may_run: Callable[[], dict[str, str]]
) -> None:
    """After a migration that only adds, today's software and the next one both run; later ones ask for theirs."""
    assert may_run() == {"today": "runs", "next": "older", "later": "older", "last": "older"}
    install("next")
    assert migrate(database_url) == ()
    assert columns(database_url) == {"name", "at", "late"}
    assert may_run() == {"today": "runs", "next": "runs", "later": "older", "last": "older"}


def test_an_older_version_does_not_run_on_what_had_something_taken(
    database_url: str, install: Install, may_run: Callable[[], dict[str, str]]
) -> None:
    """After a migration that takes away, versions from before it are refused as too old for the database."""
    upgraded(database_url, install, "next", "later")
    assert columns(database_url) == {"name", "at", "early"}
    assert may_run() == {"today": "newer", "next": "newer", "later": "runs", "last": "older"}


def test_a_newer_version_runs_before_its_last_step(
    database_url: str, install: Install, may_run: Callable[[], dict[str, str]], backend: str
) -> None:
    """On PostgreSQL migrate leaves for later what takes away, and both versions run until then; on SQLite one process runs."""
    upgraded(database_url, install, "next", "later")
    install("last")
    waiting = migrate(database_url)
    both = {"today": "newer", "next": "newer", "later": "runs", "last": "runs"}
    if backend == "postgresql":
        assert waiting == ("9005", "9006")
        assert current_revision(database_url) == "9004"
        assert may_run() == both
        assert migrate(database_url) == waiting, "again changes nothing"
        assert migrate(database_url, after=True) == ()
    else:
        assert waiting == ()
    assert current_revision(database_url) == "9006"
    assert columns(database_url) == {"name", "at"}
    assert may_run() == {**both, "later": "newer"}


def test_what_waits_keeps_the_next_version_waiting(database_url: str, install: Install, backend: str) -> None:
    """R-15: a version whose own step comes behind one that takes away is not begun while older replicas may run."""
    upgraded(database_url, install, "next")
    install("later")
    if backend == "postgresql":
        assert migrate(database_url) == ("9002", "9003")
        assert current_revision(database_url) == "9001"
        with pytest.raises(DatabaseOlder, match=r"9001.*vestibule migrate"):
            check_revision(database_url)
    assert migrate(database_url, after=True) == ()
    check_revision(database_url)


def test_an_older_versions_migrate_changes_nothing(database_url: str, install: Install) -> None:
    """The older version's `migrate` leaves a database alone that is ahead: fine where it may run, refused where not."""
    upgraded(database_url, install, "next")
    install("today")
    assert migrate(database_url) == ()
    assert current_revision(database_url) == "9001"
    upgraded(database_url, install, "later")
    install("today")
    with pytest.raises(DatabaseNewer, match=r"9003.*nothing was changed"):
        migrate(database_url)
    assert current_revision(database_url) == "9003"


def test_a_new_database_gets_everything(bare_url: str, install: Install) -> None:
    """Nobody runs on a database without tables: all migrations are run at once, those that take away among them."""
    install("last")
    with pytest.raises(DatabaseOlder, match=r"revision none.*vestibule migrate"):
        check_revision(bare_url)
    assert migrate(bare_url) == ()
    check_revision(bare_url)


def test_a_version_that_fails_half_way_leaves_all_as_it_was(
    database_url: str, install: Install, may_run: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    """R-02: when a later of several migrations fails, the earlier ones are undone with it, and who ran may run on."""
    install("last")
    (tmp_path / "last" / "versions" / "9003.py").write_text(
        MIGRATION.format(revision="9003", before="9002", kind="before", does="op.execute('SELECT nonsense')")
    )
    with pytest.raises(Exception, match="nonsense"):
        migrate(database_url, after=True)
    assert current_revision(database_url) == NOW
    assert may_run()["today"] == "runs"
    assert columns(database_url) == {"name", "at"}


def test_every_migration_says_what_kind_it_is() -> None:
    """No migration is there that does not say whether older software can go on running after it."""
    assert {revisions._kind(each) for each in revisions._scripts().walk_revisions()} <= {"before", "after"}
