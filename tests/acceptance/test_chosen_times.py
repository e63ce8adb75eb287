"""What somebody chose in the welcome is kept for the reminders."""

from __future__ import annotations

from tests.acceptance.house import House


async def test_safe_times_and_the_check_in_day_are_kept(house: House) -> None:
    """S-02: the times for messages and the day of the check-in are the person's once the welcome is done."""
    phone = await house.participant({"WE-SAFE": ("morning", "evening", "done"), "WE-DAY": ("fri",)})
    person = await house.person(phone)
    assert (set(person.safe_times), person.check_in_day) == ({"morning", "evening"}, 4)


async def test_any_time_is_no_restriction(house: House) -> None:
    """S-02: whoever can be written to at any time has no times that are kept."""
    person = await house.person(await house.participant({"WE-DAY": ("mon",)}))
    assert (person.safe_times, person.check_in_day) == ((), 0)
