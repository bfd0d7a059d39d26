"""NAME by hand-computed values; run it with pytest."""

from pathlib import Path

import pytest
import torch

from gdpo.advantage import estimate
from gdpo.plugins.loading import load

REWARDS = {"right": torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])}
GROUPS = ["a", "a", "a", "b", "b", "b"]


@pytest.fixture(autouse=True)
def loaded():
    load([str(Path(__file__).with_name("NAME.py"))])  # as a training does


def test_NAME_compares_with_the_others_of_the_group():
    # Group a: 1 - 0, and twice 0 - 1/2; group b agrees. Scale: the root of (1 + 1/4 + 1/4) / 6, 1/2.
    found = estimate("NAME", REWARDS, GROUPS)
    assert found.advantages.tolist() == pytest.approx([2, -1, -1, 0, 0, 0])
    assert found.state == {"scale": pytest.approx(0.5)} and found.metrics["NAME/scale"] == pytest.approx(0.5)


def test_the_scale_moves_from_step_to_step():
    # 0.9 x 1 + 0.1 x 0.5
    found = estimate("NAME", REWARDS, GROUPS, state={"scale": 1.0})
    assert found.state == {"scale": pytest.approx(0.95)}
    assert found.advantages[0].item() == pytest.approx(1 / 0.95)


def test_a_batch_that_agrees_gets_0():
    found = estimate("NAME", {"right": torch.ones(6)}, GROUPS)
    assert found.advantages.tolist() == [0] * 6
