"""The experiment file: problems, starting model, runs and evaluation, read and validated once."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from gdpo.config.base import Section
from gdpo.config.errors import ConfigError, config_error
from gdpo.config.evaluation import EvaluationConfig
from gdpo.config.math_files import MIRROR, MathFileProblems
from gdpo.config.packaged_model import PackagedModel
from gdpo.config.problems import ArithmeticProblems
from gdpo.config.run import RunConfig
from gdpo.config.starting_model import StartingModel
from gdpo.config.training import ResourcesConfig

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that becomes part of a path."""

ProblemSet = Annotated[ArithmeticProblems | MathFileProblems, Field(discriminator="source")]
START = "start"
"""Name of the starting model among the evaluated models."""


def _not_start(runs: dict[str, Any]) -> dict[str, Any]:
    if START in runs:
        raise ValueError(f"a run cannot be called {START!r}: that is the starting model")
    return runs


class Problems(Section):
    """Which problems an experiment trains on and is judged by."""

    train: ProblemSet
    """Training set."""
    benchmarks: dict[Name, ProblemSet] = Field(min_length=1)
    """Benchmark name -> problem set; the first one also serves veRL's validation."""


class RunRecipe(Section):
    """One run: only what differs from the experiment's shared sections."""

    method: Literal["grpo", "gdpo", "dgdo"]
    """Advantage estimator."""
    algorithm: dict[str, Any] = {}
    """Settings of the estimator that differ from its defaults (docs/methods.md)."""
    rewards: dict[str, Any] = {}
    """Rewards that differ from the shared ones: name -> changed keys."""
    training: dict[str, Any] = {}
    """Training values that differ from the shared ones."""
    hardware: dict[str, Any] = {}
    """Hardware values that differ from the shared ones."""
    seeds: list[int] | None = None
    """Seeds of this run, where they differ from the experiment's."""


class ExperimentConfig(Section):
    """One experiment: everything that its DAG makes."""

    name: Name
    """Name of its folder under results/."""
    problems: Problems
    """Training set and benchmarks."""
    starting_model: Annotated[StartingModel | PackagedModel, Field(discriminator="source")]
    """The model that training starts from."""
    rewards: dict[Name, dict[str, Any]] = Field(min_length=1)
    """Shared rewards: name -> function, weight, options."""
    training: dict[str, Any]
    """Shared training values."""
    hardware: dict[str, Any] = {}
    """Shared hardware values."""
    seeds: list[int] = Field(default=[1], min_length=1)
    """Training seeds; each run trains once a seed."""
    runs: Annotated[dict[Name, RunRecipe], Field(min_length=1), AfterValidator(_not_start)]
    """Run name -> recipe."""
    evaluation: EvaluationConfig
    """How every model is judged."""
    resources: ResourcesConfig = ResourcesConfig()
    """What jobs ask of the machine; not part of any result."""

    @model_validator(mode="after")
    def _benchmarks_in_their_own_split(self) -> "ExperimentConfig":
        for name, problems in self.problems.benchmarks.items():
            if isinstance(problems, ArithmeticProblems) and problems.split != "benchmark":
                raise ValueError(
                    f"problems.benchmarks.{name}.split: must be benchmark, so that no problem is trained on"
                )
        if isinstance(self.problems.train, ArithmeticProblems) and self.problems.train.split != "train":
            raise ValueError("problems.train.split: must be train")
        return self

    def run_configs(self) -> dict[str, RunConfig]:
        """``<run>-seed<seed>`` -> validated run config.

        Raises:
            ConfigError: a run that cannot be trained, naming ``runs.<run>`` and the key.
        """
        configs = {}
        for name, recipe in self.runs.items():
            values = self._merged(recipe)
            for seed in recipe.seeds or self.seeds:
                try:
                    configs[f"{name}-seed{seed}"] = RunConfig.model_validate(values | {"seed": seed})
                except ValidationError as error:
                    raise config_error(error, RunConfig, partial(self._parent, name)) from error
        return configs

    def _parent(self, run: str, loc: tuple) -> str:
        """Where the user wrote what is wrong at ``loc`` of a run: in its recipe or in a shared section."""
        own: Any = self.runs[run].model_dump(exclude_unset=True)
        for part in loc:
            if not isinstance(own, Mapping) or part not in own:
                return "" if loc and loc[0] in ("rewards", "training", "hardware") else f"runs.{run}."
            own = own[part]
        return f"runs.{run}."

    def _merged(self, recipe: RunRecipe) -> dict[str, Any]:
        own = recipe.model_dump(exclude_unset=True)
        shared = {"rewards": self.rewards, "training": self.training, "hardware": self.hardware}
        merged = {key: merge(value, own.get(key, {})) for key, value in shared.items()}
        return merged | {"method": recipe.method, "algorithm": recipe.algorithm}

    def length_limit(self) -> int:
        """Response-length limit l in tokens: the evaluation's own, else that of the shared length reward."""
        if self.evaluation.length_limit is not None:
            return self.evaluation.length_limit
        limits = {r["options"]["limit"] for r in self.rewards.values() if "limit" in r.get("options", {})}
        if len(limits) != 1:
            raise ConfigError(
                "evaluation.length_limit: missing, and the rewards do not name exactly one limit"
            )
        return limits.pop()


def merge(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """``parent`` with the values of ``child`` put over it, sections within sections alike."""
    merged = dict(parent)
    for key, value in child.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def load_experiment(path: str | Path) -> ExperimentConfig:
    """Read, validate and return an experiment file; nothing is run or written.

    Raises:
        ConfigError: the file is missing or a key is wrong, one line a problem.
    """
    path = Path(path)
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ConfigError(f"{path}: no such experiment file; {path.parent} has: {', '.join(known) or 'none'}")
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a mapping of sections, not {type(values).__name__}")
    try:
        experiment = _validated(values)
        experiment.run_configs()
        experiment.length_limit()
        _check_files(experiment)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error
    return experiment


def _validated(values: dict[str, Any]) -> ExperimentConfig:
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise config_error(error, ExperimentConfig) from error


def _check_files(experiment: ExperimentConfig) -> None:
    """Every local file that the experiment reads must exist now, not when its job starts."""
    sets = {"problems.train": experiment.problems.train} | {
        f"problems.benchmarks.{name}": problems for name, problems in experiment.problems.benchmarks.items()
    }
    for key, problems in sets.items():
        if not isinstance(problems, MathFileProblems):
            continue
        if problems.mirror() is None:
            raise ConfigError(
                f"{key}.file: set the environment variable {MIRROR} to the folder with "
                f"{problems.file}; it is not set"
            )
        if not problems.path().is_file():
            raise ConfigError(f"{key}.file: {problems.path()} does not exist; put {problems.file} there")
        if not os.access(problems.path(), os.R_OK):
            raise ConfigError(f"{key}.file: {problems.path()} cannot be read")
