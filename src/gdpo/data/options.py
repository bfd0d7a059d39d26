"""Problems with choices: letters put before the options, and which of them is right."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from string import ascii_uppercase
from typing import Any, NamedTuple

from gdpo.grading.golds import GoldError
from gdpo.grading.normal import normalize_answer, parse_number


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
            answer: a label, an option's text, or its number from 0; a number as text only where no option is
                a number itself.

        Raises:
            GoldError: it is none of the options.
        """
        index = self._index(answer)
        alone = self.texts.count(self.texts[index]) == 1 and self.texts[index] not in self.labels
        return [self.labels[index], *([self.texts[index]] if alone else [])]

    def _index(self, answer: Any) -> int:
        if isinstance(answer, int) and not isinstance(answer, bool):
            if 0 <= answer < len(self.texts):
                return answer
            raise GoldError(f"answer {answer} is the number of no option (0 to {len(self.texts) - 1})")
        text = str(answer).strip()
        bare = text.strip("().").upper()
        for known, wanted in ((self.labels, text), (self.labels, bare), (self.texts, text)):
            if known.count(wanted) == 1:
                return known.index(wanted)
        if text.isdecimal() and not any(map(_is_number, self.texts)):  # a CSV's cells are texts
            return self._index(int(text))
        raise GoldError(f"answer {text[:60]!r} is none of the options")


def _is_number(text: str) -> bool:
    return parse_number(normalize_answer(text)) is not None


def options_of(value: Any) -> Options:
    """Options as files have them: a list of texts, letter -> text, or (ARC) ``{"label": [], "text": []}``.

    A text is read as JSON of one of these.

    Raises:
        GoldError: anything else, or fewer than two options.
    """
    labels: Sequence[Any]
    if isinstance(value, str):  # a CSV's cell
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, Mapping) and set(value) == {"label", "text"}:
        labels, texts = list(value["label"]), list(value["text"])
    elif isinstance(value, Mapping):
        labels, texts = list(value), list(value.values())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        labels, texts = list(ascii_uppercase[: len(value)]), list(value)
    else:
        raise GoldError(f"options of type {type(value).__name__}: a list, or letter -> text, is needed")
    if len(labels) != len(texts) or len(texts) < 2:
        raise GoldError(
            f"{len(texts)} options with {len(labels)} labels: at least 2 of each are needed, at most 26"
        )
    return Options(tuple(map(str, labels)), tuple(str(text).strip() for text in texts))
