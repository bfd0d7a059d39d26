"""The leaderboard's own package: its files, and its checker with a stand-in for what that imports."""

import importlib
import importlib.util
import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SPEC = importlib.util.find_spec("bfcl_eval")
needs_package = pytest.mark.skipif(
    SPEC is None, reason="bfcl-eval is not installed (python3.11 requirements/install.py tools)"
)


def lines(name: str) -> list[dict]:
    """Entries of one of its data files."""
    text = (Path(SPEC.origin).parent / "data" / f"{name}.json").read_text()
    return [json.loads(line) for line in text.splitlines() if line]


@cache
def own() -> SimpleNamespace:
    """Its checker and the parts of its runner that are about one response.

    The list of models, which would import the client of every vendor, is replaced by one model that keeps
    dots in names.
    """
    models = ModuleType("bfcl_eval.constants.model_config")
    models.MODEL_CONFIG_MAPPING = {"any": SimpleNamespace(underscore_to_dot=False)}
    sys.modules[models.__name__] = models
    os.environ["BFCL_PROJECT_ROOT"] = tempfile.mkdtemp()  # it makes folders where it is imported
    try:
        checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        utils = importlib.import_module("bfcl_eval.utils")
    finally:
        del sys.modules[models.__name__]
        del os.environ["BFCL_PROJECT_ROOT"]
    languages = checker.Language
    return SimpleNamespace(
        check=checker.ast_checker,
        languages={"simple_java": languages.JAVA, "simple_javascript": languages.JAVASCRIPT},
        python=languages.PYTHON,
        is_call_format=utils.is_function_calling_format_output,
        is_empty=utils.is_empty_output,
        hinted=utils._func_doc_language_specific_pre_processing,
    )


def says(category: str, functions: list[dict], possible: list[dict], decoded: list[dict]) -> bool | str:
    """What its runner says of decoded calls; ``raises`` where its checker does."""
    package = own()
    if "relevance" in category:
        called = not package.is_empty(decoded)
        return called != ("irrelevance" in category)
    if not package.is_call_format(decoded):
        return False
    language = package.languages.get(category, package.python)
    try:
        return package.check(functions, decoded, possible, language, category, "any")["valid"]
    except Exception:
        return "raises"
