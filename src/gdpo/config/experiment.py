"""The experiment file: problems, models, runs and evaluation, read and validated once."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError, model_validator

from gdpo.config.base import Section, is_file, later, written
from gdpo.config.datasets import Dataset, DatasetProblems
from gdpo.config.errors import ConfigError, config_error, single_values
from gdpo.config.evaluation import EvaluationConfig
from gdpo.config.memory import MemoryEstimate, estimate_memory
from gdpo.config.models import FolderModel, ModelRecipe, SizeRecipe
from gdpo.config.monitoring import MonitoringConfig
from gdpo.config.problems import ArithmeticProblems
from gdpo.config.recipe import Recipe, leaves, merge, nested, read_recipe, repeats
from gdpo.config.run import MethodName, RunConfig, content_hash
from gdpo.config.sweep import Name, Point, Sweep
from gdpo.config.training import HardwareConfig, ResourcesConfig, TrainingConfig
from gdpo.config.verl_keys import check_verl
from gdpo.plugins import FIGURES, METRICS, PluginError
from gdpo.plugins.loading import file_of, load

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
    def _metrics_and_figures_are_registered(self) -> "ExperimentConfig":
        for key, names, registry in (
            ("evaluation.metrics", self.evaluation.metrics, METRICS),
            ("figures", self.figures, FIGURES),
        ):
            for name in names:
                _check_entry(key, name, registry)
            if doubled := [name for name in names if names.count(name) > 1]:
                raise ConfigError(f"{key}: {doubled[0]} is there twice")
        if usual := [name for name in self.evaluation.metrics if file_of(METRICS, name) is None]:
            raise ConfigError(f"evaluation.metrics: every table has {usual[0]}; take it away")
        return self

    @model_validator(mode="after")
    def _entries_exist(self) -> "ExperimentConfig":
        for key, problems in problem_sets(self).items():
            for dataset in problems.names() if isinstance(problems, DatasetProblems) else []:
                _check_entry(f"{key}.datasets", dataset, self.datasets)
        for name, model in self.models.items():
            _check_entry(f"models.{name}.size", model.size, self.sizes)
        for name, run in self.runs.items():
            _check_entry(f"runs.{name}.model", run.model, self.models)
        for name, outputs in self.evaluation.outputs.items():
            _check_entry(f"evaluation.outputs.{name}.start", outputs.start, self.models)
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


def _check_entry(key: str, value: str | None, entries: Mapping[str, Any]) -> None:
    if value is not None and value not in entries:
        close = get_close_matches(value, entries, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"{key}: no entry {value!r}; {hint}allowed: {', '.join(entries) or 'none'}")


@dataclass(frozen=True)
class Run:
    """One training run of an experiment."""

    arm: str
    """Its name without the seed: runs of one arm differ in nothing else."""
    seed: int
    model: str
    """Entry of models that it starts from."""
    config: RunConfig

    @property
    def name(self) -> str:
        """Readable and stable: run, model where there are several, sweep values, seed."""
        return f"{self.arm}-seed{self.seed}"

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """The resolved run config, as in its config.json."""
        return self.config.resolved()

    @cached_property
    def id(self) -> str:
        """Name and content hash: equal ids mean equal results."""
        return f"{self.name}-{content_hash(self.resolved)}"


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
        limits = set()
        for name, reward in self.config.rewards.items():
            options = reward.get("options")
            if not isinstance(options, Mapping) or "limit" not in options:
                continue
            limit = options["limit"]
            if type(limit) is not int or limit <= 0:  # every run overrides it, so none has checked it
                raise ConfigError(
                    f"rewards.{name}.options.limit: must be a positive integer; given: {limit!r}"
                )
            limits.add(limit)
        if len(limits) != 1:
            raise ConfigError(
                "evaluation.length_limit: missing, and the rewards do not name exactly one limit"
            )
        return limits.pop()


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
        experiment = Experiment(path.stem, config, _runs(config))
        experiment.length_limit()
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


def _runs(config: ExperimentConfig) -> dict[str, Run]:
    """Every run, in the order written: recipes, then models, sweep points and seeds."""
    runs: dict[str, Run] = {}
    names = set(config.models)
    for name, recipe in config.runs.items():
        _check_repeats(config, name, recipe)
        for run in _expanded(config, name, recipe):
            if run.name in names:
                raise ConfigError(f"runs.{name}: a second model would be called {run.name}; rename one")
            names.add(run.name)
            runs[run.id] = run
    return runs


def _expanded(config: ExperimentConfig, name: str, recipe: RunRecipe) -> Iterator[Run]:
    points = recipe.sweep.combinations() if recipe.sweep else [Point("", {})]
    models = [recipe.model] if recipe.model else list(config.models)
    for model, point in itertools.product(models, points):
        changes = dict(point.changes)
        if "model" in changes and recipe.model is None and model != models[0]:
            continue  # the sweep says which model
        model = changes.pop("model", model)
        if not isinstance(model, str):
            raise ConfigError(f"runs.{name}.sweep.model: must be an entry of models; given: {model!r}")
        _check_entry(f"runs.{name}.sweep.model", model, config.models)
        named = "model" in point.changes or len(config.models) == 1
        label = point.label if named else _join(model, point.label)
        layers = _layers(config, name, recipe, model, nested(changes))
        for seed in recipe.seeds or config.seeds:
            yield Run(_join(name, label), seed, model, _run_config(config, model, layers, seed))


def _join(*parts: str) -> str:
    return "-".join(part for part in parts if part)


class Layer(NamedTuple):
    """Values of one level of a run's inheritance."""

    where: dict[str, str]
    """Section of the run -> the key under which the user writes it at this level."""
    values: dict[str, Any]


def _layers(
    config: ExperimentConfig, name: str, recipe: RunRecipe, model: str, changes: dict[str, Any]
) -> list[Layer]:
    """From the shared sections to the sweep's point; later ones win."""
    start = config.models[model]
    size = config.sizes.get(start.size or "", SizeRecipe())
    method = changes.get("method", recipe.method)
    # A sweep may give anything for the method; what is no text is the run's own error.
    settings = config.methods.get(method, {}) if isinstance(method, str) else {}
    own = recipe.model_dump(exclude_unset=True, include={"method", "algorithm", *SHARED})
    return [
        Layer({}, {section: getattr(config, section) for section in SHARED}),
        Layer(_under(f"sizes.{start.size}"), {section: getattr(size, section) for section in PER_MODEL}),
        Layer(_under(f"models.{model}"), {section: getattr(start, section) for section in PER_MODEL}),
        Layer({"algorithm": f"methods.{method}"}, {"algorithm": settings}),
        Layer(_under(f"runs.{name}"), own),
        Layer(_under(f"runs.{name}.sweep"), changes),
    ]


def _under(prefix: str) -> dict[str, str]:
    return {section: f"{prefix}.{section}" for section in ("method", "algorithm", *SHARED)}


def _run_config(config: ExperimentConfig, model: str, layers: list[Layer], seed: int) -> RunConfig:
    values: dict[str, Any] = {
        "seed": seed,
        "problems": _training_problems(config),
        "weights": config.models[model].weights.model_dump(mode="json"),
    }
    for layer in layers:
        values = merge(values, layer.values)
    try:
        run = RunConfig.model_validate(values)
        return run.model_copy(update={"plugins": run.plugin_code()})
    except ValidationError as error:
        raise config_error(error, RunConfig, partial(_written, layers)) from error


def _training_problems(config: ExperimentConfig) -> dict[str, Any]:
    """The training set's section, and what stands in the catalogue for the datasets that it names."""
    section = config.problems.train
    values = written(section)
    if isinstance(section, DatasetProblems):
        values["catalogue"] = {name: config.datasets[name].identity() for name in section.names()}
    return values


def _written(layers: list[Layer], key: str) -> str:
    """Where the user wrote ``key`` of a run: at the last level that has it, else in the run itself."""
    section, *below = key.split(".")
    for layer in reversed(layers):
        values: Any = layer.values.get(section)
        for part in below:
            values = values.get(part) if isinstance(values, Mapping) else None
        if values not in (None, {}):
            return ".".join([layer.where.get(section, section), *below])
    return layers[-2].where["method"] if section == "method" else key


def _check_repeats(config: ExperimentConfig, name: str, recipe: RunRecipe) -> None:
    """A run holds only what differs from what it inherits, whichever of its models it trains."""
    found: list[set[str]] = []
    for model in [recipe.model] if recipe.model else config.models:
        *inherited, own, _ = _layers(config, name, recipe, model, {})
        values: dict[str, Any] = {}
        for layer in inherited:
            values = merge(values, layer.values)
        found.append({f"{key}: {value!r}" for key, value in repeats(own.values, values)})
    if repeated := sorted(set.intersection(*found)):
        raise ConfigError(
            "\n".join(f"runs.{name}.{line} is what the run inherits already; remove it" for line in repeated)
        )


def _resources(config: ExperimentConfig, model: str) -> ResourcesConfig:
    size = config.models[model].size
    if size is None:
        return config.resources
    values = merge(config.resources.model_dump(exclude_unset=True), config.sizes[size].resources)
    try:
        return ResourcesConfig.model_validate(values)
    except ValidationError as error:
        raise config_error(error, ResourcesConfig, lambda key: f"sizes.{size}.resources.{key}") from error


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
