"""What a prompt says of its response, from its tokens."""

from typing import Any

from gdpo.tasks import leaves_reasoning_open

_END = 16
"""Tokens of a prompt's end that hold an opening tag, also where it is no token of its own."""


def opens_reasoning(tokenizer: Any, prompt_ids: Any) -> bool:
    """Whether a rendered prompt ends in ``<think>``.

    Args:
        tokenizer: the model's.
        prompt_ids: the prompt's tokens, a list or a tensor; padding may stand before them.
    """
    return leaves_reasoning_open(tokenizer.decode(prompt_ids[-_END:]))
