"""The uniforms against a plain-integer SplitMix64, and their spread."""

import pytest
import torch

from gdpo.sampling.backend import Decoding
from gdpo.sampling.draw import draw, uniforms

MASK = 2**64 - 1


def splitmix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_uniforms_are_splitmix64_of_key_and_position():
    keys = [0, 1, 12345678901234567, 2**63 - 1]
    got = uniforms(keys, 5)
    for row, key in enumerate(keys):
        for t in range(5):
            word = splitmix((splitmix(key) + (t + 1) * 0x9E3779B97F4A7C15) & MASK)
            assert got[row, t].item() == (word >> 11) / 2**53


def test_uniforms_are_spread_evenly_over_keys_and_positions():
    values = uniforms(range(2000), 64)
    assert values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005
    assert abs(values.var() - 1 / 12) < 0.002
    neighbours = torch.corrcoef(values[:, :2].T)[0, 1], torch.corrcoef(values[:2])[0, 1]
    assert abs(neighbours[0]) < 0.1 and abs(neighbours[1]) < 0.4


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_diverged_model_is_an_error_not_a_token(temperature):
    logits = torch.tensor([[0.0, 1.0], [float("nan"), 0.0]])
    with pytest.raises(FloatingPointError, match="not numbers"):
        draw(logits, torch.tensor([0.5, 0.5]).double(), Decoding(4, temperature))
