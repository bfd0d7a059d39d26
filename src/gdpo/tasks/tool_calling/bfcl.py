"""The grader of the Berkeley Function Calling Leaderboard's single-turn problems.

A response's calls are read as ToolRL's handler for the leaderboard reads them
(https://github.com/qiancheng0/ToolRL, ``benchmarks/BFCL/rlla_qwen.py``), and judged by the leaderboard's
rules (:mod:`gdpo.tasks.tool_calling.bfcl_checker`).
"""

import json
from functools import lru_cache

from gdpo.plugins import grader
from gdpo.tasks.problem import Problem
from gdpo.tasks.tool_calling.bfcl_checker import Call, Gold, is_right
from gdpo.tasks.tool_calling.calls import RESPONSE, TOOL_CALL, well_formed
from gdpo.tasks.verdict import Verdict

_PARTS = ((TOOL_CALL,), (RESPONSE,), (TOOL_CALL, RESPONSE))
"""What a response may have after its reasoning."""


@grader(task="tool-calling")
def bfcl(response: str, problem: Problem) -> Verdict:
    """The calls of a response against the possible answers of its category.

    The problem's one gold answer is JSON, as the source ``bfcl`` writes it: ``category``, ``functions`` and
    ``possible``. No calls are an answer too, and a vote (``[]``): where no function fits, the right one.
    """
    calls = calls_of(response)
    texts = [_text(call) for call in calls]
    right = is_right(calls, _gold(problem.gold.answers[0]))
    return Verdict(
        "correct" if right else "wrong",
        extracted=f"[{','.join(texts)}]" if texts else None,
        well_formed=any(well_formed(response, parts) for parts in _PARTS),
        vote=f"[{','.join(sorted(_text(call, sort=True) for call in calls))}]",
    )


def calls_of(response: str) -> list[Call]:
    """The calls in the last ``<tool_call>`` of a response: a JSON object a line, with name and parameters.

    Lines that cannot be read are left out, and calls of ``None``, which is how a model may say that no
    function fits.
    """
    _, tag, block = response.rpartition("<tool_call>")
    lines = block.partition("</tool_call>")[0].strip().split("\n") if tag else []
    return [call for line in lines if (call := _call(line)) is not None]


def _call(line: str) -> Call | None:
    try:
        read = json.loads(line)
        call = Call(read["name"], read["parameters"])
        if not isinstance(call.name, str) or call.name.strip().lower() == "none":
            return None
        _text(call)  # so deep that it can be read, and hardly written
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return call


def _text(call: Call, sort: bool = False) -> str:
    content = {"name": call.name, "parameters": call.arguments}
    return json.dumps(content, separators=(",", ":"), sort_keys=sort)


@lru_cache(4096)
def _gold(text: str) -> Gold:
    content = json.loads(text)
    return Gold(content["category"], content["functions"], content["possible"])
