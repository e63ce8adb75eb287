"""An export as a page to read and print: one file, no scripts, no addresses, nothing that is not escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from babel import Locale

from bot.forms import listed
from bot.texts import locale_of
from bot.usecases import export_texts as texts
from flows.effects import Line

Say = Callable[[Line], str]

# Nothing is fetched and nothing runs, whatever was typed into an answer.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light }
body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 45rem; margin: 2rem auto; padding-inline: 1rem;
  color: #1b1b1b; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-block-start: 2rem; border-block-end: 1px solid #bbb }
.notice { border: 2px solid #1b1b1b; padding: .75rem; font-weight: 600 }
article { margin-block: 1rem; break-inside: avoid }
.asked { font-weight: 600; white-space: pre-line; margin: 0 } .said { margin: 0; white-space: pre-wrap }
.when { color: #555; font-size: .85rem; margin: 0 }
dt { font-weight: 600 } dd { margin: 0 0 .5rem } ul { margin: 0; padding-inline-start: 1.25rem }
@media print { body { margin: 0; max-inline-size: none; font-size: 10.5pt } h2 { break-after: avoid } }
""".strip()


def page(export: Mapping[str, Any], say: Say) -> str:
    """The export of usecases.export_person as HTML in the person's language. `say` renders a line of ours in it."""
    locale = Locale.parse(locale_of(export["language"]))
    code = export["language"].replace("_", "-")
    body = [
        f"<h1>{_text(export['title'])}</h1>",
        f'<p class="notice">{_text(export["notice"])}</p>',
        f"<p>{_text(export['made'])} {_text(export['scope'])}</p>",
        _section(say(texts.ABOUT), _about(export["about"]), say),
        _section(say(texts.AGREEMENT), (_agreement(one, export) for one in export["agreements"]), say),
        _section(say(texts.SESSIONS), _list(_text(one["time"]) for one in export["sessions"]), say),
        _section(say(texts.ANSWERS), _answers(export), say),
    ]
    if "cases" in export:
        body += _reviewed(export, say)
    body.append(f'<p class="notice">{_text(export["notice"])}</p>')
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f'<meta name="robots" content="noindex"><title>{_text(export["title"])}</title><style>{_STYLE}</style>'
    )
    direction = "rtl" if locale.text_direction == "rtl" else "ltr"
    return (
        f'<!doctype html>\n<html lang="{_text(code)}" dir="{direction}">\n<head>{head}</head>\n<body>\n<main>\n'
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    return escape(str(value), quote=True)


def _apart(value: object) -> str:
    """Beside something of another direction, such as a date beside a step: neither turns the other over."""
    return f"<bdi>{_text(value)}</bdi>"


def _section(title: str, rows: Iterable[str], say: Say) -> str:
    found = list(rows)
    inside = "\n".join(found) if found else f"<p>{_text(say(texts.NOTHING))}</p>"
    return f"<section>\n<h2>{_text(title)}</h2>\n{inside}\n</section>"


def _about(rows: Iterable[Mapping[str, str]]) -> list[str]:
    pairs = "".join(f'<dt>{_text(one["what"])}</dt><dd dir="auto">{_text(one["is"])}</dd>' for one in rows)
    return [f"<dl>{pairs}</dl>"] if pairs else []


def _list(items: Iterable[str]) -> list[str]:
    """`items` are HTML."""
    found = "".join(f"<li>{item}</li>" for item in items)
    return [f"<ul>{found}</ul>"] if found else []


def _answers(export: Mapping[str, Any]) -> list[str]:
    """By conversation, in the order in which each was first begun."""
    by_title: dict[str, list[str]] = {}
    for row in export["answers"]:
        said = _said(row["answer"], export) + (_said([row["text"]], export) if row["text"] else "")
        about = " · ".join(_apart(row[part]) for part in ("step", "time", "kept"))
        entry = (
            f'<article><p class="asked">{_text(row["question"])}</p>{said}'
            f'<p class="when">{about}</p></article>'
        )
        by_title.setdefault(row["conversation"], []).append(entry)
    return [f"<h3>{_text(title)}</h3>\n" + "\n".join(found) for title, found in by_title.items()]


def _said(words: Iterable[str], export: Mapping[str, Any]) -> str:
    joined = listed(export["language"], words)
    return f'<p class="said" dir="auto">{_text(joined)}</p>' if joined else ""


def _agreement(one: Mapping[str, Any], export: Mapping[str, Any]) -> str:
    points = "".join(
        f'<article><p class="asked">{_text(point["point"])}</p>{_said(point["answer"], export)}</article>'
        for point in one["points"]
    )
    return f'<h3>{_text(one["heading"])}</h3><p class="when">{_text(one["kept"])}</p>{points}'


def _reviewed(export: Mapping[str, Any], say: Say) -> list[str]:
    tests = _list(f"{_apart(one['time'])}: {_apart(one['result'])}" for one in export["tests"])
    allowed = _list(f"{_apart(one['what'])} ({_apart(one['time'])})" for one in export["allowances"])
    record = _list(
        f"{_apart(one['time'])}: {_apart(one['who'])}, {_apart(one['action'])}" for one in export["record"]
    )
    return [
        _section(say(texts.TESTS), tests, say),
        _section(say(texts.ALLOWANCES), allowed, say),
        _section(say(texts.CASES), (_case(one, export, say) for one in export["cases"]), say),
        _section(say(texts.RECORD), record, say),
    ]


def _case(one: Mapping[str, Any], export: Mapping[str, Any], say: Say) -> str:
    raised = "".join(
        f'<article><p class="asked">{_text(item["means"])}</p>'
        f'<p class="when">{_text(say(texts.BECAUSE))}: {_text(item["question"])}</p>{_said(item["answer"], export)}</article>'
        for item in one["raised"]
    )
    parts = _list(
        ": ".join(_apart(part[key]) for key in ("role", "state", "outcome") if part[key])
        for part in one["routing"]
    )
    return f"<h3>{_text(one['heading'])}</h3>{raised}{''.join(parts)}"
