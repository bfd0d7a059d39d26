"""A tokenizer for the small world of programs: words, and fragments of Python, are one token each."""

import re
import string
from collections.abc import Iterator

from transformers import PreTrainedTokenizerFast

from gdpo.data.toy_programs import OPERATIONS, SELECTIONS, STARTS
from gdpo.starting_model.program_lessons import CLOSING, OPENING
from gdpo.starting_model.tokenizer import THINK, THINK_END, USER, build_tokenizer, with_words

CHARACTERS = string.digits + string.ascii_lowercase + " \n<>()[]:,.=+-*/%\"'`_!"
"""Whatever is no word or fragment is spelled with these, so that every broken program can be written."""
FRAGMENTS = (
    THINK,
    THINK_END,
    OPENING,
    CLOSING,
    "def f(",
    "):\n",
    "    ",
    "return ",
    "max(",
    "min(",
    "sum(",
    "len(",
    "[0]",
    "[-1]",
    " if ",
    " else ",
    " for v in ",
    " = ",
    " == ",
    " > ",
    " < ",
    *(f" {operation.sign} " for operation in OPERATIONS.values()),
)
_SAID = "half of double more less than or if there is none then check"
"""Words of requests and of reasoning that no phrase has."""


def make_program_tokenizer(context: int) -> PreTrainedTokenizerFast:
    """Return the tokenizer; it knows the roles user and assistant.

    Args:
        context: the model's context length in tokens.
    """
    return build_tokenizer(CHARACTERS, with_words(FRAGMENTS, words()), {"user": USER}, context)


def words() -> list[str]:
    """Every word of requests and of reasoning, once; those of one letter are characters."""
    return list(dict.fromkeys(word for text in _texts() for word in re.findall("[a-z]{2,}", text)))


def _texts() -> Iterator[str]:
    for name, operation in OPERATIONS.items():
        yield from (name, *operation.phrases)
    for called, _, _ in SELECTIONS.values():
        yield called
    for starts in STARTS.values():
        for name, (phrase, _, _) in starts.items():
            yield from (name, phrase)
    yield _SAID
