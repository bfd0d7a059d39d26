"""Sampling keys: what makes rollouts independent of batching and of interruptions."""

import subprocess
import sys

from gdpo.verl_plugin.sampling_keys import sampling_keys

PROMPTS = [[1, 2], [1, 2], [3]]


def test_keys_depend_on_seed_step_prompt_and_occurrence_only():
    keys = sampling_keys(PROMPTS, seed=1, step=5, validate=False)
    assert len(set(keys)) == 3
    assert sampling_keys([[3], *PROMPTS[:2]], 1, 5, False) == [keys[2], keys[0], keys[1]]
    for other in ((2, 5, False), (1, 6, False), (1, 5, True)):
        assert not set(keys) & set(sampling_keys(PROMPTS, *other))
    assert all(0 <= key < 2**63 for key in keys)


def test_keys_are_the_same_in_every_process():
    code = (
        "from gdpo.verl_plugin.sampling_keys import sampling_keys;"
        f"print(sampling_keys({PROMPTS}, 1, 5, False))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(output) == sampling_keys(PROMPTS, 1, 5, False)
