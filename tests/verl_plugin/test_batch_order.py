"""Mini-batches follow the data loader's order, not that in which responses ended."""

import random

from gdpo.verl_plugin.batch_order import order_of_prompts


def test_responses_stand_by_prompt_and_number_whatever_ended_first():
    expected = [
        f"{step:08d}-{prompt:08d}_{response}_0"
        for step in (3,)
        for prompt in (0, 2, 11)
        for response in range(12)
    ]
    ended = random.Random(0).sample(expected, len(expected))
    assert [ended[place] for place in order_of_prompts(ended)] == expected


def test_a_response_of_several_turns_keeps_their_order():
    keys = ["a_0_10", "a_0_2", "b_0_0", "a_10_0", "a_2_0"]
    assert [keys[place] for place in order_of_prompts(keys)] == [
        "a_0_2",
        "a_0_10",
        "a_2_0",
        "a_10_0",
        "b_0_0",
    ]
