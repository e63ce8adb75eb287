"""`vestibule zone`: another time zone for a participant."""

from __future__ import annotations

from tests.bot.commands.conftest import Vestibule


def test_a_zone_is_set_at_the_command_line(vestibule: Vestibule, programme: None) -> None:
    """What WE-TZ promises can be done without the chat, too; it says from what to what."""
    outcome = vestibule("zone", "p-07", "europe/dublin")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "P-07: Europe/London -> Europe/Dublin; 0 reminders planned anew\n"
    assert vestibule("zone", "P-07", "Europe/London").out.startswith("P-07: Europe/Dublin -> Europe/London")


def test_what_cannot_be_set_is_said(vestibule: Vestibule, programme: None) -> None:
    """An unknown zone gets an example, an unknown alias says who can have one."""
    wrong = vestibule("zone", "P-07", "Mars/Base")
    assert (wrong.code, wrong.err) == (2, "Mars/Base is no time zone; it should look like Europe/London\n")
    nobody = vestibule("zone", "P-99", "Europe/Paris")
    assert nobody.code == 2
    assert "nobody is enrolled in example under this alias" in nobody.err
