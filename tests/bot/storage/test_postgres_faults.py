"""What a PostgreSQL server can say about its condition, and what it says about our mistakes."""

import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest

from bot.ports.stores import StorageFault
from bot.storage.address import shown
from bot.storage.faults import Collided, DatabaseAway, DatabaseBusy, DatabaseFull, NotADatabase
from bot.storage.postgres_faults import clear_faults, fault_of
from tests import postgres

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def pair(bare_postgres: str) -> Iterator[tuple[Connection, Connection]]:
    """Two connections to a database with two rows."""
    with psycopg.connect(bare_postgres) as one, psycopg.connect(bare_postgres) as other:
        one.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        one.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
        one.commit()
        yield one, other


def test_a_connection_that_is_ended_is_away(pair: tuple[Connection, Connection]) -> None:
    """A connection the administrator ends is lost for this statement, for every later one, and for the commit."""
    one, other = pair
    one.execute("UPDATE t SET n = 1")
    other.execute("SELECT pg_terminate_backend(%s)", [one.info.backend_pid])
    for ask in (lambda: one.execute("SELECT 1"), lambda: one.execute("SELECT 1"), one.commit):
        with pytest.raises(DatabaseAway, match="connection to the database was lost"), clear_faults():
            ask()


def test_a_lock_not_given_in_time_is_busy(pair: tuple[Connection, Connection]) -> None:
    """A row that another transaction holds is busy after the time that was set."""
    one, other = pair
    one.execute("UPDATE t SET n = 1 WHERE id = 1")
    other.execute("SET LOCAL lock_timeout = 50")
    with pytest.raises(DatabaseBusy, match="55P03"), clear_faults():
        other.execute("UPDATE t SET n = 2 WHERE id = 1")


def test_two_that_wait_for_each_other_collide(pair: tuple[Connection, Connection]) -> None:
    """Of two transactions in each other's way one is undone, and is told that it may well succeed when run again."""
    one, other = pair
    one.execute("UPDATE t SET n = 1 WHERE id = 1")
    other.execute("UPDATE t SET n = 1 WHERE id = 2")
    faults: list[StorageFault] = []

    def cross(connection: Connection, row: int) -> None:
        try:
            with clear_faults():
                connection.execute("UPDATE t SET n = 2 WHERE id = %s", [row])
        except StorageFault as fault:
            faults.append(fault)
            connection.rollback()

    crossing = threading.Thread(target=cross, args=(one, 2))
    crossing.start()
    cross(other, 1)
    crossing.join()
    assert [type(fault) for fault in faults] == [Collided]


def test_what_was_read_and_changed_meanwhile_collides(pair: tuple[Connection, Connection]) -> None:
    """A serializable transaction that cannot be put in any order is undone, and may be run again."""
    one, other = pair
    one.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    one.execute("SELECT * FROM t")
    other.execute("UPDATE t SET n = 5 WHERE id = 1")
    other.commit()
    with pytest.raises(Collided, match="40001"), clear_faults():
        one.execute("UPDATE t SET n = 6 WHERE id = 1")


def test_a_standby_says_it_cannot_be_written_to(pair: tuple[Connection, Connection]) -> None:
    """A read-only database is said to be one."""
    one, _ = pair
    one.execute("SET TRANSACTION READ ONLY")
    with pytest.raises(StorageFault, match="read-only"), clear_faults():
        one.execute("DELETE FROM t")


def test_mistakes_of_ours_are_no_faults(pair: tuple[Connection, Connection]) -> None:
    """A mistake in a statement, or a row that may not be twice, comes through as what it is."""
    one, _ = pair
    for statement, error in (
        ("SELECT nonsense", psycopg.errors.UndefinedColumn),
        ("INSERT INTO t VALUES (1, 1)", psycopg.errors.UniqueViolation),
        ("SELECT 1/0", psycopg.errors.DivisionByZero),
    ):
        with pytest.raises(error), clear_faults():
            one.execute(statement)
        one.rollback()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("08006", DatabaseAway), ("25P03", DatabaseAway), ("53100", DatabaseFull), ("53200", StorageFault),
        ("53300", DatabaseBusy), ("57014", StorageFault), ("57P02", DatabaseAway), ("57P03", DatabaseAway),
        ("58030", StorageFault), ("XX001", NotADatabase),
    ],
)  # fmt: skip
def test_every_condition_has_its_kind(code: str, kind: type[StorageFault]) -> None:
    """A full disk, no memory, no connection left, damage, a server that starts: each is the fault it stands for."""
    fault = fault_of(psycopg.errors.lookup(code)("as the test says"))
    assert type(fault) is kind
    assert code in str(fault)


@pytest.mark.slow
def test_a_server_that_stops_or_crashes_is_away_until_it_is_back() -> None:
    """A server that is stopped, or dies, is away for who was connected and who comes; afterwards it serves as before."""
    if postgres.programs() is None:
        (pytest.fail if postgres.required() else pytest.skip)("PostgreSQL is missing")
    server = postgres.Server()
    try:
        server.start()
        url = server.address("postgres")
        for how in (signal.SIGINT, signal.SIGQUIT):
            with psycopg.connect(url) as connection:
                connection.execute("SELECT 1")
                server.stop(how)
                with pytest.raises(DatabaseAway), clear_faults():
                    connection.execute("SELECT 1")
            with pytest.raises(DatabaseAway, match="cannot be reached"), clear_faults():
                psycopg.connect(url)
            server.start()
            psycopg.connect(url).close()
    finally:
        server.remove()


def test_an_at_in_a_password_shows_no_part_of_it() -> None:
    """S-20: an address with an @ too many is refused, and what may be the end of a password is not repeated."""
    with pytest.raises(StorageFault, match="%40") as fault:
        shown("postgresql://role:half@otherhalf@127.0.0.1/vestibule")
    assert "half" not in str(fault.value)


@pytest.mark.parametrize(
    "said",
    [
        "server does not support SSL, but SSL was required",
        'root certificate file "/nowhere" does not exist',
        'invalid sslmode value: "bogus"',
        "SSL error: certificate verify failed",
    ],
)
def test_a_way_that_cannot_be_closed_is_said_to_be_so(said: str) -> None:
    """S-41: where TLS does not come about the message names it, and not the network."""
    fault = fault_of(psycopg.OperationalError(f"connection failed: {said}"))
    assert fault is not None
    assert "sslmode" in str(fault)
