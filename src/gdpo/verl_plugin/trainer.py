"""The trainer: veRL's synchronous V1 trainer with advantages from :mod:`gdpo.advantage`.

One class for the CPU default and the GPU cluster; what differs between machines is behind veRL's platform,
engine and rollout registries. The lines that *are* the method are in ``_compute_advantage``.
"""

import gc
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from omegaconf import DictConfig, OmegaConf, open_dict
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.protocol import DataProto
from verl.trainer.ppo.padding_utils import upsample_batch_to_divisible_size
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_and_add_to_batch
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.debug import marked_timer
from verl.utils.seqlen_balancing import log_seqlen_unbalance
from verl.utils.tensordict_utils import assign_non_tensor_stack
from verl.utils.tracking import Tracking
from verl.workers.utils.padding import response_to_nested

from gdpo.advantage import broadcast_nested
from gdpo.checkpoints import begin, prune, seal, step_folder
from gdpo.provenance import one_line
from gdpo.rewards import RewardError
from gdpo.verl_plugin.batch_order import order_of_prompts
from gdpo.verl_plugin.constant_rewards import ConstantRewards
from gdpo.verl_plugin.deadline import OUT_OF_TIME, Deadline
from gdpo.verl_plugin.group_filter import GroupFilter, too_few
from gdpo.verl_plugin.method import advantages
from gdpo.verl_plugin.progress import Progress
from gdpo.verl_plugin.reward_columns import FAILURE, check_groups, reward_columns
from gdpo.verl_plugin.run_of import run_of
from gdpo.verl_plugin.wandb_run import open_wandb_run
from gdpo.whole_file import write_text

MOST_BATCHES = 20
"""Batches of prompts that a step samples at most where dead groups are replaced (``filter_groups``)."""
UPDATE_COLUMNS = [
    *("prompts", "responses", "input_ids", "position_ids", "response_mask", "loss_mask"),
    *("old_log_probs", "ref_log_prob", "rollout_is_weights", "advantages"),
]
"""What the training worker reads of a batch in an update; not every run has all of them."""
STATE_FILE = "estimator.json"
"""Estimator state in a checkpoint folder."""


@register_trainer("gdpo")
class GDPOTrainer(PPOTrainerSync):
    """GRPO, GDPO and DGDO with named rewards; the estimator's state is part of every checkpoint."""

    def __init__(self, config: DictConfig):
        with open_dict(config):
            # veRL chooses the replay buffer by the literal name of its own synchronous mode.
            config.trainer.v1.trainer_mode = "sync"
            self.run_config = run_of(config)
            config.gdpo.run = self.run_config.resolved()  # W&B shows it: runs are filtered by its values
        self.estimator_state: dict | None = None
        self._checkpoint_due = False
        self._prompts_fetched = 0
        self._progress = Progress(self.run_config.training)
        self._deadline = Deadline()
        super().__init__(config)
        # A server that does not answer is waited for while the workers start.
        self._wandb_run = ThreadPoolExecutor(1).submit(self._open_wandb_run)

    # ---- the method --------------------------------------------------------------------------------------

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """Write ``advantages`` and ``returns`` (nested, valid tokens only) of the batch to TransferQueue.

        Replaces veRL's, which fetches no reward columns (veRL 0.9.1's own gdpo fails with KeyError there).
        """
        fields = ["uid", "response_mask", "extra_fields"]
        if self._rollout_is_old_policy():
            fields.append("rollout_log_probs")
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        uids, extra_fields = data.pop("uid").tolist(), data.pop("extra_fields").tolist()
        lengths = data["response_mask"].offsets().diff()
        real = [i for i, tag in enumerate(batch.tags) if not tag.get("is_padding", False)]
        check_groups([uids[i] for i in real], self.config.actor_rollout_ref.rollout.n)

        result = advantages(
            self.run_config,
            reward_columns([extra_fields[i] for i in real], self.run_config.rewards),
            [uids[i] for i in real],
            self.estimator_state,
            lengths[real],
        )
        self.estimator_state = result.state
        metrics.update(result.metrics)

        per_response = torch.zeros(len(batch.keys), dtype=torch.float32)  # veRL's padding rows get 0
        per_response[real] = result.advantages
        nested = broadcast_nested(per_response, lengths)
        output = {"advantages": nested, "returns": nested.clone()}
        if self._rollout_is_old_policy():
            output["old_log_probs"] = data["rollout_log_probs"]
        else:
            output |= self._rollout_correction(batch, metrics)
        return tq.kv_batch_put(
            keys=batch.keys,
            partition_id=batch.partition_id,
            fields=TensorDict(output, batch_size=len(batch)),
        )

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        if self._rollout_is_old_policy():
            return batch  # written with the advantages: veRL's own way through TransferQueue takes 20 ms
        return super()._compute_old_log_prob(batch, metrics)

    def _rollout_is_old_policy(self) -> bool:
        """Whether the rollout's log-probs are the old policy's (veRL's bypass mode)."""
        correction = self.config.algorithm.rollout_correction
        return correction is not None and correction.bypass_mode

    def _rollout_correction(self, batch: KVBatchMeta, metrics: dict) -> dict[str, torch.Tensor]:
        """veRL's correction for rollout engines whose log-probs differ from the trainer's (vLLM)."""
        correction = self.config.algorithm.rollout_correction
        if correction is None:
            return {}
        fields = ["response_mask", "rollout_log_probs", "old_log_probs"]
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        if "rollout_log_probs" not in data:
            return {}
        mask = data["response_mask"]
        padded, correction_metrics = compute_rollout_correction_and_add_to_batch(
            DataProto(batch=data.to_padded_tensor()), correction
        )
        metrics.update(correction_metrics)
        names = [name for name in ("response_mask", "rollout_is_weights") if name in padded.batch]
        return {name: response_to_nested(padded.batch[name], mask) for name in names}

    def _balance_batch(self, batch: KVBatchMeta, metrics: dict, *args: Any, **kwargs: Any) -> KVBatchMeta:
        # veRL's order is that in which responses ended: its first mini-batches would hold the short ones.
        batch.reorder(order_of_prompts(batch.keys))
        if self.actor_rollout_wg.world_size > 1:
            return super()._balance_batch(batch, metrics, *args, **kwargs)
        # There is nothing to balance, and veRL's search for how takes 17 ms.
        batch = upsample_batch_to_divisible_size(
            batch, self._get_required_batch_multiple(1), self.tokenizer.eos_token_id
        )
        lengths = [tag["seq_len"] for tag in batch.tags]
        metrics.update(log_seqlen_unbalance(lengths, [range(len(lengths))], "global_seqlen"))
        return batch

    def _update_actor(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        batch.fields = UPDATE_COLUMNS  # else the worker would fetch every column, rewards and golds too
        batch = super()._update_actor(batch, metrics)
        batch.fields = None
        return batch

    def _val_metrics_update(
        self, data_sources: Any, sample_uids: Any, reward_extra_infos_dict: dict, *args: Any, **kwargs: Any
    ) -> dict[str, float]:
        if failures := [sentence for sentence in reward_extra_infos_dict.get(FAILURE, []) if sentence]:
            raise RewardError(failures[0])
        return super()._val_metrics_update(
            data_sources, sample_uids, reward_extra_infos_dict, *args, **kwargs
        )

    # ---- checkpoints -------------------------------------------------------------------------------------

    def _save_checkpoint(self) -> None:
        # veRL asks for it before it logs the step. Saved then, a run killed in between would go on after the
        # step and never have its metrics; so it is saved once they are on disk.
        self._checkpoint_due = True

    def _commit_checkpoint(self, metrics: dict) -> None:
        """Save the checkpoint that is due, with the estimator's state, and seal it; stop where time is short.

        Args:
            metrics: of its step.
        """
        late = self._deadline.too_late_for_another() and self.global_steps < self.run_config.training.steps
        if self._checkpoint_due or late:
            self._write_checkpoint(metrics)
        if late:
            self._progress.say(f"no time for another step: stopping after step {self.global_steps}")
            self.logger.finish()
            raise SystemExit(OUT_OF_TIME)

    def _write_checkpoint(self, metrics: dict) -> None:
        self._checkpoint_due = False
        folder = step_folder(Path(self.config.trainer.default_local_dir), self.global_steps)
        begin(folder)
        write_text(folder / STATE_FILE, json.dumps(self.estimator_state))
        super()._save_checkpoint()
        seal(folder, _validation_score(metrics))
        prune(folder.parent, self.run_config.training.keep_checkpoints)

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        if self.global_steps > 0:
            folder = Path(self.config.trainer.resume_from_path)
            self.estimator_state = json.loads((folder / STATE_FILE).read_text())

    # ---- what people watch -------------------------------------------------------------------------------

    def fit(self, agent_loop_manager: Any) -> None:
        if not self._wandb_run.result():
            self._without_wandb()
        super().fit(agent_loop_manager)

    def _open_wandb_run(self) -> bool:
        trainer = self.config.trainer
        if "wandb" not in trainer.logger:
            return False
        config = OmegaConf.to_container(self.config, resolve=True)
        return open_wandb_run(trainer.project_name, trainer.experiment_name, config, self._progress.say)

    def _without_wandb(self, error: Exception | None = None) -> None:
        """Log to the local file alone from now on."""
        if error is not None:
            problem = one_line(f"{type(error).__name__}: {error}")
            self._progress.say(f"W&B broke ({problem}); going on with the local metrics alone")
        with open_dict(self.config):
            self.config.trainer.logger = ["file"]

    def _build_replay_buffer(self) -> ReplayBuffer:
        rule = self.run_config.training.filter_groups
        if rule is False:
            return super()._build_replay_buffer()
        weights = {name: spec.weight for name, spec in self.run_config.specs().items()}
        sampler, algorithm = self.config.trainer.v1.sampler, self.config.algorithm
        return GroupFilter(
            rule,
            weights,
            trainer_mode=self.trainer_mode,
            trainer_config=self.config.trainer.v1.get(self.trainer_mode, {}),
            max_off_policy_threshold=sampler.max_off_policy_threshold,
            max_off_policy_strategy=sampler.max_off_policy_strategy,
            sampler_kwargs=sampler.sampler_kwargs,
            refill_fn=self._add_prompts_to_generate,
            train_batch_size=self.config.data.train_batch_size,
            gen_batch_size=1,  # as veRL sets it where groups are filtered
            max_inflight_gen_batches=algorithm.filter_groups.max_inflight_gen_batches,
            sync_refill_failed_groups=sampler.sync_refill_failed_groups,
        )

    def _fetch_one_gen_batch(self) -> TensorDict:
        # veRL's uids are random, and the order of a batch follows from them where it picks some of many.
        batch = super()._fetch_one_gen_batch()
        first, self._prompts_fetched = self._prompts_fetched, self._prompts_fetched + len(batch)
        if self._prompts_fetched > MOST_BATCHES * self.run_config.training.train_batch_size:
            training = self.run_config.training
            constant = self._constant_in_dropped_groups()
            raise RewardError(
                f"{too_few(training.filter_groups)}: {first} prompts were sampled for one step of "
                f"{training.train_batch_size}{constant}; choose rewards or problems that the model neither "
                "always nor never gets, more responses_per_prompt, or another rule of training.filter_groups "
                "(false: none)"
            )
        uids = [f"{self.global_steps:08d}-{i:08d}" for i in range(first, self._prompts_fetched)]
        assign_non_tensor_stack(batch, "uid", uids)
        return batch

    def _constant_in_dropped_groups(self) -> str:
        """Which rewards were to blame."""
        constant = getattr(self.replay_buffer, "constant", None)
        counts = ", ".join(f"{name} in {count}" for name, count in constant.most_common()) if constant else ""
        return f" (of the groups dropped so far, constant: {counts})" if counts else ""

    def prepare_step(self) -> dict:
        self._prompts_fetched = 0
        # Batched rollouts happen here; veRL's own timer starts where it waits for asynchronous ones.
        with marked_timer("gen", self.timing_raw):
            return super().prepare_step()

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self.logger = _Recorder(self.logger, self._commit_checkpoint, self._without_wandb)
        self._progress.start(self.global_steps)
        folder = Path(self.config.trainer.default_local_dir)
        self._constant_rewards = ConstantRewards(self.run_config, folder, self._progress.say)
        self._deadline.start()
        gc.freeze()  # else a full collection looks through all that was imported: 0.3 s every other step

    def _compute_metrics(self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, **kwargs) -> None:
        super()._compute_metrics(batch, metrics, timing_raw, **kwargs)
        metrics["timing/generation_time"] = timing_raw["gen"]
        self._progress.update(self.global_steps, metrics)
        self._constant_rewards.update(metrics)


def _validation_score(metrics: dict) -> float | None:
    """Mean of veRL's core validation metrics; None at a step without validation."""
    values = [value for name, value in metrics.items() if name.startswith("val-core/")]
    return float(sum(values) / len(values)) if values else None


class _Recorder:
    """veRL's metrics logger: the local file first, then W&B, then the checkpoint that is due.

    An error of W&B goes to ``on_wandb_error`` and ends its part, not the training.
    """

    def __init__(
        self, tracking: Tracking, commit: Callable[[dict], None], on_wandb_error: Callable[[Exception], None]
    ):
        self._tracking, self._commit, self._on_wandb_error = tracking, commit, on_wandb_error

    def log(self, data: dict, step: int) -> None:
        self._tracking.log(data, step, backend=["file"])
        self._guarded(lambda: self._tracking.log(data, step, backend=["wandb"]))
        self._commit(data)

    def finish(self, exit_code: int = 0) -> None:
        self._guarded(lambda: self._tracking.finish(exit_code))

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # e.g. its service was killed for memory
            self._tracking.logger.pop("wandb", None)
            self._on_wandb_error(error)
