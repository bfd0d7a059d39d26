"""A training through veRL on one GPU: tokens a second, memory, and its share of the chip's measured rate.

    make bench-gpu        on a CUDA GPU: SmolLM2-135M, and random weights of the shape of R1-Distill-1.5B;
                          without one: a toy model on the CPU, so that the same script is known to work

Rollouts come from vLLM where it is installed, else from the transformers backend. The peer of every figure is
the chip itself: the rate of one large matrix product, measured in the same run. Model FLOPs are 2 a parameter
and token of a forward pass, 6 of an update (Kaplan et al., arXiv 2001.08361), without attention; what is
computed twice (gradient checkpointing, the pass for old log-probs) counts once. RESULT lines are shares.
"""

import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from matmul_rate import measured_rate
from rich.console import Console
from rich.table import Table

from gdpo.config.packaged_model import PackagedModel
from gdpo.config.problems import ArithmeticProblems
from gdpo.config.recipe import read_recipe
from gdpo.config.run import RunConfig
from gdpo.config.starting_model import StartingModel
from gdpo.data.arithmetic import make_problems, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.model_folder import write_model_folder
from gdpo.parquet import read_table
from gdpo.starting_model.packaged import convert_packaged_model
from gdpo.starting_model.pretrain import make_starting_model

ROOT = Path(__file__).parents[1]
ON_GPU = torch.cuda.is_available()
STEPS, WARM_UP = 5, 1
console = Console(width=150)


class Work(NamedTuple):
    """One model and what a step of it does."""

    model: str
    prompts: int
    responses: int
    length: int


TOY, SMOLLM2, RANDOM = "toy", "SmolLM2-135M", "random, 1.5B shape" if ON_GPU else "random, small"
if ON_GPU:
    WORK = [Work(SMOLLM2, 64, 8, 512), Work(RANDOM, 32, 8, 1024)]
else:
    WORK = [Work(TOY, 8, 4, 64), Work(RANDOM, 8, 4, 64)]
SMALL = {"layers": 2, "hidden_size": 128, "feed_forward_size": 384, "heads": 4, "key_value_heads": 2}


def toy_model(folder: Path) -> None:
    """The demo's model, hardly trained."""
    make_starting_model(
        StartingModel(steps=20, pool_size=500, held_out_problems=4, held_out_samples=1), folder
    )


def smollm2(folder: Path) -> None:
    """The real pretrained model of make demo-real."""
    recipe = read_recipe(ROOT / "config" / "recipes" / "model" / "smollm2-135m.yaml").values
    weights = recipe["models"]["smollm2-135m"]["weights"]
    convert_packaged_model(PackagedModel.model_validate(weights), folder)


def random_model(folder: Path) -> None:
    """Random bf16 weights in the shape of the paper's smallest model, or a small one; the toy's tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

    recipe = read_recipe(ROOT / "config" / "recipes" / "model" / "r1-distill-qwen-1.5b.yaml").values
    shape = recipe["models"]["r1-distill-qwen-1.5b"]["shape"]
    shape |= {} if ON_GPU else SMALL | {"vocabulary": 1024}
    toy = folder.with_name("tokenizer")
    toy_model(toy)
    tokenizer = AutoTokenizer.from_pretrained(toy)
    config = Qwen2Config(
        num_hidden_layers=shape["layers"],
        hidden_size=shape["hidden_size"],
        intermediate_size=shape["feed_forward_size"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["key_value_heads"],
        vocab_size=shape["vocabulary"],
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )

    def write(target: Path) -> None:
        torch.manual_seed(0)
        with torch.device("cuda" if ON_GPU else "cpu"):  # billions of random numbers take a CPU minutes
            policy = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        policy.save_pretrained(target)
        del policy
        torch.cuda.empty_cache()  # the training is another process
        tokenizer.save_pretrained(target)

    write_model_folder(folder, write, {"random": True})


MODELS: dict[str, Callable[[Path], None]] = {TOY: toy_model, SMOLLM2: smollm2, RANDOM: random_model}


def parameters(model: Path) -> int:
    """Weights of a model folder that multiply: all but an input embedding that is no output layer."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):  # shapes alone
        policy = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model))
    unused = 0 if policy.config.tie_word_embeddings else policy.get_input_embeddings().weight.numel()
    return policy.num_parameters() - unused


def train(work: Work, folder: Path, rollout: str) -> dict[str, float]:
    """Train for a few steps; medians over the steps after the first of what veRL measured."""
    for name, split, size in (("train", "train", 8 * work.prompts), ("validation", "benchmark", 8)):
        problems = make_problems(ArithmeticProblems(split=split, size=size))
        write_problems(problem_frame(name, problems, split), folder / f"{name}.parquet")
    hardware, micro = {"rollout": rollout}, {}
    if ON_GPU:
        hardware |= {"platform": "cuda", "gradient_checkpointing": True}
        micro = {"max_tokens_per_gpu": 16384}
    values = {
        "method": "gdpo",
        "rewards": {"correctness": {}, "length": {"options": {"limit": work.length // 2}}},
        "training": {
            "steps": STEPS,
            "train_batch_size": work.prompts,
            "ppo_mini_batch_size": work.prompts,
            "responses_per_prompt": work.responses,
            "max_prompt_length": 64,
            "max_response_length": work.length,
            "checkpoint_every": STEPS,
            **micro,
        },
        "hardware": hardware,
    }
    config = folder / "run.json"
    config.write_text(json.dumps(RunConfig.model_validate(values).resolved()))
    inputs = [config, folder / "train.parquet", folder / "validation.parquet", folder / "model"]
    outputs = [folder / "checkpoints", folder / "metrics.parquet", folder / "summary.json"]
    command = [sys.executable, "-m", "gdpo.cli", "train", *map(str, inputs), *map(str, outputs)]
    options = ["--log", str(folder / "train.log"), "--label", work.model, "--wandb", "disabled"]
    subprocess.run([*command, *options], check=True)
    metrics = read_table(folder / "metrics.parquet").to_pandas().dropna(subset=["timing/generation_time"])
    return metrics.iloc[WARM_UP:].median(numeric_only=True).to_dict()


def measure(work: Work, folder: Path, rate: float, rollout: str) -> dict[str, float]:
    """Figures of one model."""
    folder.mkdir()
    MODELS[work.model](folder / "model")
    weights = parameters(folder / "model")
    found = train(work, folder, rollout)
    sequences = work.prompts * work.responses
    generated = sequences * found["response_length/mean"]
    updated = generated + sequences * found["prompt_length/mean"]
    generation, update = found["timing/generation_time"], found["timing_s/update_actor"]
    return {
        "parameters": weights,
        "step": found["timing_s/step"],
        "generation": generation,
        "update": update,
        "generated a second": generated / generation,
        "updated a second": updated / update,
        "generation share": 2 * weights * generated / generation / rate,
        "update share": 6 * weights * updated / update / rate,
        "memory": found["actor/perf/max_memory_allocated_gb" if ON_GPU else "actor/perf/cpu_memory_used_gb"],
    }


def main() -> None:
    """Measure every model and print the table."""
    rollout = "vllm" if ON_GPU and importlib.util.find_spec("vllm") else "transformers"
    chip = torch.cuda.get_device_name() if ON_GPU else f"{platform.machine()}, one thread"
    rate = measured_rate()
    title = f"{chip}: {rate / 1e12:.3g} TFLOP/s measured; rollouts: {rollout}; torch {torch.__version__}"
    table = Table(title=title)
    seconds, rates = ("step, s", "generation, s", "update, s"), ("generated tokens/s", "updated tokens/s")
    memory = "GPU memory, GB" if ON_GPU else "the machine's memory, GB"
    columns = ("model", "prompts x responses x tokens", *seconds, *rates, memory)
    for column in columns:
        table.add_column(column, justify="left" if column == "model" else "right")
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        for work in WORK:
            found = measure(work, Path(scratch, work.model.replace(" ", "-")), rate, rollout)
            numbers = [f"{found[key]:.3g}" for key in ("step", "generation", "update")]
            numbers += [f"{found[key]:,.0f}" for key in ("generated a second", "updated a second")]
            size = f"{work.prompts} x {work.responses} x {work.length}"
            table.add_row(
                f"{work.model} ({found['parameters'] / 1e6:.3g} M)", size, *numbers, f"{found['memory']:.1f}"
            )
            name = work.model.lower().replace(", ", "_").replace(" ", "_")
            for part in ("generation", "update"):
                share = found[f"{part} share"]
                lines.append(f"RESULT {name}_{part} {share:.4f}x vs measured_matmul_rate target none")
    console.print(table)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
