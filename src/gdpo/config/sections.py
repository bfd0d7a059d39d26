"""What an experiment file holds: its sections, and that what they name is there."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field, model_validator

from gdpo.config.base import Section, later
from gdpo.config.datasets import Dataset, DatasetProblems
from gdpo.config.errors import ConfigError
from gdpo.config.evaluation import EvaluationConfig
from gdpo.config.models import ModelRecipe, SizeRecipe
from gdpo.config.monitoring import MonitoringConfig
from gdpo.config.problems import ArithmeticProblems
from gdpo.config.run import MethodName
from gdpo.config.sweep import Name, Sweep
from gdpo.config.training import ResourcesConfig
from gdpo.plugins import FIGURES, METRICS, TASKS
from gdpo.plugins.loading import file_of
from gdpo.plugins.same_code import problem

ProblemSet = Annotated[ArithmeticProblems | DatasetProblems, Field(discriminator="source")]
SHARED = ("rewards", "training", "hardware", "verl")
"""Sections that runs share and may differ from."""
PER_MODEL = ("training", "hardware", "verl")
"""Those of them that sizes and models may change."""


class Problems(Section):
    """Which problems an experiment trains on and is judged by."""

    train: ProblemSet
    """Training set."""
    benchmarks: dict[Name, ProblemSet] = Field(min_length=1)
    """Benchmark name -> problem set; the first one also serves veRL's validation."""


class RunRecipe(Section):
    """One run, or a sweep of them: only what differs from the experiment's shared sections."""

    method: MethodName | None = None
    """Advantage estimator; may be left to the sweep."""
    model: Name | None = None
    """Entry of models to train; none: a run for each of them."""
    algorithm: dict[str, Any] = {}
    """Settings of the estimator that differ from those in methods (docs/methods.md)."""
    rewards: dict[str, Any] = {}
    """Rewards that differ from the shared ones: name -> changed keys; null removes one."""
    training: dict[str, Any] = {}
    """Training values that differ from the shared ones."""
    hardware: dict[str, Any] = {}
    """Hardware values that differ from the shared ones."""
    verl: dict[str, Any] = later({})
    """Keys of veRL that differ from the shared ones."""
    sweep: Sweep | None = None
    """Values to try; one run each."""
    seeds: list[int] | None = Field(default=None, min_length=1)
    """Seeds of this run, where they differ from the experiment's."""


class ExperimentConfig(Section):
    """One experiment: everything that its DAG makes. Its name is the file's."""

    plugins: list[str] = []
    """Your own rewards, methods, ...: files (my/rewards.py) or installed packages (docs/extending.md)."""
    same_code: list[str] = []
    """Changed code of plug-ins that does the same, "31ee26a6 -> d19f0e38": its runs are not trained again."""
    problems: Problems
    """Training set and benchmarks."""
    datasets: dict[Name, Dataset] = {}
    """Catalogue: dataset name -> where it comes from and how it is read."""
    models: dict[Name, ModelRecipe] = Field(min_length=1)
    """Model name -> where training starts from."""
    sizes: dict[str, SizeRecipe] = {}
    """Size of a model -> what runs of it differ in on this machine."""
    methods: dict[MethodName, dict[str, Any]] = {}
    """Method -> settings of its estimator that differ from the defaults (docs/methods.md)."""
    rewards: dict[Name, dict[str, Any]] = Field(min_length=1)
    """Shared rewards: name -> function, weight, options."""
    training: dict[str, Any] = {}
    """Shared training values."""
    hardware: dict[str, Any] = {}
    """Shared hardware values."""
    verl: dict[str, Any] = later({})
    """Shared keys of veRL's own config, in its own sections: any that no key here sets (docs/verl.md)."""
    seeds: list[int] = Field(default=[1], min_length=1)
    """Training seeds; each run trains once a seed."""
    runs: dict[Name, RunRecipe] = Field(min_length=1)
    """Run name -> recipe."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How every model is judged."""
    resources: ResourcesConfig = ResourcesConfig()
    """What jobs ask of the machine; not part of any result."""
    figures: list[str] = []
    """Figures of a plug-in, registered by @figure, that are drawn beside the usual ones."""
    monitoring: MonitoringConfig = MonitoringConfig()
    """Where metrics are sent; not part of any result."""

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

    @model_validator(mode="after")
    def _only_training_is_decontaminated(self) -> "ExperimentConfig":
        for name, problems in self.problems.benchmarks.items():
            if isinstance(problems, DatasetProblems) and problems.decontaminate:
                raise ValueError(
                    f"problems.benchmarks.{name}.decontaminate: only problems.train can have it; "
                    "a benchmark stays whole"
                )
        return self

    @model_validator(mode="after")
    def _suffix_has_an_effect(self) -> "ExperimentConfig":
        for key, problems in problem_sets(self).items():
            if not isinstance(problems, DatasetProblems) or "suffix" not in problems.model_fields_set:
                continue
            tasks = sorted({self.datasets[name].task for name in problems.datasets if name in self.datasets})
            if tasks and all("suffix" in TASKS[task].ignores for task in tasks):
                raise ConfigError(
                    f"{key}.suffix: without effect, as prompts of the task {tasks[0]} are taken as they are"
                )
        return self

    @model_validator(mode="after")
    def _weights_are_of_a_benchmarks_datasets(self) -> "ExperimentConfig":
        for name, weights in self.evaluation.weights.items():
            check_entry("evaluation.weights", name, self.problems.benchmarks)
            problems = self.problems.benchmarks[name]
            datasets = problems.datasets if isinstance(problems, DatasetProblems) else []
            if differing := sorted(set(weights) ^ set(datasets)):
                raise ConfigError(
                    f"evaluation.weights.{name}: must have exactly the benchmark's datasets; differs in "
                    f"{', '.join(differing)}"
                )
            if len(datasets) == 1:
                raise ConfigError(f"evaluation.weights.{name}: without effect on a benchmark of one dataset")
            if problems.size:
                raise ConfigError(
                    f"problems.benchmarks.{name}.size: cannot stand with evaluation.weights, as the first so "
                    "many problems may lack a dataset"
                )
        return self

    @model_validator(mode="after")
    def _same_code_is_two_hashes(self) -> "ExperimentConfig":
        for said in self.same_code:
            if wrong := problem(said):
                raise ConfigError(f"same_code: {wrong}")
        return self

    @model_validator(mode="after")
    def _metrics_and_figures_are_registered(self) -> "ExperimentConfig":
        for key, names, registry in (
            ("evaluation.metrics", self.evaluation.metrics, METRICS),
            ("evaluation.shown", self.evaluation.shown, METRICS),
            ("figures", self.figures, FIGURES),
        ):
            for name in names:
                check_entry(key, name, registry)
            if doubled := [name for name in names if names.count(name) > 1]:
                raise ConfigError(f"{key}: {doubled[0]} is there twice")
        usual = [name for name in METRICS if METRICS[name].of_samples and file_of(METRICS, name) is None]
        for name in self.evaluation.shown:
            if name not in [*usual, *self.evaluation.metrics]:
                raise ConfigError(f"evaluation.shown: {name} must be in evaluation.metrics as well")
            if METRICS[name].unit != "%":
                raise ConfigError(f"evaluation.shown: {name} is no share but in {METRICS[name].unit}")
        if doubled := [name for name in self.evaluation.metrics if name in usual]:
            raise ConfigError(f"evaluation.metrics: every table has {doubled[0]}; take it away")
        return self

    @model_validator(mode="after")
    def _entries_exist(self) -> "ExperimentConfig":
        for key, problems in problem_sets(self).items():
            for dataset in problems.names() if isinstance(problems, DatasetProblems) else []:
                check_entry(f"{key}.datasets", dataset, self.datasets)
        for name, model in self.models.items():
            check_entry(f"models.{name}.size", model.size, self.sizes)
        for name, run in self.runs.items():
            check_entry(f"runs.{name}.model", run.model, self.models)
        for name, outputs in self.evaluation.outputs.items():
            check_entry(f"evaluation.outputs.{name}.start", outputs.start, self.models)
            if name in self.models or name in self.runs:
                raise ConfigError(f"evaluation.outputs.{name}: a model or run has this name; choose another")
            if different := sorted(set(outputs.generations) ^ set(self.problems.benchmarks)):
                raise ConfigError(
                    f"evaluation.outputs.{name}.generations: must have exactly the benchmarks of the "
                    f"experiment; differs in {', '.join(different)}"
                )
        return self


def problem_sets(config: ExperimentConfig) -> dict[str, ProblemSet]:
    """Dotted key -> problem set: the training set, then the benchmarks."""
    benchmarks = {f"problems.benchmarks.{name}": made for name, made in config.problems.benchmarks.items()}
    return {"problems.train": config.problems.train, **benchmarks}


def used_datasets(config: ExperimentConfig) -> dict[str, Dataset]:
    """Entries of the catalogue that a problem set reads."""
    sets = [section for section in problem_sets(config).values() if isinstance(section, DatasetProblems)]
    return {name: config.datasets[name] for section in sets for name in section.names()}


def check_entry(key: str, value: str | None, entries: Mapping[str, Any]) -> None:
    if value is not None and value not in entries:
        close = get_close_matches(value, entries, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"{key}: no entry {value!r}; {hint}allowed: {', '.join(entries) or 'none'}")
