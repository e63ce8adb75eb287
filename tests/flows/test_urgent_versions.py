"""A version marked urgent takes open visits over; any other leaves them where they began."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.concerns import Catalogue
from flows.engine import advance, begin
from flows.inputs import Opened
from flows.library import Library
from flows.script import Script

NOW = datetime(2027, 3, 1, tzinfo=UTC)
NOTHING = Catalogue(format=1, concerns=())


def script(version: int, first: str, *, urgent: bool = False, moved: dict[str, str] | None = None) -> Script:
    """Two cards, the first with this id."""
    steps = [{"id": first, "kind": "say", "text": "One."}, {"id": "LAST", "kind": "say", "text": "Two."}]
    return Script.model_validate(
        {"format": 1, "script": "cards", "version": version, "title": "Cards", "steps": steps, "urgent": urgent,
         "moved": moved or {}}
    )  # fmt: skip


def test_an_ordinary_new_version_leaves_open_visits_alone() -> None:
    """S-34: a visit finishes on the version it began with."""
    library = Library.of(NOTHING, [script(1, "OLD"), script(2, "NEW", moved={"OLD": "NEW"})])
    visit = begin(library.scripts["cards", 1])
    found = library.for_visit(visit)
    assert found is not None
    assert (found[0].script.version, found[1].step) == (1, "OLD")


def test_an_urgent_version_maps_the_open_step_over() -> None:
    """S-34: a version marked urgent takes an open visit to the step its own has become."""
    library = Library.of(NOTHING, [script(1, "OLD"), script(2, "NEW", urgent=True, moved={"OLD": "NEW"})])
    visit = advance(library.scripts["cards", 1], begin(library.scripts["cards", 1]), Opened(), NOW).visit
    found = library.for_visit(visit)
    assert found is not None
    playable, carried = found
    assert (playable.script.version, carried.version, carried.step) == (2, 2, "NEW")
    assert carried.asking == visit.asking


def test_an_urgent_version_without_the_step_leaves_the_visit() -> None:
    """S-34: where an urgent version does not say what a step has become, the visit stays on its own."""
    library = Library.of(NOTHING, [script(1, "OLD"), script(2, "NEW", urgent=True)])
    found = library.for_visit(begin(library.scripts["cards", 1]))
    assert found is not None
    assert found[0].script.version == 1


def test_a_missing_version_is_nothing() -> None:
    """S-34: a visit whose version is gone has no script to go on with."""
    library = Library.of(NOTHING, [script(2, "NEW")])
    assert library.for_visit(begin(Library.of(NOTHING, [script(1, "OLD")]).scripts["cards", 1])) is None
