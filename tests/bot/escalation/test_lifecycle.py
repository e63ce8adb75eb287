import pytest

from bot.escalation.lifecycle import STATES, TRANSITIONS, Refusal, machine_for_drawing, move
from flows.values import Role

F, P = Role.FACILITATOR, Role.PARTNER_SUPPORT


@pytest.mark.parametrize(
    ("state", "role", "trigger", "then"),
    [
        ("asking", F, "take", "taken"),
        ("asking", F, "resolve", "done"),
        ("taken", F, "resolve", "done"),
        ("taken", F, "lapse", "asking"),
        ("asking", F, "climb", "asking"),
        ("asking", P, "climb", "asking"),
        ("asking", P, "see", "done"),
        ("taken", F, "ask_again", "asking"),
        ("done", P, "ask_again", "asking"),
        ("taken", F, "take", Refusal.TAKEN),
        ("taken", F, "climb", Refusal.TAKEN),
        ("done", F, "take", Refusal.DONE),
        ("done", F, "climb", Refusal.DONE),
        ("done", P, "see", Refusal.DONE),
        ("asking", F, "lapse", Refusal.NOT_TAKEN),
        ("asking", F, "see", Refusal.NOT_PARTNER_SUPPORT),
        ("asking", P, "take", Refusal.ONLY_SEEN),
        ("asking", P, "resolve", Refusal.ONLY_SEEN),
    ],
)
def test_each_trigger_moves_or_is_refused_by_name(state, role, trigger, then):
    """S-22, R-08: partner support only sees; what is taken no longer climbs; a wrong trigger has a named refusal."""
    assert move(state, role, trigger) == then


@pytest.mark.parametrize("role", list(Role))
def test_every_trigger_has_an_outcome_in_every_state(role):
    """No trigger of the machine raises, wherever a part stands."""
    for state in STATES:
        for trigger in {t["trigger"] for t in TRANSITIONS}:
            assert move(state, role, trigger) in {*STATES, *Refusal}


def test_the_drawing_shows_every_transition():
    """The graph is drawn from the same definition."""
    drawn = machine_for_drawing().get_combined_graph().source
    assert all(t["trigger"] in drawn for t in TRANSITIONS)
    assert "is_partner_support" in drawn
