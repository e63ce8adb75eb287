"""The core's own fixed lines. Those with context `neutral` are the only ones sent unasked (S-02)."""

from __future__ import annotations

from flows.effects import Line
from flows.values import Closing

CONTINUE = Line("button", "Continue")
DONE = Line("button", "Done")
BACK = Line("button", "Back")
PAUSE = Line("button", "Pause")
SKIP = Line("button", "Nothing to add")
THOUGHT = Line("button", "I have thought about it")

USE_BUTTONS = Line("ask", "Please use the buttons below the message. Staff can read what you wrote.")
USE_TEXT = Line("ask", "Please answer with a short written message.")
CHOOSE_ONE = Line("ask", "Please choose at least one, then press Done.")
OLD_BUTTON = Line("neutral", "That button belonged to an earlier message.")
NO_BUTTON = Line("neutral", "That button is not in use.")

NOT_EMERGENCY = Line(
    "ask",
    "Messages here are not read around the clock. If somebody is in danger, call {emergency_number}.",
)
NOBODY_ON_DUTY = Line(
    "ask",
    "Nobody is on duty right now, and messages here are not read around the clock. If somebody is in danger, "
    "call {emergency_number}. The service's own number is {service_number}.",
)

CLOSINGS: dict[tuple[Closing, bool], Line] = {
    (Closing.NEARBY, False): Line(
        "neutral", "We stop here for now. Please come back later or from another place, with /menu."
    ),
    (Closing.NEARBY, True): Line(
        "neutral",
        "We stop here for now. Please come back later or from another place, with /menu. "
        "Please wait for a message from us before you join.",
    ),
    (Closing.NOT_PERSON, False): Line("neutral", "Thank you. Nothing more is needed here."),
    (Closing.NOT_PERSON, True): Line("neutral", "Thank you. Nothing more is needed here."),
    (Closing.DECLINED, False): Line("neutral", "Thank you. We stop here for now. We will contact you."),
    (Closing.DECLINED, True): Line("neutral", "Thank you. We stop here for now. We will contact you."),
    (Closing.WAIT, False): Line(
        "neutral", "Thank you. We stop here for now. Please wait for a message from us."
    ),
    (Closing.WAIT, True): Line(
        "neutral", "Thank you. We stop here for now. Please wait for a message from us."
    ),
    (Closing.STOPPED, False): Line("neutral", "Stopped. When it suits you, send /menu."),
    (Closing.STOPPED, True): Line("neutral", "Stopped. When it suits you, send /menu."),
}
PAUSED = Line("neutral", "Paused. When it suits you, send /menu.")
ENOUGH = Line("neutral", "That is all for today. When it suits you on another day, send /menu.")
LAPSED = Line("neutral", "This was open for a long time and is now closed. For what is next, send /menu.")
FINISHED = Line("neutral", "Thank you, that is all. For what is next, send /menu.")
