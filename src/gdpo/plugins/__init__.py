"""Rewards, methods, sources, tasks, graders, metrics and figures of a user's own (docs/extending.md).

A file that an experiment names (``plugins: [my/rewards.py]``) registers them with these decorators, as the
package's own are registered.
"""

from gdpo.plugins.decorators import figure, grader, method, metric, reward, source, task
from gdpo.plugins.drawn_from import DRAWN_FROM
from gdpo.plugins.kinds import FIGURES, GRADERS, METHODS, METRICS, REWARDS, SOURCES, TASKS
from gdpo.plugins.registry import PluginError

__all__ = [
    "DRAWN_FROM",
    "FIGURES",
    "GRADERS",
    "METHODS",
    "METRICS",
    "REWARDS",
    "SOURCES",
    "TASKS",
    "PluginError",
    "figure",
    "grader",
    "method",
    "metric",
    "reward",
    "source",
    "task",
]
