"""What the pages say, in each language: one file of keys and sentences per language, beside this module."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, get_args

import msgspec
from markupsafe import Markup, escape

from service.pages.languages import Language

# Gives the sentence of a key; values that it names in braces are escaped and put in.
Text: TypeAlias = Callable[..., Markup]

_FOLDER = Path(__file__).parent / "texts"


def read_texts(language: Language) -> Mapping[str, str]:
    """All keys and sentences of a language."""
    return msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[str, str])


TEXTS: Mapping[Language, Mapping[str, str]] = {
    language: read_texts(language) for language in get_args(Language)
}


def text_in(language: Language) -> Text:
    """The function by which a template says something in this language."""
    sentences = TEXTS[language]

    def text(key: str, **values: object) -> Markup:
        """Say the sentence of a key; a key or a value that is missing is a KeyError."""
        return escape(sentences[key]).format(**values)

    return text
