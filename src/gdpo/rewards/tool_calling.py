"""The two rewards of the paper's tool-calling experiment, for problems of the task ``tool-calling``."""

from gdpo.plugins import reward
from gdpo.rewards.response import Response
from gdpo.tasks.tool_calling.calls import HIGHEST, LOWEST

GRADER = "tool_calls"


@reward(range=(0.0, 1.0), grader=GRADER)
def tool_format(response: Response) -> float:
    """1 if the response thinks and then has exactly the parts of the gold, each tag once, else 0.

    Source: ToolRL (arXiv 2504.13958, section 3.3); GDPO paper, tool-calling setting.
    """
    return response.measured("format", GRADER)


@reward(range=(LOWEST, HIGHEST), grader=GRADER)
def tool_correctness(response: Response) -> float:
    """From -3 (no readable call) to 3 (the very calls of the gold); 0 where the gold has no call.

    Source: ToolRL (arXiv 2504.13958, section 3.3); GDPO paper, tool-calling setting.
    """
    return response.measured("correctness", GRADER)
