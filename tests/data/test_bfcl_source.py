"""The leaderboard's problems as rows: as many as its files hold, shown as its own code shows them."""

import copy
import importlib.util
import json

import pandas as pd
import pytest
from bfcl_package import lines, needs_package, own

from gdpo.config.datasets import Dataset, Decontamination, FileSource, MadeSource
from gdpo.data.bfcl import CATEGORIES
from gdpo.data.datasets import clean_dataset
from gdpo.data.decontamination import find_matches
from gdpo.data.sources import SourceError, read_source
from gdpo.plugins import SOURCES
from gdpo.plugins.loading import load


@pytest.fixture(scope="module", autouse=True)
def _registered():
    load([])


def rows(category: str) -> list[dict]:
    return list(SOURCES["bfcl"].function(category=category))


# Lines of the package's files.
COUNTS = {
    "simple_python": 400,
    "simple_java": 100,
    "simple_javascript": 50,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "irrelevance": 240,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
    "live_irrelevance": 884,
    "live_relevance": 16,
}


@needs_package
@pytest.mark.parametrize("category", CATEGORIES)
def test_rows_are_the_problems_of_the_packages_file(category):
    found, entries = rows(category), lines(f"BFCL_v4_{category}")
    assert len(found) == len(entries) == COUNTS[category]
    assert [row["id"] for row in found] == [entry["id"] for entry in entries]
    for row, entry in zip(found, entries, strict=True):
        shown = own().hinted(copy.deepcopy(entry["function"]), category)
        assert row["tools"] == json.dumps(shown)  # in the same order too
        said = [(m["role"], m["content"].strip()) for m in entry["question"][0] if m["role"] != "system"]
        assert [m["role"] for m in row["problem"]] == [role for role, _ in said]
        for message, (role, content) in zip(row["problem"], said, strict=True):
            assert message["content"] == content and ("hint" in message) == (role == "user")
        assert row["category"] == json.loads(row["answer"])["category"] == category


@needs_package
@pytest.mark.parametrize("category", [c for c in CATEGORIES if "relevance" not in c])
def test_answers_are_the_possible_ones_with_functions_as_they_are_judged(category):
    answers = [answer["ground_truth"] for answer in lines(f"possible_answer/BFCL_v4_{category}")]
    found = [json.loads(row["answer"]) for row in rows(category)]
    assert [gold["possible"] for gold in found] == answers
    for gold, entry in zip(found, lines(f"BFCL_v4_{category}"), strict=True):
        called = {name for possible in gold["possible"] for name in possible}
        parameters = {f["name"]: f["parameters"] for f in entry["function"] if f["name"] in called}
        assert {f["name"]: f["parameters"] for f in gold["functions"]} == parameters
        assert set(parameters) == called


def cleaned(category: str):
    made = {"source": "bfcl", "options": {"category": category}}
    values = {"licence": "Apache-2.0", "task": "tool-calling", "grader": "bfcl", "made": made}
    return pd.DataFrame(clean_dataset(category, Dataset.model_validate(values))[0].to_pylist())


@needs_package
def test_training_problems_are_found_in_the_leaderboard_by_the_users_words_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    entries = lines("BFCL_v4_multiple")
    asked = [entry["question"][0][-1]["content"] for entry in entries]
    call = [{"name": "other", "parameters": {}}]
    tool = [{"name": "other", "description": "Another tool.", "parameters": {}}]
    head = (
        "**Dialogue Records History**\n<user> Hello there, my friend. </user>\n\n<response> Hi. </response>\n"
    )
    bare = [{"problem": text, "answer": call} for text in asked]
    offered = [{"problem": text, "answer": call, "tools": tool} for text in asked]
    wrapped = [{"problem": f"{head}\n<user> {text} </user>", "answer": call} for text in asked]
    section, frame = Decontamination(against=["multiple"]), cleaned("multiple")
    for rows in (bare, offered, wrapped):
        (tmp_path / "a.json").write_text(json.dumps(rows))
        dataset = Dataset(licence="own", task="tool-calling", file=FileSource(path="a.json"))
        training = pd.DataFrame(clean_dataset("own", dataset)[0].to_pylist())
        matches = find_matches(training, {"multiple": frame}, section)
        assert set(matches["train_id"][matches["removed"]]) == set(training["id"])
        assert set(training["problem"]) == {text.strip() for text in asked}
    # A quarter of the simple questions are asked there too; the rest has ToolRL's form and hint in common.
    simple = cleaned("simple_python")
    matches = find_matches(simple, {"multiple": frame}, section)
    removed = set(matches["train_id"][matches["removed"]])
    equal = set(simple["id"][simple["problem"].isin({text.strip() for text in asked})])
    assert len(equal) == 96 and removed >= equal and len(removed - equal) < 5


@needs_package
def test_the_hint_is_asked_below_the_users_words():
    (first, *_), (entry, *_) = cleaned("multiple").to_dict("records"), lines("BFCL_v4_multiple")
    words = entry["question"][0][0]["content"].strip()
    user = json.loads(first["prompt"])[1]["content"]
    assert first["problem"] == words
    assert user.startswith(
        f"**Dialogue Records History**\n<user> {words}\nIf there's no appropriate tools to apply"
    )
    assert user.endswith("complete the given task in this turn. </user>")


@needs_package
def test_a_catalogue_reads_a_category():
    made = {"source": "bfcl", "options": {"category": "live_parallel"}, "rows": 16}
    dataset = Dataset.model_validate({"licence": "Apache-2.0", "made": made})
    assert len(read_source("bfcl-live-parallel", dataset).rows) == 16


@pytest.mark.parametrize("category", ["multi_turn_base", "simple", "web_search_base"])
def test_another_category_is_refused_when_the_experiment_is_read(category):
    with pytest.raises(
        ValueError, match=rf"{category}.*simple_python, .*live_relevance.*multi-turn.*left out"
    ):
        MadeSource(source="bfcl", options={"category": category})
    with pytest.raises(ValueError, match="left out"):
        rows(category)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bfcl_eval" else find(name))
    made = {"source": "bfcl", "options": {"category": "multiple"}}
    dataset = Dataset.model_validate({"licence": "Apache-2.0", "made": made})
    with pytest.raises(SourceError, match=r"python3\.11 requirements/install\.py tools"):
        read_source("bfcl", dataset)
