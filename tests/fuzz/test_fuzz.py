"""A slice of `make fuzz`: random, malformed and forged updates through the real intake, and bytes through the parsers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.telegram.inbound import parse
from tests.fuzz.parsers import NOW, PARSERS
from tests.fuzz.run import fuzz
from tests.fuzz.shapes import BATCH
from tests.fuzz.town import MARKS, logged, told

_SEEDS = {
    "updates": json.dumps([{"update_id": 1, "message": {"message_id": 1, "chat": {"id": 1}, "text": "x"}}]),
    "programme": "programme: {key: a, name: &a [1, *a]}\ngroups:\n- key: g\n  name: !!python/name:os.system ''\n",
    "sessions.csv": "key,group,starts,link\na,g,2030-01-31 18:30,https://zoom.us/j/1\n",
    "sessions.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20300131T183000Z\nRRULE:FREQ=DAILY\n"
    "URL:https://zoom.us/j/1\nEND:VEVENT\nEND:VCALENDAR\n",
    "duty.csv": "role,person,starts,ends,zone\nduty,Alias,2030-01-31 17:00,2030-01-31 18:00,Europe/London\n",
    "duty.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nSUMMARY:Alias\nDTSTART:20300131T183000\nDTEND:20300131T193000\n"
    "RRULE:FREQ=SECONDLY;COUNT=9\nEND:VEVENT\nEND:VCALENDAR\n",
}


def test_a_slice_of_the_fuzz() -> None:
    """S-20, S-23: whatever comes in from whomever, nothing is left unhandled, and nothing of anybody's is logged."""
    met = fuzz(1200, 20260302, seconds=15)
    assert met["updates"] >= 100
    # It went deeper than the door.
    assert met["outbox"] > 50
    assert met["audit"] > 0


def test_the_fuzz_would_see_it() -> None:
    """S-20: the fuzz finds a name or a fault that gets into a log."""
    with logged() as stream:
        stream.write(f'{{"event": "update.fault"}}\n{{"text": "{MARKS[0]}"}}\n')
        assert len(told(stream)) == 2
        assert not told(stream)


@given(BATCH)
@settings(max_examples=40)
def test_every_shape_is_read(batch: list[dict[str, Any]]) -> None:
    """S-23: no shape of an update makes the parser raise, on the wire or off it."""
    for number, one in enumerate(json.loads(json.dumps(batch))):
        parse(7, {**one, "update_id": number}, NOW)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=80)
@given(st.data())
def test_parsers_tell_what_is_wrong(name: str, data: st.DataObject) -> None:
    """Whatever bytes a file holds, it is read or told of in lines, and nothing else happens."""
    whole = _SEEDS[name].encode()
    cut, more = data.draw(st.integers(0, len(whole))), data.draw(st.binary(max_size=60))
    kept = data.draw(st.integers(0, 30))
    PARSERS[name](
        data.draw(
            st.sampled_from(
                [more, whole[:cut] + more + whole[cut:], whole[:cut] + more + whole[cut + kept :]]
            )
        )
    )
