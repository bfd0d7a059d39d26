r"""Find the answer in a response: the last ``\boxed{...}`` after the reasoning, with balanced braces."""

import re

BOX = r"\boxed{"
END_OF_REASONING = "</think>"


def boxed_spans(text: str) -> list[tuple[int, int]]:
    r"""Spans ``(start, end)`` of the contents of every closed, outermost ``\boxed{...}`` in ``text``.

    Braces are balanced by counting; ``\{`` and ``\}`` are literal and not counted. An unclosed box gives no
    span. One pass, linear in the length of the text.
    """
    spans: list[tuple[int, int]] = []
    depth, start, i = 0, -1, 0
    while i < len(text):
        if depth == 0:
            i = text.find(BOX, i)
            if i < 0:
                break
            i += len(BOX)
            depth, start = 1, i
            continue
        char = text[i]
        if char == "\\":
            i += 2
            continue
        depth += (char == "{") - (char == "}")
        if depth == 0:
            spans.append((start, i))
        i += 1
    return spans


def reasoning_and_answer(text: str) -> tuple[str, str]:
    """Split a response into its reasoning part and its answer part.

    The answer part is what follows the last ``</think>`` where there is one, else the text from the last box
    on (the reasoning is what comes before it).
    """
    if END_OF_REASONING in text:
        reasoning, _, answer = text.rpartition(END_OF_REASONING)
        return reasoning, answer
    start = text.rfind(BOX)
    return (text, "") if start < 0 else (text[:start], text[start:])


def extract_answer(text: str) -> str | None:
    r"""The content of the last closed ``\boxed{...}`` of the answer part, or None where there is none."""
    answer = text.rpartition(END_OF_REASONING)[2]
    spans = boxed_spans(answer)
    if not spans:
        return None
    start, end = spans[-1]
    return answer[start:end].strip() or None


def normalize_answer(answer: str) -> str:
    """A canonical string, so that the usual spellings of one number compare equal without a parser.

    White space, dollar signs, thousands separators and a final full stop go; ``025`` and ``142.0`` become
    ``25`` and ``142``; ``-0`` becomes ``0``.
    """
    text = re.sub(r"\s+|\$|\\[,;! ]", "", answer).rstrip(".")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    if match := re.fullmatch(r"([+-]?)0*(\d+)(?:\.0+)?", text):
        sign, digits = match.groups()
        return f"-{digits}" if sign == "-" and digits != "0" else digits
    return text
