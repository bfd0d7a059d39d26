"""Another tool's generations: the same scores as our own samples, and every gap named."""

import json

import pandas as pd
import pytest

from gdpo.data.arithmetic import Problem, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.sampling.foreign import GenerationsError, score_generations

PROBLEMS = [Problem(f"{i} + {i + 1}", str(2 * i + 1), "sum", "arithmetic") for i in range(3)]


@pytest.fixture
def score(tmp_path):
    """Scores of records, written as JSON lines."""
    write_problems(problem_frame("set", PROBLEMS, "benchmark"), tmp_path / "set.parquet")

    def run(records, **options):
        path = tmp_path / "g.jsonl"
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        path.write_text("\n".join(lines))
        score_generations(path, tmp_path / "set.parquet", tmp_path / "out.parquet", **options)
        return pd.read_parquet(tmp_path / "out.parquet").set_index(["problem_id", "sample_index"])

    return run


def records(n=2, **extra):
    """Sample 0 of each problem is right, the others are wrong."""
    return [
        {"id": p.id, "response": rf"\boxed{{{p.answer if i == 0 else 99}}}", "n_tokens": 7 + i, **extra}
        for p in PROBLEMS
        for i in range(n)
    ]


def test_generations_are_graded_and_counted(score):
    scores = score(records(stop_reason="length"))
    assert len(scores) == 6 and set(scores["stop_reason"]) == {"length"}
    for problem in PROBLEMS:
        assert scores.loc[problem.id, "verdict"].tolist() == ["correct", "wrong"]
        assert scores.loc[problem.id, "n_tokens"].tolist() == [7, 8]


def test_problems_are_found_by_their_text_and_tokens_counted(score, toy):
    made = [{"problem": f" {p.text.replace(' ', '')} ", "text": rf"\boxed{{{p.answer}}}"} for p in PROBLEMS]
    scores = score(made, tokenizer_folder=toy / "model")
    assert set(scores["verdict"]) == {"correct"} and (scores["n_tokens"] > 0).all()


def test_our_own_samples_give_the_same_scores(toy, tmp_path):
    from gdpo.config.sampling import Sampling
    from gdpo.sampling.generate import generate_samples
    from gdpo.sampling.score import score_samples

    problems, samples = toy / "validation.parquet", tmp_path / "samples.parquet"
    generate_samples(toy / "model", problems, Sampling(n=3, max_tokens=24), samples, tmp_path / "store")
    score_samples(samples, problems, tmp_path / "ours.parquet")
    score_generations(samples, problems, tmp_path / "theirs.parquet")
    ours, theirs = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("ours", "theirs"))
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: [], "holds no generations"),
        (lambda r: [*r, "{"], "g.jsonl: line 7: not JSON"),
        (lambda r: [*r, "3"], "line 7: must be an object, not int"),
        (lambda r: [*r, r[0] | {"id": "nobody"}], "line 7: problem_id: 'nobody' is not in the problem set"),
        (
            lambda r: [*r, {"problem": "9 + 9", "text": "x"}],
            "line 7: problem: not a problem of the set: '9 . 9'",
        ),
        (lambda r: [*r, {"response": "x"}], "line 7: needs problem_id, id or problem"),
        (lambda r: [r[0] | {"response": 5}, *r[1:]], "line 1: response: Input should be .*string; given: 5"),
        (lambda r: [{"id": r[0]["id"]}, *r[1:]], "line 1: response: missing"),
        (lambda r: [r[0] | {"sample_index": "a"}, *r[1:]], "line 1: sample_index: .* valid integer"),
        (lambda r: [r[0] | {"n_tokens": True}, *r[1:]], "line 1: n_tokens: .* valid integer; given: True"),
        (lambda r: [r[0] | {"n_tokens": "7"}, *r[1:]], "line 1: n_tokens: .* valid integer; given: '7'"),
        (lambda r: [r[0] | {"n_tokens": -1}, *r[1:]], "line 1: n_tokens: .* greater than or equal to 0"),
        (
            lambda r: [r[0] | {"sample_index": 2}, *r[1:]],
            "sample_index: 2 of 2 samples",
        ),
        (
            lambda r: [x | {"sample_index": 1 + i % 2} for i, x in enumerate(r)],
            "line 2: sample_index: 2 of 2 samples; they count from 0 to 1",
        ),
        (lambda r: [r[0] | {"response": "\ud800"}, *r[1:]], "line 1: response: .*surrogate"),
        (lambda r: ["[" * 100_000, *r[1:]], "line 1: not JSON"),
        (lambda r: [r[0] | {"id": ["a"]}, *r[1:]], r"line 1: problem_id: \['a'\] is not in the problem set"),
        (lambda r: [r[0] | {"problem": "1 + 2 "}, *r[1:]], "2 of 3 problems have fewer samples"),
        (lambda r: [*r, r[0] | {"sample_index": 1}], "line 7: problem .* has sample 1 already"),
        (lambda r: r[:-1], r"1 of 3 problems have fewer samples than the others' 2: .* \(1\)"),
        (lambda r: r[:4], r"1 of 3 problems have fewer samples than the others' 2: .* \(0\)"),
        (
            lambda r: [{**r[0], "n_tokens": None}, *r[1:]],
            "line 1: n_tokens: missing; give it, or --tokenizer",
        ),
    ],
)
def test_what_is_wrong_is_named(score, tmp_path, spoil, message):
    with pytest.raises(GenerationsError, match=message):
        score(spoil(records()))
    assert not (tmp_path / "out.parquet").exists()


def test_a_text_that_two_problems_have_needs_their_id(tmp_path):
    same = [Problem("1 + 1", "2", family, "arithmetic") for family in ("sum", "chain")]
    frame = problem_frame("set", same, "benchmark")
    for row, id in enumerate(("a", "b")):
        frame.at[row, "extra_info"] = frame.at[row, "extra_info"] | {"id": id}
    write_problems(frame, tmp_path / "set.parquet")
    made = [{"problem": "1 + 1", "text": "x", "n_tokens": 1}] * 2
    (tmp_path / "g.jsonl").write_text("\n".join(map(json.dumps, made)))
    with pytest.raises(GenerationsError, match="line 1: problem: this text is that of a, b; give"):
        score_generations(tmp_path / "g.jsonl", tmp_path / "set.parquet", tmp_path / "out.parquet")
    made = [record | {"id": id} for record, id in zip(made, "ab", strict=True)]
    (tmp_path / "g.jsonl").write_text("\n".join(map(json.dumps, made)))
    score_generations(tmp_path / "g.jsonl", tmp_path / "set.parquet", tmp_path / "out.parquet")
    assert set(pd.read_parquet(tmp_path / "out.parquet")["problem_id"]) == {"a", "b"}


def test_another_tools_numbers_do_not_hide_the_text(score):
    """Its ids happen to be ours, of other problems: the text says which problem it is."""
    ids = [p.id for p in PROBLEMS]
    made = [
        {"id": id, "problem": p.text, "text": rf"\boxed{{{p.answer}}}", "n_tokens": 1}
        for id, p in zip([*ids[1:], ids[0]], PROBLEMS, strict=True)
    ]
    assert set(score(made)["verdict"]) == {"correct"}
