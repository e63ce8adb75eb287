"""A facilitator opens a closed step: the person, the step, and whether it is meant."""

from bot.usecases import release, staff_texts
from tests.bot.escalation.conftest import data_of


async def _released(town) -> tuple[str, ...]:
    async with town.storage.unit() as unit:
        return (await unit.people.get(town.ids["participant"])).released


async def test_a_step_is_opened_after_it_was_asked_whether_it_is_meant(town):
    """S-12, S-20: by reference and step id only; one tap too many opens nothing, No goes back, Yes opens it."""
    await town.writes("facilitator", "/release")
    [who] = data_of(await town.waiting("facilitator", release.SLOT))
    tail = who.split(":")[2]
    await town.presses("facilitator", f"REL:rs_d4:{tail}")
    assert await town.texts("facilitator", release.SLOT) == "Open RS-D4 for alias of participant?"
    assert await _released(town) == ()
    yes, no = data_of(await town.waiting("facilitator", release.SLOT))
    assert len(yes.encode()) <= 64
    await town.presses("facilitator", no)
    assert f"REL:rs_d4:{tail}" in data_of(await town.waiting("facilitator", release.SLOT))
    await town.presses("facilitator", yes)
    assert await _released(town) == ("RS-D4",)
    assert release.DONE.msgid in await town.texts("facilitator", "notice")


async def test_another_groups_facilitator_opens_nothing(town):
    """S-21: the button's data alone does not do it."""
    tail = town.ids["participant"][-12:]
    await town.presses("other facilitator", f"REL:yes.rs_d4:{tail}")
    assert await town.texts("other facilitator") == staff_texts.NOT_OPEN_TO_YOU.msgid
    assert await _released(town) == ()
