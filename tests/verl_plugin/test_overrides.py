"""Our overrides against veRL 0.9.1's own config: composed by hydra, checked by veRL's validation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gdpo.config.experiment import load_experiment
from gdpo.config.recipe import leaves
from gdpo.config.run import RunConfig
from gdpo.verl_plugin.cuda import VARLEN_ATTENTION
from gdpo.verl_plugin.overrides import RunPaths, verl_overrides
from gdpo.verl_plugin.wandb_run import Tracking

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMPOSE = """
import json, sys
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.utils.config import omega_conf_to_dataclass, validate_config
composed = []
for overrides in json.load(sys.stdin):
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides)
    validate_config(config, need_reference_policy(config), need_critic(config))
    omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    composed.append(OmegaConf.to_container(config, resolve=False))
print("CONFIGS" + json.dumps(composed))
"""
TRACKING = Tracking("offline", "gdpo", 'a "run", 1e5', "")
PAPER = [f"{name}{devices}" for name in ("paper", "paper-b200") for devices in ("", "-8gpu", "-2nodes")]
PAPER += ["fork", "fork-b200", "paper-conditioned"]
CUDA = {
    "platform": "cuda",
    "gpus_per_node": 4,
    "rollout": "vllm",
    "offload": True,
    "gradient_checkpointing": True,
}

ODD = 'he said "x\\" \\\\ {a: b}, [c]\' = \n\t end\\'
OWN_KEYS = {
    "actor_rollout_ref": {
        "actor": {
            "ppo_epochs": 2,
            "optim": {"betas": [0.9, 0.95], "override_optimizer_config": {"eps": 1e-9}},
            "policy_loss": {"clip_cov_ratio": 3e-4},
        },
        "rollout": {
            "top_k": 50,
            "engine_kwargs": {
                "vllm": {"odd": ODD, "compilation_config": {"level": 3, "ops": [1, {"x": None}]}}
            },
        },
        "model": {"override_config": {"rope_theta": 1e6}, "target_modules": ["q_proj", "v_proj"]},
    },
    "data": {"tokenizer": "some/tokenizer", "truncation": "left"},
    "trainer": {"balance_batch": False},
}
"""Keys of veRL that no key of ours sets: known ones, ones that are null there, ones below open mappings."""


def compose(runs: list[RunConfig]) -> list[dict]:
    """veRL's full config of each run, from a fresh process, since veRL reads its environment at import."""
    paths = RunPaths(
        Path("/x/run config.json"), Path("/x/model"), Path("/x/t.parquet"), Path("/x/v.parquet"), Path("/x/c")
    )
    environment = os.environ | {
        "VERL_USE_EXTERNAL_MODULES": "gdpo.verl_plugin.register",
        "VERL_PLATFORM": "cpu",
    }
    process = subprocess.run(
        [sys.executable, "-c", COMPOSE],
        input=json.dumps([verl_overrides(run, paths, step, TRACKING) for step, run in enumerate(runs)]),
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.split("CONFIGS")[1])


@pytest.fixture(scope="module")
def composed():
    """Every method of the demo on CPU and on CUDA, and one run with every optional feature on."""
    experiment = load_experiment(ROOT / "config" / "demo.yaml", {"training.grad_clip": 0.7})
    demo = {run.name: run.config for run in experiment.runs.values()}
    runs = {
        f"{name} {hw}": RunConfig.model_validate(run.resolved() | {"hardware": values})
        for name, run in demo.items()
        for hw, values in (("cpu", {}), ("cuda", CUDA))
    }
    full = demo["dgdo-seed1"].resolved()
    full["training"] |= {
        "filter_groups": True,
        "kl_loss_coef": 5e-4,
        "max_tokens_per_gpu": 8192,
        "validate_every": 5,
    }
    batched = full | {"hardware": {"platform": "cuda", "gpus_per_node": 2}}
    runs["batched cuda"] = RunConfig.model_validate(batched)
    runs["own keys"] = RunConfig.model_validate(full | {"hardware": CUDA, "verl": OWN_KEYS})
    tools = load_experiment(ROOT / "config" / "tools.yaml")
    runs["tools cuda"] = tools.run("grpo-no-std-qwen2.5-3b-instruct").config
    runs["full cuda"] = RunConfig.model_validate(full | {"hardware": CUDA})
    return dict(zip(runs, compose(list(runs.values())), strict=True)), runs


def test_verl_accepts_every_run(composed):
    configs, runs = composed
    assert len(configs) == len(runs) == 10
    first, second = list(configs.values())[:2]  # one from the start, one from the checkpoint of step 1
    assert first["trainer"]["resume_mode"] == "disable"
    assert second["trainer"]["resume_from_path"] == "/x/c/global_step_1"
    # NVlabs' train_gdpo.sh.
    data, actor = configs["tools cuda"]["data"], configs["tools cuda"]["actor_rollout_ref"]["actor"]
    assert (data["train_batch_size"], data["max_prompt_length"], data["max_response_length"]) == (
        512,
        2048,
        1024,
    )
    assert (actor["ppo_mini_batch_size"], actor["entropy_coeff"], actor["use_kl_loss"]) == (128, 0.001, False)
    assert configs["tools cuda"]["actor_rollout_ref"]["rollout"]["n"] == 4


@pytest.fixture
def paper(monkeypatch, tmp_path):
    """The first seed of every run of the paper's experiments."""
    for name in ("train_math", "test_aime", "test_amc", "test_math"):
        (tmp_path / f"{name}.json").write_text("[]")
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    experiments = [load_experiment(ROOT / "config" / f"{name}.yaml") for name in PAPER]
    return [run.config for experiment in experiments for run in experiment.runs.values() if run.seed == 1]


def test_verl_accepts_every_run_of_the_paper(paper):
    assert len(paper) == 9 * (len(PAPER) - 1) + 17
    for run, config in zip(paper, compose(paper), strict=True):
        rollout = config["actor_rollout_ref"]["rollout"]
        assert config["data"]["train_batch_size"] == run.training.train_batch_size >= 256
        assert config["actor_rollout_ref"]["actor"]["ppo_mini_batch_size"] == run.training.ppo_mini_batch_size
        assert (rollout["name"], rollout["n"]) == ("vllm", 16)
        assert config["trainer"]["nnodes"] * config["trainer"]["n_gpus_per_node"] in (4, 8)
        assert rollout["gpu_memory_utilization"] == run.hardware.gpu_memory_utilization
        assert config["actor_rollout_ref"]["ref"]["fsdp_config"]["param_offload"]
        assert config["trainer"]["test_freq"] == 20 and config["trainer"]["save_freq"] in (10, 50)
        assert rollout["max_model_len"] == 1024 + run.training.max_response_length
        assert rollout["agent"]["default_agent_loop"] == "gdpo_single_turn"
        model = config["actor_rollout_ref"]["model"]
        assert model["use_remove_padding"] and config["actor_rollout_ref"]["actor"]["strategy"] == "fsdp2"
        assert model["override_config"] == {"attn_implementation": VARLEN_ATTENTION}


def test_values_arrive_where_verl_reads_them(composed):
    config, training = composed[0]["gdpo-seed1 cpu"], composed[1]["gdpo-seed1 cpu"].training
    actor, rollout = (config["actor_rollout_ref"][part] for part in ("actor", "rollout"))
    assert actor["optim"]["lr"] == training.lr
    assert actor["optim"]["clip_grad"] == training.grad_clip == 0.7
    assert (actor["clip_ratio_low"], actor["clip_ratio_high"]) == (0.2, 0.28)
    assert (rollout["n"], rollout["name"], rollout["seed"]) == (training.responses_per_prompt, "gdpo_hf", 1)
    assert config["trainer"]["total_training_steps"] == training.steps
    assert config["trainer"]["logger"] == ["file", "wandb"]
    assert (config["trainer"]["project_name"], config["trainer"]["experiment_name"]) == (
        "gdpo",
        TRACKING.name,
    )
    assert config["gdpo"]["run_config"] == "/x/run config.json"


def test_a_gpu_run_has_the_same_trainer_and_verls_own_rollout(composed):
    config = composed[0]["full cuda"]
    assert (
        config["trainer"]["v1"]["trainer_mode"]
        == composed[0]["gdpo-seed1 cpu"]["trainer"]["v1"]["trainer_mode"]
    )
    assert config["actor_rollout_ref"]["rollout"]["name"] == "vllm"
    assert config["actor_rollout_ref"]["actor"]["use_kl_loss"] is True
    assert config["algorithm"]["filter_groups"]["enable"] is True
    assert config["algorithm"]["rollout_correction"]["bypass_mode"] is False


def test_keys_of_verl_arrive_where_they_were_written(composed):
    config = composed[0]["own keys"]
    for key, value in leaves(OWN_KEYS):
        found = config
        for part in key.split("."):
            found = found[part]
        assert found == value, key
    # Ours beside them, in the same mappings.
    assert config["actor_rollout_ref"]["model"]["override_config"]["attn_implementation"] == VARLEN_ATTENTION


def test_named_keys_arrive_where_verl_reads_them():
    values = {"steps": 1, "policy_loss": "gspo", "entropy_coeff": 0.01, "lora_rank": 8, "lora_alpha": 32}
    values |= {"rollout_is": "sequence", "rollout_is_threshold": 5, "kl_loss_coef": 0.1}
    base = {"method": "gdpo", "rewards": {"correctness": {}}, "training": values, "seed": 7}
    [config] = compose([RunConfig.model_validate(base | {"hardware": CUDA})])
    actor, model = (config["actor_rollout_ref"][part] for part in ("actor", "model"))
    assert (actor["policy_loss"]["loss_mode"], actor["entropy_coeff"]) == ("gspo", 0.01)
    assert (model["lora_rank"], model["lora_alpha"], model["lora"]["merge"]) == (8, 32, True)
    assert actor["fsdp_config"]["seed"] == 7
    correction = config["algorithm"]["rollout_correction"]
    assert (correction["rollout_is"], correction["rollout_is_threshold"]) == ("sequence", 5)
    assert correction["bypass_mode"] is False
