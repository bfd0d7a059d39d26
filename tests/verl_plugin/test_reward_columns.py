"""Named rewards on their way through veRL."""

import pytest

from gdpo.rewards import RewardError
from gdpo.verl_plugin.reward_columns import check_groups, failed_rewards, reward_columns


def test_columns_are_matched_by_name_not_by_position():
    extra = [
        {"reward_extra_info": {"length": 1.0, "correctness": 0.0}},
        {"reward_extra_info": {"correctness": 0.5, "length": 0.25}},
    ]
    columns = reward_columns(extra, ["correctness", "length"])
    assert columns["correctness"].tolist() == [0.0, 0.5]
    assert columns["length"].tolist() == [1.0, 0.25]


def test_a_missing_reward_is_an_error():
    with pytest.raises(KeyError, match="length"):
        reward_columns([{"reward_extra_info": {"correctness": 1.0}}], ["correctness", "length"])


def test_a_failure_in_a_reward_worker_is_raised_in_the_trainer():
    names = ["correctness", "length"]
    good = {"reward_extra_info": {"correctness": 1.0, "length": 0.0}}
    for error, words in (
        (RewardError("reward length gave nan"), "^reward length gave nan$"),
        (OSError("gone"), "OSError: gone"),
    ):
        failed = failed_rewards(names, error)
        with pytest.raises(RewardError, match=words):
            reward_columns([good, {"reward_extra_info": failed}], names)


def test_a_group_that_lost_a_response_is_an_error():
    check_groups(["a", "b", "a", "b"], 2)
    with pytest.raises(RewardError, match="^1 of 2 prompts do not have 2 .*prompt b has 1"):
        check_groups(["a", "b", "a"], 2)
