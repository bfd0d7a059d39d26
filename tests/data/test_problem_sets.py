"""Problem sets from datasets: decontaminated, without doubles, every problem accounted for."""

import json

import pandas as pd
import pytest

from gdpo.config.datasets import Dataset, DatasetProblems, Decontamination
from gdpo.data.datasets import clean_dataset, read_dataset
from gdpo.data.problem_files import check_disjoint, read_problems, write_problems
from gdpo.data.problem_sets import make_problem_set
from gdpo.data.similarity import fingerprint, normalise_problem, similar_pairs
from gdpo.parquet import write_table

STORY = "A farmer has {} sheep and sells {} of them on the market of the next town. How many sheep are left?"


def dataset(name: str, problems: dict[str, str]) -> pd.DataFrame:
    """Cleaned rows: text -> answer."""
    return pd.DataFrame(
        [
            {
                "id": f"{name}-{fingerprint(text)}",
                "row": row,
                "dataset": name,
                "problem": text,
                "answers": [answer],
                "several": "any",
                "answer_type": "integer",
                "tolerance": None,
                "unit": None,
                "fingerprint": fingerprint(text),
            }
            for row, (text, answer) in enumerate(problems.items())
        ]
    )


def section(**changes) -> DatasetProblems:
    return DatasetProblems(**{"source": "datasets", "datasets": ["a"]} | changes)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (r"Find $\dfrac{1}{2}\,x$.", r"find \frac{1}{2} x", True),
        ("Is it so?  Yes.", "is it so yes", True),
        (r"\[a + b\]", "$a+b$", True),
        (r"\left( x \right)", "(x)", True),
        ("What is 2 + 3?", "What is 2 - 3?", False),
        ("about 1.5", "about 15", False),
        ("$x^2$", "$x^3$", False),
    ],
)
def test_problems_are_the_same_without_typesetting(one, other, same):
    assert (normalise_problem(one) == normalise_problem(other)) == same
    assert (fingerprint(one) == fingerprint(other)) == same


def test_similarity_is_the_jaccard_index_of_word_3grams():
    # abcd has abc, bcd; abce has abc, bce: one of three is shared.
    pairs = similar_pairs({"x": "a b c d"}, {"y": "a b c e", "z": "p q r s"}, 0.3)
    assert [(p.one, p.other) for p in pairs] == [("x", "y")]
    assert pairs[0].similarity == pytest.approx(1 / 3)


def test_what_a_benchmark_holds_is_not_trained_on():
    bench = dataset("bench", {STORY.format(12, 5): "7", "What is $x$ if $2x = 8$?": "4"})
    train = dataset(
        "a",
        {
            STORY.format(30, 11): "19",
            "what is x if 2x=8": "4",
            STORY.format(15, 8): "7",
            "Something else altogether, without any likeness to the others.": "1",
        },
    )
    thresholds = Decontamination(against=["bench"], threshold=0.95, threshold_same_answer=0.5, listed=0.3)
    made = make_problem_set(
        "train", section(decontaminate=thresholds), "train", {"a": train}, {"bench": bench}
    )
    assert [row["ground_truth"] for row in made.frame["reward_model"]] == [["19"], ["1"]]
    found = made.matches.set_index("train_id")
    assert found.loc[train["id"][1], "kind"] == "exact" and found.loc[train["id"][1], "removed"]
    assert found.loc[train["id"][2], "kind"] == "near" and found.loc[train["id"][2], "same_answer"]
    assert not found.loc[train["id"][0], "removed"], "another answer: a sibling, listed and kept"
    reasons = {entry.id: entry.reason for entry in made.report.left_out}
    assert reasons == {
        train["id"][1]: f"exact match of {bench['id'][1]}",
        train["id"][2]: f"near match of {bench['id'][0]}",
    }
    check_disjoint(
        made.frame, {"bench": make_problem_set("bench", section(), "benchmark", {"a": bench}, {}).frame}
    )


def test_every_problem_is_kept_not_needed_or_left_out(tmp_path):
    one = dataset("a", {"First problem?": "1", "A problem that is much too long for us": "2", "Second?": "3"})
    two = dataset("b", {"first problem": "1", "Third?": "4", "Fourth?": "5"})
    made = make_problem_set("train", section(max_characters=20, size=3), "train", {"a": one, "b": two}, {})
    report = made.report
    assert [row["ground_truth"] for row in made.frame["reward_model"]] == [["1"], ["3"], ["4"]]
    assert (report.read, report.kept, report.not_needed, len(report.left_out)) == (6, 3, 1, 2)
    assert {entry.reason for entry in report.left_out} == {
        "longer than 20 characters",
        f"the same problem as {one['id'][0]}",
    }
    write_problems(made.frame, tmp_path / "set.parquet")
    pd.testing.assert_frame_equal(read_problems(tmp_path / "set.parquet"), made.frame)
    assert made.frame["prompt"][0][0]["content"].endswith(r"within \boxed{}.")


def test_an_empty_set_says_what_became_of_all():
    rows = dataset("a", {"A problem that is too long": "1"})
    with pytest.raises(ValueError, match="train: no problem is left of 1: 1 longer than 5 characters"):
        make_problem_set("train", section(max_characters=5), "train", {"a": rows}, {})


def test_a_row_without_what_others_have_gets_none(tmp_path):
    # As in OlympiadBench: some rows have a unit or a tolerance, and pandas calls the others' not-a-number.
    rows = [
        {"problem": f"Problem {i}?", "final_answer": [str(i)], "unit": None, "error": None} for i in range(4)
    ]
    rows[1] |= {"unit": "cm", "error": "1e-1"}
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    entry = Dataset(licence="ours", file={"path": str(tmp_path / "rows.json")})
    table, _ = clean_dataset("a", entry)
    write_table(table, tmp_path / "a.parquet")
    cleaned = read_dataset(tmp_path / "a.parquet")
    made = make_problem_set("bench", section(), "benchmark", {"a": cleaned}, {})
    write_problems(made.frame, tmp_path / "set.parquet")
    golds = [
        (row["unit"], row["tolerance"]) for row in read_problems(tmp_path / "set.parquet")["reward_model"]
    ]
    assert golds == [(None, None), ("cm", 0.1), (None, None), (None, None)]
