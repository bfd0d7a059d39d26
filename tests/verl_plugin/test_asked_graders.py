"""A training asks the graders of its problems before it begins, wherever a problem set names any."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdpo.plugins import GRADERS
from gdpo.plugins.kinds import Grader
from gdpo.tasks import JudgeError, check_ready
from gdpo.verl_plugin.launch import _graders


@pytest.mark.parametrize(
    ("models", "graders"),
    [
        ([{"ground_truth": ["1"]}, {"ground_truth": ["2"]}], set()),
        ([{"ground_truth": ["1"], "grader": "mine"}, {"ground_truth": ["2"], "grader": None}], {"mine"}),
    ],
)
def test_the_graders_of_a_problem_set_are_read_from_its_file(models, graders, tmp_path):
    pq.write_table(pa.table({"ability": ["math"] * 2, "reward_model": models}), tmp_path / "a.parquet")
    assert _graders(tmp_path / "a.parquet") == graders


def test_a_grader_that_cannot_judge_here_is_said(monkeypatch):
    def ready() -> None:
        raise JudgeError("nothing to judge with")

    monkeypatch.setitem(GRADERS, "mine", Grader(lambda response, problem: True, ready=ready))
    check_ready(["math", "no such grader"])
    with pytest.raises(JudgeError, match="nothing to judge with"):
        check_ready(["mine"])
