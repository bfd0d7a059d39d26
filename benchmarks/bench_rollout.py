"""Our sampling against transformers' `generate`, and vLLM's CPU build, on the same weights and prompts.

Run ``make bench-rollout`` or ``python benchmarks/bench_rollout.py [--repeats 5] [--threads 1]``. A model of
random weights (1.05 M parameters, fp32) in which 20 of 2,048 tokens end a response, so that lengths are
unequal: about 1 % end at each token. Prompts of 8 to 23 tokens, 8 responses each, temperature 1. `generate`
gets the prompts repeated and padded, as TRL gives them, and returns no log-probabilities; ours does. Both
alternate; figures are tokens a second up to each response's end, medians. vLLM runs in a process of its own
where ``make test-vllm`` has installed it, without counting its start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from growth import draw_growth
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM

from gdpo.sampling.backend import Decoding
from gdpo.sampling.transformers_backend import TransformersBackend

ROOT = Path(__file__).parents[1]
CHART = Path(__file__).with_name("rollout.png")
VLLM = ROOT / ".venv" / "vllm"
VOCABULARY, ENDS, GROUP = 2048, list(range(1, 21)), 8
CASES = [(64, 64), (64, 256), (256, 64), (256, 256)]  # responses, most tokens
TARGET = 3.0
GROWTH = {
    "responses": [(n, {"responses": n}) for n in (32, 64, 128, 256)],
    "most tokens a response": [(n, {"length": n}) for n in (64, 128, 256, 512)],
    "parameters": [(None, {"width": n}) for n in (128, 256, 512)],
}

Prompts = list[list[int]]
Sampler = Callable[[Prompts, int, int], int]


def random_model(width: int = 128) -> LlamaForCausalLM:
    """A small Llama; the same weights for the same width."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=4,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=ENDS,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def random_prompts(responses: int) -> Prompts:
    """Token ids of each response's prompt; a group shares one."""
    random = np.random.default_rng(1)
    unique = [
        random.integers(30, VOCABULARY, random.integers(8, 24)).tolist() for _ in range(responses // GROUP)
    ]
    return [prompt for prompt in unique for _ in range(GROUP)]


def ours(backend, prompts: Prompts, length: int, seed: int) -> int:
    """Sample with one of this project's backends; return the number of tokens."""
    keys = [seed * 10_000 + i for i in range(len(prompts))]
    return sum(len(c.token_ids) for c in backend.generate(prompts, keys, Decoding(length)))


@torch.inference_mode()
def peer(model: LlamaForCausalLM, prompts: Prompts, length: int, seed: int) -> int:
    """Sample with `generate`; return the number of tokens up to each response's end."""
    torch.manual_seed(seed)
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": length}
    tokens = model.generate(input_ids=ids, attention_mask=mask, **options)[:, width:]
    ended = torch.isin(tokens, torch.tensor(ENDS)).int()
    return int(torch.where(ended.any(1), ended.argmax(1) + 1, tokens.shape[1]).sum())


def seconds_and_rate(sampler: Sampler, responses: int, length: int, seed: int) -> tuple[float, float]:
    """Seconds of one call, and its tokens a second."""
    prompts = random_prompts(responses)
    start = time.perf_counter()
    tokens = sampler(prompts, length, seed)
    seconds = time.perf_counter() - start
    return seconds, tokens / seconds


def samplers(width: int = 128) -> tuple[Sampler, Sampler]:
    """Ours and `generate`, each with its own copy of the model, warmed."""
    both = partial(ours, TransformersBackend(random_model(width), ENDS)), partial(peer, random_model(width))
    for sampler in both:
        seconds_and_rate(sampler, 16, 16, 0)
    return both


def alternate(both: tuple[Sampler, Sampler], responses: int, length: int, repeats: int) -> np.ndarray:
    """Medians of (seconds, tokens a second) of ours and of the peer, shape (2, 2)."""
    found = [[seconds_and_rate(s, responses, length, seed) for s in both] for seed in range(1, repeats + 1)]
    return np.median(np.array(found), axis=0)


def with_vllm(repeats: int, threads: int) -> list[float] | None:
    """Tokens a second of vLLM's CPU build in each case; None where it is not installed."""
    if not VLLM.is_dir():
        return None
    with tempfile.TemporaryDirectory() as folder:
        random_model().save_pretrained(folder)
        paths = [str(VLLM), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, "--vllm-worker", folder, "--repeats", str(repeats)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"vLLM failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
        return json.loads((Path(folder) / "rates.json").read_text())


def vllm_worker(folder: Path, repeats: int) -> None:
    """What `with_vllm` starts: writes the tokens a second of each case beside the model."""
    from gdpo.sampling.vllm_backend import VllmBackend

    sampler = partial(ours, VllmBackend(folder, skip_tokenizer_init=True, max_model_len=512))
    seconds_and_rate(sampler, 16, 16, 0)
    rates = [
        statistics.median(seconds_and_rate(sampler, *case, seed)[1] for seed in range(1, repeats + 1))
        for case in CASES
    ]
    (folder / "rates.json").write_text(json.dumps(rates))


def growth(repeats: int) -> None:
    """Seconds as work grows; writes the chart."""
    panels = {}
    for label, points in GROWTH.items():
        sizes, seconds = [], []
        for size, change in points:
            work = {"responses": 64, "length": 64, "width": 128} | change
            both = samplers(work["width"])
            sizes.append(size or sum(p.numel() for p in both[1].args[0].parameters()))
            seconds.append(alternate(both, work["responses"], work["length"], repeats)[:, 0])
        panels[label] = sizes, dict(zip(("ours", "generate"), np.array(seconds).T, strict=True))
    draw_growth(panels, "seconds", CHART)


def compare(repeats: int, threads: int) -> None:
    """Measure all cases and print the table and the results."""
    both = samplers()
    rates = [alternate(both, *case, repeats)[:, 1] for case in CASES]
    vllm = with_vllm(repeats, threads)
    table = Table(title=f"Sampled tokens a second, medians of {repeats}, threads {threads}")
    for column in ("responses", "up to", "ours", "generate", "ratio", "vLLM CPU", "ratio"):
        table.add_column(column, justify="right")
    for i, (case, (mine, theirs)) in enumerate(zip(CASES, rates, strict=True)):
        engine = (f"{vllm[i]:,.0f}", f"{mine / vllm[i]:.2f}") if vllm else ("not installed", "")
        table.add_row(*map(str, case), f"{mine:,.0f}", f"{theirs:,.0f}", f"{mine / theirs:.2f}", *engine)
    Console(width=120).print(table)
    growth(max(3, repeats // 2))
    for (responses, length), (mine, theirs) in zip(CASES, rates, strict=True):
        name, ratio = f"rollout_{responses}x{length}", mine / theirs
        print(f"RESULT {name} {ratio:.2f}x vs transformers_generate target {TARGET:g}x")


def main() -> None:
    """Compare, or be vLLM's process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of each engine")
    parser.add_argument("--vllm-worker", metavar="FOLDER", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.vllm_worker:
        vllm_worker(arguments.vllm_worker, arguments.repeats)
    else:
        compare(arguments.repeats, arguments.threads)


if __name__ == "__main__":
    main()
