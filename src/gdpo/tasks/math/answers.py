r"""Find the answer in a response: the last ``\boxed{...}`` after the reasoning, with balanced braces."""

import re

from gdpo.tasks.reasoning import END_OF_REASONING, START_OF_REASONING, after_reasoning

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_BRACES = re.compile(r"\\.|[{}]", re.S)


def boxed_spans(text: str) -> list[tuple[int, int]]:
    r"""Spans ``(start, end)`` of the contents of every closed, outermost ``\boxed{...}`` in ``text``.

    ``\fbox`` and ``\framebox`` count as well. Braces are balanced by counting; ``\{`` and ``\}`` are literal
    and not counted. An unclosed box gives no span. One pass, linear in the length of the text.
    """
    spans: list[tuple[int, int]] = []
    position = 0
    while box := _BOX.search(text, position):
        end = _closing_brace(text, box.end())
        if end is None:
            break
        spans.append((box.end(), end))
        position = end + 1
    return spans


def _closing_brace(text: str, start: int) -> int | None:
    """Where the brace that was opened just before ``start`` is closed."""
    depth = 1
    for brace in _BRACES.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return brace.start()
    return None


def reasoning_and_answer(text: str) -> tuple[str, str]:
    """Split a response into its reasoning part and its answer part.

    The answer part is what follows the last ``</think>`` where there is one; nothing where the reasoning was
    opened and never closed; else the text from the last box on (the reasoning is what comes before it).
    """
    if END_OF_REASONING in text:
        reasoning, _, answer = text.rpartition(END_OF_REASONING)
        return reasoning, answer
    if START_OF_REASONING in text:
        return text, ""
    boxes = [match.start() for match in _BOX.finditer(text)]
    return (text[: boxes[-1]], text[boxes[-1] :]) if boxes else (text, "")


def extract_answer(text: str) -> str | None:
    r"""The content of the last closed ``\boxed{...}`` after the reasoning, or None (as where it is empty)."""
    answer = after_reasoning(text)
    spans = boxed_spans(answer)
    if not spans:
        return None
    start, end = spans[-1]
    return answer[start:end].strip() or None


def is_well_formed(text: str) -> bool:
    """Whether there is a reasoning part and exactly one closed box, in the answer part."""
    reasoning, answer = reasoning_and_answer(text)
    one_box = len(boxed_spans(text)) == 1 and len(boxed_spans(answer)) == 1
    return one_box and bool(reasoning.replace(START_OF_REASONING, "").strip())


def has_box(text: str) -> bool:
    r"""Whether a ``\boxed{`` is opened after the reasoning, closed or not."""
    return _BOX.search(after_reasoning(text)) is not None
