"""Named reward functions over a judged response; a new one comes in by ``@reward``, here or in a plug-in."""

import gdpo.rewards.functions
import gdpo.rewards.lengths
import gdpo.rewards.tool_calling  # noqa: F401 - each registers its own
from gdpo.rewards.response import Response, judged
from gdpo.rewards.scorer import RewardError, Scorer

__all__ = ["Response", "RewardError", "Scorer", "judged"]
