"""What staff read and press. Constants, so that translators find them; nothing here names a concern (S-20)."""

from __future__ import annotations

from collections.abc import Collection

from bot.escalation.lifecycle import Refusal
from flows.effects import Line
from flows.values import CaseKind, Role, Urgency

URGENCY = {
    Urgency.NOW: Line("staff", "A person is needed now."),
    Urgency.SESSION: Line("staff", "A person is needed before the session."),
    Urgency.ROSTER: Line("staff", "To be solved before the session."),
    Urgency.REVIEW: Line("staff", "For review, not urgent."),
}
# Once the session has begun, or without one.
URGENCY_LATER = {
    Urgency.SESSION: Line("staff", "A person is needed today."),
    Urgency.ROSTER: Line("staff", "To be solved before the next session."),
}
KIND = {
    CaseKind.SAFETY: Line("staff", "safety"),
    CaseKind.SPACE: Line("staff", "space"),
    CaseKind.EQUIPMENT: Line("staff", "equipment"),
    CaseKind.REVIEW: Line("staff", "review"),
}
HEADING = Line("staff", "Case {case} · {kind}")
SESSION_AT = Line("staff", "Session: {time}")
NEW_IN_IT = Line("staff", "Something new has come to this case ({count}), {time}.")
UNREADABLE = Line("staff", "What is in it cannot be read. Please tell whoever runs the software.")
NOBODY_BEFORE = Line("staff", "Nobody could be reached before you.")
STILL_YOURS = Line(
    "staff", "You took this on some time ago. Is it still with you? If not, it will be asked of others."
)
LAPSED = Line("staff", "It had been taken on and not been heard of since. It is asked again.")
HANDED_TO_YOU = Line("staff", "A colleague has handed this over to you.")

# No entry for partner support: what it does is shown to nobody else (S-22).
ROLE_NAMES = {
    Role.FACILITATOR: Line("staff", "Facilitators"),
    Role.TECH: Line("staff", "Technical help"),
    Role.DUTY: Line("staff", "Duty"),
    Role.MANAGER: Line("staff", "Managers"),
    Role.PARTNER_SUPPORT: Line("staff", "Partner support"),
}
MORE = Line("staff", "and {number} more", plural="and {number} more")

OTHER_ROLE = Line("staff", "{role}: {state}.")
OTHER_NOT_ASKED = Line("staff", "not asked yet")
OTHER_STATES = {
    "asking": Line("staff", "asked"),
    "taken": Line("staff", "taken on"),
    "done": Line("staff", "done"),
}

YOU_TOOK = Line("staff", "You have taken this on.")
ROLE_TOOK = Line("staff", "Taken on by a colleague.")
YOU_TOOK_FOR = Line("staff", "Taken on by you for: {roles}.")
ASKED_FOR = Line("staff", "You are asked for: {roles}.")
STILL_ASKED = Line("staff", "Noted. Partner support itself is still asked.")
ROLE_DONE = Line("staff", "Done for your role: {outcome}.")
ROLE_SEEN = Line("staff", "Seen by partner support.")
HOLD_STANDS = Line("staff", "The hold still stands until somebody lifts it.")

TAKE = Line("staff", "I take this on")
DETAILS = Line("staff", "Details")
RESOLVE = Line("staff", "Resolve")
SEEN = Line("staff", "Seen")
LIFT = Line("staff", "Answer the hold")
KEEP = Line("staff", "I am still on it")
HAND_OVER = Line("staff", "Hand over")
BACK = Line("staff", "Back")
WHICH_OUTCOME = Line("staff", "What came of it?")
HAND_TO = Line("staff", "Hand it over to whom?")
NOBODY_TO_HAND_TO = Line("staff", "Nobody else of that role can be reached now. It stays with you.")
LAST_ANSWER = Line("staff", "Last answer to the hold: {text}.")
WHICH_LIFT = Line("staff", "What should the participant read?")

NOT_OPEN_TO_YOU = Line("staff", "That is not open to you here.")
NO_SUCH_CASE = Line("staff", "There is no open case of that number for you.")
TAKE_FIRST = Line("staff", "This opens for you once you have taken the case on.")
WHAT_CAN_BE_DONE = Line(
    "staff",
    "/case shows the open cases. Buttons stand below each case; /help says what can be written instead.",
)
NO_CASES = Line("staff", "No open case is waiting for your roles.")
OPEN_CASES = Line("staff", "Open cases of your roles:")
CASE_IS_CLOSED = Line("staff", "Case {case} is closed.")
LANGUAGES = Line("staff", "Languages here: {languages}. For example: /language {example}")
LANGUAGE_SET = Line("staff", "From now on in this language.")
NO_LIFT = Line("staff", "There is no hold to answer here.")
LIFTED = Line("staff", "Sent to the participant: {text}")
LIFTED_UNSENT = Line("staff", "Kept, but the participant cannot be reached here. Please phone them.")
UNDELIVERED = Line("staff", "The details could not be shown in time. Please open them again.")

REFUSALS = {
    Refusal.TAKEN: Line("staff", "Somebody of your role has already taken this on."),
    Refusal.DONE: Line("staff", "This is already done for your role."),
    Refusal.ONLY_SEEN: Line("staff", "Partner support marks a case as seen, nothing else."),
    Refusal.NOT_PARTNER_SUPPORT: Line("staff", "Only partner support marks a case as seen."),
    Refusal.NOT_YOURS: Line("staff", "Only whoever has taken this on can do that."),
    Refusal.NOT_TAKEN: Line("staff", "Nobody has taken this on yet."),
}

OUTCOMES = {
    "talked_to_them": Line("staff", "Talked to the participant"),
    "session_without_them": Line("staff", "Session without them"),
    "session_went_ahead": Line("staff", "Session went ahead"),
    "suitability_review": Line("staff", "Suitability to be talked over"),
    "passed_to_services": Line("staff", "Passed to other services"),
    "equipment_solved": Line("staff", "Equipment works now"),
    "device_agreed": Line("staff", "Device agreed, go on"),
    "may_go_on": Line("staff", "Talked it over, they may go on"),
    "no_action_needed": Line("staff", "No action needed"),
    "seen": Line("staff", "Seen"),
}
_OF_KIND = {
    CaseKind.SAFETY: {
        "talked_to_them",
        "session_without_them",
        "session_went_ahead",
        "suitability_review",
        "passed_to_services",
        "no_action_needed",
    },
    CaseKind.SPACE: {
        "talked_to_them",
        "session_without_them",
        "session_went_ahead",
        "suitability_review",
        "no_action_needed",
    },
    CaseKind.EQUIPMENT: {
        "talked_to_them",
        "equipment_solved",
        "session_without_them",
        "session_went_ahead",
        "no_action_needed",
    },
    CaseKind.REVIEW: {"talked_to_them", "suitability_review", "passed_to_services", "no_action_needed"},
}

LIFTS = {
    "join": Line("staff", "Please join"),
    "waiting_room": Line("staff", "Wait in the waiting room"),
    "not_today": Line("staff", "Not today, we will call"),
    "call_us": Line("staff", "Please call us"),
}
# What the participant reads; fixed, neutral, without a reason (S-02, S-08).
LIFT_NOTICES = {
    "join": Line("neutral", "Please join at the agreed time."),
    "waiting_room": Line("neutral", "Please join at the agreed time and wait in the waiting room."),
    "not_today": Line("neutral", "Please do not join today. We will call you."),
    "call_us": Line("neutral", "Please call us: {service_number}."),
}
GO_ON = Line("neutral", "Thank you for waiting. You can go on now.")
# All that staff can make the bot say to a participant; beside usecases.neutral in the word-list test (S-02).
NEUTRAL = (*LIFT_NOTICES.values(), GO_ON)

# Steps that are no question of a script, as Details say them.
STEPS = {
    "MISSED": Line("staff", "Sessions without a test, of the last three"),
    "DOOR": Line("staff", "The question before the test"),
}
# Where a session's people are named: what the clock found.
SESSION_STEPS = {
    "DEADLINE": Line("staff", "At the deadline: not finished, or still to fix"),
    "LAST": Line("staff", "Shortly before the start: not confirmed, or not finished"),
    "START": Line("staff", "At the start: not confirmed, or not finished"),
}
DETAILS_OF = Line("staff", "{case} · {alias}")
ANSWERED = Line("staff", "{step}\n→ {choices}")
NEXT_STEP = Line("staff", "Next step: {text}")
SET_ZONE = Line("staff", "Once you know their city, write: /zone {alias} Europe/London")
SURROUNDINGS = Line("staff", "From the same test:\n{answers}")
WROTE = Line("staff", "Written at {step}:\n{text}")
WROTE_STRUCK = Line("staff", "Written at {step}: struck out by staff, {time}.")
STRIKE = Line("staff", "Strike out what was typed")
STRIKE_WHICH = Line("staff", "{case}: at which question should what was typed be struck out?")
STRIKE_SURE = Line(
    "staff", "{case}, {step}: strike out all that was typed there? It cannot be brought back. Choices stay."
)
STRIKE_YES = Line("staff", "Yes, strike it out")
STRIKE_NO = Line("staff", "No")
STRUCK_OUT = Line("staff", "Struck out at {step}. Details that showed it are taken away.")
STRIKE_HELD = Line(
    "staff",
    "For legal reasons all of this person's data are kept: nothing can be struck out for now. Administrators know why.",
)
NOTHING_TYPED = Line("staff", "Nothing that was typed stands here.")
UNASKED = Line("staff", "Not asked:\n{steps}")
GONE_SOON = Line("staff", "This goes away in {number} minute.", plural="This goes away in {number} minutes.")
SAFE_WAY_ONLY = Line(
    "staff",
    "Contact is made only by the agreed safe way and time, never because of this message while the participant "
    "may be near. Never tell the participant what partner support does.",
)


def outcomes_for(kind: CaseKind, *, waits_for: Collection[str]) -> tuple[str, ...]:
    """The outcomes staff can choose from, in the list's order; never free text (S-22)."""
    allowed: Collection[str] = {*_OF_KIND[kind], *waits_for}
    return tuple(outcome for outcome in OUTCOMES if outcome in allowed)


def nameless(person_id: str) -> str:
    """What stands for the alias of somebody whose row does not open: the end of the id that the log names too."""
    return f"? {person_id[-6:]}"
