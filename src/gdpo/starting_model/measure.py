"""How well and how long the starting model answers problems that it has not seen."""

import hashlib
import statistics
from collections.abc import Callable, Iterable, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from gdpo.config.starting_model import Pretraining
from gdpo.sampling.backend import Decoding
from gdpo.sampling.transformers_backend import TransformersBackend

TEMPERATURES = (0.0, 0.6, 1.0)


def held_out_report(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    section: Pretraining,
    prompts: Sequence[list[int]],
    judged: Callable[[list[int], list[str]], dict],
) -> dict:
    """Sample answers to held-out problems and summarise them by temperature.

    Args:
        model: the finished model.
        tokenizer: its tokenizer.
        section: seed, samples a problem and longest response.
        prompts: a problem each, as token ids.
        judged: takes the problem's index and the text of each answer, and says how right they are.

    Returns:
        for each temperature: `answers` (their number), what `judged` gives, `tokens` (percentiles of the
        response length, end token included) and `ended` (share that ended by itself within the limit).
    """
    backend = TransformersBackend(model, [tokenizer.eos_token_id])
    report = {}
    for temperature in TEMPERATURES:
        repeats = 1 if temperature == 0 else section.held_out_samples
        asked = [index for index in range(len(prompts)) for _ in range(repeats)]
        completions = backend.generate(
            [prompts[index] for index in asked],
            [_key(section.seed, i) for i in range(len(asked))],
            Decoding(section.max_tokens, temperature),
        )
        texts = tokenizer.batch_decode([c.token_ids for c in completions], skip_special_tokens=True)
        lengths = [len(c.token_ids) for c in completions]
        report[f"temperature {temperature:g}"] = {
            "answers": len(texts),
            **judged(asked, texts),
            "tokens": {f"p{p}": _percentile(lengths, p) for p in (10, 25, 50, 75, 90, 100)},
            "ended": mean(c.stop_reason == "eos" for c in completions),
        }
    return report


def means_by(groups: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The mean of the values of each group, by its name."""
    found: dict[str, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        found.setdefault(group, []).append(value)
    return {name: mean(found[name]) for name in sorted(found)}


def mean(values: Iterable[float]) -> float:
    """The mean as a report has it, to four decimals."""
    return round(statistics.mean(values), 4)


def _percentile(values: Sequence[int], p: int) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, p * len(ordered) // 100)]


def _key(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"held-out:{seed}:{index}".encode()).digest()[:8], "big") >> 1
