"""The Berkeley Function Calling Leaderboard's single-turn problems, from the package ``bfcl-eval``.

The package (Apache-2.0; Patil et al., "The Berkeley Function Calling Leaderboard", ICML 2025) is only read:
importing it asks for dozens of others.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from gdpo.plugins import source

CATEGORIES = (
    "simple_python",
    "simple_java",
    "simple_javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
)
"""The leaderboard's single-turn categories."""
_WITHOUT_ANSWERS = ("irrelevance", "live_irrelevance", "live_relevance")
_LANGUAGES = {"simple_java": ("Java", "Java 8 SDK"), "simple_javascript": ("JavaScript", "JavaScript")}
_LISTS = ("ArrayList", "Array", "array")
# What ToolRL's handler tells the user's words of a single turn (benchmarks/BFCL/rlla_qwen.py; Apache-2.0).
_SINGLE_TURN = (
    "If there's no appropriate tools to apply or required parameters are missing, please directly inform me "
    "in your response without any tool call, or call the tool with the name as 'None'. Otherwise, you should "
    "use one or more necessary tool calls to complete the given task in this turn."
)


def _known(category: str) -> str:
    if category not in CATEGORIES:
        raise ValueError(
            f"no single-turn category {category!r}; there are: {', '.join(CATEGORIES)} (multi-turn, which "
            "runs the tools, and the agentic ones are left out)"
        )
    return category


@source(package="bfcl-eval")
def bfcl(*, category: Annotated[str, AfterValidator(_known)]) -> Iterator[dict[str, Any]]:
    """Rows of a category, in the order of the package's file.

    ``problem``: the turn's messages, without system ones; what ToolRL's handler adds to the user's is their
    ``hint``. ``tools``: JSON of descriptions of functions with the leaderboard's hints of the language; those
    of Java and JavaScript have parameters of texts. ``answer``: JSON for the grader ``bfcl``. ``id`` and
    ``category``: as theirs.

    Args:
        category: one of :data:`CATEGORIES`.

    Raises:
        FileNotFoundError: the package is not installed, or holds no such file.
        ValueError: another category; problems and answers of the package that do not belong together.
    """
    _known(category)
    folder = _folder()
    entries = _lines(folder / f"BFCL_v4_{category}.json")
    answers = [{"id": entry["id"], "ground_truth": []} for entry in entries]
    if category not in _WITHOUT_ANSWERS:
        answers = _lines(folder / "possible_answer" / f"BFCL_v4_{category}.json")
    if [entry["id"] for entry in entries] != [answer["id"] for answer in answers]:
        raise ValueError(f"{folder}: problems and possible answers of {category} have different ids")
    for entry, answer in zip(entries, answers, strict=True):
        gold = _gold(category, entry["function"], answer["ground_truth"])  # before the functions are changed
        yield {
            "id": entry["id"],
            "problem": [_message(message) for message in entry["question"][0] if message["role"] != "system"],
            # As text of JSON: a default of null is meant.
            "tools": json.dumps([_hinted(function, category) for function in entry["function"]]),
            "answer": json.dumps(gold),
            "category": category,
        }


def _folder() -> Path:
    """Folder of the package's files."""
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "bfcl-eval is not installed; python3.11 requirements/install.py tools (gpu tools for .venv-gpu)"
        )
    return Path(spec.origin).parent / "data"


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _message(message: Mapping[str, str]) -> dict[str, str]:
    """A message; the hint apart, as it is the same of all problems, which are compared by their words."""
    hint = {"hint": _SINGLE_TURN} if message["role"] == "user" else {}
    return {"role": message["role"], "content": message["content"].strip()} | hint


def _gold(category: str, functions: list[dict], possible: list[dict]) -> dict[str, Any]:
    """What the grader reads: category, the functions that are to be called, and a possible answer a call."""
    named = {name for answer in possible for name in answer}
    needed = [
        {"name": function["name"], "parameters": function["parameters"]}
        for function in functions
        if function["name"] in named
    ]
    return {"category": category, "functions": needed, "possible": possible}


def _hinted(function: dict[str, Any], category: str) -> dict[str, Any]:
    """A function as it is shown to a model."""
    language, syntax = _LANGUAGES.get(category, ("Python", "Python 3"))
    hint = f"Note that the provided function is in {syntax} syntax."
    hinted = function | {"description": f"{function['description']} {hint}"}
    if language == "Python":
        return hinted
    parameters = function["parameters"]
    properties = {name: _as_text(value, language) for name, value in parameters["properties"].items()}
    return hinted | {"parameters": parameters | {"properties": properties}}


def _as_text(parameter: dict[str, Any], language: str) -> dict[str, Any]:
    """A parameter of Java or JavaScript: its value is given as a text, and the description says of what."""
    kind, given = parameter["type"], dict(parameter)
    hints = [
        f"This parameter can be of any type of {language} object in string representation."
        if kind == "any"
        else f"This is {language} {kind} type parameter in string representation."
    ]
    if kind in _LISTS:
        elements = given.pop("items")["type"]
        hints.append(f"The list elements are of type {elements}; they are not in string representation.")
    if kind == "dict" and "properties" in given:
        hints.append(
            "The dictionary entries have the following schema; they are not in string representation. "
            + json.dumps(given.pop("properties"))
        )
    return given | {"description": " ".join([given["description"], *hints]), "type": "string"}
