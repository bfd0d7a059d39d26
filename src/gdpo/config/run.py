"""The resolved config of one training run: all that its result depends on, and nothing else."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from gdpo.advantage import AdvantageError
from gdpo.config.base import later, written
from gdpo.config.rewards import RewardsConfig
from gdpo.config.training import FILTER_RULES, HardwareConfig, TrainingConfig
from gdpo.config.verl_keys import check_verl, without_empty
from gdpo.plugins import GRADERS, METHODS, REWARDS, SOURCES, TASKS
from gdpo.plugins.loading import VARIABLE, code_of
from gdpo.plugins.options import type_problem
from gdpo.plugins.same_code import in_environment, named_by
from gdpo.plugins.task_code import task_code

ALGORITHM_VERSION = 1
"""Raise it when a change of the estimators changes results: every training run is then asked for again."""


def _known_method(name: str) -> str:
    if name not in METHODS:
        close = get_close_matches(name, METHODS, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"no method {name!r}; {hint}allowed: {', '.join(sorted(METHODS))}")
    return name


MethodName = Annotated[str, AfterValidator(_known_method)]
"""A method of the package or of a plug-in that is loaded."""


class RunConfig(RewardsConfig):
    """One training run. Paths are not in it: a moved repository or a changed partition is the same run."""

    method: MethodName
    """Advantage estimator."""
    algorithm: dict[str, Any] = {}
    """Settings of the estimator (gdpo.advantage documents each); weights come from the rewards."""
    training: TrainingConfig
    hardware: HardwareConfig = HardwareConfig()
    verl: dict[str, Any] = later({})
    """Keys of veRL's own config that no key here sets, in its own sections (docs/verl.md)."""
    seed: int = Field(default=1, ge=0)
    """Seed of data order, rollouts and everything else that is random."""
    problems: dict[str, Any] = {}
    """Resolved training set; the run is another one when its data is."""
    weights: dict[str, Any] = {}
    """Resolved source of the starting weights, likewise."""
    algorithm_version: int = ALGORITHM_VERSION
    plugins: dict[str, str] = later({})
    """``reward terse`` -> hash of its code, for everything that the run has of plug-ins."""

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

    @model_validator(mode="after")
    def _verl_knows_its_keys(self) -> "RunConfig":
        check_verl(self.verl)
        loss = self.verl
        for part in ("actor_rollout_ref", "actor", "policy_loss"):
            loss = loss.get(part, {})
        if self.training.policy_loss == "dro" and not (loss.get("dro_beta") or 0) > 0:
            raise ValueError(
                "training.policy_loss: dro needs verl.actor_rollout_ref.actor.policy_loss.dro_beta above 0"
            )
        return self

    @model_validator(mode="after")
    def _filter_names_a_rule_or_reward(self) -> "RunConfig":
        rule = self.training.filter_groups
        if isinstance(rule, str) and rule not in {*FILTER_RULES, *self.rewards}:
            allowed = ", ".join(["false", "true", *FILTER_RULES, *self.rewards])
            raise ValueError(
                f"training.filter_groups: no rule and no reward; given: {rule!r}; allowed: {allowed}"
            )
        return self

    @model_validator(mode="after")
    def _correction_has_something_to_correct(self) -> "RunConfig":
        if self.training.rollout_is != "none" and self.rollout_is_old_policy():
            raise ValueError(
                f"training.rollout_is: {self.training.rollout_is} is without effect with rollout "
                "transformers on platform cpu, where the rollout's log-probabilities are the trainer's"
            )
        return self

    def rollout_is_old_policy(self) -> bool:
        """Whether the rollout's log-probabilities count as the old policy's (veRL's bypass mode)."""
        return (self.hardware.platform, self.hardware.rollout) == ("cpu", "transformers")

    def shown_as(self) -> str:
        """The method as tables and figures tell it apart: GRPO without the std is Dr.GRPO's."""
        without = self.method == "grpo" and not self.estimator_config().normalize_by_std
        return "dr_grpo" if without else self.method

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

    @field_validator("verl")
    @classmethod
    def _plain_and_filled(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Without sections in which nothing is left: they change nothing, so no run is another by them."""
        return without_empty(json.loads(json.dumps(value)))

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
        if problem := type_problem(config):  # a plug-in's class need not look at its types itself
            raise ValueError(f"algorithm.{problem}")
        return config

    def plugin_code(self, same: Sequence[str] = ()) -> dict[str, str]:
        """What :attr:`plugins` is with the code that is loaded now.

        Args:
            same: changed code that does the same (:mod:`gdpo.plugins.same_code`).
        """
        datasets = self.problems.get("catalogue", {}).values()
        made = [dataset["made"]["source"] for dataset in datasets if dataset.get("made")]
        graders = [dataset["grader"] for dataset in datasets if dataset.get("grader")]
        codes = {
            **code_of(REWARDS, [spec.function for spec in self.specs().values()]),
            **code_of(METHODS, [self.method]),
            **code_of(SOURCES, made),
            **code_of(GRADERS, graders),
        }
        for dataset in datasets:
            if task := dataset.get("task"):
                codes |= task_code(task, dataset.get("grader"))
        return named_by(codes, same)

    def resolved(self) -> dict[str, Any]:
        """Every value (:func:`gdpo.config.base.written`), as plain JSON types in a stable order."""
        values = written(self)
        settings = asdict(self.estimator_config())
        settings.pop("weights")
        values["algorithm"] = json.loads(json.dumps(settings))
        return values


def content_hash(value: Any) -> str:
    """Eight hex digits of the SHA-256 of a JSON value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def load_run_config(path: str | Path, same: Sequence[str] | None = None) -> RunConfig:
    """Read a resolved run config from its JSON file.

    Args:
        path: the file.
        same: changed code that does the same; by default what the environment says.

    Raises:
        pydantic.ValidationError: an unknown key or a value out of range.
        ValueError: a plug-in's code is not what the run was planned with, or is not loaded.
    """
    values = json.loads(Path(path).read_text())
    loaded = {registry.kind: registry for registry in (REWARDS, METHODS, SOURCES, TASKS, GRADERS)}
    for thing in values.get("plugins", {}):
        kind, _, name = thing.partition(" ")
        if name not in loaded[kind]:
            raise ValueError(
                f"{path}: no plug-in that is loaded has the {thing}; name its file in {VARIABLE} (Snakemake "
                "does, from the experiment's plugins)"
            )
    run = RunConfig.model_validate(values)
    now = run.plugin_code(in_environment() if same is None else same)
    if changed := [thing for thing, code in run.plugins.items() if now.get(thing) != code]:
        raise ValueError(
            f"{path}: the code of {', '.join(changed)} was changed since this run was planned; run Snakemake "
            "again, which trains a run of the new code"
        )
    return run
