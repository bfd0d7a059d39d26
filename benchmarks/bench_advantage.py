"""Speed of the advantage estimators, side by side with veRL 0.9.1's gdpo and the published DGDO step.

Run ``make bench-advantage`` or ``python benchmarks/bench_advantage.py [--quick]``. Two rewards, responses of
200 to 4000 tokens, groups interleaved as an asynchronous rollout returns them, one thread. Ours and the peers
alternate, so that a busy machine slows both; every number is a median. It prints a table and one RESULT line
for each target, and draws a chart with the fitted exponents of cost against batch. ``--quick`` leaves out the
peers at the largest batch, where they take a minute and 10 GB.
"""

import argparse
import gc
import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from growth import draw_growth
from rich.console import Console
from rich.table import Table
from verl.trainer.ppo.core_algos import compute_gdpo_outcome_advantage
from verl.utils.torch_functional import masked_whiten

from gdpo.advantage import DGDOConfig, DGDOState, GDPOConfig, broadcast_nested, dgdo, estimate, gdpo

CHART = Path(__file__).with_name("advantage.png")
SIZES = [(64, 8), (512, 16), (2048, 32)]
NAMED_SIZE = (512, 16)  # the size that the targets are about
LONGEST = 4000  # tokens
REWARDS = ("correctness", "length")


class Batch(NamedTuple):
    """What a trainer has after grading; the padded tensors are what the peers ask for."""

    rewards: dict[str, torch.Tensor]
    uids: np.ndarray
    lengths: torch.Tensor
    mask: torch.Tensor | None
    """[N, T] float response mask."""
    attention: torch.Tensor | None
    """[N, T] bool, the same without a prompt."""


def make_batch(prompts: int, responses: int, padded: bool) -> Batch:
    generator = torch.Generator().manual_seed(prompts)
    count = prompts * responses
    ids = [str(uuid.UUID(int=number)) for number in range(prompts)]
    # A fresh string for each response, as veRL's uids arrive: no hash is cached and no identity shared.
    uids = np.array([ids[i % prompts][:18] + ids[i % prompts][18:] for i in range(count)], dtype=object)
    draws = torch.rand(2, count, generator=generator)
    rewards = {"correctness": (draws[0] < 0.5).float(), "length": (draws[1] < 0.8).float()}
    lengths = torch.randint(200, LONGEST + 1, (count,), generator=generator)
    valid = torch.arange(LONGEST) < lengths.unsqueeze(1) if padded else None
    return Batch(rewards, uids, lengths, valid.float() if padded else None, valid)


def verl_gdpo(batch: Batch) -> torch.Tensor:
    """veRL 0.9.1 as its trainer calls it."""
    advantages, _ = compute_gdpo_outcome_advantage(
        torch.zeros(1),
        batch.mask,
        batch.uids,
        config={"gdpo_reward_keys": list(REWARDS)},
        non_tensor_batch={name: values.numpy() for name, values in batch.rewards.items()},
        batch={"prompts": torch.zeros(len(batch.uids), 0), "attention_mask": batch.attention},
    )
    return advantages


def published_dgdo(batch: Batch, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The published step restated, with its [N, T] work and its scan of the batch for every group."""
    mask, last = batch.mask, batch.lengths - 1
    rows = torch.arange(len(mask))
    scores = []
    for name in REWARDS:
        token_rewards = torch.zeros_like(mask)
        token_rewards[rows, last] = batch.rewards[name]
        score = token_rewards.sum(-1)
        for uid in dict.fromkeys(batch.uids):
            inside = torch.from_numpy(batch.uids == uid)
            score[inside] = (score[inside] - score[inside].mean()) / (score[inside].std() + 1e-6)
        scores.append(score.unsqueeze(-1) * mask)
    instability = []
    for score in scores:
        flat = score.sum(-1) / batch.lengths
        groups = [flat[torch.from_numpy(batch.uids == uid)] for uid in dict.fromkeys(batch.uids)]
        means = torch.stack([group.mean() for group in groups])
        variances = torch.stack([group.var(unbiased=False) for group in groups])
        sigma = (variances.mean() + means.var(unbiased=False) + 1e-8).sqrt()
        instability.append(sigma / (means.mean().abs() + 1e-6))
    weights = 0.9 * weights + 0.1 * torch.softmax(torch.stack(instability), 0)
    used = weights.clamp(min=0.15) / weights.clamp(min=0.15).sum()
    summed = sum(weight * score for weight, score in zip(used, scores, strict=True))
    return masked_whiten(summed, mask) * mask, weights


def ours_by_name(batch: Batch) -> dict[str, Callable[[], object]]:
    tokens = GDPOConfig(batch_statistics="tokens", epsilon=1e-6)
    published = DGDOConfig(variant="published", warmup_steps=0)
    state = DGDOState.initial(REWARDS)
    rewards, uids, lengths = batch.rewards, batch.uids, batch.lengths
    return {
        "ours gdpo, one number a response": lambda: gdpo(rewards, uids, GDPOConfig()),
        "ours gdpo, token statistics": lambda: gdpo(rewards, uids, tokens, lengths),
        "ours dgdo published": lambda: dgdo(rewards, uids, state, published, lengths),
        "ours estimate('dgdo') with metrics": lambda: estimate("dgdo", rewards, uids),
        "ours gdpo, nested": lambda: broadcast_nested(gdpo(rewards, uids, tokens, lengths), lengths),
    }


def peers_by_name(batch: Batch) -> dict[str, Callable[[], object]]:
    uniform = torch.full((2,), 0.5)
    return {
        "veRL 0.9.1 gdpo": lambda: verl_gdpo(batch),
        "published DGDO (restated)": lambda: published_dgdo(batch, uniform),
    }


def floors_by_name(batch: Batch) -> dict[str, Callable[[], object]]:
    tokens = int(batch.lengths.sum())
    warm = torch.empty(tokens)
    return {
        "floor: fill nested result, warm pages": lambda: warm.fill_(1.0),
        "floor: fill nested result, fresh pages": lambda: torch.full((tokens,), 1.0),
    }


def alternate(calls: dict[str, Callable[[], object]], rounds: dict[str, int]) -> dict[str, float]:
    """Milliseconds, the median of ``rounds`` runs each, taken in turns after one run to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(max(rounds.values())):
        for name, call in calls.items():
            if turn >= rounds[name]:
                continue
            if turn == 0 and rounds[name] > 2:
                call()
            gc.collect()
            start = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - start) * 1e3)
    return {name: median(times) for name, times in taken.items()}


def check_agreement(batch: Batch) -> None:
    """A fast wrong answer is worth nothing: ours equals each peer's before anything is timed."""
    tokens = GDPOConfig(batch_statistics="tokens", epsilon=1e-6)
    published = DGDOConfig(variant="published", warmup_steps=0)
    ours = gdpo(batch.rewards, batch.uids, tokens, batch.lengths)
    moving, _ = dgdo(batch.rewards, batch.uids, None, published, batch.lengths)
    theirs, _ = published_dgdo(batch, torch.full((2,), 0.5))
    torch.testing.assert_close(ours.unsqueeze(1) * batch.mask, verl_gdpo(batch), atol=1e-4, rtol=0)
    torch.testing.assert_close(moving.unsqueeze(1) * batch.mask, theirs, atol=1e-3, rtol=0)


def measure(prompts: int, responses: int, with_peers: bool) -> dict[str, float]:
    batch = make_batch(prompts, responses, padded=with_peers)
    largest = (prompts, responses) == SIZES[-1]
    if with_peers and not largest:
        check_agreement(batch)
    ours = ours_by_name(batch) | floors_by_name(batch)
    peers = peers_by_name(batch) if with_peers else {}
    rounds = dict.fromkeys(ours, 15) | dict.fromkeys(peers, 1 if largest else 5)
    return alternate(ours | peers, rounds)


def draw(results: list[dict[str, float]]) -> None:
    """The chart, of the sizes at which the peer was measured."""
    names = {"ours": "ours gdpo, one number a response", "veRL gdpo": "veRL 0.9.1 gdpo"}
    measured = [i for i, result in enumerate(results) if names["veRL gdpo"] in result]
    series = {label: [results[i][name] for i in measured] for label, name in names.items()}
    draw_growth({"responses": ([math.prod(SIZES[i]) for i in measured], series)}, "milliseconds", CHART)


def report(console: Console, results: list[dict[str, float]]) -> None:
    table = Table(title="Median ms; 2 rewards, 200 to 4000 tokens a response")
    table.add_column("")
    for prompts, responses in SIZES:
        table.add_column(f"{prompts}x{responses}", justify="right")
    for name in results[1]:
        times = [result.get(name, math.nan) for result in results]
        cells = ["-" if math.isnan(ms) else f"{ms:,.2f}" for ms in times]
        table.add_row(name, *cells)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="no peers at the largest batch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one core for all, whatever the machine
    results = [measure(*size, with_peers=not (arguments.quick and size == SIZES[-1])) for size in SIZES]
    report(Console(width=110), results)
    draw(results)

    at = results[SIZES.index(NAMED_SIZE)]
    verl, published, nested = at["veRL 0.9.1 gdpo"], at["published DGDO (restated)"], at["ours gdpo, nested"]
    single = [result["ours gdpo, one number a response"] for result in results]
    for pages in ("warm", "fresh"):
        ratio = nested / at[f"floor: fill nested result, {pages} pages"]
        print(f"nested result takes {ratio:.2f} times the time of filling it, {pages} pages")
    print(f"RESULT one_advantage_a_response {verl / single[1]:.0f}x vs verl_gdpo target 300x")
    print(f"RESULT dgdo_published {published / at['ours dgdo published']:.0f}x vs published_dgdo target 450x")
    print(f"RESULT nested_delivered {verl / nested:.0f}x vs verl_gdpo target 50x")


if __name__ == "__main__":
    main()
