"""What a plug-in's task depends on: its own code, and who judges its problems."""

import hashlib

from gdpo.plugins.kinds import GRADERS, TASKS
from gdpo.plugins.loading import code_of, plugin_of


def may_judge(task: str) -> list[str]:
    """Graders of plug-ins that ``Asked.grader`` of a plug-in's task may name: its own, and those beside it.

    Which of them a row names is known only once it is read, so all of them count; nobody has to list them.
    """
    plugin = plugin_of(TASKS, task)
    beside = sorted(name for kind, name in plugin.entries if kind == "grader") if plugin else []
    return list(dict.fromkeys([TASKS[task].grader, *beside]))


def task_code(task: str, grader: str | None) -> dict[str, str]:
    """``task words`` -> hash of a plug-in's task and its grader's name; ``grader exact`` -> of who may judge.

    Args:
        task: registered name; the package's own have no code here.
        grader: of the dataset, which then judges alone.
    """
    if plugin_of(TASKS, task) is None:
        return {}
    # The decorator is no code of the function, and its grader and suffix decide as much.
    said = [TASKS[task].grader, *filter(None, [TASKS[task].suffix])]
    found = {thing: _hash(code, *said) for thing, code in code_of(TASKS, [task]).items()}
    return found | code_of(GRADERS, [grader] if grader else may_judge(task))


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]
