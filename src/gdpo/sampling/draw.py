"""Drawing tokens: counter-based uniforms and a vectorised inverse distribution function."""

from collections.abc import Sequence

import torch

from gdpo.sampling.backend import Decoding


def uniforms(keys: Sequence[int], count: int) -> torch.Tensor:
    """Return uniforms in [0, 1), float64 of shape (keys, count); each depends on its key and column only.

    Args:
        keys: integers from 0 to 2**63 - 1, one a sequence.
        count: number of positions.

    Raises:
        ValueError: a key is out of range.
    """
    if wrong := [key for key in keys if not 0 <= key < 2**63]:
        raise ValueError(f"key {wrong[0]} is out of range; keys go from 0 to 2**63 - 1")
    state = _mix(torch.tensor(list(keys), dtype=torch.int64))[:, None]
    counters = torch.arange(1, count + 1, dtype=torch.int64) * _signed(0x9E3779B97F4A7C15)
    return _shift(_mix(state + counters), 11).double() * 2.0**-53


def draw(logits: torch.Tensor, u: torch.Tensor, decoding: Decoding) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token a row.

    Args:
        logits: shape (rows, vocabulary).
        u: uniforms, shape (rows,); the same uniform and logits give the same token.
        decoding: temperature and top-p.

    Returns:
        tokens (int64) and their log-probabilities (float32, in nats), each of shape (rows,).

    Raises:
        FloatingPointError: a row holds NaN.
    """
    log_probs = (logits.float() / (decoding.temperature or 1.0)).log_softmax(-1)
    if decoding.temperature == 0:
        tokens = log_probs.argmax(-1)
    else:
        probs = log_probs.double().exp()
        if decoding.top_p < 1:
            probs = _nucleus(probs, decoding.top_p)
        cumulative = probs.cumsum(-1)
        threshold = u[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, threshold, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
    drawn = log_probs.gather(-1, tokens[:, None])[:, 0]
    if drawn.isnan().any():
        raise FloatingPointError(
            "the model's logits are not numbers; its weights have diverged or are damaged"
        )
    return tokens, drawn


def _nucleus(probs: torch.Tensor, top_p: float) -> torch.Tensor:
    """Zero all but the fewest likeliest tokens whose probabilities reach `top_p`."""
    ordered, index = probs.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(probs).scatter(-1, index, ordered.where(before < top_p, 0.0))


# SplitMix64 on wrapping signed integers: a few vector operations, the same on every machine.


def _mix(z: torch.Tensor) -> torch.Tensor:
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def _shift(z: torch.Tensor, bits: int) -> torch.Tensor:
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
