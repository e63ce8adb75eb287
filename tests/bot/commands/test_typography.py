"""How a text is written: script, quotes, apostrophes, dashes and spaces of its language."""

from __future__ import annotations

import pytest

from bot.commands.typography import badly_written, writing_of
from bot.texts import languages

NO_BREAK, NARROW = "\u00a0", "\u202f"


def faults(language: str, text: str) -> str:
    """All that is said against the text."""
    return "; ".join(badly_written(text, writing_of(language)))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Bitte „Weiter“ wählen – um 18:30, mit {name}."),
        ("fr", f"L’aide{NO_BREAK}: «{NO_BREAK}oui{NO_BREAK}» à 18:30{NARROW}? Écrivez /help{NARROW}!"),
        ("sv", "Tryck på ”Ja”, sedan ”Nej”."),
        ("da", "Vælg »Ja«."),
        ("nb", "Velg «Ja»."),
        ("ro", "Alegeți „Da”."),
        ("cs", "Zvolte „Ano“."),
        ("tr", "“Evet” seçin – {name}."),
        ("ru", "«Да» — в Zoom, {start} – {end}; K-101, /language de."),
        ("uk", "Зв’язок через Microsoft Teams, див. https://example.org/a?b."),
        ("ar", "اكتب \u200e/help أو «نعم»، ثم 1,000؛ هل هذا {name}؟"),
    ],
)
def test_what_is_written_well_passes(language: str, text: str) -> None:
    """Each language's own marks, names, times, commands, references and addresses are no faults."""
    assert not faults(language, text)


@pytest.mark.parametrize(
    ("language", "text", "says"),
    [
        ("ru", "Нажмите Join.", "has Join, not in Cyrillic letters"),
        ("uk", "Bаш випадок", "has B, not in Cyrillic letters"),
        ("ar", "اضغط Join", "has Join, not in Arabic letters"),
        ("de", "Bitte wаrten", "has а, not in Latin letters"),
        ("tr", "هذا metin", "has هذا, not in Latin letters"),
        ("de", 'Bitte "Weiter" wählen', 'has " ; write „…“'),
        ("uk", "зв'язок", "has ' ; write ’"),
        ("de", "Bitte «Weiter» wählen", "has the quotes «»; write „…“"),
        ("cs", "Zvolte „Ano”", "has the quotes „”; write „…“"),
        ("da", "Vælg «Ja»", "has the quotes «»; write »…«"),
        ("sv", "Tryck på ”Ja", "each opened and closed"),
        ("ro", "Așteptați...", "has ... ; write …"),
        ("ru", "Да – это так", "has – between spaces; write —"),
        ("nb", "Ja - det er slik", "has - between spaces; write –"),
        ("tr", "Evet -- tamam", "has -- ; write –"),
        ("de", "Bitte  warten", "has a space too many"),
        ("de", "Bitte warten ", "has a space too many"),
        ("de", "Bitte warten !", "has a space before !"),
        ("nb", "Velg « Ja».", "has a space after ( or «"),
        ("fr", "Vraiment ?", "has no no-break space before ?"),
        ("fr", "Voici: oui", "has no no-break space before :"),
        ("fr", f"«oui{NO_BREAK}»", "has no no-break space after «"),
        ("ar", "نعم, لا", "has , ; write ،"),
        ("ar", "هل هذا صحيح?", "has ? ; write ؟"),
    ],
)
def test_each_fault_says_what_to_write(language: str, text: str, says: str) -> None:
    """A foreign letter, a straight or another language's quote, a wrong dash or space is named, with what is right."""
    assert says in faults(language, text)


def test_every_language_says_how_it_is_written() -> None:
    """Each language's folder says how it is written, English's too."""
    assert [language for language in languages() if writing_of(language) is None] == []
