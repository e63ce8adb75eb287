"""The words of an export, in the person's language: plain, and with the line of S-45."""

from __future__ import annotations

from flows import lines
from flows.effects import Line
from flows.values import Role

NOTICE = Line(
    "export",
    "This is preparation material for sessions: what was answered at the time. It is no risk assessment and no "
    "evidence of change.",
)
TITLE = Line("export", "What is kept about you")
MADE = Line("export", "Made for {alias} by {service} on {time}.")
OWN_ONLY = Line("export", "It holds your own answers, your agreement and the times of your sessions.")
REVIEWED = Line(
    "export",
    "It also holds what staff recorded. Somebody of staff has looked beforehand at whether that could harm others.",
)
ABOUT = Line("export", "About you")
ANSWERS = Line("export", "Your answers")
AGREEMENT = Line("export", "Your agreement")
SESSIONS = Line("export", "Your sessions")
TESTS = Line("export", "What your tests before sessions came to")
ALLOWANCES = Line("export", "Exceptions that staff have allowed")
CASES = Line("export", "What was passed on to staff")
RECORD = Line("export", "Who did what")
NOTHING = Line("export", "Nothing is kept here.")

ALIAS = Line("export", "Known to staff as")
IN_ROLES = Line("export", "Role")
IN_GROUPS = Line("export", "Groups")
EMAIL = Line("export", "Mail address")
LANGUAGE = Line("export", "Language")
TIMEZONE = Line("export", "Time zone")
SINCE = Line("export", "Here since")
LEFT = Line("export", "Left on")
SAFE_TIMES = Line("export", "Good times for messages")
LONGER = Line(
    "export",
    "What staff still need for something they have not finished, or what a court holds, is kept longer than the "
    "dates below say.",
)
KEPT_UNTIL = Line("export", "Kept until {date}")
KEPT_AFTER = Line("export", "Kept for {months} after you leave the programme")
VERSION = Line("export", "Version {version}, agreed to on {time}")
LENGTH = Line("export", "{time}, {length}")
LENGTH_CANCELLED = Line("export", "{time}, {length} (cancelled)")
STRUCK = Line("export", "(struck out by staff)")
OPENED = Line("export", "{ref}, opened {time}")
CLOSED = Line("export", "{ref}, opened {time}, closed {closed}")
BECAUSE = Line("export", "Because of")
UNTIL = Line("export", "until {date}")

PARTS = {
    "morning": Line("export", "morning"),
    "afternoon": Line("export", "afternoon"),
    "evening": Line("export", "evening"),
}
KINDS = {
    "deferred": Line("export", "rather in a session"),
    "draft": Line("export", "ticked, and not confirmed"),
    "unclear": Line("export", "sent something other than an answer"),
}
BUILT_IN = {"continue": lines.CONTINUE, "skip_text": lines.SKIP, "thought": lines.THOUGHT, "done": lines.DONE}
"""Buttons that belong to a kind of step rather than to a script."""
LEVELS = {
    "ready": Line("export", "ready, by your own account"),
    "to_fix": Line("export", "something to fix"),
    "hold": Line("export", "to wait for staff"),
}
ALLOWED = {
    "phone": Line("export", "a phone, in sessions alone with staff"),
    "no_headphones": Line("export", "no headphones"),
}
STATES = {
    "asking": Line("export", "asked"),
    "taken": Line("export", "taken on"),
    "done": Line("export", "done"),
}
ROLES = {
    Role.FACILITATOR: Line("export", "facilitators"),
    Role.TECH: Line("export", "technical help"),
    Role.DUTY: Line("export", "duty"),
    Role.MANAGER: Line("export", "managers"),
}
"""Partner support is left out of every export: nothing may show whether contact with a partner exists (S-22)."""
WHO = {
    "self": Line("export", "you"),
    "staff": Line("export", "staff"),
    "service": Line("export", "the service"),
}
