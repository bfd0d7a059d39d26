"""The two rewards of the paper's tool-calling experiment, for problems of the task ``tool-calling``."""

from gdpo.plugins import reward
from gdpo.rewards.response import Response
from gdpo.tasks.tool_calling.calls import HIGHEST, LOWEST


def _measured(response: Response, name: str) -> float:
    found = response.verdict.measured or {}
    if name not in found:
        raise ValueError(
            f"needs problems judged by the grader tool_calls (datasets of the task tool-calling); problem "
            f"{response.problem.id} is judged by {response.problem.grader}"
        )
    return found[name]


@reward(range=(0.0, 1.0), grader="tool_calls")
def tool_format(response: Response) -> float:
    """1 if the response thinks and then has exactly the parts of the gold, each tag once, else 0.

    Source: ToolRL (arXiv 2504.13958, section 3.3); GDPO paper, tool-calling setting.
    """
    return _measured(response, "format")


@reward(range=(LOWEST, HIGHEST), grader="tool_calls")
def tool_correctness(response: Response) -> float:
    """From -3 (no readable call) to 3 (the very calls of the gold); 0 where the gold has no call.

    Source: ToolRL (arXiv 2504.13958, section 3.3); GDPO paper, tool-calling setting.
    """
    return _measured(response, "correctness")
