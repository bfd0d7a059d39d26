"""A tokenizer for the small world of tools: words, and fragments of JSON, are one token each."""

import re
import string
from collections.abc import Iterator

from transformers import PreTrainedTokenizerFast

from gdpo.data.toy_tools import NO_TOOL, REPLIES, TOOLS, WORDS
from gdpo.starting_model.tokenizer import SYSTEM, THINK, THINK_END, USER, build_tokenizer, with_words

CHARACTERS = string.digits + string.ascii_lowercase + ' \n<>/{}[]":,._'
"""Whatever is no word or fragment is spelled with these, so that every malformed answer can be written."""
FRAGMENTS = (
    THINK,
    THINK_END,
    "<tool_call>",
    "</tool_call>",
    "<response>",
    "</response>",
    '{"name": "',
    '", "parameters": {"',
    '": ',
    '": "',
    ', "',
    '", "',
    "}}",
    '"}}',
)
_SAID = "half of double more less than the day after before and then say is ok"
"""Words of requests and of reasoning that no phrase of a tool has."""


def make_tool_tokenizer(context: int) -> PreTrainedTokenizerFast:
    """Return the tokenizer; it knows the roles system, user and assistant.

    Args:
        context: the model's context length in tokens.
    """
    return build_tokenizer(
        CHARACTERS, with_words(FRAGMENTS, words()), {"system": SYSTEM, "user": USER}, context
    )


def words() -> list[str]:
    """Every word of requests, tools and lessons, once."""
    return list(dict.fromkeys(word for text in _texts() for word in re.findall("[a-z]+", text)))


def _texts() -> Iterator[str]:
    for tool in TOOLS:
        yield from (*tool.names, *tool.parameters)
        yield from (re.sub(r"\{\w+\}", "", phrase) for phrase in tool.phrases)
    for choices in WORDS.values():
        yield from choices
    yield from (*REPLIES, NO_TOOL, _SAID)
