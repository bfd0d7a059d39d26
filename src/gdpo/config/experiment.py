"""An experiment: its file read, validated and resolved once."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gdpo.config.base import Section, is_file
from gdpo.config.datasets import DatasetProblems
from gdpo.config.errors import ConfigError, config_error, single_values
from gdpo.config.memory import MemoryEstimate, estimate_memory
from gdpo.config.models import FolderModel
from gdpo.config.recipe import Recipe, leaves, merge, nested, read_recipe
from gdpo.config.runs import Run, runs_of
from gdpo.config.sections import ExperimentConfig, ProblemSet, problem_sets, used_datasets
from gdpo.config.training import HardwareConfig, ResourcesConfig, TrainingConfig
from gdpo.config.verl_keys import check_verl
from gdpo.plugins import METRICS, REWARDS, TASKS, PluginError
from gdpo.plugins.loading import load


@dataclass(frozen=True)
class Experiment:
    """A validated experiment with its runs resolved."""

    name: str
    config: ExperimentConfig
    runs: dict[str, Run]
    """Run id -> run."""

    def run(self, name: str) -> Run:
        """A run by its id, by its name, or the first of an arm.

        Raises:
            ConfigError: there is none; the message lists the arms.
        """
        for run in self.runs.values():
            if name in (run.id, run.name, run.arm):
                return run
        arms = dict.fromkeys(run.arm for run in self.runs.values())
        raise ConfigError(f"{name}: no run of {self.name}; it has {', '.join(arms)} (and -seed<n> of each)")

    def resources(self, run: Run) -> ResourcesConfig:
        """What a training asks of the machine."""
        return _resources(self.config, run.model)

    def memory(self, run: Run) -> MemoryEstimate | None:
        """GPU memory of a training; None on a CPU, and where shape or gpu_memory_gb is not given."""
        shape, gpu_gb = self.config.models[run.model].shape, self.resources(run).gpu_memory_gb
        if shape is None or gpu_gb is None or run.config.hardware.platform == "cpu":
            return None
        config = run.config
        return estimate_memory(shape, config.training, config.hardware, config.micro_batch_size(), gpu_gb)

    def loading_mem_mb(self, model: str) -> int:
        """Host memory in MB of a job that loads a model: 8 bytes a parameter (fp32, a copy), and 1500."""
        shape = self.config.models[model].shape
        return 1500 + (8 * shape.parameters // 1_000_000 if shape else 0)

    def length_limit(self) -> int:
        """Response-length limit l in tokens: the evaluation's own, else that of the shared length reward."""
        if self.config.evaluation.length_limit is not None:
            return self.config.evaluation.length_limit
        limits: dict[str, int] = {}
        for name, reward in self.config.rewards.items():
            options = reward.get("options")
            if not isinstance(options, Mapping) or "limit" not in options:
                continue
            limit = options["limit"]
            if type(limit) is not int or limit <= 0:  # every run overrides it, so none has checked it
                raise ConfigError(
                    f"rewards.{name}.options.limit: must be a positive integer; given: {limit!r}"
                )
            limits[name] = limit
        if len(set(limits.values())) != 1:
            found = ", ".join(f"{name} {limit}" for name, limit in limits.items())
            raise ConfigError(
                "evaluation.length_limit: missing, and the rewards do not name exactly one limit "
                f"({found or 'none has one'})"
            )
        return next(iter(limits.values()))


def load_experiment(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Experiment:
    """Read, validate and return an experiment file; nothing is run or written.

    Args:
        path: the file; its parents are looked for in its folder.
        overrides: dotted key -> value, put over everything.

    Raises:
        ConfigError: a file is missing or a key is wrong; one line a problem, which names the file.
    """
    path = Path(path)
    if not is_file(path):
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ConfigError(f"{path}: no such experiment file; {path.parent} has: {', '.join(known) or 'none'}")
    recipe = read_recipe(path, overrides)
    try:
        _load_plugins(recipe.values.get("plugins", []))
        config = _validated(recipe.values)
        _check_sections(config)
        experiment = Experiment(path.stem, config, runs_of(config))
        experiment.length_limit()
        _check_measured(experiment)
        for model in config.models:
            _resources(config, model)
        _check_memory(experiment)
        _check_files(config)
    except ConfigError as error:
        lines = dict.fromkeys(str(error).splitlines())
        raise ConfigError("\n".join(f"{_origin(recipe, line)}: {line}" for line in lines)) from error
    return experiment


def _origin(recipe: Recipe, line: str) -> str:
    return recipe.origin(line.split(": ")[0])


def _load_plugins(names: Any) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"plugins: must be a list of files; given: {names!r:.200}")
    try:
        load(names)
    except PluginError as error:
        raise ConfigError(f"plugins: {error}") from error


def _validated(values: dict[str, Any]) -> ExperimentConfig:
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise config_error(error, ExperimentConfig) from error


def _check_sections(config: ExperimentConfig) -> None:
    """Values that no run takes, since something overrides them, must be right as well.

    One value at a time: what several say together is a run's matter.
    """
    written = {"": config, **{f"sizes.{name}.": size for name, size in config.sizes.items()}}
    written |= {f"models.{name}.": model for name, model in config.models.items()}
    sections: dict[str, type[Section]] = {"training": TrainingConfig, "hardware": HardwareConfig}
    problems = []
    for prefix, (section, model) in itertools.product(written, sections.items()):
        try:
            model.model_validate(getattr(written[prefix], section))
        except ValidationError as error:
            problems += single_values(error, model, f"{prefix}{section}.")
    for prefix, level in written.items():
        try:
            check_verl(nested({key: value for key, value in leaves(level.verl) if value is not None}))
        except ValueError as error:
            problems.append(f"{prefix}{error}")
    if problems:
        raise ConfigError("\n".join(problems))


def _resources(config: ExperimentConfig, model: str) -> ResourcesConfig:
    size = config.models[model].size
    if size is None:
        return config.resources
    values = merge(config.resources.model_dump(exclude_unset=True), config.sizes[size].resources)
    try:
        return ResourcesConfig.model_validate(values)
    except ValidationError as error:
        raise config_error(error, ResourcesConfig, lambda key: f"sizes.{size}.resources.{key}") from error


def _check_measured(experiment: Experiment) -> None:
    """A reward or metric that needs what one grader measures must meet it wherever it is computed."""
    config = experiment.config
    judges = judges_of(config)
    validation = f"problems.benchmarks.{next(iter(config.problems.benchmarks))}"
    for run in experiment.runs.values():
        sets = ["problems.train", *([validation] if run.config.training.validate_every else [])]
        for (name, reward), key in itertools.product(run.config.rewards.items(), sets):
            needed = REWARDS[reward.function or name].grader
            if needed and (others := sorted(judges[key] - {needed})):
                raise ConfigError(
                    f"rewards.{name}: needs problems that {needed} judges, and {key} has some that "
                    f"{others[0]} judges; take the reward away, or name other datasets"
                )
    for name, key in itertools.product(config.evaluation.metrics, sorted(set(judges) - {"problems.train"})):
        needed = METRICS[name].grader
        if needed and (others := sorted(judges[key] - {needed})):
            raise ConfigError(
                f"evaluation.metrics: {name} needs problems that {needed} judges, and {key} has some that "
                f"{others[0]} judges; take the metric away, or name other datasets"
            )


def judges_of(config: ExperimentConfig) -> dict[str, set[str]]:
    """Key of each problem set -> graders of its problems."""
    return {key: _judges(config, made) for key, made in problem_sets(config).items()}


def _judges(config: ExperimentConfig, problems: ProblemSet) -> set[str]:
    if not isinstance(problems, DatasetProblems):
        return {TASKS["math"].grader}
    return {config.datasets[name].judge() for name in problems.datasets}


def _check_memory(experiment: Experiment) -> None:
    """A recipe that no GPU of its kind can hold is refused before it is submitted."""
    problems = {}
    for run in experiment.runs.values():
        estimate = experiment.memory(run)
        if estimate is not None and (problem := estimate.problem()):
            problems.setdefault(f"models.{run.model}: {problem}", run.name)
    if problems:
        raise ConfigError("\n".join(f"{problem} (run {name})" for problem, name in problems.items()))


def _check_files(config: ExperimentConfig) -> None:
    """Every local file that the experiment reads must exist now, not when its job starts."""
    for name, model in config.models.items():
        if isinstance(model.weights, FolderModel) and (problem := model.weights.problem()):
            raise ConfigError(f"models.{name}.weights.path: {problem}")
    for name, outputs in config.evaluation.outputs.items():
        for benchmark, path in outputs.generations.items():
            if not is_file(Path(path)):
                raise ConfigError(f"evaluation.outputs.{name}.generations.{benchmark}: no file {path}")
    for name, dataset in used_datasets(config).items():
        if problem := dataset.problem():
            raise ConfigError(f"datasets.{name}.file: {problem}")
