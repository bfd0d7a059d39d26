"""ToolRL's form of a response, and its two rewards: format in {0, 1} and correctness in [-3, 3].

A response thinks and then calls tools, answers, or both::

    <think> ... </think>
    <tool_call>
    {"name": "weather", "parameters": {"city": "Rome"}}
    </tool_call>
    <response> ... </response>

Source of both rewards: ToolRL (arXiv 2504.13958, section 3.3), in the form that the GDPO paper trains with
(arXiv 2601.05242, section 4.1; NVlabs' ``rlla.py``).
"""

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

THINK, TOOL_CALL, RESPONSE = "think", "tool_call", "response"
LOWEST, HIGHEST = -3.0, 3.0
"""Correctness without a readable tool call, and with the very calls of the gold."""

_OPEN, _CLOSE = f"<{TOOL_CALL}>", f"</{TOOL_CALL}>"
_TAGS = [tag for part in (THINK, TOOL_CALL, RESPONSE) for tag in (f"<{part}>", f"</{part}>")]
# The calls stand in lines of their own.
_PATTERNS = {
    THINK: "<think>.*?</think>",
    TOOL_CALL: r"<tool_call>\n.*?\n</tool_call>",
    RESPONSE: "<response>.*?</response>",
}
# What reading and comparing calls of any JSON may raise: of values nested too deep as well, and of integers
# with more digits than Python reads.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class GoldCalls(NamedTuple):
    """What the gold text asks for."""

    parts: tuple[str, ...]
    """``tool_call`` and ``response``, those that it has."""
    calls: list[dict[str, Any]]
    """Its calls, each with ``name`` and ``parameters``."""


@lru_cache(4096)  # met once a response of its group
def gold_calls(gold: str) -> GoldCalls:
    """Read a gold text: ``<tool_call>`` with a call a line, ``<response>``, or both.

    Raises:
        ValueError: neither part, or a call that is no JSON object with a name and parameters.
    """
    parts = tuple(part for part in (TOOL_CALL, RESPONSE) if f"<{part}>" in gold and f"</{part}>" in gold)
    if not parts:
        raise ValueError("neither <tool_call> nor <response>")
    calls = _lines(gold) if TOOL_CALL in parts else []
    for call in calls:
        good = isinstance(call, dict) and isinstance(call.get("name"), str)
        if not good or not isinstance(call.get("parameters"), dict):
            raise ValueError("a tool call that is no object with name and parameters")
    return GoldCalls(parts, calls)


def well_formed(text: str, parts: Sequence[str]) -> bool:
    """Whether a response is ``<think>`` and then exactly these parts, in this order, each tag exactly once.

    A newline stands between the parts, after ``<tool_call>`` and before ``</tool_call>``; blanks around the
    whole do not count.
    """
    text, expected = text.strip(), {THINK, *parts}
    if any(text.count(tag) != (tag.strip("</>") in expected) for tag in _TAGS):
        return False
    pattern = "\n".join(_PATTERNS[part] for part in (THINK, *parts))
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def form_score(text: str, gold: str) -> float:
    """1 if the response is well formed and has exactly the parts of the gold text, else 0."""
    return float(well_formed(text, gold_calls(gold).parts))


def predicted_calls(text: str) -> list[Any] | None:
    """The JSON values of the response's first tool call, one a line; None where there are none to be read."""
    if _OPEN not in text or _CLOSE not in text:
        return None
    try:
        return _lines(text)
    except UNREADABLE:
        return None


def correctness_score(text: str, gold: str) -> float:
    """How near the response's calls are to those of the gold, from -3 to 3; 0 where the gold has none."""
    wanted = gold_calls(gold)
    return calls_score(predicted_calls(text), wanted.calls) if TOOL_CALL in wanted.parts else 0.0


def calls_score(calls: list[Any] | None, wanted: Sequence[Mapping[str, Any]]) -> float:
    """Correctness of calls: -3 for None and for unusable ones, else a share of the maximum, on [-3, 3].

    The share is of ``1 + sum over wanted calls of (1 + number of parameters)``: the similarity of the tools'
    names, and for each wanted call, of its best unused call of the same name, the similarity of the names of
    parameters plus the number of parameters with an equal value.
    """
    if calls is None:
        return LOWEST
    try:
        if calls == wanted:
            return HIGHEST
        score = similarity([call["name"] for call in wanted], [call["name"] for call in calls])
        unused = dict(enumerate(calls))
        for call in wanted:
            found = {index: _match(call, other) for index, other in unused.items()}
            best = max(found, key=lambda index: found[index], default=None)
            if best is not None and found[best] > 0:
                score += found[best]
                del unused[best]
    except UNREADABLE:
        return LOWEST
    highest = 1 + sum(1 + len(call["parameters"]) for call in wanted)
    return (HIGHEST - LOWEST) * score / highest + LOWEST


def similarity(wanted: Sequence[Hashable], given: Sequence[Hashable]) -> float:
    """Intersection over union of two multisets; 1 of two empty ones."""
    one, other = Counter(wanted), Counter(given)
    union = (one | other).total()
    return (one & other).total() / union if union else 1.0


def _match(call: Mapping[str, Any], other: Any) -> float:
    """Parameters of a predicted call against those of a wanted one; 0 of another tool."""
    if other["name"] != call["name"]:
        return 0.0
    wanted, given = call["parameters"], other["parameters"]
    equal = sum(name in given and given[name] == value for name, value in wanted.items())
    return similarity(list(wanted), list(given.keys())) + equal


def _lines(text: str) -> list[Any]:
    """What stands between the first opening tag and the next closing one, read as a JSON value a line.

    Raises:
        ValueError, RecursionError: a line is no JSON.
    """
    block = text.split(_OPEN)[1].split(_CLOSE)[0]
    return [json.loads(line) for line in block.strip().split("\n")]
