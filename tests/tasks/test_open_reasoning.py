"""A response whose prompt ends in <think> begins within the reasoning, wherever it is judged."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from gdpo.parquet import read_table, write_table
from gdpo.sampling import samples as stored
from gdpo.sampling.foreign import score_generations
from gdpo.sampling.score import score_samples
from gdpo.tasks import from_opening_tag, leaves_reasoning_open
from gdpo.tasks.math import Grader
from gdpo.tasks.math.lines import grade_file

CUT_OFF = r"It may be \boxed{7}. Wait,"
WHOLE = "Seven.\n</think>\n\n" + r"\boxed{7}"
OPENED = "<|User|>What?<|Assistant|><think>\n"


@pytest.mark.parametrize(
    ("prompt", "is_open"),
    [
        (OPENED, True),
        ("<|im_start|>assistant\n<think>", True),
        ("<|User|>What?<|Assistant|>", False),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", False),  # Qwen3 without thinking
        ("Say <think> first. What?<|Assistant|>", False),
        ("", False),
    ],
)
def test_whether_a_prompt_leaves_reasoning_open(prompt, is_open):
    assert leaves_reasoning_open(prompt) == is_open


def test_a_command_line_s_line_says_it(tmp_path):
    responses = [(CUT_OFF, True), (WHOLE, True), (CUT_OFF, False), (WHOLE, False)]
    lines = [
        {"id": i, "response": text, "gold": "7", "open_reasoning": opened}
        for i, (text, opened) in enumerate(responses)
    ]
    lines.append({"id": 4, "response": CUT_OFF, "gold": "7", "open_reasoning": "yes"})
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    counts = grade_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", Grader(1), unboxed=True)
    graded = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in graded] == ["wrong", "correct", "correct", "correct"]
    assert graded[0]["response"] == CUT_OFF and counts["bad lines"] == 1


def problems(toy):
    return read_table(toy / "validation.parquet").to_pylist()


def test_stored_samples_say_it_by_their_prompt(toy, tmp_path):
    rows = []
    for i, problem in enumerate(problems(toy)):
        gold = problem["reward_model"]["ground_truth"][0]
        prompt, text = [
            (OPENED, rf"\boxed{{{gold}}} but"),
            (OPENED, rf"so</think>\boxed{{{gold}}}"),
            ("What?", rf"\boxed{{{gold}}} but"),
        ][i % 3]
        row = {"problem_id": problem["extra_info"]["id"], "sample_index": 0, "seed": 0, "prompt": prompt}
        row |= {"text": text, "token_ids": [1], "n_tokens": 1, "stop_reason": "length", "backend": "vllm"}
        rows.append(row | {"engine_version": "0", "model_sha256": "0"})
    write_table(pa.Table.from_pylist(rows, schema=stored.SCHEMA), tmp_path / "samples.parquet")
    score_samples(tmp_path / "samples.parquet", toy / "validation.parquet", tmp_path / "scores.parquet")
    scores = read_table(tmp_path / "scores.parquet").to_pandas()
    assert scores["verdict"].tolist() == ["wrong", "correct", "correct"] * 2 + ["wrong", "correct"]
    assert scores["format"].tolist() == [False, True, False] * 2 + [False, True]


def test_another_tool_s_generations_say_it(toy, tmp_path):
    made = []
    for i, problem in enumerate(problems(toy)):
        gold = problem["reward_model"]["ground_truth"][0]
        made.append({"id": problem["extra_info"]["id"], "text": rf"\boxed{{{gold}}} but", "n_tokens": 3})
        made[-1]["open_reasoning"] = i % 2 == 0
    pd.DataFrame(made).to_json(tmp_path / "made.jsonl", orient="records", lines=True)
    score_generations(tmp_path / "made.jsonl", toy / "validation.parquet", tmp_path / "scores.parquet")
    assert read_table(tmp_path / "scores.parquet")["verdict"].to_pylist() == ["wrong", "correct"] * 4


def test_the_tag_is_put_before_the_response():
    assert from_opening_tag("a", True).startswith("<think>") and from_opening_tag("a", False) == "a"
