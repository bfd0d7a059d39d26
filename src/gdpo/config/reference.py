"""The config reference page, generated from the sections: names, types, defaults, ranges and help."""

import json
import typing
from types import UnionType

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gdpo.config.evaluation import EvaluationConfig
from gdpo.config.experiment import ExperimentConfig, Problems, RunRecipe
from gdpo.config.math_files import MathFileProblems
from gdpo.config.packaged_model import PackagedModel
from gdpo.config.problems import ArithmeticProblems, ChainSum, SimpleEquations
from gdpo.config.rewards import RewardConfig
from gdpo.config.sampling import Sampling
from gdpo.config.starting_model import Architecture, StartingModel, StyleMix
from gdpo.config.training import HardwareConfig, ResourcesConfig, TrainingConfig

SECTIONS: dict[str, type[BaseModel]] = {
    "the experiment": ExperimentConfig,
    "problems": Problems,
    "problems.*, source: arithmetic": ArithmeticProblems,
    "problems.*.families.*, task: chain_sum": ChainSum,
    "problems.*.families.*, task: simple_equations": SimpleEquations,
    "problems.*, source: math-file": MathFileProblems,
    "starting_model, source: pretrained-here": StartingModel,
    "starting_model.architecture": Architecture,
    "starting_model.styles": StyleMix,
    "starting_model, source: python-package": PackagedModel,
    "rewards.<name>": RewardConfig,
    "training": TrainingConfig,
    "hardware": HardwareConfig,
    "runs.<name>": RunRecipe,
    "evaluation": EvaluationConfig,
    "evaluation.sampling": Sampling,
    "resources": ResourcesConfig,
}

HEADER = """# Config reference

Generated from the code by `gdpo reference > config/README.md`; a test holds the two in sync.

An experiment is one file, `config/<name>.yaml`; `snakemake --profile laptop --config experiment=<name>` runs
it. It holds only what differs from the defaults below, and a run holds only what differs from the
experiment's shared sections. Everything is validated before the first job: an error names the key, what was
given and what is allowed.
The settings of each estimator (`runs.<name>.algorithm`) are in [docs/methods.md](../docs/methods.md).
"""


def reference() -> str:
    """The whole page as Markdown."""
    return HEADER + "".join(_section(key, model) for key, model in SECTIONS.items())


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
