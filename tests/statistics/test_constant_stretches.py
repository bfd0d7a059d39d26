"""Stretches of steps in which a reward varied in no group."""

from gdpo.statistics.constant_rewards import constant_stretches


def rows(*varied: bool) -> list[dict]:
    return [
        {
            "step": i,
            "reward/length/zero_std_share": 0.99 if v else 1.0,
            "reward/correctness/zero_std_share": 0.0,
        }
        for i, v in enumerate(varied, 1)
    ]


def test_only_long_stretches_count():
    nine, ten = [False] * 9, [False] * 10
    assert constant_stretches(rows(*nine, True, *nine), ["length", "correctness"]) == []
    assert constant_stretches(rows(True, *ten, True, *ten, *nine), ["correctness", "length"]) == [
        ("length", 2, 11),
        ("length", 13, 31),
    ]


def test_a_reward_without_the_metric_is_not_constant():
    assert constant_stretches([{"step": i} for i in range(20)], ["length"]) == []
