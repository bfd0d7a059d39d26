"""Rows of tool-calling datasets: the shapes that files have, what is left out and why, problems of them."""

import json
import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from gdpo.config.datasets import Columns, Dataset, DatasetProblems, FileSource
from gdpo.data.datasets import clean_dataset, read_dataset
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.data.problem_sets import make_problem_set
from gdpo.data.sources import SourceError
from gdpo.parquet import write_table
from gdpo.plugins.loading import load
from gdpo.tasks import Problem, judge_all

CALL = {"name": "weather", "parameters": {"city": "Rome"}}
GOLD = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
TOOLRL = {"problem": ["prompt"], "answer": ["reward_model.ground_truth"]}
# The mirror is the folder of all, or that of DeepScaleR beside it.
MIRROR = Path(os.environ.get("GDPO_DATA_MIRROR", ""))
REAL = next(filter(Path.is_dir, (MIRROR / "toolrl", MIRROR.parent / "toolrl")), MIRROR / "toolrl")


@pytest.fixture(autouse=True)
def mirror(tmp_path, monkeypatch):
    load([])
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    return tmp_path


def cleaned(mirror, rows, columns=None, **values):
    (mirror / "a.json").write_text(json.dumps(rows))
    dataset = Dataset(
        licence="own",
        task="tool-calling",
        file=FileSource(path="a.json"),
        columns=Columns(**(columns or {})),
        **values,
    )
    return clean_dataset("own", dataset)


def problems(mirror, rows, columns=None, **values) -> list[Problem]:
    """The whole way: cleaned, stored, made into a set, stored, read."""
    table, _ = cleaned(mirror, rows, columns, **values)
    write_table(table, mirror / "own.parquet")
    section = DatasetProblems(source="datasets", datasets=["own"])
    made = make_problem_set("set", section, "train", {"own": read_dataset(mirror / "own.parquet")}, {})
    write_problems(made.frame, mirror / "set.parquet")
    return [Problem.of(row) for row in read_problems(mirror / "set.parquet").to_dict("records")]


def row(prompt="How warm is Rome?", gold=f"<think> x </think>\n{GOLD}"):
    messages = [{"role": "system", "content": "Tools: weather"}, {"role": "user", "content": prompt}]
    return {"prompt": messages, "reward_model": {"ground_truth": gold, "style": "rule"}}


def test_toolrls_rows_keep_their_messages_and_lose_the_golds_reasoning(mirror):
    (problem,) = problems(mirror, [row()], TOOLRL)
    assert problem.prompt == row()["prompt"] and problem.question == "How warm is Rome?"
    assert problem.gold.answers == (GOLD,) and problem.grader == "tool_calls"
    assert [v.verdict for v in judge_all([f"<think> a </think>\n{GOLD}", GOLD], [problem] * 2)] == [
        "correct"
    ] * 2
    assert pd.read_parquet(mirror / "set.parquet")["ability"].tolist() == ["tool-calling"]


def test_raw_rows_have_a_system_text_and_a_dialogue(mirror):
    raw = {
        "instruction": "Tools: weather",
        "input": "How warm is Rome?",
        "output": f"<think> x </think>\n{GOLD}",
    }
    columns = {"context": ["instruction"], "problem": ["input"], "answer": ["output"]}
    assert problems(mirror, [raw], columns)[0].prompt == row()["prompt"]


@pytest.mark.parametrize("name", ["parameters", "arguments"])
@pytest.mark.parametrize("written", [list, json.dumps])
def test_calls_may_be_a_list_or_the_text_of_one(mirror, name, written):
    calls = [{"name": "weather", name: {"city": "Rome"}}]
    (problem,) = problems(mirror, [{"problem": "How warm is Rome?", "answer": written(calls)}])
    assert problem.gold.answers == (GOLD,)


def test_tools_are_offered_in_toolrls_prompt(mirror):
    tool = {"name": "weather", "description": "How warm it is.", "parameters": {"city": {"type": "string"}}}
    (problem,) = problems(mirror, [{"problem": "How warm is Rome?", "tools": [tool], "answer": [CALL]}])
    system, user = problem.prompt
    assert (system["role"], user["role"]) == ("system", "user")
    assert "How warm it is." in system["content"] and "<tool_call>" in system["content"]
    assert "<user> How warm is Rome? </user>" in user["content"]


WEATHER = {"name": "weather", "description": "How warm it is.", "parameters": {"city": {"type": "string"}}}
OFFERED = {"problem": "How warm is Rome?", "tools": [WEATHER], "answer": [CALL]}


def test_tools_stand_below_the_context_and_the_system_messages(mirror):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How warm is Rome?"}]
    bare, both = problems(mirror, [OFFERED, OFFERED | {"context": "It is May.", "problem": messages}])
    assert both.prompt[0]["content"] == f"It is May.\n\nBe brief.\n\n{bare.prompt[0]['content']}"
    assert both.prompt[1:] == bare.prompt[1:]


@pytest.mark.parametrize("content", [None, "I look."])
def test_an_assistants_calls_stand_in_the_dialogue_as_toolrl_writes_them(mirror, content):
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    dialogue = [
        {"role": "user", "content": "How warm is Rome?"},
        {"role": "assistant", "content": content, "tool_calls": [call, call]},
        {"role": "tool", "content": "20"},
    ]
    (problem,) = problems(mirror, [OFFERED | {"problem": dialogue}])
    line, said = json.dumps(CALL), f"{content}\n" if content else ""
    block = f"<tool_call>\n{line}\n{line}\n</tool_call>"
    assert problem.prompt[1]["content"] == (
        f"**Dialogue Records History**\n<user> How warm is Rome? </user>\n\n{said}{block}\n<obs> 20 </obs>"
    )
    (problem,) = problems(mirror, [{"problem": dialogue, "answer": [CALL]}])
    assert problem.prompt[1] == {"role": "assistant", "content": f"{said}{block}"}


@pytest.mark.parametrize("kind", ["tools", "context", "unit"])
def test_a_column_that_is_named_and_not_there_is_an_error(mirror, kind):
    if kind != "unit":
        with pytest.raises(SourceError, match=rf"columns\.{kind}: .* has no column offer; its columns are"):
            cleaned(mirror, [OFFERED], {kind: ["offer"]})
    pd.DataFrame([{"problem": "1+1", "answer": "2"}]).to_csv(mirror / "a.csv", index=False)
    columns = Columns(**{kind: ["offer"]})
    dataset = Dataset(licence="own", file=FileSource(path="a.csv"), columns=columns)
    assert f"has no column offer ({kind})" in dataset.problem()
    # As it is read again where it is cleaned: usual names may be absent.
    usual = Dataset(licence="own", file=FileSource(path="a.csv"))
    assert usual.problem() is None
    assert clean_dataset("own", Dataset.model_validate(usual.model_dump()))[0].num_rows == 1


@pytest.mark.parametrize("empty", [None, "", []])
def test_tools_come_from_the_column_that_the_row_has_filled(mirror, empty):
    other = {"problem": "x", "tools": empty, "functions": [WEATHER], "answer": [CALL]}
    made = problems(mirror, [OFFERED, other])
    assert made[0].prompt[0] == made[1].prompt[0]


def test_an_empty_text_of_tools_offers_none(mirror):
    (problem,) = problems(mirror, [OFFERED | {"tools": ""}])
    assert problem.prompt == [{"role": "user", "content": "How warm is Rome?"}]


def test_equal_requests_with_other_tools_are_other_problems(mirror):
    one, other = row(), row()
    other["prompt"] = [{"role": "system", "content": "Tools: forecast"}, other["prompt"][1]]
    table, report = cleaned(mirror, [one, other, one], TOOLRL)
    assert table.num_rows == 2 and [note.reason for note in report.notes] == ["the same problem as row 0"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reward_model": None}, "no answer"),
        ({"reward_model": {"ground_truth": "  "}}, "no answer"),
        ({"reward_model": {"ground_truth": "Rome is warm."}}, "neither <tool_call> nor <response>"),
        (
            {"reward_model": {"ground_truth": "<tool_call>\n{,}\n</tool_call>"}},
            "a line of its tool call is no JSON",
        ),
        (
            {"reward_model": {"ground_truth": "<tool_call>\n[]\n</tool_call>"}},
            "no object with name and parameters",
        ),
        ({"reward_model": {"ground_truth": f"So: {GOLD}"}}, "text outside of <tool_call> and <response>"),
        ({"reward_model": {"ground_truth": 5}}, "answer is no text but of type int"),
        ({"reward_model": {"ground_truth": [5]}}, "no object with name and parameters"),
        ({"prompt": []}, "a prompt without a message of the user"),
        ({"prompt": None}, "no problem text"),
        ({"prompt": [{"role": "user"}]}, "a message without content"),
        ({"prompt": [{"role": "oracle", "content": "x"}]}, "a message without one of the roles"),
        ({"prompt": ["x"]}, "a message without one of the roles"),
        ({"prompt": [{"role": "user", "content": "x" * 300_000}]}, "longer than 200000 characters"),
        ({"prompt": [{"role": "user", "content": "\ud800"}]}, "no Unicode"),
    ],
)
def test_a_malformed_row_is_left_out_with_its_reason(mirror, changes, reason):
    table, report = cleaned(mirror, [row(), row("another?") | changes], TOOLRL)
    assert table.num_rows == 1 and report.read == 2
    (note,) = report.notes
    assert note.row == 1 and reason in note.reason


def test_tools_that_cannot_be_shown_leave_the_row_out(mirror):
    good = {"problem": "a", "tools": [{"name": "t", "description": "d", "parameters": {}}], "answer": [CALL]}
    bad = [good | {"problem": "b", "tools": tools} for tools in ("x", [1], [{"name": "t"}])]
    table, report = cleaned(mirror, [good, *bad])
    assert table.num_rows == 1 and len(report.notes) == 3 and all("tool" in n.reason for n in report.notes)


def test_a_column_within_a_column_that_is_not_there_is_named(mirror):
    with pytest.raises(SourceError, match=r"no column rewards\.truth; its columns are prompt, reward_model"):
        cleaned(mirror, [row()], {"problem": ["prompt"], "answer": ["rewards.truth"]})


@pytest.mark.skipif(not REAL.is_dir(), reason="GDPO_DATA_MIRROR has no folder toolrl")
def test_the_real_rows_are_all_usable(monkeypatch):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(REAL))
    test = Dataset(
        licence="l", task="tool-calling", file=FileSource(path="rlla_test.parquet"), columns=Columns(**TOOLRL)
    )
    raw = {"context": ["instruction"], "problem": ["input"], "answer": ["output"]}
    sft = Dataset(
        licence="l", task="tool-calling", file=FileSource(path="rlla_sft.json"), columns=Columns(**raw)
    )
    for dataset, count in ((test, 80), (sft, 400)):
        table, report = clean_dataset("real", dataset)
        kinds = Counter(row["answer_type"] for row in table.to_pylist())
        assert (report.read, report.kept, report.notes) == (count, count, [])
        assert set(kinds) == {"tool_call", "response"} and kinds["tool_call"] > 0.8 * count
