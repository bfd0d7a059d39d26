"""A plug-in's method that raises, hangs, or gives no step, as the trainer calls it."""

import textwrap
import time

import pytest
import torch

from gdpo.advantage import AdvantageError
from gdpo.config.run import RunConfig
from gdpo.plugins.calling import SECONDS_VARIABLE
from gdpo.plugins.loading import load

FILE = """
from dataclasses import dataclass
import time
import torch
from gdpo.advantage import RewardConfig, Step
from gdpo.plugins import method

@dataclass
class Kept:
    values: list

@method(config=RewardConfig, state=Kept)
def mine(batch, config, state):
    {body}
"""
GOOD = "return Step(batch.deviations, batch.deviations.sum(0), Kept([1]))"


@pytest.fixture
def run_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SECONDS_VARIABLE, "0.5")

    def run(body: str, groups=("a", "a", "b", "b")):
        (tmp_path / "mine.py").write_text(textwrap.dedent(FILE).format(body=body))
        load(["mine.py"])
        from gdpo.verl_plugin.method import advantages

        values = {"method": "mine", "rewards": {"correctness": {}}, "training": {"steps": 1}}
        rewards = {"correctness": torch.tensor([0.0, 1.0, 1.0, 1.0])}
        return advantages(RunConfig.model_validate(values), rewards, list(groups), None, torch.ones(4).long())

    yield run
    load([])


def test_a_good_one(run_with):
    found = run_with(GOOD)
    assert found.advantages.tolist() == [-0.5, 0.5, 0.0, 0.0] and found.state == {"values": [1]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "return 1 / 0",
            r"method mine raised ZeroDivisionError \(division by zero\); mend mine.py, line 14$",
        ),
        ("time.sleep(60)", r"method mine took longer than 0.5 s \(.*\); mend mine.py, line 12$"),
        ("return 1", "method 'mine' gave a int; it must give a Step"),
        ("return Step(batch.deviations, batch.deviations)", r"advantages of shape \(1, 4\); allowed: \(4,\)"),
        ("return Step(batch.deviations, batch.deviations.sum(0) / 0)", "gave advantages that are not finite"),
        (
            "return Step(batch.deviations, batch.deviations.sum(0), 3)",
            "keeps a Kept, and its step gave a int",
        ),
        (GOOD.replace("[1]", "[torch.ones(1)]"), "its state cannot be kept in a checkpoint"),
        (GOOD.replace("[1]", "[(1, 2)]"), "its state is another one after a checkpoint"),
    ],
)
def test_what_goes_wrong_is_one_sentence(run_with, body, words):
    start = time.monotonic()
    with pytest.raises(AdvantageError, match=words) as error:
        run_with(body)
    assert "\n" not in str(error.value) and time.monotonic() - start < 10


def test_a_batch_that_is_refused_says_why_by_itself(run_with):
    with pytest.raises(AdvantageError, match="^group 'b' has 1 response"):
        run_with(GOOD, groups=("a", "a", "a", "b"))
