"""The same small training by this project (through veRL) and by TRL, each in processes of its own.

What `bench_step.py` compares: GDPO of two rewards on a random model in which about 1 % of the responses end
at each token, fp32, no KL, both with the same problems, groups, limits and threads. A step is timed from
outside: by when its record is there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gdpo.config.problems import ArithmeticProblems
from gdpo.config.run import RunConfig
from gdpo.data.arithmetic import make_problems, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.model_folder import write_model_folder
from gdpo.parquet import read_table
from gdpo.starting_model.tokenizer import make_tokenizer

PEERS = Path(__file__).parents[1] / ".venv" / "peers"
VOCABULARY = 100
"""Tokens of the model; one ends a response, and those that the tokenizer does not know read as nothing."""
REWARDS = {"correctness": {}, "length": {"options": {"limit": 24}}}
"""Of both."""


class Work(NamedTuple):
    """What one step does, and with what model."""

    prompts: int = 16
    responses: int = 8
    length: int = 64
    width: int = 128
    layers: int = 5


class Timing(NamedTuple):
    """One training, in seconds."""

    start: float
    """From the start of its process to the end of its first step."""
    steps: list[float]
    """Of each later step."""
    length: float
    """Mean response length in tokens."""
    updated: float = float("nan")
    """Tokens of prompts and responses a second of an update; only of ours, which reports it."""


def random_model(work: Work, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The policy, always with the same weights."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=work.width,
        intermediate_size=3 * work.width,
        num_hidden_layers=work.layers,
        num_attention_heads=work.width // 32,
        num_key_value_heads=work.width // 64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=True
    )
    return model


def parameters(work: Work) -> int:
    """Number of the model's parameters."""
    return random_model(work, make_tokenizer(1024)).num_parameters()


def write_inputs(work: Work, folder: Path) -> None:
    """Model and problems of a training."""
    tokenizer = make_tokenizer(1024)
    model = random_model(work, tokenizer)

    def fill(target: Path) -> None:
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)

    write_model_folder(folder / "model", fill, {"random": True})
    enough = min(64 * work.prompts, 2048)  # some families have no more different problems
    for name, split, size in (("train", "train", enough), ("validation", "benchmark", 8)):
        problems = make_problems(ArithmeticProblems(split=split, size=size))
        write_problems(problem_frame(name, problems, split), folder / f"{name}.parquet")


def train_here(work: Work, steps: int, threads: int) -> Timing:
    """Train through veRL with `gdpo train`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_inputs(work, folder)
        config = folder / "run.json"
        config.write_text(json.dumps(RunConfig.model_validate(_run_config(work, steps)).resolved()))
        inputs = [config, folder / "train.parquet", folder / "validation.parquet", folder / "model"]
        outputs = [folder / "checkpoints", folder / "metrics.parquet", folder / "summary.json"]
        options = ["--log", folder / "train.log", "--label", "ours", "--wandb", "disabled"]
        command = [sys.executable, "-m", "gdpo.cli", "train", *inputs, *outputs, *options]
        command += ["--threads", threads]
        timing = _timed(
            command, os.environ | {"PYTHONPATH": ""}, folder, "checkpoints/*/metrics/[0-9]*.jsonl"
        )
        metrics = read_table(folder / "metrics.parquet").to_pandas().dropna(subset=["timing_s/update_actor"])
        later = metrics.iloc[1:].median(numeric_only=True)
        tokens = work.prompts * work.responses * (later["prompt_length/mean"] + later["response_length/mean"])
        return timing._replace(updated=tokens / later["timing_s/update_actor"])


def train_with_trl(work: Work, steps: int, threads: int) -> Timing:
    """Train with TRL's GRPOTrainer in its own process (`trl_training.py`)."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_inputs(work, folder)
        command = [sys.executable, Path(__file__).with_name("trl_training.py"), folder, steps, *work[:3]]
        environment = os.environ | {"PYTHONPATH": str(PEERS), "OMP_NUM_THREADS": str(threads)}
        environment.pop("OMP_WAIT_POLICY", None)  # make sets it; TRL is a third faster with the default
        return _timed(command, environment, folder, "steps.jsonl")


def _run_config(work: Work, steps: int) -> dict:
    return {
        "method": "gdpo",
        "rewards": REWARDS,
        "training": {
            "steps": steps,
            "train_batch_size": work.prompts,
            "ppo_mini_batch_size": work.prompts,
            "responses_per_prompt": work.responses,
            "max_prompt_length": 64,
            "max_response_length": work.length,
            "checkpoint_every": steps,
        },
    }


def _timed(command: list, environment: dict[str, str], folder: Path, records: str) -> Timing:
    """Run a training and note when each line of its records appears."""
    begin, ends = time.monotonic(), []
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)
        while process.poll() is None:
            found = sum(path.read_bytes().count(b"\n") for path in folder.glob(records))
            ends += [time.monotonic()] * (found - len(ends))
            time.sleep(0.005)
    if process.returncode or len(ends) < 2:
        sys.exit(f"{command} failed:\n{(folder / 'output.log').read_text()[-3000:]}")
    lines = [line for path in folder.glob(records) for line in path.read_text().splitlines()]
    lengths = [json.loads(line)["data"]["response_length/mean"] for line in lines]
    return Timing(ends[0] - begin, np.diff(ends).tolist(), float(np.mean(lengths)))
