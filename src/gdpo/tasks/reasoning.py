"""Where the reasoning of a response begins and ends, whatever its task."""

START_OF_REASONING, END_OF_REASONING = "<think>", "</think>"


def leaves_reasoning_open(prompt: str) -> bool:
    """Whether a rendered prompt ends in ``<think>``, as R1-Distill's chat template does since February 2025.

    The response then begins within the reasoning and never holds the opening tag.
    """
    return prompt.rstrip().endswith(START_OF_REASONING)


def from_opening_tag(response: str, reasoning_open: bool) -> str:
    """The response as it is judged: with the ``<think>`` that its prompt ended in, if it did."""
    return f"{START_OF_REASONING}\n{response}" if reasoning_open else response


def after_reasoning(text: str) -> str:
    """What follows the last ``</think>``; the whole text where no reasoning was opened, else nothing."""
    if END_OF_REASONING not in text:
        return "" if START_OF_REASONING in text else text
    return text.rpartition(END_OF_REASONING)[2]
