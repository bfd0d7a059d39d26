"""The resolved config of one training run: all that its result depends on, and nothing else."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gdpo.advantage import METHODS, AdvantageError
from gdpo.config.base import written
from gdpo.config.rewards import RewardsConfig
from gdpo.config.training import HardwareConfig, TrainingConfig

ALGORITHM_VERSION = 1
"""Raise it when a change of the estimators changes results: every training run is then asked for again."""


class RunConfig(RewardsConfig):
    """One training run. Paths are not in it: a moved repository or a changed partition is the same run."""

    method: Literal["grpo", "gdpo", "dgdo"]
    """Advantage estimator."""
    algorithm: dict[str, Any] = {}
    """Settings of the estimator (gdpo.advantage documents each); weights come from the rewards."""
    training: TrainingConfig
    hardware: HardwareConfig = HardwareConfig()
    seed: int = Field(default=1, ge=0)
    """Seed of data order, rollouts and everything else that is random."""
    problems: dict[str, Any] = {}
    """Resolved training set; the run is another one when its data is."""
    weights: dict[str, Any] = {}
    """Resolved source of the starting weights, likewise."""
    algorithm_version: int = ALGORITHM_VERSION

    @model_validator(mode="after")
    def _estimator_accepts(self) -> "RunConfig":
        if "weights" in self.algorithm:
            raise ValueError("algorithm.weights: give each reward's weight in rewards.<name>.weight")
        self.estimator_config()
        return self

    @model_validator(mode="after")
    def _rewards_can_teach(self) -> "RunConfig":
        self.check_varying(self.training.max_response_length)
        return self

    @model_validator(mode="after")
    def _micro_batches_fill_the_mini_batch(self) -> "RunConfig":
        responses, devices = self._mini_batch()
        if responses % (devices * self.micro_batch_size()):
            raise ValueError(
                f"training.micro_batch_size_per_gpu: {self.micro_batch_size()} on {devices} devices does "
                f"not divide the {responses} responses of a mini batch"
            )
        return self

    def micro_batch_size(self) -> int:
        """Responses per forward and backward pass on one device."""
        responses, devices = self._mini_batch()
        return self.training.micro_batch_size_per_gpu or max(1, responses // devices)

    def _mini_batch(self) -> tuple[int, int]:
        """Responses of a mini batch, and the devices that share them."""
        responses = self.training.ppo_mini_batch_size * self.training.responses_per_prompt
        return responses, self.hardware.nodes * self.hardware.gpus_per_node

    @field_validator("algorithm")
    @classmethod
    def _plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(value))

    def estimator_config(self) -> Any:
        """The dataclass config of the estimator, weights included.

        Raises:
            ValueError: an unknown setting or a value out of range, naming key, value and what is allowed.
        """
        config_cls = METHODS[self.method].config_cls
        known = config_cls.__dataclass_fields__
        if unknown := sorted(set(self.algorithm) - set(known)):
            allowed = sorted(set(known) - {"weights"})
            raise ValueError(f"algorithm.{unknown[0]}: not a setting of {self.method}; allowed: {allowed}")
        weights = {name: reward.weight for name, reward in self.rewards.items()}
        try:
            config = config_cls(**{**self.algorithm, "weights": weights})
            config.check_rewards(self.rewards)
        except (AdvantageError, TypeError) as error:
            raise ValueError(f"algorithm: {error}") from error
        return config

    def resolved(self) -> dict[str, Any]:
        """Every value written out, as plain JSON types in a stable order (:func:`gdpo.config.base.written`)."""
        values = written(self)
        settings = asdict(self.estimator_config())
        settings.pop("weights")
        values["algorithm"] = json.loads(json.dumps(settings))
        return values


def content_hash(value: Any) -> str:
    """Eight hex digits of the SHA-256 of a JSON value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def load_run_config(path: str | Path) -> RunConfig:
    """Read a resolved run config from its JSON file.

    Raises:
        pydantic.ValidationError: an unknown key or a value out of range.
    """
    return RunConfig.model_validate_json(Path(path).read_text())
