"""The runs of an experiment: recipes, models, sweeps and seeds, each resolved to all that it inherits."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from gdpo.config.base import written
from gdpo.config.datasets import DatasetProblems
from gdpo.config.errors import ConfigError, config_error
from gdpo.config.models import SizeRecipe
from gdpo.config.recipe import merge, nested, repeats
from gdpo.config.run import RunConfig, content_hash
from gdpo.config.sections import PER_MODEL, SHARED, ExperimentConfig, RunRecipe, check_entry
from gdpo.config.sweep import Point


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


def runs_of(config: ExperimentConfig) -> dict[str, Run]:
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
        check_entry(f"runs.{name}.sweep.model", model, config.models)
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
        return run.model_copy(update={"plugins": run.plugin_code(config.same_code)})
    except ValidationError as error:
        raise config_error(error, RunConfig, partial(_written, layers)) from error


def _training_problems(config: ExperimentConfig) -> dict[str, Any]:
    """The training set's section, and what stands in the catalogue for the datasets that it names."""
    section = config.problems.train
    values = written(section)
    if isinstance(section, DatasetProblems):
        values["catalogue"] = {
            name: config.datasets[name].identity(judged=name in section.datasets) for name in section.names()
        }
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
