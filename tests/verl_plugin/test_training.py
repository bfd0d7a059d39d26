"""Real training: stock veRL, Ray and FSDP2 on CPU for a few steps of a small model."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from wandb_file import history, run_record

from gdpo.advantage import GRPOConfig, grpo
from gdpo.checkpoints import newest_step
from gdpo.config.run import RunConfig
from gdpo.provenance import PROVENANCE, read_provenance
from gdpo.verl_plugin import launch

pytestmark = pytest.mark.slow

STEPS = 4


def write_run(folder: Path, **changes) -> Path:
    """A resolved run config; ``changes`` go over its top level."""
    values = {
        "method": "dgdo",
        "algorithm": {"warmup_steps": 1},
        "rewards": {"correctness": {}, "length": {"options": {"limit": 20}}},
        "training": {
            "steps": STEPS,
            "lr": 1e-3,
            "train_batch_size": 8,
            "ppo_mini_batch_size": 8,
            "responses_per_prompt": 4,
            "max_response_length": 48,
            "checkpoint_every": 2,
        },
    }
    path = folder / "run.json"
    path.write_text(json.dumps(RunConfig.model_validate(values | changes).resolved()))
    return path


def arguments(toy: Path, out: Path, config: Path) -> list[Path]:
    """Arguments of ``train``: config, data, model, checkpoints, metrics, summary, log."""
    return [
        config,
        toy / "train.parquet",
        toy / "validation.parquet",
        toy / "model",
        out / "checkpoints",
        out / "run" / "metrics.parquet",
        out / "run" / "summary.json",
        out / "train.log",
    ]


def final_weights(out: Path) -> dict[str, torch.Tensor]:
    """Weights of the checkpoint that the summary names."""
    checkpoint = json.loads((out / "run" / "summary.json").read_text())["checkpoint"]
    return load_file(out / "checkpoints" / checkpoint / "actor" / "huggingface" / "model.safetensors")


@pytest.fixture(scope="module")
def uninterrupted(toy, tmp_path_factory):
    """A DGDO run of four steps."""
    out = tmp_path_factory.mktemp("uninterrupted")
    config = write_run(out)
    launch.train(*arguments(toy, out, config), label="uninterrupted", group="tests", wandb="offline")
    return out


def train(toy: Path, out: Path, config: Path, label: str) -> None:
    launch.train(*arguments(toy, out, config), label=label, wandb="disabled")


def test_every_step_is_recorded_and_weights_change(uninterrupted, toy):
    metrics = pd.read_parquet(uninterrupted / "run" / "metrics.parquet")
    assert metrics["step"].tolist() == [1, 2, 3, 4]
    assert metrics["dgdo/step"].tolist() == [1, 2, 3, 4]
    assert (metrics["actor/grad_norm"] > 0).all()
    assert (metrics["timing/generation_time"] > 0).all()
    # On-policy: what the rollout server drew with, the trainer finds again in its packed sequences.
    assert metrics["actor/ppo_kl"].abs().max() < 1e-6 and metrics["actor/pg_clipfrac"].max() == 0
    before, after = load_file(toy / "model" / "model.safetensors"), final_weights(uninterrupted)
    assert all(after[name].dtype == torch.float32 for name in after)
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert len(changed) == len(before)


def test_a_finished_run_is_not_trained_again(uninterrupted, toy):
    log = uninterrupted / "train.log"
    size = log.stat().st_size
    (uninterrupted / "run" / "metrics.parquet").unlink()
    (uninterrupted / "run" / PROVENANCE).unlink()
    train(toy, uninterrupted, uninterrupted / "run.json", "again")
    assert log.stat().st_size == size
    assert len(pd.read_parquet(uninterrupted / "run" / "metrics.parquet")) == STEPS
    [session] = read_provenance(uninterrupted / "run")["sessions"]
    assert (session["outcome"], session["from_step"], session["to_step"]) == ("done", 0, STEPS)


def test_wandb_has_every_metric_of_every_step(uninterrupted):
    """Read back from W&B's own file of the run."""
    provenance = read_provenance(uninterrupted / "run")
    [file] = uninterrupted.glob("checkpoints/*/wandb/offline-run-*/*.wandb")
    run = run_record(file)
    assert (run.run_id, run.display_name, run.run_group) == (
        provenance["wandb"]["id"],
        "uninterrupted",
        "tests",
    )
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["gdpo"]["run"] == json.loads((uninterrupted / "run.json").read_text())
    logged = pd.DataFrame.from_dict(history(file), orient="index").rename_axis("step")
    local = pd.read_parquet(uninterrupted / "run" / "metrics.parquet").set_index("step")
    pd.testing.assert_frame_equal(logged[local.columns], local, check_dtype=False)
    assert {
        "dgdo/effective_beta",
        "dgdo/reward_length/weight",
        "train/reward",
        "train/advantage",
        "timing/generation_time",
    } <= set(logged)


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(kill, uninterrupted, toy, tmp_path):
    paths = arguments(toy, tmp_path, write_run(tmp_path))
    command = [sys.executable, "-m", "gdpo.cli", "train", *map(str, paths[:-1]), "--log", str(paths[-1])]
    command += ["--wandb", "offline"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, start_new_session=True, env=environment) as process:
        _wait_for_checkpoint(tmp_path / "checkpoints", process)
        children = psutil.Process(process.pid).children(recursive=True)
        [trainer] = _of_workers(
            children, lambda worker: os.getpgid(worker.pid)
        )  # one group: what is killed, and at once
        assert trainer in {child.pid for child in children}
        assert _of_workers(children, lambda worker: worker.ppid()) == {
            trainer
        }  # forks of one process, which has imported for all
        process.send_signal(kill)
        assert process.wait(30) != 0
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert not alive and len(gone) > 5
    assert not (tmp_path / "run" / "metrics.parquet").exists()
    [first] = read_provenance(tmp_path / "run")["sessions"]
    assert first["outcome"] == ("running" if kill == signal.SIGKILL else "interrupted")

    launch.train(*paths, label="resumed", wandb="offline")
    assert not list(Path("/tmp").glob(f"gdpo-ray-{process.pid}-*"))
    record = read_provenance(tmp_path / "run")
    assert [(s["outcome"], s["from_step"]) for s in record["sessions"]] == [("interrupted", 0), ("done", 2)]
    segments = tmp_path.glob("checkpoints/*/wandb/offline-run-*/*.wandb")
    assert {run_record(segment).run_id for segment in segments} == {record["wandb"]["id"]}
    metrics, whole = (pd.read_parquet(out / "run" / "metrics.parquet") for out in (tmp_path, uninterrupted))
    assert metrics["step"].tolist() == [1, 2, 3, 4]
    measured = [name for name in whole if name.startswith(("timing", "perf/", "actor/perf/"))]
    assert len(whole.columns) - len(measured) > 60
    pd.testing.assert_frame_equal(
        metrics.drop(columns=measured), whole.drop(columns=measured), check_exact=True
    )
    again = final_weights(tmp_path)
    assert all(torch.equal(again[name], tensor) for name, tensor in final_weights(uninterrupted).items())


def _of_workers(processes: list[psutil.Process], value: Callable[[psutil.Process], int]) -> set[int]:
    """A value of each of Ray's workers (not of its agents); some end of themselves at any time."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            title = "".join(process.cmdline()[:1])
            if title.startswith("ray::") and not title.endswith("Agent"):
                found.add(value(process))
    return found


def _wait_for_checkpoint(checkpoints: Path, process: subprocess.Popen, timeout: float = 600) -> None:
    """Return once the checkpoint of step 2 is there."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        if any(newest_step(folder) == 2 for folder in checkpoints.glob("*")):
            return
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint of step 2 (exit code {process.poll()})")


def test_a_training_that_fails_says_why(toy, tmp_path):
    """No prompt is short enough, which veRL finds out."""
    training = json.loads(write_run(tmp_path).read_text())["training"] | {"max_prompt_length": 1}
    with pytest.raises(launch.TrainingFailed, match="exit code 1; see .*train.log"):
        train(toy, tmp_path, write_run(tmp_path, training=training), "failing")
    [session] = read_provenance(tmp_path / "run")["sessions"]
    assert session["outcome"] == "failed" and session["to_step"] == 0
    assert session["error"].startswith("ValueError: train: all 64 prompts exceed 1 tokens")


def test_group_filter_leaves_no_group_in_which_no_reward_varies(toy, tmp_path):
    """Through veRL's own filter: dead groups are replaced, groups with one varying reward are kept."""
    training = json.loads(write_run(tmp_path).read_text())["training"] | {"steps": 2, "filter_groups": True}
    config = write_run(tmp_path, method="gdpo", algorithm={}, training=training)
    train(toy, tmp_path, config, "filtered")
    metrics = pd.read_parquet(tmp_path / "run" / "metrics.parquet")
    assert metrics["train/dead_group_share"].tolist() == [0, 0]
    assert metrics["training/filter_groups/evicted_samples"].sum() > 0
    # The toy model is hardly ever right: filtering on correctness alone would have dropped these groups.
    assert (metrics["reward/correctness/zero_std_share"] > 0).any()


def test_groups_that_stay_dead_are_not_drawn_for_ever(toy, tmp_path):
    """No response is longer than 1,000 tokens: the only reward is always 1."""
    training = json.loads(write_run(tmp_path).read_text())["training"] | {"steps": 1, "filter_groups": True}
    rewards = {"length": {"constant": True, "options": {"limit": 1000}}}
    config = write_run(tmp_path, method="gdpo", algorithm={}, rewards=rewards, training=training)
    with pytest.raises(launch.TrainingFailed, match="no reward varies in enough groups: 160 prompts"):
        train(toy, tmp_path, config, "dead")


def test_one_step_moves_the_policy_as_the_advantages_say(toy, tmp_path, monkeypatch):
    """sum of A * (log p after - log p before) over the step's own responses is positive."""
    overrides = launch.verl_overrides
    dump = tmp_path / "rollouts"
    monkeypatch.setattr(
        launch, "verl_overrides", lambda *a: [*overrides(*a), f"trainer.rollout_data_dir={dump}"]
    )
    training = json.loads(write_run(tmp_path).read_text())["training"] | {"steps": 1, "lr": 1e-4}
    config = write_run(
        tmp_path,
        method="grpo",
        algorithm={},
        rewards={"length": {"options": {"limit": 20}}},
        training=training,
    )
    train(toy, tmp_path, config, "one step")

    rollouts = pd.read_json(dump / "1.jsonl", lines=True)
    groups = rollouts["uid"].str.rsplit("_", n=2).str[0].tolist()
    advantages = grpo({"length": torch.tensor(rollouts["score"].to_numpy(float))}, groups, GRPOConfig())
    assert advantages.abs().sum() > 0
    checkpoint = json.loads((tmp_path / "run" / "summary.json").read_text())["checkpoint"]
    after = tmp_path / "checkpoints" / checkpoint / "actor" / "huggingface"
    gains = _log_probs(after, toy / "model", rollouts) - _log_probs(toy / "model", toy / "model", rollouts)
    assert (advantages * gains).sum() > 0


def _log_probs(model_dir: Path, tokenizer_dir: Path, rollouts: pd.DataFrame) -> torch.Tensor:
    """Mean log-probability a token of each dumped response, by plain transformers."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()
    values = []
    for prompt, response in zip(rollouts["input"], rollouts["output"], strict=True):
        message = [{"role": "user", "content": prompt}]
        ids = tokenizer.apply_chat_template(
            message, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        tokens = tokenizer(response, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 : -1]
        values.append(logits.log_softmax(-1)[torch.arange(len(tokens)), tokens].mean())
    return torch.stack(values)
