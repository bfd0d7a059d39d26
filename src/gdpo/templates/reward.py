"""A reward of your own, for a response that says no more than it must after its reasoning.

In the experiment:

    plugins: [FILE]
    rewards:
      NAME: {weight: 0.5, options: {words: 50}}
"""

from pydantic import PositiveInt

from gdpo.plugins import reward
from gdpo.rewards import Response
from gdpo.tasks import after_reasoning


# The range is checked in every step. Options come after the *, each with a type: what the experiment gives is
# checked against it before anything runs.
@reward(range=(0.0, 1.0))
def NAME(response: Response, *, words: PositiveInt = 50) -> float:
    """1 for up to ``words`` words after the reasoning, then linearly down to 0 at twice as many."""
    # There are also response.n_tokens, .correct, .verdict.extracted (the answer found), and .problem, whose
    # row holds the dataset's further columns (datasets.<name>.columns.row).
    count = len(after_reasoning(response.text).split())
    return min(1.0, max(0.0, 2 - count / words))
