"""How well and how long the starting model answers problems that it has not seen."""

import hashlib
import re
import statistics
from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from gdpo.config.problems import ArithmeticProblems
from gdpo.config.starting_model import StartingModel
from gdpo.data.arithmetic import Problem, make_problems
from gdpo.sampling.backend import Completion, Decoding
from gdpo.sampling.transformers_backend import TransformersBackend

TEMPERATURES = (0.0, 0.6, 1.0)


def held_out_report(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, section: StartingModel
) -> dict:
    """Sample held-out problems of the lessons' families and summarise the answers by temperature.

    Returns:
        for each temperature: `answers` (their number), `accuracy` (share of exact answers),
        `accuracy_by_family`, `tokens` (percentiles of the response length, end token included) and `ended`
        (share that ended by itself within the limit).
    """
    problems = make_problems(
        ArithmeticProblems(
            split="benchmark", size=section.held_out_problems, seed=section.seed, families=section.families
        )
    )
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": problem.text}], add_generation_prompt=True, return_dict=False
        )
        for problem in problems
    ]
    backend = TransformersBackend(model, [tokenizer.eos_token_id])
    report = {}
    for temperature in TEMPERATURES:
        repeats = 1 if temperature == 0 else section.held_out_samples
        asked = [problem for problem in problems for _ in range(repeats)]
        completions = backend.generate(
            [prompt for prompt in prompts for _ in range(repeats)],
            [_key(section.seed, i) for i in range(len(asked))],
            Decoding(section.max_tokens, temperature),
        )
        report[f"temperature {temperature:g}"] = _summary(tokenizer, asked, completions)
    return report


def _summary(tokenizer, problems: Sequence[Problem], completions: Sequence[Completion]) -> dict:
    texts = tokenizer.batch_decode([c.token_ids for c in completions], skip_special_tokens=True)
    right = [_answer(text) == problem.answer for text, problem in zip(texts, problems, strict=True)]
    by_family: dict[str, list[bool]] = {}
    for problem, correct in zip(problems, right, strict=True):
        by_family.setdefault(problem.family, []).append(correct)
    lengths = [len(c.token_ids) for c in completions]
    return {
        "answers": len(right),
        "accuracy": round(statistics.mean(right), 4),
        "accuracy_by_family": {
            name: round(statistics.mean(by_family[name]), 4) for name in sorted(by_family)
        },
        "tokens": {f"p{p}": _percentile(lengths, p) for p in (10, 25, 50, 75, 90, 100)},
        "ended": round(statistics.mean(c.stop_reason == "eos" for c in completions), 4),
    }


def _answer(text: str) -> str | None:
    # Exact and strict, so that a manifest needs no grader: the one boxed integer that ends the text.
    match = re.search(r"\\boxed\{(-?\d+)\}$", text)
    return match[1] if match else None


def _percentile(values: Sequence[int], p: int) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, p * len(ordered) // 100)]


def _key(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"held-out:{seed}:{index}".encode()).digest()[:8], "big") >> 1
