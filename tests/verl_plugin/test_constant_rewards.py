"""A reward that teaches nothing is said, once, or ends the run."""

import json

import pytest

from gdpo.config.run import RunConfig
from gdpo.rewards import RewardError
from gdpo.step_log import start_segment
from gdpo.verl_plugin.constant_rewards import ConstantRewards


def run(**changes) -> RunConfig:
    rewards = {"correctness": {}, "length": {"options": {"limit": 20}}}
    training = {"steps": 100} | changes.pop("training", {})
    return RunConfig.model_validate({"method": "gdpo", "rewards": rewards, "training": training} | changes)


def step(length_varies: bool) -> dict[str, float]:
    return {
        "reward/correctness/zero_std_share": 0.5,
        "reward/length/zero_std_share": 0.9 if length_varies else 1.0,
        "reward/length/mean": 1.0,
    }


def test_ten_steps_in_a_row_are_said_once_and_again_after_it_varied(tmp_path):
    said = []
    watch = ConstantRewards(run(), tmp_path, said.append)
    for _ in range(9):
        watch.update(step(False))
    watch.update(step(True))
    for _ in range(9):
        watch.update(step(False))
    assert not said
    for _ in range(20):
        watch.update(step(False))
    assert (
        len(said) == 1 and "reward length has varied in no group for 10 steps (it is 1 on average)" in said[0]
    )
    watch.update(step(True))
    for _ in range(10):
        watch.update(step(False))
    assert len(said) == 2


def test_steps_before_an_interruption_count(tmp_path):
    segment = start_segment(tmp_path, 0)
    rows = [step(True), *[step(False)] * 7]
    segment.write_text("".join(json.dumps({"step": i, "data": row}) + "\n" for i, row in enumerate(rows, 1)))
    said = []
    watch = ConstantRewards(run(), tmp_path, said.append)
    watch.update(step(False))
    watch.update(step(False))
    assert not said
    watch.update(step(False))
    assert len(said) == 1


def test_stop_makes_it_an_error(tmp_path):
    watch = ConstantRewards(run(training={"constant_rewards": "stop"}), tmp_path, lambda text: None)
    for _ in range(9):
        watch.update(step(False))
    with pytest.raises(RewardError, match="reward length .* training.constant_rewards is stop"):
        watch.update(step(False))


def test_a_reward_that_may_be_constant_is_not_watched(tmp_path):
    said = []
    rewards = {"correctness": {}, "length": {"constant": True, "options": {"limit": 64}}}
    watch = ConstantRewards(run(rewards=rewards), tmp_path, said.append)
    for _ in range(30):
        watch.update(step(False))
    assert not said
