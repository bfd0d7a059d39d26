"""Problems with choices: letters put before the options, and which of them is right."""

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from string import ascii_uppercase
from typing import Any, NamedTuple

from gdpo.tasks.math.golds import GoldError
from gdpo.tasks.math.normal import normalize_answer, parse_number


class Options(NamedTuple):
    """The options of one problem."""

    labels: tuple[str, ...]
    """A letter each, or the dataset's own labels."""
    texts: tuple[str, ...]

    def shown(self) -> str:
        """A line an option, as it is put below the problem."""
        return "\n".join(f"{label}. {text}" for label, text in zip(self.labels, self.texts, strict=True))

    def right(self, answer: Any) -> list[str]:
        """What is right: the option's label, or its text where no other option has the same.

        Args:
            answer: a label, an option's text, or its number from 0; as a text, a number only where no option
                and no label is one.

        Raises:
            GoldError: it is none of the options, or may be several.
        """
        index = self._index(answer)
        text = self.texts[index].upper()
        # As answers are compared: in any case.
        alone = [one.upper() for one in self.texts].count(text) == 1
        alone &= text not in [label.upper() for label in self.labels]
        return [self.labels[index], *([self.texts[index]] if alone else [])]

    def _index(self, answer: Any) -> int:
        """The right option: what the answer may mean must be one."""
        if isinstance(answer, float) and answer.is_integer():
            answer = int(answer)  # a table's column of integers with gaps
        text = str(answer).strip()
        bare = text.strip("().")
        found = {i for i, label in enumerate(self.labels) if label in (text, bare)}
        number = isinstance(answer, int) and not isinstance(answer, bool)
        if number and not found and 0 <= answer < len(self.texts):
            found = {answer}
        found |= {i for i, option in enumerate(self.texts) if option == text}
        if not found:
            found = {i for i, label in enumerate(self.labels) if label.upper() == bare.upper()}
        if not found and text.isdecimal() and not any(map(_is_number, (*self.texts, *self.labels))):
            found = {int(text)} & set(range(len(self.texts)))  # a CSV's cells are texts
        if len(found) == 1:
            return found.pop()
        what = "may be several of" if found else "is none of"
        raise GoldError(f"answer {text[:60]!r} {what} the options")


def _is_number(text: str) -> bool:
    return parse_number(normalize_answer(text)) is not None


def options_of(value: Any) -> Options:
    """Options as files have them: a list of texts, letter -> text, or (ARC) ``{"label": [], "text": []}``.

    A text is read as JSON, or as Python, of one of these.

    Raises:
        GoldError: anything else, or fewer than two options.
    """
    labels: Sequence[Any]
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, str):  # a CSV's cell
        for read in (json.loads, ast.literal_eval):  # as pandas writes a list
            with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                value = read(value)
                break
    if isinstance(value, Mapping) and set(value) == {"label", "text"}:
        labels, texts = list(value["label"]), list(value["text"])
    elif isinstance(value, Mapping):
        # Parquet has every row's letters in each.
        given = {label: text for label, text in value.items() if text is not None}
        labels, texts = list(given), list(given.values())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        labels, texts = list(ascii_uppercase[: len(value)]), list(value)
    else:
        raise GoldError(f"options of type {type(value).__name__}: a list, or letter -> text, is needed")
    if len(labels) != len(texts) or len(texts) < 2:
        raise GoldError(
            f"{len(texts)} options with {len(labels)} labels: at least 2 of each are needed, at most 26"
        )
    if None in texts:
        raise GoldError("an option is empty")
    return Options(tuple(map(str, labels)), tuple(str(text).strip() for text in texts))
