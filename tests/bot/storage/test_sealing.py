"""What is sealed, and that nothing readable is left behind."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bot.ids import CountingIds, SystemIds
from bot.ports import records as r
from bot.ports.stores import Unit
from bot.storage.sealing import BadKeys, CannotOpen, Keyring
from bot.storage.sqlite import SqliteStorage
from tests.bot.behind import ask, change
from tests.bot.conftest import TEST_KEYS, storage_at
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, named

pytestmark = pytest.mark.both_databases

SECRETS = [
    "Secret alias",
    "secret pending",
    "secret.staff@example.org",
    "secret evening",
    "secret invitation",
    "secret-token",
    "secret visit",
    "secret_kind",
    "secret_choice",
    "secret text",
    "secret point",
    "secret fix",
    "lift_secret",
    "secret_concern",
    "SECRET-UNASKED",
    "secret message",
    "secret button",
    "secret-data",
    "secret instead",
    "https://secret.example/link",
    "555000777",
]


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of the files there."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


async def write_secrets(unit: Unit) -> None:
    """Every sealed column, with something to look for."""
    await make.settle(unit)
    await unit.people.add(
        make.person(
            7,
            alias="Secret alias",
            pending={"do": "secret pending"},
            email="secret.staff@example.org",
            safe_times=("secret evening",),
        )
    )
    await unit.invitations.add(make.invitation(alias="secret invitation"), "secret-token")
    await unit.chats.add(make.chat(7, telegram_id=555000777))
    await unit.sessions.save(make.session(link="https://secret.example/link"))
    await unit.visits.add(make.visit(7, body="secret visit"))
    await unit.answers.add(make.answer(kind="secret_kind", choices=("secret_choice",), text="secret text"))
    await unit.agreements.add(
        r.Agreement(named("agreement"), named("person"), 1, "en", {"1": "secret point"}, NOW)
    )
    await unit.readiness.put(make.readiness(fixes=({"fix": "secret fix"},), lifted="lift_secret"))
    raised = replace(make.case().raised[0], concern="secret_concern")
    await unit.cases.add(make.case(raised=(raised,), unasked=("SECRET-UNASKED",)), [])
    buttons = ((("secret button", "secret-data"),),)
    await unit.outbox.add(make.message(text="secret message", rows=buttons, instead="secret instead"))


@pytest.mark.sqlite_only
async def test_nothing_sealed_can_be_read_in_the_files(storage: SqliteStorage, tmp_path: Path) -> None:
    """S-41: no name, link, answer, text, payload or concern stands readable in the database or its WAL."""
    async with storage.unit() as unit:
        await write_secrets(unit)
        await unit.commit()
    files = contents(tmp_path)
    assert files.keys() >= {"vestibule.db", "vestibule.db-wal"}
    held = b"".join(files.values())
    assert b"self_test" in held, "what is not sealed should be found, or this test looks in the wrong place"
    assert [secret for secret in SECRETS if secret.encode() in held] == []


async def test_no_column_ties_a_chat_to_a_person(storage: SqliteStorage, database_url: str) -> None:
    """S-41: no readable value of a chat's row occurs in the row of its person."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.commit()
    (chat,), (person,) = (ask(database_url, f"SELECT * FROM {table}") for table in ("chats", "people"))
    assert set(chat) & set(person) == set()


async def test_swapped_values_do_not_open(storage: SqliteStorage, database_url: str) -> None:
    """S-41: a sealed value opens in its own row only; one copied from another row is refused."""
    async with storage.unit() as unit:
        await make.settle(unit, people=2)
        await unit.commit()
    copied = "UPDATE people SET sealed_body = (SELECT sealed_body FROM people WHERE id = ?) WHERE id = ?"
    change(database_url, copied, values=(named("person", 2), named("person", 1)))
    async with storage.unit() as unit:
        with pytest.raises(CannotOpen, match="moved or changed"):
            await unit.people.get(named("person", 1))


async def test_old_values_open_after_a_new_key_is_put_in_front(database_url: str) -> None:
    """S-41: with a new key in front, old values open, look-ups find them, and the new one is needed from then on."""
    old, new = Keyring.generate(), Keyring.generate()
    for keys in (old, f"{new},{old}"):
        storage = storage_at(database_url, Keyring(keys), CountingIds())
        async with storage.unit() as unit:
            if keys == old:
                await make.settle(unit)
            assert await unit.chats.by_telegram(make.BOT, 555000001) == make.chat()
            await unit.people.save(make.person(alias=f"under {len(keys)}"))
            await unit.commit()
        await storage.close()
    with pytest.raises(BadKeys, match="sealed with"):
        await storage_at(database_url, Keyring(old), CountingIds()).open()


async def test_other_keys_do_not_start(database_url: str) -> None:
    """S-41: keys that are not this database's, or another look-up key, are refused at the start."""
    old, new = Keyring.generate(), Keyring.generate()
    storage = storage_at(database_url, Keyring(old), CountingIds())
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.commit()
    await storage.close()
    with pytest.raises(BadKeys, match="sealed with"):
        await storage_at(database_url, Keyring(new), CountingIds()).open()
    with pytest.raises(BadKeys, match="look-ups"):
        await storage_at(database_url, Keyring(f"{old} {new}"), CountingIds()).open()


def test_the_oldest_key_can_go_when_its_bytes_stay_for_look_ups() -> None:
    """S-41: look-ups do not change when a key is put in front, nor when the oldest is kept as `lookup` only."""
    old, new = Keyring.generate(), Keyring.generate()
    bytes_of_old = old.partition(":")[2]
    expected = Keyring(old).lookup("chat", 1)
    assert Keyring(f"{new} {old}").lookup("chat", 1) == expected
    assert Keyring(f"{new}\nlookup:{bytes_of_old}").lookup("chat", 1) == expected
    assert Keyring(new).lookup("chat", 1) != expected
    assert Keyring(old).lookup("person", 1) != expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "entry 1"),
        ("justonelongkeywithoutanid", "entry 1 .* no colon"),
        ("a:" + "A" * 43 + ",b:tooshort", "entry 2.*32 bytes"),
        ("a:" + "!" * 43, "entry 1.*32 bytes"),
        ("a b:" + "A" * 43, "entry 1 .* no colon"),
        ("é:" + "A" * 43, "entry 1.*id before the colon"),
        ("a:" + "A" * 43 + " a:" + "E" * 43, "entry 2 .* earlier"),
        ("lookup:" + "A" * 43, "no key to seal with"),
    ],
)
def test_malformed_keys_are_named_but_never_shown(text: str, says: str) -> None:
    """S-20: a fault in VESTIBULE_KEYS says which entry and what it should be, and shows no part of it."""
    with pytest.raises(BadKeys, match=says) as caught:
        Keyring(text)
    for part in text.replace(",", ":").replace(" ", ":").split(":"):
        assert len(part) < 8 or part not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_keyring_shows_no_key() -> None:
    """S-20: a keyring in a log or traceback shows only how many keys it has."""
    assert repr(Keyring(TEST_KEYS)) == "<Keyring of 2>"


def test_a_generated_key_is_new_each_time_and_padding_is_optional() -> None:
    """A generated entry is id:32 bytes, never twice the same, read with or without padding."""
    made = {Keyring.generate() for _ in range(20)}
    assert len(made) == 20
    for entry in made:
        name, _, key = entry.partition(":")
        assert len(base64.urlsafe_b64decode(key + "=")) == 32
        sealed = Keyring(entry).seal("t", "c", "r", b"value")
        assert Keyring(f"{name}:{key}=").open("t", "c", "r", sealed) == b"value"


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02\x03new", b"\x01\x03new", b"\x01\x03new123"])
def test_what_was_never_sealed_is_refused(keyring: Keyring, sealed: bytes) -> None:
    """Whatever is not a whole sealed value is refused in one way."""
    with pytest.raises(CannotOpen):
        keyring.open("t", "c", "r", sealed)


def test_ids_grow_and_tokens_fit_a_link() -> None:
    """Ids are 32 hex digits that grow; tokens have 128 bits in Telegram's alphabet."""
    for ids in (SystemIds(), CountingIds()):
        made = [ids.new() for _ in range(500)]
        assert made == sorted(set(made))
        assert {len(each) for each in made} == {32}
        assert len(ids.token()) == 22
        assert ids.token().replace("-", "").replace("_", "").isalnum()
