"""A metric of your own, for how often a response takes something back.

In the experiment:

    plugins: [FILE]
    evaluation: {metrics: [NAME]}
"""

import re

from gdpo.plugins import metric
from gdpo.rewards import Response

_TURNS = re.compile(r"\b(wait|actually|hold on|let me check)\b", re.IGNORECASE)


# The first line of the docstring is in the table's note; a share (unit %) is shown as such. A metric
# of the table of scored samples takes samples, or samples and limit, instead of response.
@metric(label="turns back %", unit="%")
def NAME(response: Response) -> float:
    """share of samples that take a step back at least once"""
    return float(_TURNS.search(response.text) is not None)
