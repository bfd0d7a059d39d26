"""Rows of tool-calling datasets: the shapes that files have, what is left out and why, problems of them."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gdpo.config.datasets import Columns, Dataset, DatasetProblems, FileSource
from gdpo.data.datasets import clean_dataset, read_dataset
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.data.problem_sets import make_problem_set
from gdpo.data.sources import SourceError
from gdpo.parquet import write_table
from gdpo.plugins.loading import load
from gdpo.tasks import Problem, Row, judge_all
from gdpo.tasks.tool_calling.rows import tool_calling

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


@pytest.mark.parametrize("kind", ["options", "unit", "tolerance", "several_answers"])
def test_what_has_no_effect_on_tool_calls_is_refused(kind):
    values = {"several_answers": "all"} if kind == "several_answers" else {"columns": {kind: ["x"]}}
    values |= {"licence": "own", "file": {"path": "a.json"}}
    written = Dataset.model_validate(values | {"task": "math"}).model_dump()
    with pytest.raises(ValueError, match=rf"{kind}: without effect on the task tool-calling"):
        Dataset.model_validate(written | {"task": "tool-calling"})
    plain = Dataset(licence="own", file=FileSource(path="a.json"), task="tool-calling")
    assert Dataset.model_validate(plain.model_dump()) == plain


@pytest.mark.parametrize("empty", [None, "", []])
def test_tools_come_from_the_column_that_the_row_has_filled(mirror, empty):
    other = {"problem": "x", "tools": empty, "functions": [WEATHER], "answer": [CALL]}
    made = problems(mirror, [OFFERED, other])
    assert made[0].prompt[0] == made[1].prompt[0]


def test_a_source_may_give_arrays_of_tools_and_calls():
    arrays = {"tools": np.array([WEATHER], dtype=object), "answer": np.array([CALL], dtype=object)}
    (plain, array) = (tool_calling(Row(**(OFFERED | changes))) for changes in ({}, arrays))
    assert array == plain and array.answers == [GOLD]


def test_an_empty_text_of_tools_offers_none(mirror):
    (problem,) = problems(mirror, [OFFERED | {"tools": ""}])
    assert problem.prompt == [{"role": "user", "content": "How warm is Rome?"}]


def test_fields_that_only_other_rows_have_are_neither_shown_nor_asked_for(mirror):
    timer = {"name": "timer", "description": "Rings.", "parameters": {"minutes": {"type": "integer"}}}
    ring = {"name": "timer", "parameters": {"minutes": 5}}
    rows = [OFFERED, {"problem": "Ring in 5 minutes.", "tools": [timer], "answer": [ring]}]
    direct = problems(mirror, rows)
    pd.DataFrame(rows).to_parquet(mirror / "a.parquet")  # Arrow makes one struct of both
    assert "minutes" in pd.read_parquet(mirror / "a.parquet")["answer"][0][0]["parameters"]
    dataset = Dataset(licence="own", task="tool-calling", file=FileSource(path="a.parquet"))
    table, report = clean_dataset("own", dataset)
    assert report.notes == []
    for row, problem in zip(table.to_pylist(), direct, strict=True):
        assert row["answers"] == list(problem.gold.answers) and json.loads(row["prompt"]) == problem.prompt


def test_null_in_a_text_of_json_is_meant(mirror):
    call = {"name": "weather", "parameters": {"city": None}}
    tool = WEATHER | {"parameters": {"city": {"type": "string", "default": None}}}
    texts = [json.dumps([call]), f"<tool_call>\n{json.dumps(call)}\n</tool_call>"]
    texts.append([{"name": "weather", "arguments": '{"city": null}'}])
    for text in texts:
        (problem,) = problems(mirror, [OFFERED | {"answer": text, "tools": json.dumps([tool])}])
        assert problem.gold.answers == (texts[1],)
        assert '{"city": {"type": "string", "default": null}}' in problem.prompt[0]["content"]


@pytest.mark.parametrize("parameters", [{"city": "Rome"}, '{"city": "Rome"}'])
@pytest.mark.parametrize("name", ["parameters", "arguments"])
def test_calls_of_openai_and_qwen_are_those_of_toolrl(mirror, name, parameters):
    call = {"name": "weather", name: parameters}
    wrapped = {"id": "1", "type": "function", "function": call}
    line = f"<think> x </think>\n<tool_call>\n{json.dumps(call)}\n</tool_call>"
    for answer in ([call], call, json.dumps(call), [wrapped], {"function": call}, line):
        (problem,) = problems(mirror, [OFFERED | {"answer": answer}])
        assert problem.gold.answers == (GOLD,)


def test_a_gold_text_in_toolrls_spelling_stays_as_it_is(mirror):
    gold = '<tool_call>\n{"name":"weather",  "parameters": {"city": "Zürich"}}\n</tool_call>'
    assert problems(mirror, [OFFERED | {"answer": gold}])[0].gold.answers == (gold,)


@pytest.mark.parametrize("key", ["parameters", "arguments"])
def test_parameters_of_null_are_none(mirror, key):
    call, gold = {"name": "now", key: None}, '<tool_call>\n{"name": "now", "parameters": {}}\n</tool_call>'
    for answer in ([call], json.dumps(call), f"<tool_call>\n{json.dumps(call)}\n</tool_call>"):
        assert problems(mirror, [OFFERED | {"answer": answer}])[0].gold.answers == (gold,)


def test_tools_of_openai_are_shown_as_those_of_toolrl(mirror):
    (bare,) = problems(mirror, [OFFERED])
    for tool in (
        {"type": "function", "function": WEATHER},
        WEATHER | {"parameters": '{"city": {"type": "string"}}'},
    ):
        assert problems(mirror, [OFFERED | {"tools": [tool]}])[0].prompt == bare.prompt
    (problem,) = problems(mirror, [OFFERED | {"tools": [{"name": "now", "parameters": None}]}])
    assert "1. Name: now\nDescription: \nParameters: {}\n" in problem.prompt[0]["content"]


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": f"{GOLD}\n{GOLD}"}, "more than one <tool_call>"),
        (
            {"answer": f"{GOLD}\n<response> a </response>\n<response> b </response>"},
            "more than one <response>",
        ),
        ({"answer": []}, "write an answer without any as <response> ... </response>"),
        ({"answer": "[]"}, "write an answer without any as <response> ... </response>"),
        ({"answer": [{"name": "weather", "args": {}}]}, "no object with name and parameters"),
        ({"answer": [{"name": None, "parameters": {}}]}, "no object with name and parameters"),
        ({"answer": f'<tool_call>\n{{"name": "t", "parameters": {deep(300)}}}\n</tool_call>'}, "too deep"),
        ({"answer": [{"name": "t", "arguments": deep(987)}]}, "too deep"),
        ({"tools": [{"name": None, "description": "d", "parameters": {}}]}, "a tool without name"),
        ({"tools": [{"name": "t", "parameters": [1]}]}, "a tool whose parameters are no object"),
        *(
            ({"tools": f'[{{"name": "t", "description": "", "parameters": {deep(n)}}}]'}, "nested too deep")
            for n in (150, 960, 987, 5000)
        ),
    ],
)
def test_a_call_or_tool_that_cannot_be_had_leaves_the_row_out(mirror, changes, reason):
    table, report = cleaned(mirror, [OFFERED, OFFERED | {"problem": "other"} | changes])
    assert table.num_rows == 1
    (note,) = report.notes
    assert note.row == 1 and reason in note.reason


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
