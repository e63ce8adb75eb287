"""Who may do what: every command and every button, by role. Read by tests/bot/escalation/test_permissions.py.

`python -m tests.permissions` writes docs/privacy/permissions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEANING = {
    "✓": "done, or shown",
    "·": "refused in one line that tells nothing",
    "1": "only after taking the case on",
    "–": "not a thing here: a neutral line, nothing changes",
    "?": "answered as a stranger: one neutral line at most, nothing is stored",
}
VERDICTS = {"✓": "yes", "·": "no", "1": "first", "–": "line", "?": "stranger"}


@dataclass(frozen=True, slots=True)
class Column:
    """Who tries it, and about which case."""

    letter: str
    who: str
    case: str
    about: str


COLUMNS = (
    Column("P", "participant", "K-101", "participant"),
    Column("F", "facilitator", "K-101", "facilitator, case of the own group"),
    Column("H", "holder", "K-103", "the same, who has taken it on"),
    Column("O", "other facilitator", "K-101", "facilitator of another group, not asked"),
    Column("A", "asked facilitator", "K-101", "facilitator of another group, to whom the ladder came"),
    Column("T", "tech", "K-101", "tech helper, case routed to them"),
    Column("t", "tech", "K-102", "tech helper, not routed"),
    Column("S", "partner support", "K-101", "partner support, routed"),
    Column("s", "partner support", "K-102", "partner support, not routed"),
    Column("D", "duty", "K-101", "duty, routed"),
    Column("d", "duty", "K-102", "duty, not routed"),
    Column("M", "manager", "K-101", "manager, routed"),
    Column("m", "manager", "K-102", "manager, not routed"),
    Column("X", "administrator", "K-101", "administrator (no case is ever routed to them)"),
    Column("L", "left participant", "K-101", "a participant who has left"),
    Column("l", "left staff", "K-101", "one of staff who has left"),
    Column("N", "stranger", "K-101", "a stranger"),
)
TABLE = """
action                            P F H O A T t S s D d M m X L l N
/start                            ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/menu                             ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/selftest                         ✓ – – – – – – – – – – – – – ? ? ?
/ready                            ✓ – – – – – – – – – – – – – ? ? ?
/privacy                          ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/stop                             ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/help                             ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/language de                      ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/nonsense                         – – – – – – – – – – – – – – ? ? ?
/case                             – ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
/case {case}                      – ✓ ✓ · ✓ ✓ · ✓ · ✓ · ✓ · · ? ? ?
/ack {case}                       – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
/seen {case}                      – · · · · · · ✓ · · · · · · ? ? ?
/details {case}                   – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
/resolve {case}                   – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
/resolve {case} talked_to_them    – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
/lift {case}                      – ✓ · · 1 · · · · ✓ · ✓ · · ? ? ?
/handover {case}                  – · ✓ · · · · · · · · · · · ? ? ?
/strike {case}                    – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
/release                          – ✓ ✓ ✓ ✓ · · · · · · · · · ? ? ?
/allow                            – ✓ ✓ ✓ ✓ ✓ ✓ · · · · · · · ? ? ?
/written                          – ✓ ✓ ✓ ✓ · · · · · · · · · ? ? ?
/zone {alias} Europe/Oslo         – ✓ ✓ · · · · · · · · ✓ ✓ ✓ ? ? ?
/roster                           – ✓ ✓ ✓ ✓ · · · · · · · · · ? ? ?
/duty                             – ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
MENU:open:                        ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ? ? ?
LANG:en:                          ✓ – – – – – – – – – – – – – ? ? ?
DOOR:yes:                         ✓ – – – – – – – – – – – – – ? ? ?
PRIV:copy:                        ✓ – – – – – – – – – – – – – ? ? ?
PRIV:yes.erasure:                 ✓ – – – – – – – – – – – – – ? ? ?
{question}                        ✓ – – – – – – – – – – – – – ? ? ?
CASE:open:{case}                  – ✓ ✓ · ✓ ✓ · ✓ · ✓ · ✓ · · ? ? ?
CASE:card:{case}                  – ✓ ✓ · ✓ ✓ · ✓ · ✓ · ✓ · · ? ? ?
CASE:take:{case}                  – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
CASE:seen:{case}                  – · · · · · · ✓ · · · · · · ? ? ?
CASE:details:{case}               – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
CASE:resolve:{case}               – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
CASE:lift:{case}                  – ✓ · · 1 · · · · ✓ · ✓ · · ? ? ?
CASE:keep:{case}                  – · ✓ · · · · · · · · · · · ? ? ?
CASE:hand:{case}                  – · ✓ · · · · · · · · · · · ? ? ?
CASE:strike:{case}                – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
OUT:talked_to_them:{case}         – ✓ ✓ · ✓ ✓ · · · ✓ · ✓ · · ? ? ?
LIFT:not_today:{case}             – ✓ · · 1 · · · · ✓ · ✓ · · ? ? ?
HAND:{colleague}:{case}           – · ✓ · · · · · · · · · · · ? ? ?
STRK:ST-01:{case}                 – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
STRK:yes.ST-01:{case}             – ✓ ✓ · 1 ✓ · ✓ · ✓ · ✓ · · ? ? ?
REL:who:{own}                     – ✓ ✓ · · · · · · · · · · · ? ? ?
REL:who:{other}                   – · · ✓ ✓ · · · · · · · · · ? ? ?
REL:yes.{step}:{own}              – ✓ ✓ · · · · · · · · · · · ? ? ?
REL:yes.{step}:{other}            – · · ✓ ✓ · · · · · · · · · ? ? ?
ALW:who:{own}                     – ✓ ✓ · · ✓ ✓ · · · · · · · ? ? ?
ALW:who:{other}                   – · · ✓ ✓ ✓ ✓ · · · · · · · ? ? ?
ALW:phone.2w:{own}                – ✓ ✓ · · ✓ ✓ · · · · · · · ? ? ?
ALW:phone.2w:{other}              – · · ✓ ✓ ✓ ✓ · · · · · · · ? ? ?
WRIT:page.1:{own}                 – ✓ ✓ · · · · · · · · · · · ? ? ?
WRIT:page.1:{other}               – · · ✓ ✓ · · · · · · · · · ? ? ?
WRIT:strike:{own}                 – ✓ ✓ · · · · · · · · · · · ? ? ?
WRIT:ST-01:{own}                  – ✓ ✓ · · · · · · · · · · · ? ? ?
WRIT:yes.ST-01:{own}              – ✓ ✓ · · · · · · · · · · · ? ? ?
ROST:show:{session}               – ✓ ✓ · · · · · · · · · · · ? ? ?
DUTY:duty:{duty}                  – · · · · · · · · – – · · · ? ? ?
"""


def rows() -> dict[str, dict[str, str]]:
    """Action -> letter of the column -> sign."""
    lines = TABLE.strip().splitlines()
    letters = lines[0].split()[1:]
    found: dict[str, dict[str, str]] = {}
    assert letters == [column.letter for column in COLUMNS]
    for line in lines[1:]:
        action, signs = line[:34].strip(), line[34:].split()
        assert len(signs) == len(letters), line
        assert action not in found, line
        found[action] = dict(zip(letters, signs, strict=True))
    return found


# What an action of the table is, in words, by its beginning; the longest that fits counts.
WORDS = {
    "/start": "begin, or the menu",
    "/menu": "the menu, or the open cases",
    "/selftest": "the self-test",
    "/ready": "the same by a neutral word",
    "/privacy": "what is kept",
    "/stop": "stop, and clear the chat",
    "/help": "what there is",
    "/language": "another language",
    "/nonsense": "any other command",
    "/case": "list the own open cases",
    "/case {case}": "show a case",
    "/ack": "take a case on",
    "/seen": "mark as seen",
    "/details": "open the details",
    "/resolve": "choose an outcome",
    "/lift": "answer a hold",
    "/handover": "hand a case over",
    "/strike": "strike out what was typed",
    "/release": "open a closed step: list of people",
    "/allow": "a dated exception: list of people",
    "/written": "what was typed: list of people",
    "/zone": "a participant's time zone, group A",
    "/roster": "the roster",
    "/duty": "who is on duty for the own roles",
    "MENU:": "the button below a neutral line",
    "LANG:": "choose a language",
    "DOOR:": "answer at the door",
    "PRIV:": "ask for a copy of what is kept: is it meant?",
    "PRIV:yes.": "ask for erasure",
    "{question}": "answer the own question",
    "CASE:open": "show a case from the list",
    "CASE:card": "back to the case",
    "CASE:take": "take a case on",
    "CASE:seen": "mark as seen",
    "CASE:details": "open the details",
    "CASE:resolve": "choose an outcome",
    "CASE:lift": "answer a hold: list",
    "CASE:keep": "still on it",
    "CASE:hand": "hand a case over: list",
    "CASE:strike": "strike out what was typed: list",
    "OUT:": "an outcome",
    "LIFT:": "an answer to the hold",
    "HAND:": "hand over to this colleague",
    "STRK:": "strike out at this question: is it meant?",
    "STRK:yes.": "strike it out",
    "REL:who:{own}": "open a step for somebody of group A: list",
    "REL:who:{other}": "the same for group B",
    "REL:yes.{step}:{own}": "open this step, group A",
    "REL:yes.{step}:{other}": "open this step, group B",
    "ALW:who:{own}": "a dated exception for somebody of group A: list",
    "ALW:who:{other}": "the same for group B",
    "ALW:phone.2w:{own}": "give this exception, group A",
    "ALW:phone.2w:{other}": "give this exception, group B",
    "WRIT:page.1:{own}": "read what somebody of group A typed",
    "WRIT:page.1:{other}": "the same for group B",
    "WRIT:": "strike out what was typed, group A",
    "ROST:": "the roster of a session of group A",
    "DUTY:": "relieve this person of duty (nobody is on duty in the table's town)",
}


def words_of(action: str) -> str:
    """What the action is, in words."""
    return WORDS[max((key for key in WORDS if action.startswith(key)), key=len)]


DOCUMENT = Path(__file__).parents[1] / "docs" / "privacy" / "permissions.md"


def document() -> str:
    """The page for people, with the same table."""
    head = [column.letter for column in COLUMNS]
    lines = [
        "# Who may do what",
        "",
        "Every command and every button, by role. Each cell is tried by a test",
        "(`tests/bot/escalation/test_permissions.py`); this page is written by `python -m tests.permissions`, and a",
        "test fails when it differs, or when a command or button is added without a row.",
        "",
        "| | who |",
        "| --- | --- |",
        *(f"| {column.letter} | {column.about} |" for column in COLUMNS),
        "",
        "| | means |",
        "| --- | --- |",
        *(f"| {sign} | {meaning} |" for sign, meaning in MEANING.items()),
        "",
        f"| command or button | | {' | '.join(head)} |",
        f"| --- | --- |{' --- |' * len(head)}",
    ]
    for action, signs in rows().items():
        lines.append(f"| `{action}` | {words_of(action)} | {' | '.join(signs[letter] for letter in head)} |")
    lines += [
        "",
        "Beyond the table:",
        "",
        "- In groups and channels nothing is answered, whoever writes.",
        "- A forwarded message is neither a command nor an answer, except `/stop`, which always works.",
        "- Made-up or copied button data give nobody more than a line: a button works for whoever may do what it says,",
        "  and a participant's only in their own chat. What somebody made up is never written into the audit log.",
        "- Details, rosters and lists of people are sent protected and taken away again; opening and refusing them is",
        "  recorded. Striking out is open to whoever may open the details, for what they can read there.",
        "- Whoever stands in for a role that nobody has is asked, and may then do what that role may do.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
