"""The training section: everything of a run that is neither method, rewards, data nor machine."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from gdpo.config.base import Section, later

PolicyLoss = Literal[
    *("vanilla", "gspo", "cispo", "sapo", "geo_mean", "clip_cov"),
    *("kl_cov", "gpg", "dro", "dppo_tv", "dppo_kl"),
]
"""Losses that veRL 0.9.1 registers (``core_algos.py``), but for ``bypass_mode``: it wants the rollout's
correction inside the actor's config, which veRL's own synchronous trainer does not hand to it."""
FILTER_RULES = ("any", "all", "sum")
"""Rules of ``filter_groups`` beside the names of rewards."""


class TrainingConfig(Section):
    """How a run trains. Names are veRL's and the published scripts' where they mean the same."""

    steps: PositiveInt
    """Training steps; each samples, scores and updates on one batch."""
    train_batch_size: PositiveInt = 16
    """Prompts per step."""
    responses_per_prompt: int = Field(default=8, ge=2)
    """Responses sampled for each prompt: the size of a group (veRL: rollout.n)."""
    ppo_mini_batch_size: PositiveInt = 16
    """Prompts per optimizer step; at most and a divisor of train_batch_size."""
    micro_batch_size_per_gpu: PositiveInt | None = None
    """Responses per forward and backward pass on one device; none: the device's share of a mini batch."""
    max_tokens_per_gpu: PositiveInt | None = None
    """Tokens per forward and backward pass on one device (dynamic batch size); none: fixed micro batches."""
    max_prompt_length: PositiveInt = 32
    """Longest prompt in tokens; longer ones are dropped before training, and counted."""
    max_response_length: PositiveInt = 64
    """Longest response in tokens."""
    temperature: PositiveFloat = 1.0
    """Sampling temperature of rollouts."""
    lr: PositiveFloat = 1e-6
    """AdamW learning rate, constant after the warm-up."""
    lr_warmup_steps: int = Field(default=0, ge=0)
    """Training steps of linear learning-rate warm-up; every optimizer step of one has the same rate."""
    weight_decay: NonNegativeFloat = 0.01
    """AdamW weight decay."""
    grad_clip: PositiveFloat = 1.0
    """Largest gradient norm; a larger gradient is scaled down to it."""
    clip_ratio_low: float = Field(default=0.2, gt=0, lt=1)
    """PPO clip below 1 (published: 0.2)."""
    clip_ratio_high: float = Field(default=0.28, gt=0)
    """PPO clip above 1 (clip-higher; published: 0.28)."""
    clip_ratio_c: float = Field(default=3.0, gt=1)
    """Dual clip: with a negative advantage, the largest ratio that counts (veRL's default; not published)."""
    kl_loss_coef: NonNegativeFloat = 0.0
    """Weight of the KL loss to the starting model; 0 loads no reference model."""
    kl_loss_type: Literal["kl", "abs", "mse", "low_var_kl"] = "mse"
    """Estimator of the KL loss (published: mse)."""
    loss_agg_mode: Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"] = "token-mean"
    """How token losses become one number (published: token-mean)."""
    policy_loss: PolicyLoss = later("vanilla")
    """Loss of the policy (veRL: actor.policy_loss.loss_mode): vanilla is PPO's clipped one; GSPO arXiv
    2507.18071, CISPO 2506.13585, SAPO 2511.20347, GMPO (geo_mean) 2507.20673, clip_cov and kl_cov 2505.22617,
    GPG 2504.02546, DRO 2405.19107, DPPO 2602.04879. Their own settings are keys of veRL (docs/verl.md)."""
    entropy_coeff: NonNegativeFloat = later(0.0)
    """Weight of the entropy bonus, in nats a token (veRL: actor.entropy_coeff); 0: none."""
    rollout_is: Literal["none", "token", "sequence"] = later("none")
    """Truncated importance sampling between rollout engine and trainer (veRL:
    algorithm.rollout_correction.rollout_is): each token's ratio or a sequence's product weighs the loss."""
    rollout_is_threshold: PositiveFloat | None = later(None)
    """Largest weight of rollout_is; none: veRL's 2."""
    lora_rank: int = later(0, ge=0)
    """Rank of LoRA adapters (arXiv 2106.09685) on every linear layer but the output; 0 trains all weights."""
    lora_alpha: PositiveInt | None = later(None)
    """Scale of LoRA: adapters count by lora_alpha / lora_rank; none: veRL's 16."""
    filter_groups: bool | str = False
    """Dynamic sampling (DAPO, arXiv 2503.14476): replace a group unless any (also: true) or all of its
    rewards vary, or their weighted sum, or the reward of this name; false: keep every group."""
    constant_rewards: Literal["warn", "stop"] = "warn"
    """Where a reward has varied in no group for 10 steps in a row: say so, or end with an error."""
    checkpoint_every: PositiveInt = 20
    """Steps between checkpoints; the last step always has one."""
    keep_checkpoints: PositiveInt = 2
    """Newest checkpoints kept; the one that validated best is kept as well."""
    validate_every: int = Field(default=0, ge=0)
    """Steps between greedy validations (n = 1); 0: none."""

    @field_validator("filter_groups")
    @classmethod
    def _any_is_true(cls, value: bool | str) -> bool | str:
        """One spelling: runs are named by the value, and true came first."""
        return True if value == "any" else value

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> "TrainingConfig":
        for key, needs in (("lora_alpha", "lora_rank"), ("rollout_is_threshold", "rollout_is")):
            if getattr(self, key) is not None and getattr(self, needs) in (0, "none"):
                raise ValueError(f"{key}: without effect where {needs} is {getattr(self, needs)}")
        return self

    @model_validator(mode="after")
    def _mini_batch_divides_batch(self) -> "TrainingConfig":
        if self.train_batch_size % self.ppo_mini_batch_size:
            raise ValueError(
                f"ppo_mini_batch_size {self.ppo_mini_batch_size} must divide "
                f"train_batch_size {self.train_batch_size}"
            )
        return self


class HardwareConfig(Section):
    """The machine a run trains on, as far as it is part of the experiment."""

    platform: Literal["cpu", "cuda"] = "cpu"
    """Device of trainer and rollout."""
    nodes: PositiveInt = 1
    """Nodes per run."""
    gpus_per_node: PositiveInt = 1
    """Devices per node (1 on cpu)."""
    rollout: Literal["transformers", "vllm"] = "transformers"
    """Rollout engine inside veRL."""
    tensor_parallel: PositiveInt = 1
    """Devices per rollout engine."""
    gpu_memory_utilization: float = Field(default=0.5, gt=0, lt=1)
    """Share of GPU memory for vLLM."""
    offload: bool = False
    """Keep parameters and optimizer state in host memory between uses."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass."""

    @model_validator(mode="after")
    def _what_goes_together(self) -> "HardwareConfig":
        if self.platform == "cpu" and (self.nodes, self.gpus_per_node, self.tensor_parallel) != (1, 1, 1):
            raise ValueError(
                "platform cpu trains on one device: nodes, gpus_per_node and tensor_parallel must be 1"
            )
        if self.rollout == "transformers" and (self.nodes, self.tensor_parallel) != (1, 1):
            raise ValueError("rollout transformers puts whole models on one node's GPUs: use rollout vllm")
        return self


class ResourcesConfig(Section):
    """What a job asks of the machine. Not part of any result: changing it reruns nothing."""

    training_mem_mb: PositiveInt = 3500
    """Memory of one training, in MB; how many run side by side follows from it."""
    training_threads: PositiveInt = 1
    """Computing threads of one training."""
    gpu_memory_gb: PositiveFloat | None = None
    """Memory of one GPU in GB (10^9 bytes), for the estimate of what fits; none: no estimate."""
    seconds_per_step: PositiveFloat | None = None
    """Expected duration of a training step, for `gdpo plan`, until a run of the same model was measured."""
