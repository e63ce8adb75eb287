"""The shell's neutral lines: all that may be sent unasked or before the door (S-01, S-02).

With flows.lines' neutral ones this is the whole list; a word-list test reads both in every language.
"""

from __future__ import annotations

from flows.effects import Line

STRANGER = Line(
    "neutral",
    "This chat is for invited people. If you were given a link, please ask the people who gave it to you.",
)
CHOOSE_LANGUAGE = Line("neutral", "Please choose your language.")
DOOR = Line(
    "neutral",
    "Is this a good moment? Please confirm that this is your chat, and that nobody else can see or hear it right now.",
)
DOOR_YES = Line("button", "Yes, it is me, and nobody is near")
DOOR_LATER = Line("button", "Not now")
DOOR_NOT_ME = Line("button", "This is not my chat")
MENU_BUTTON = Line("button", "Go on")
WAITING = Line("neutral", "There is something to go on with. When it suits you, send /menu.")
NOTHING_PLANNED = Line("neutral", "There is nothing to do here right now. You can send /menu at any time.")
LATER = Line("neutral", "This is not open right now. Please come back another time with /menu.")
FIRST_THIS = Line("neutral", "One thing comes first. Please go on with /menu.")
PLEASE_WAIT = Line(
    "neutral",
    "Thank you. Please wait for a message from us. For anything urgent: {service_number}, or {emergency_number}.",
)
TRY_AGAIN = Line("neutral", "That did not work on our side. Please try once more in a moment.")
UNKNOWN = Line(
    "neutral",
    "Sorry, that is not understood here, and messages here are not read around the clock. For anything urgent: "
    "{service_number}, or {emergency_number}. You can send /menu or /help.",
)
OLD_AND_WAIT = Line(
    "neutral",
    "That button belonged to an earlier message. Please wait for a message from us before you join.",
)
LANGUAGE_SET = Line("neutral", "The language is set.")
BLOCKED_AGAIN = Line("neutral", "Welcome back. When it suits you, send /menu.")
HELP = Line(
    "neutral",
    "/menu shows what is next.\n/stop ends at once and clears the chat.\n/language changes the language.\n"
    "/privacy says what is kept.\nMessages here are not read around the clock. For anything urgent: "
    "{service_number}, or {emergency_number}.",
)
BACK_AGAIN = Line(
    "neutral", "Sorry, this did not work for a while. Something you sent may not have arrived here."
)
LEFT = Line("neutral", "Thank you. This chat is now closed.")

# What the clock brings (usecases/remind_person).
DAY_BEFORE = Line("neutral", "A reminder: {session_time}. There is something short to do here before then.")
TEST_OPENS = Line(
    "neutral", "There is something short to do here before {session_time}. It takes five minutes."
)
TEST_AGAIN = Line(
    "neutral", "Something short is still open here for {session_time}. Please go on with it now."
)
CONFIRM = Line("neutral", "One more short thing before {session_time}. It takes one minute.")
DO_NOT_JOIN = Line("neutral", "Please do not join now. We will contact you by {time}.")
DO_NOT_JOIN_CALL = Line("neutral", "Please do not join now. You can call us: {service_number}.")
AFTER = Line("neutral", "There is something short to do here. It takes two minutes.")
NEXT_DAY = Line(
    "neutral", "Thank you for yesterday. There is nothing you have to do here. /menu shows what is next."
)
CHECK_IN = Line(
    "neutral", "Once a week there is something short to do here. When it suits you, please go on."
)
REFLECTION = Line("neutral", "When you have a quiet moment, there is something to go on with here.")
REMINDERS = (
    DAY_BEFORE, TEST_OPENS, TEST_AGAIN, CONFIRM, DO_NOT_JOIN, DO_NOT_JOIN_CALL, AFTER, NEXT_DAY, CHECK_IN, REFLECTION,
)  # fmt: skip

ALL = (
    STRANGER, CHOOSE_LANGUAGE, DOOR, DOOR_YES, DOOR_LATER, DOOR_NOT_ME, MENU_BUTTON, WAITING, NOTHING_PLANNED, LATER,
    FIRST_THIS, PLEASE_WAIT, OLD_AND_WAIT, TRY_AGAIN, UNKNOWN, LANGUAGE_SET, BLOCKED_AGAIN, BACK_AGAIN, HELP, LEFT,
    *REMINDERS,
)  # fmt: skip
