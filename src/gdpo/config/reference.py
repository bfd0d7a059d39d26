"""The config reference page, generated from the sections: names, types, defaults, ranges and help."""

import json
import typing
from types import UnionType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gdpo.config.datasets import (
    Columns,
    Dataset,
    DatasetProblems,
    Decontamination,
    FileSource,
    HubSource,
    MadeSource,
)
from gdpo.config.evaluation import EvaluationConfig, Outputs
from gdpo.config.memory import ModelShape
from gdpo.config.models import FolderModel, HubModel, ModelRecipe, SizeRecipe
from gdpo.config.monitoring import MonitoringConfig
from gdpo.config.packaged_model import PackagedModel
from gdpo.config.problems import ArithmeticProblems, ChainSum, SimpleEquations
from gdpo.config.program_starting_model import ProgramMix, ProgramStartingModel, ThoughtMix
from gdpo.config.recipe import INHERITS
from gdpo.config.rewards import RewardCondition, RewardConfig
from gdpo.config.sampling import Sampling
from gdpo.config.sections import ExperimentConfig, Problems, RunRecipe
from gdpo.config.site import Environment, Partition, Places, Site
from gdpo.config.starting_model import Architecture, StartingModel, StyleMix
from gdpo.config.sweep import Sweep
from gdpo.config.tool_starting_model import ContentMix, FormMix, ReasoningMix, ToolStartingModel
from gdpo.config.toy_programs import ProgrammingMix, ProgrammingProblems
from gdpo.config.toy_tools import RequestMix, ToolRequests
from gdpo.config.training import HardwareConfig, ResourcesConfig, TrainingConfig

SECTIONS: dict[str, type[BaseModel]] = {
    "the experiment": ExperimentConfig,
    "problems": Problems,
    "problems.*, source: arithmetic": ArithmeticProblems,
    "problems.*.families.*, task: chain_sum": ChainSum,
    "problems.*.families.*, task: simple_equations": SimpleEquations,
    "problems.*, source: datasets": DatasetProblems,
    "problems.train.decontaminate": Decontamination,
    "datasets.<name>": Dataset,
    "datasets.<name>.file": FileSource,
    "datasets.<name>.hub": HubSource,
    "datasets.<name>.made": MadeSource,
    "datasets.<name>.columns": Columns,
    "models.<name>": ModelRecipe,
    "models.<name>.shape": ModelShape,
    "models.<name>.weights, source: pretrained-here": StartingModel,
    "models.<name>.weights.architecture": Architecture,
    "models.<name>.weights.styles": StyleMix,
    "models.<name>.weights, source: pretrained-on-tools": ToolStartingModel,
    "models.<name>.weights.requests": ToolRequests,
    "models.<name>.weights.requests.mix": RequestMix,
    "models.<name>.weights.form": FormMix,
    "models.<name>.weights.content": ContentMix,
    "models.<name>.weights.reasoning": ReasoningMix,
    "models.<name>.weights, source: pretrained-on-programs": ProgramStartingModel,
    "models.<name>.weights.problems": ProgrammingProblems,
    "models.<name>.weights.problems.mix": ProgrammingMix,
    "models.<name>.weights.programs": ProgramMix,
    "models.<name>.weights.thoughts": ThoughtMix,
    "models.<name>.weights, source: python-package": PackagedModel,
    "models.<name>.weights, source: folder": FolderModel,
    "models.<name>.weights, source: hub": HubModel,
    "sizes.<size>": SizeRecipe,
    "rewards.<name>": RewardConfig,
    "rewards.<name>.conditioned_on": RewardCondition,
    "training": TrainingConfig,
    "hardware": HardwareConfig,
    "runs.<name>": RunRecipe,
    "runs.<name>.sweep": Sweep,
    "evaluation": EvaluationConfig,
    "evaluation.sampling": Sampling,
    "evaluation.outputs.<name>": Outputs,
    "resources": ResourcesConfig,
    "monitoring": MonitoringConfig,
}
SITE_SECTIONS: dict[str, type[BaseModel]] = {
    "site.yaml": Site,
    "site.yaml, partitions.<kind>": Partition,
    "site.yaml, environment": Environment,
    "site.yaml, places": Places,
}
"""Of the cluster's file, which is part of no experiment."""

HEADER = """# Config reference

Generated from the code by `gdpo reference > config/README.md`; a test holds the two in sync.

An experiment is one file, `config/<name>.yaml`; `snakemake --profile laptop --config experiment=<name>` runs
it. [docs/experiments.md](../docs/experiments.md) says how files inherit, how runs are swept and named, and
what runs again after a change. [docs/defaults.yaml](../docs/defaults.yaml) has the same keys as a commented
file.
Everything is validated before the first job: an error names the file, the key, what was given and what is
allowed. The last sections are of `site.yaml`, which says where a cluster's jobs go
([docs/slurm.md](../docs/slurm.md)).
The settings of each estimator (`runs.<name>.algorithm`) are in [docs/methods.md](../docs/methods.md).
"""


def reference() -> str:
    """The whole page as Markdown."""
    return HEADER + "".join(_section(key, model) for key, model in (SECTIONS | SITE_SECTIONS).items())


def defaults() -> str:
    """Every key with its default and help, as commented YAML."""
    return DEFAULTS_HEADER + "".join(_commented(key, model) for key, model in SECTIONS.items())


DEFAULTS_HEADER = """\
# Every key of an experiment with its default. Generated by `gdpo defaults > docs/defaults.yaml`; a test
# holds it in sync. Copy a line into your experiment to change it; leave out what stays as it is here.
"""


def _commented(key: str, model: type[BaseModel]) -> str:
    lines = [f"\n# ---- {key}: {(model.__doc__ or '').strip().splitlines()[0]}"]
    for name, field in model.model_fields.items():
        lines.append(
            f"#{name}: {_default(field).strip('`')}  # {_type(field)}. {' '.join(field.description.split())}"
        )
    return "\n".join(lines) + "\n"


def schema() -> dict[str, Any]:
    """JSON schema of an experiment or recipe file, for editors."""
    schema = _partial(ExperimentConfig.model_json_schema())
    parents = {"type": "array", "items": {"type": "string"}, "description": INHERITS_HELP}
    schema["properties"] = {INHERITS: parents} | schema["properties"]
    return schema


def _partial(schema: Any) -> Any:
    """The schema of a file that leaves to its parents what they give: nothing is required."""
    if isinstance(schema, list):
        return [_partial(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    names = {"oneOf": "anyOf"}  # without its discriminator, a section may fit several kinds
    dropped = ("required", "discriminator")
    partial = {names.get(key, key): _partial(value) for key, value in schema.items() if key not in dropped}
    if "patternProperties" in partial:  # null removes an inherited entry
        entries = partial["patternProperties"]
        partial["patternProperties"] = {
            pattern: {"anyOf": [entry, {"type": "null"}]} for pattern, entry in entries.items()
        }
    return partial


INHERITS_HELP = "Parents: files under config/, without .yaml; a later one wins."


def _section(key: str, model: type[BaseModel]) -> str:
    rows = "\n".join(_row(name, field) for name, field in model.model_fields.items())
    summary = (model.__doc__ or "").strip().splitlines()[0]
    return f"\n## {key}\n\n{summary}\n\n| key | type | default | what |\n|---|---|---|---|\n{rows}\n"


def _row(name: str, field: FieldInfo) -> str:
    help_text = " ".join((field.description or "").split())
    cells = f"`{name}`", _type(field), _default(field), help_text
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(field: FieldInfo) -> str:
    limits = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [f"{limits[k]} {getattr(m, k)}" for m in field.metadata for k in limits if hasattr(m, k)]
    return ", ".join([_name(field.annotation), *found])


def _name(annotation: object) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _name(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, UnionType):
        return " or ".join("none" if a is type(None) else _name(a) for a in arguments)
    if origin in (list, dict):
        return f"{'list' if origin is list else 'map'} of {_name(arguments[-1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    names = {str: "text", int: "integer", float: "number", bool: "true or false", typing.Any: "anything"}
    return names.get(annotation, str(annotation))


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(required)"
    if field.default is None:
        return "none"
    if isinstance(field.default, BaseModel) or (isinstance(field.default, dict) and field.default):
        return "see the code" if isinstance(field.default, dict) else "that section's"
    return f"`{json.dumps(field.default)}`"
