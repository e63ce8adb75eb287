"""Texts in a person's language, from the gettext catalogues under locales/.

The catalogues (.po) are read as they are, once for each language when it is first needed; there is no
compiled copy that could be out of date. A message that is missing or marked fuzzy falls back to English.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from flows.effects import Line

SOURCE = "en"
DOMAIN = "vestibule"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def locales_folder() -> Path:
    """Where the catalogues are: beside the packages in a checkout, inside the package when installed."""
    inside = Path(__file__).parent / "locales"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "locales"


def languages() -> tuple[str, ...]:
    """English and every language with a catalogue, in the order of their codes."""
    found = {p.parent.parent.name for p in locales_folder().glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


def own_name(language: str) -> str:
    """The language's name in itself, for the choice of language."""
    name = Locale.parse(language, sep="_").get_display_name(language) or language
    return name[:1].upper() + name[1:]


def locale_of(language: str) -> str:
    """The locale whose dates and times the language's readers expect: European where English says nothing."""
    return "en_GB" if language == SOURCE else language.replace("-", "_")


@cache
def catalogue(language: str) -> NullTranslations:
    """The language's translations; English texts are their own."""
    path = locales_folder() / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if language == SOURCE or not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


def fill(text: str, params: Mapping[str, str]) -> str:
    """The text with its `{placeholders}` filled; an unknown one stays as it is rather than failing."""
    return _PLACEHOLDER.sub(lambda m: params.get(m[1], m[0]), text)


class GettextTexts:
    """ports.services.Texts over the catalogues."""

    def line(self, language: str, line: Line, params: Mapping[str, str] | None = None) -> str:
        """The line in the language, placeholders filled from its own and the given params."""
        translated = catalogue(language).pgettext(line.context, line.msgid)
        return fill(translated, {**(params or {}), **line.params})

    def say(self, language: str, context: str, msgid: str, **params: str) -> str:
        """The shell's own texts."""
        return fill(catalogue(language).pgettext(context, msgid), params)
