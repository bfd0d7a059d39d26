"""Problems evaluated a second: `gdpo sample` and `gdpo score` against the loop that users write.

Run ``make bench-eval`` or ``python benchmarks/bench_eval.py [--repeats 5]``. The loop takes one problem after
another: transformers' `generate` with all its samples, then math-verify on each answer. Both evaluate the
demo's model, trained for fewer steps, on arithmetic problems with 4 samples each, in new processes with one
thread, imports included; they alternate. Ours also stores every sample, with its log.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from growth import draw_growth
from math_verify import parse, verify
from transformers import AutoModelForCausalLM, AutoTokenizer

from gdpo.config.problems import ArithmeticProblems
from gdpo.config.sampling import Sampling
from gdpo.config.starting_model import StartingModel
from gdpo.data.arithmetic import make_problems, problem_frame
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.starting_model.pretrain import make_starting_model

CHART = Path(__file__).with_name("eval.png")
PROBLEMS, SAMPLES, TOKENS = 200, 4, 64
GROWTH = {
    "problems": [(size, (size, SAMPLES)) for size in (50, 200, 800)],
    "samples a problem": [(n, (100, n)) for n in (1, 4, 16)],
}


def write_inputs(folder: Path) -> None:
    """The model, and problem sets of every size."""
    make_starting_model(StartingModel(steps=1200, held_out_problems=4, held_out_samples=1), folder / "model")
    for size in {problems for points in GROWTH.values() for _, (problems, _) in points} | {PROBLEMS}:
        problems = make_problems(ArithmeticProblems(size=size))
        write_problems(problem_frame(str(size), problems, "train"), folder / f"{size}.parquet")


def sequential(folder: Path, problems: int, samples: int) -> None:
    """The loop; writes the share of right answers."""
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    options = {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 0, "max_new_tokens": TOKENS}
    right = []
    for row in read_problems(folder / f"{problems}.parquet").to_dict("records"):
        inputs = tokenizer.apply_chat_template(
            list(row["prompt"]), add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            ids = model.generate(**inputs, **options, num_return_sequences=samples)
        for text in tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True):
            gold = f"\\boxed{{{row['reward_model']['ground_truth'][0]}}}"
            right.append(verify(parse(gold), parse(text)))
    (folder / "accuracy").write_text(str(statistics.mean(right)))


def ours(folder: Path, problems: int, samples: int) -> tuple[float, float]:
    """Seconds of both commands, and the accuracy."""
    with tempfile.TemporaryDirectory() as scratch:
        config, drawn, scores = (Path(scratch, name) for name in ("sampling.json", "samples", "scores"))
        section = Sampling(n=samples, max_tokens=TOKENS)
        config.write_text(section.model_dump_json())
        problem_set = folder / f"{problems}.parquet"
        gdpo = [sys.executable, "-m", "gdpo.cli"]
        draw = [*gdpo, "sample", folder / "model", problem_set, config, drawn, "--store", scratch]
        seconds = timed(draw) + timed([*gdpo, "score", drawn, problem_set, scores])
        return seconds, float((pd.read_parquet(scores)["verdict"] == "correct").mean())


def peer(folder: Path, problems: int, samples: int) -> tuple[float, float]:
    """Seconds of the loop's process, and the accuracy."""
    seconds = timed([sys.executable, __file__, "--sequential", json.dumps([str(folder), problems, samples])])
    return seconds, float((folder / "accuracy").read_text())


def timed(command: list) -> float:
    """Seconds of a whole process with one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - start


def medians(folder: Path, problems: int, samples: int, repeats: int) -> list[float]:
    """Median seconds of ours and of the loop, alternately; prints the accuracies, which should be alike."""
    found = [[run(folder, problems, samples) for run in (ours, peer)] for _ in range(repeats)]
    seconds, right = (
        [statistics.median(row[i][part] for row in found) for i in range(2)] for part in range(2)
    )
    print(
        f"{problems} problems x {samples}: ours {seconds[0]:.1f} s, {right[0]:.1%} correct;"
        f" loop {seconds[1]:.1f} s, {right[1]:.1%} correct",
        flush=True,
    )
    return seconds


def main() -> None:
    """Compare and draw the growth, or be the loop's process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sequential", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sequential:
        folder, problems, samples = arguments.sequential
        sequential(Path(folder), problems, samples)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_inputs(folder)
        mine, theirs = medians(folder, PROBLEMS, SAMPLES, arguments.repeats)
        panels = {}
        for label, points in GROWTH.items():
            found = [medians(folder, *work, repeats=1) for _, work in points]
            series = dict(zip(("ours", "loop"), zip(*found, strict=True), strict=True))
            panels[label] = [size for size, _ in points], series
    draw_growth(panels, "seconds of an evaluation", CHART)
    rates = f"ours {PROBLEMS / mine:.1f}, loop {PROBLEMS / theirs:.1f}"
    print(f"problems a second, {SAMPLES} samples each: {rates}")
    print(f"RESULT evaluation {theirs / mine:.2f}x vs sequential_generate_and_math_verify target none")


if __name__ == "__main__":
    main()
