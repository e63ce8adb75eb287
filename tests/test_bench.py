"""The bench runs, on a few taps: every bot answers, and the tables say what is missing. No time is judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import bots, delivery, growth, replicas, taps, town
from benchmarks.__main__ import main
from benchmarks.figures import Figures, quantile
from benchmarks.past import PAST_CHAT, Size
from benchmarks.taps import Load
from tests import postgres

FEW = Load(participants=2, taps=6, open_rate=20, open_seconds=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("key", bots.BOTS)
async def test_every_bot_answers(key: str) -> None:
    """Each bot of the table answers taps in closed and open loop, or says what it lacks."""
    bot = bots.BOTS[key]
    if why := bot.missing():
        pytest.skip(why)
    found = await taps.measure([bot], FEW)
    assert len(found[key].taps_per_second) == len(found[key].open_p99) == 1
    assert found[key].taps_per_second[0] > 0
    assert bot.name in taps.told(found, FEW)


@pytest.mark.slow
async def test_a_whole_test_and_the_next() -> None:
    """Participants go through our own test to its end and begin the next, tap by tap."""
    async with taps.met(bots.VESTIBULE, 1) as (crowd, _):
        await crowd.closed(45)
        assert crowd.api.calls["sendMessage"] >= 6
        assert crowd.api.calls["deleteMessage"] >= 2


@pytest.mark.slow
async def test_alerts_beside_reminders() -> None:
    """R-12: the measurement sees every reminder and every alert, and no 429."""
    found = await delivery.measure(reminders=45, alerts=1)
    assert (len(found.alerts), found.refused) == (1, 0)
    assert "answered 429 | 0" in delivery.told(found)


@pytest.mark.slow
async def test_a_grown_database(tmp_path: Path) -> None:
    """The past is filled in as the service keeps it, and the live ones are served beside it."""
    size = Size(participants=12, answers=120, outbox=24)
    database = tmp_path / "grown.db"
    found = await growth.measure(size, Load(2, 4), str(database), lambda text: None)
    assert len(found["grown"].taps_per_second) == 1
    assert "12 people (100% here), 120 answers, 24 messages" in growth.told(found, size)
    kept = town.storage(database)
    try:
        async with kept.unit() as unit:
            past = await unit.chats.by_telegram(town.BOT, PAST_CHAT)
            assert past is not None
            person = await unit.people.get(past.person_id)
            assert person is not None
            assert person.visit_id is not None
            assert len(await unit.answers.of_person(person.id)) == 10
            assert len(await unit.answers.of_visit(person.visit_id)) == 3
            assert await unit.outbox.counts() == {"sent": 24}
    finally:
        await kept.close()


@pytest.mark.slow
async def test_replicas_and_one_that_polls() -> None:
    """Two processes behind webhooks answer on one PostgreSQL, and one that polls; each has its share of the time."""
    if postgres.programs() is None:
        (pytest.fail if postgres.required() else pytest.skip)("PostgreSQL is missing")
    found = await replicas.measure(Load(2, 6), lambda text: None, (replicas.POLLING, 2))
    assert [len(one.taps_per_second) for one in found.values()] == [1, 1]
    assert found[2].taps_per_second[0] > 0
    assert "webhook, 2 processes" in replicas.told(found)


@pytest.mark.slow
def test_it_tells_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json` has the figures, the command, the machine and the date; a peer that is not there is named."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("VESTIBULE_BENCH_REDIS", raising=False)
    arguments = ["--participants=2", "--taps=4", "--rounds=1", "--peers=aiogram-redis", "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"command", "machine", "date", "figures"} <= told.keys()
    assert "is missing" in told["figures"]["missing"][0]
    assert list(told["figures"]["bots"]) == ["vestibule"]


def test_figures() -> None:
    """Quantiles go by nearest rank, and a ratio is the middle one of the rounds."""
    assert [quantile([3, 1, 2, 4], part) for part in (0.5, 0.99)] == [2, 4]
    assert quantile([], 0.5) == 0
    ours, theirs = Figures(taps_per_second=[10, 20, 60]), Figures(taps_per_second=[10, 10, 10])
    assert taps.ratio(ours, theirs) == "2.00"
    assert taps.ratio(ours, ours) == taps.ratio(None, theirs) == "-"
