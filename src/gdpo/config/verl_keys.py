"""The verl section: any key of veRL's own config that this project does not set itself.

What veRL knows is read from the ``ppo_trainer`` config of the installed package, composed by hydra; veRL and
torch are not imported. It took 0.3 s on two cores, once a process, and only where there is such a section.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gdpo.config.recipe import leaves

EITHER = {"actor_rollout_ref.model.target_modules": (str, list)}
"""Keys that take several kinds of value, whatever kind veRL's default is."""
_KEY = re.compile(r"(?!(?:null|true|false|inf|nan)$)[a-z_][\w-]*", re.ASCII | re.IGNORECASE)
_KINDS = {bool: "true or false", float: "a number", str: "a text", list: "a list", dict: "a mapping"}

_OFFLOAD, _CLIP = "hardware.offload", "training.clip_ratio_"
_BATCH = "training.max_tokens_per_gpu and training.micro_batch_size_per_gpu"
_PATHS = "it is where the pipeline keeps this run's files"
_CPU = "what a CPU needs (hardware.platform)"
_PRECISION = {"param_dtype": _CPU, "reduce_dtype": _CPU, "buffer_dtype": _CPU}
_ENGINE = "follows from hardware.rollout and hardware.platform"
_REWARDS = "rewards.<name>"
_SAFE = "code that comes with a model or data is never run"

_ACTOR = {
    "strategy": "the engine is FSDP2",
    "optim": {
        "lr": "training.lr",
        "lr_warmup_steps": "training.lr_warmup_steps",
        "weight_decay": "training.weight_decay",
        "clip_grad": "training.grad_clip",
        "override_optimizer_config": {"fused": _CPU},
    },
    "ppo_mini_batch_size": "training.ppo_mini_batch_size",
    "clip_ratio_low": f"{_CLIP}low",
    "clip_ratio_high": f"{_CLIP}high",
    "clip_ratio_c": f"{_CLIP}c",
    "loss_agg_mode": "training.loss_agg_mode",
    "policy_loss": {"loss_mode": "training.policy_loss"},
    "entropy_coeff": "training.entropy_coeff",
    "use_kl_loss": "training.kl_loss_coef",
    "kl_loss_coef": "training.kl_loss_coef",
    "kl_loss_type": "training.kl_loss_type",
    "checkpoint": {"save_contents": "the export and a restart need all of it"},
    "use_dynamic_bsz": _BATCH,
    "ppo_max_token_len_per_gpu": "training.max_tokens_per_gpu",
    "ppo_micro_batch_size_per_gpu": "training.micro_batch_size_per_gpu",
    "use_torch_compile": _CPU,
    "fsdp_config": {
        "seed": "seeds",
        "param_offload": _OFFLOAD,
        "optimizer_offload": _OFFLOAD,
        "use_torch_compile": _CPU,
        "mixed_precision": _PRECISION,
    },
}
_ROLLOUT = {
    "name": "hardware.rollout",
    "n": "training.responses_per_prompt",
    "max_model_len": "training.max_prompt_length and training.max_response_length",
    "temperature": "training.temperature",
    "calculate_log_probs": "the trainer needs them",
    "seed": "seeds",
    "tensor_model_parallel_size": "hardware.tensor_parallel",
    "gpu_memory_utilization": "hardware.gpu_memory_utilization",
    "val_kwargs": dict.fromkeys(("n", "do_sample", "temperature"), "a validation is greedy"),
    "log_prob_use_dynamic_bsz": _BATCH,
    "log_prob_micro_batch_size_per_gpu": "training.micro_batch_size_per_gpu",
    **dict.fromkeys(("dtype", "free_cache_engine", "enforce_eager", "enable_sleep_mode"), _ENGINE),
    "router_config_path": _ENGINE,
    "checkpoint_engine": {"update_weights_bucket_megabytes": _ENGINE},
    "engine_kwargs": {"vllm": {"kv_cache_memory_bytes": _CPU, "worker_extension_cls": _CPU}},
    "agent": dict.fromkeys(
        ("agent_loop_manager_class", "num_workers", "agent_loop_config_path", "default_agent_loop"), _ENGINE
    ),
}
_MODEL = {
    "path": "models.<name>.weights",
    "trust_remote_code": _SAFE,
    "use_remove_padding": _ENGINE,
    "enable_gradient_checkpointing": "hardware.gradient_checkpointing",
    "override_config": {"attn_implementation": _ENGINE},
    "lora_rank": "training.lora_rank",
    "lora_alpha": "training.lora_alpha",
    "lora": {"merge": "training.lora_rank"},
}
_REF = {
    "log_prob_use_dynamic_bsz": _BATCH,
    "log_prob_micro_batch_size_per_gpu": "training.micro_batch_size_per_gpu",
    "fsdp_config": {"param_offload": "as published for every size", "mixed_precision": _PRECISION},
}
_DATA = {
    **dict.fromkeys(("train_files", "val_files", "overlong_prompts"), _PATHS),
    **{key: f"training.{key}" for key in ("train_batch_size", "max_prompt_length", "max_response_length")},
    "dataloader_num_workers": "the data are small and read in the trainer",
    "validation_shuffle": "a validation has a fixed order",
    "filter_overlong_prompts": "they are dropped and counted",
    "custom_cls": dict.fromkeys(("path", "name"), "this project's own data set"),
    "seed": "seeds",
    "trust_remote_code": _SAFE,
}
_ALGORITHM = {
    "use_kl_in_reward": "training.kl_loss_coef",
    "adv_estimator": "runs.<name>.method",
    "filter_groups": dict.fromkeys(("enable", "metric"), "training.filter_groups"),
    "rollout_correction": {
        "rollout_is": "training.rollout_is",
        "rollout_is_threshold": "training.rollout_is_threshold",
        "bypass_mode": _ENGINE,
    },
}
_TRAINER = {
    "v1": {"trainer_mode": "this project's own trainer"},
    "nnodes": "hardware.nodes",
    "n_gpus_per_node": "hardware.gpus_per_node",
    "device": "hardware.platform",
    **dict.fromkeys(("logger", "project_name", "experiment_name"), "monitoring.wandb"),
    **dict.fromkeys(("total_training_steps", "total_epochs"), "training.steps"),
    "save_freq": "training.checkpoint_every",
    "test_freq": "training.validate_every",
    "val_before_train": "training.validate_every",
    **dict.fromkeys(("default_local_dir", "resume_mode", "resume_from_path"), _PATHS),
}
OWNED: dict[str, str] = dict(
    leaves(
        {
            "data": _DATA,
            "actor_rollout_ref": {"actor": _ACTOR, "ref": _REF, "rollout": _ROLLOUT, "model": _MODEL},
            "algorithm": _ALGORITHM,
            "trainer": _TRAINER,
            "transfer_queue": {"backend": {"SimpleStorage": {"num_data_storage_units": _CPU}}},
            "reward": {
                "num_workers": _ENGINE,
                "reward_manager": {"source": _REWARDS, "name": _REWARDS, "module": {"path": _REWARDS}},
            },
            "gdpo": {"run_config": _PATHS, "plugins": "plugins", "same_code": "same_code"},
        }
    )
)
"""veRL's keys that :mod:`gdpo.verl_plugin.overrides` sets for some run -> which of ours, or why."""

_ADVANTAGE = "advantages are this project's own (runs.<name>.method, methods.<method>)"
_SYNC = "the trainer is synchronous"
UNUSED = {
    **{f"algorithm.{key}": _ADVANTAGE for key in ("gamma", "lam", "norm_adv_by_std_in_grpo")},
    **{f"algorithm.{key}": _ADVANTAGE for key in ("use_pf_ppo", "pf_ppo")},
    **{f"algorithm.{key}": "set training.kl_loss_coef" for key in ("kl_penalty", "kl_ctrl")},
    "actor_rollout_ref.actor.clip_ratio": f"set {_CLIP}low and {_CLIP}high",
    "actor_rollout_ref.actor.grad_clip": "set training.grad_clip",
    "actor_rollout_ref.model.lora_adapter_path": "adapters start new (training.lora_rank)",
    "critic": "no method here has a critic",
    **dict.fromkeys(("custom_reward_function", "reward.custom_reward_function", "reward_model"), _REWARDS),
    "model_engine": "the engine is FSDP2",
    "trainer.use_v1": "the trainer is of veRL's V1",
    **{f"trainer.v1.{key}": _SYNC for key in ("colocate_async", "separate_async")},
    **{f"trainer.v1.sampler.max_off_policy_{key}": _SYNC for key in ("threshold", "strategy")},
}
"""Keys of veRL, or whole sections, that nothing reads here -> what does instead."""


def check_verl(section: Mapping[str, Any]) -> None:
    """Check a verl section: every key is veRL's, none is ours, and every value is of its default's kind.

    Raises:
        ValueError: ``verl.<key>: <problem>``, of the first problem.
    """
    for key, value in leaves(section):
        if problem := _problem(key, value):
            raise ValueError(f"verl.{key}: {problem}")


def without_empty(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section without the sections in it that hold no value."""
    filled = {key: without_empty(v) if isinstance(v, Mapping) else v for key, v in section.items()}
    return {key: value for key, value in filled.items() if value != {}}


def new_keys(section: Mapping[str, Any]) -> set[str]:
    """Those dotted keys of a section that veRL's config leaves open, such as ``...engine_kwargs.vllm.*``."""
    return {key for key, _ in leaves(section) if key not in dict(_every(_verl_config()))}


def _problem(key: str, value: Any) -> str | None:
    if problem := _taken(key, value):
        return problem
    for name in [*key.split("."), *_keys_in(value)]:
        if not _KEY.fullmatch(name) or name == "_target_":
            return f"no key can be called {name!r}: letters, digits, _ and -, not hydra's own words"
    found: Any = _verl_config()
    for part in key.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif found is None or found == {}:
            return _interpolation(value)  # veRL leaves open what is in there
        elif isinstance(found, Mapping):
            return _unknown(key)
        else:
            return _other_kind(key, {}, found)
    return _other_kind(key, value, found) or _interpolation(value)


def _taken(key: str, value: Any) -> str | None:
    """Why a key is not the user's to set."""
    for owned, ours in OWNED.items():
        above = owned.startswith(f"{key}.") and not isinstance(value, Mapping)
        if key == owned or key.startswith(f"{owned}.") or above:
            return f"{f'{owned} ' if above else ''}is set by this project: {ours}"
    for unused, why in UNUSED.items():
        if key == unused or key.startswith(f"{unused}."):
            return f"without effect: {why}"
    return None


def _unknown(key: str) -> str:
    known = [name for name, value in _every(_verl_config()) if not isinstance(value, Mapping)]
    usable = [name for name in known if name in OWNED or not _taken(name, None)]
    close = get_close_matches(key, usable, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    if close and close[0] in OWNED:
        hint = f"{close[0]} {_taken(close[0], None)}; "
    return f"unknown key; {hint}allowed: any key of veRL's ppo_trainer config but this project's own"


def _other_kind(key: str, value: Any, default: Any) -> str | None:
    kinds = EITHER.get(key) or (() if default is None else (_kind(default),))
    if not kinds or _kind(value) in kinds:
        return None
    wanted = " or ".join(_KINDS[kind] for kind in kinds)
    return f"must be {wanted}, as veRL's default {default!r:.60}; given: {value!r:.60}"


def _kind(value: Any) -> type:
    """A whole number is a number like any other: veRL's defaults of 0 and 1 stand for both."""
    if value is None or isinstance(value, bool | str):
        return type(value)
    kinds = {int: float, float: float, list: list}
    return kinds.get(type(value), dict)


def _keys_in(value: Any) -> Iterator[str]:
    """Keys of the mappings in a list."""
    for item in value if isinstance(value, list) else ():
        yield from (item if isinstance(item, Mapping) else ())
        yield from _keys_in(list(item.values()) if isinstance(item, Mapping) else item)


def _interpolation(value: Any) -> str | None:
    """Hydra would put another value there, from another key or the environment, and the run not know it."""
    if "${" in str(value):
        return f"write the value itself, not a reference to one; given: {value!r:.60}"
    return None


def _every(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key, of sections too."""
    for name, value in section.items():
        if name == "_target_":
            continue
        yield f"{prefix}{name}", value
        if isinstance(value, Mapping):
            yield from _every(value, f"{prefix}{name}.")


@cache
def _verl_config() -> dict[str, Any]:
    """veRL's ``ppo_trainer`` config with the value of every reference in it, as plain types."""
    package = find_spec("verl")
    if package is None or not package.submodule_search_locations:
        raise ValueError("verl: its keys cannot be checked, since veRL is not installed in this Python")
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    folder = Path(package.submodule_search_locations[0]) / "trainer" / "config"
    with initialize_config_dir(str(folder), version_base=None):
        return OmegaConf.to_container(compose("ppo_trainer"), resolve=True)
