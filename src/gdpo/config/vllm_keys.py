"""evaluation.sampling.vllm: any keyword of vLLM's engine that this project does not give itself."""

import ast
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OURS = {
    "model": "models.<name>.weights",
    "tokenizer": "models.<name>.weights",
    "seed": "evaluation.sampling.seed",
    "max_num_seqs": "evaluation.sampling.batch_size",
    "max_model_len": "evaluation.sampling.max_tokens and the longest prompt",
    "dtype": "bf16 on a GPU and fp32 on a CPU, so that all models are judged alike",
    "load_format": "weights are safetensors",
    "trust_remote_code": "code that comes with a model is never run",
}
"""Keywords that are not the user's to give -> which key of ours says it, or why."""
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size")
"""Keywords whose product is the number of GPUs of an engine."""
GPU_ENVIRONMENT = Path(".venv-gpu")
"""Where ``make setup-gpu`` installs vLLM; relative to where Snakemake runs."""


def check_vllm(section: Mapping[str, Any]) -> None:
    """Check keywords against those of the vLLM that is installed here or in the GPU nodes' environment.

    Where there is none, any name is taken, and vLLM itself refuses it before it loads weights.

    Raises:
        ValueError: ``<keyword>: <problem>``, of the first problem.
    """
    for key, value in section.items():
        if key in PARALLEL and (type(value) is not int or value < 1):
            raise ValueError(f"{key}: must be a whole number above 0; given: {value!r}")
        if key in OURS:
            raise ValueError(f"{key}: is given by this project: {OURS[key]}")
        known = _engine_arguments()
        if known and key not in known:
            close = get_close_matches(key, known - set(OURS), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"{key}: not a keyword of vLLM's engine{hint}")


@cache
def _engine_arguments() -> frozenset[str]:
    """Fields of vLLM's ``EngineArgs``, from its source: an import takes seconds and a GPU's libraries."""
    for package in _packages():
        source = package / "engine" / "arg_utils.py"
        if source.is_file():
            return frozenset(_fields(ast.parse(source.read_text(encoding="utf-8")), "EngineArgs"))
    return frozenset()


def _packages() -> list[Path]:
    spec = find_spec("vllm")
    here = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
    return [*here, *GPU_ENVIRONMENT.glob("lib/python*/site-packages/vllm")]


def _fields(module: ast.Module, name: str) -> list[str]:
    """Annotated names in the body of a class: what a dataclass has as fields."""
    return [
        line.target.id
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name == name
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    ]
