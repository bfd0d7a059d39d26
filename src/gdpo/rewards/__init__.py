"""Named reward functions over a graded response. A new one goes into ``functions.py`` under ``@reward``."""

from gdpo.rewards.functions import CONSTANT, REWARDS
from gdpo.rewards.response import Response, grade_responses
from gdpo.rewards.scorer import RewardError, Scorer

__all__ = ["CONSTANT", "REWARDS", "Response", "RewardError", "Scorer", "grade_responses"]
