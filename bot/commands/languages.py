"""`vestibule languages` and `vestibule review`: how far each translation is, and who has read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from babel import Locale
from rich.console import Console
from rich.table import Table

from bot.commands.catalogues import texts
from bot.commands.glossary import BadGlossary, glossary, meanings
from bot.commands.terminal import WRONG_USE, Told, say
from bot.review import Standing, standing
from bot.review import review as note_review
from bot.texts import SOURCE, languages, own_name
from bot.texts_found import keys

HEAD = ("code", "language", "in itself", "messages", "words", "reviewed", "draft")


def show_languages(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As docs/languages.md holds it, with the words chosen.")
    ] = False,
) -> None:
    """Show each language: messages, words, and how many are reviewed or drafts."""
    if markdown:
        _as_in_the_docs()
        return
    table = Table(*HEAD[:3], box=None, pad_edge=False)
    for name in HEAD[3:]:
        table.add_column(name, justify="right")
    for row in _rows():
        table.add_row(*row)
    Console(soft_wrap=True).print(table)


def _as_in_the_docs() -> None:
    """The table with a column for the form of address, then a paragraph for each language's choices."""
    try:
        terms, chosen = meanings(), {code: glossary(code) for code in languages()[1:]}
    except BadGlossary as error:
        raise Told(str(error)) from None
    addresses = ["address", "---", "you", *(one.address.form for one in chosen.values())]
    rows = [HEAD, ("---",) * 3 + ("---:",) * 4, *_rows()]
    for row, address in zip(rows, addresses, strict=True):
        say(f"| {' | '.join((*row[:3], address, *row[3:]))} |")
    for code, one in chosen.items():
        words = " · ".join(f"*{term}* {one.terms[term].word}" for term in terms if term in one.terms)
        say("")
        say(f"**{_name(code)}**: *{one.address.form}*. {one.address.why}")
        say(f"Words ([why](../locales/{code}/glossary.yaml)): {words}")


def _rows() -> Iterator[tuple[str, ...]]:
    for code in languages():
        found = _source() if code == SOURCE else standing(code)
        state = ("source", "") if code == SOURCE else (str(found.reviewed), str(found.drafts))
        yield code, _name(code), own_name(code), str(found.messages), str(found.words), *state


def _name(code: str) -> str:
    return Locale.parse(code, sep="_").get_display_name("en") or code


def _source() -> Standing:
    words = sum(len(text.msgid.split()) for text in texts())
    return Standing(SOURCE, len(texts()), words, len(texts()))


def review(
    language: Annotated[str, typer.Argument(help="The language that was read.")],
    context: Annotated[
        list[str], typer.Argument(help="What was read, by the beginning of its context: self_test, neutral.")
    ],
    by: Annotated[str, typer.Option(help="Who read it: a reference that your service can resolve, no name.")],
) -> None:
    """Note that somebody has reviewed translations as they are now; a change makes them drafts again."""
    if language == SOURCE or language not in languages():
        there = ", ".join(languages()[1:])
        raise Told(f"there is no catalogue for {language}; there are: {there}", code=WRONG_USE)
    if not by.strip():
        raise Told("say by whom, with --by", code=WRONG_USE)
    known = {one for one, _ in keys()}
    if unknown := [one for one in context if not one or not any(c.startswith(one) for c in known)]:
        raise Told(
            f"no text's context begins with {', '.join(map(repr, unknown))}; they are such as self_test, neutral, staff",
            code=WRONG_USE,
        )
    count = note_review(language, by.strip(), tuple(context))
    found = standing(language)
    say(f"{count} more reviewed; {found.reviewed} of {found.messages} messages of {language} are")
