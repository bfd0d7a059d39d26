"""Files of a user's own: CSV, options, further columns, and the answers that come out of them as judged."""

import csv
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdpo.config.datasets import Columns, Dataset, DatasetProblems, FileSource
from gdpo.data.datasets import TABLE, clean_dataset, read_dataset
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.data.problem_sets import make_problem_set
from gdpo.data.schema import ARROW
from gdpo.data.sources import SourceError
from gdpo.parquet import write_table
from gdpo.tasks import Problem, judge_all
from gdpo.tasks.math.grader import shared_grader

PLANETS = ["Mars", "Venus", "Saturn", "Earth"]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def no_workers_left():
    """Other tests count the grader's processes."""
    yield
    shared_grader().close()


def entry(name: str, columns: dict | None = None, **values) -> Dataset:
    return Dataset(licence="own", file=FileSource(path=name), columns=Columns(**(columns or {})), **values)


def cleaned(mirror, content: str | bytes | list, columns: dict | None = None, name: str = "", **values):
    """The rows and the report of a file with this content."""
    if isinstance(content, list):
        content, name = json.dumps(content), name or "a.json"
    path = mirror / (name or "a.csv")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table, report = clean_dataset("own", entry(path.name, columns, **values))
    return table.to_pylist(), report


def problems_of(mirror, content, columns=None, name="", **values) -> list[Problem]:
    """The whole way: cleaned, stored, made into a set, stored, read."""
    cleaned(mirror, content, columns, name, **values)
    path = mirror / (name or ("a.json" if isinstance(content, list) else "a.csv"))
    table, _ = clean_dataset("own", entry(path.name, columns, **values))
    write_table(table, mirror / "own.parquet")
    section = DatasetProblems(source="datasets", datasets=["own"])
    datasets = {"own": read_dataset(mirror / "own.parquet")}
    made = make_problem_set("set", section, "benchmark", datasets, {})
    write_problems(made.frame, mirror / "set.parquet")
    return [Problem.of(row) for row in read_problems(mirror / "set.parquet").to_dict("records")]


def verdicts(problem: Problem, *answers: str) -> list[bool]:
    texts = [f"<think>so</think> {answer}" for answer in answers]
    return [found.verdict == "correct" for found in judge_all(texts, [problem] * len(answers))]


def boxed(problem: Problem, *answers: str) -> list[bool]:
    return verdicts(problem, *(rf"\boxed{{{answer}}}" for answer in answers))


# CSV


def test_quotes_commas_and_line_ends_within_a_cell_are_text(mirror):
    rows = [["What is x?\nSay, in words.", "2, or 3"], ['He said "one".', "1"]]
    text = io.StringIO()
    csv.writer(text).writerows([["problem", "answer"], *rows])
    found, _ = cleaned(mirror, text.getvalue())
    assert [(row["problem"], row["answers"]) for row in found] == [(p, [a]) for p, a in rows]


def test_a_byte_order_mark_is_no_part_of_the_first_columns_name(mirror):
    found, _ = cleaned(mirror, b"\xef\xbb\xbfproblem,answer\r\nWie viel?,\xc3\xa4h 2\r\n")
    assert (found[0]["problem"], found[0]["answers"]) == ("Wie viel?", ["äh 2"])


def test_an_empty_cell_is_nothing(mirror):
    found, report = cleaned(mirror, "problem,answer,unit\nHow far?,3,\nHow long?,,s\n")
    assert [row["unit"] for row in found] == [None]
    assert [(note.row, note.reason) for note in report.notes] == [(1, "no answer")]


def test_numbers_of_a_csv_stay_texts(mirror):
    content = "problem,answer,code\nHow many?,12345678901234567890,025\n"
    found, _ = cleaned(mirror, content, {"row": ["code"]})
    assert json.loads(found[0]["further"]) == {"code": "025"}
    assert found[0]["answers"] == ["12345678901234567890"], "no float has been through it"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("problem,answer\nok,1\na, b,2\n", r"a\.csv: line 3: 3 cells for 2 columns; put texts with a comma"),
        ("problem,answer\nok,1\n\nonly\n", r"a\.csv: line 4: 1 cells for 2 columns"),
        ('problem,answer\n"two\nlines",1\na,b,c,d\n', r"a\.csv: line 4: 4 cells for 2 columns"),
        ("problem,answer,answer\na,1,2\n", r"a\.csv: line 1: column 'answer' is there twice; rename one"),
        ('problem,answer\n"never closed,1\n', r"a\.csv: line 2: no CSV \(unexpected end of data\)"),
        ('problem,answer\n"a"b,1\n', r"a\.csv: line 2: no CSV"),
        ("", r"a\.csv: holds no rows"),
        (b"problem,answer\n\xff\xfe,1\n", r"a\.csv"),
    ],
)
def test_a_csv_that_is_none_is_named_with_its_line(mirror, content, message):
    with pytest.raises(SourceError, match=message):
        cleaned(mirror, content)


# Options


LETTERS = dict(zip("ABCD", PLANETS, strict=True))
ARC = {"label": ["1", "2", "3", "4"], "text": PLANETS}


@pytest.mark.parametrize(
    ("options", "answer", "answers"),
    [
        (PLANETS, "B", ["B", "Venus"]),
        (PLANETS, "(B)", ["B", "Venus"]),
        (PLANETS, "b", ["B", "Venus"]),
        (PLANETS, 1, ["B", "Venus"]),  # MMLU counts from 0
        (PLANETS, "Venus", ["B", "Venus"]),
        (PLANETS, 0, ["A", "Mars"]),
        (LETTERS, "C", ["C", "Saturn"]),
        (LETTERS, "Saturn", ["C", "Saturn"]),
        (ARC, "4", ["4", "Earth"]),
        (ARC | {"label": list("ABCD")}, "D", ["D", "Earth"]),
        (["no", "yes", "no"], "B", ["B", "yes"]),
        (["3", "4", "5"], "B", ["B", "4"]),
        (["red", "blue", "red"], "A", ["A"]),  # its text is C's as well
    ],
)
def test_options_are_put_below_the_problem_and_the_right_one_is_found(mirror, options, answer, answers):
    row = {"problem": "Which planet?", "answer": answer, "choices": options}
    (found,), _ = cleaned(mirror, [row], {"options": ["choices"]})
    assert found["answers"] == answers
    labels = options["label"] if "label" in options else list(options) if options == LETTERS else "ABCD"
    texts = options.get("text", list(options.values())) if isinstance(options, dict) else options
    shown = "\n".join(f"{label}. {text}" for label, text in zip(labels, texts, strict=False))
    assert found["problem"] == f"Which planet?\n\n{shown}"


@pytest.mark.parametrize(
    ("options", "answer", "reason"),
    [
        (PLANETS, "E", "answer 'E' is none of the options"),
        (PLANETS, "Pluto", "answer 'Pluto' is none of the options"),
        (PLANETS, 4, "answer '4' is none of the options"),
        (PLANETS, -1, "answer '-1' is none of the options"),
        (["red", "blue", "red"], "red", "answer 'red' may be several of the options"),
        (["the", "an", "A"], "A", "answer 'A' may be several of the options"),
        ([4, 2, 1, 0], 1, "answer '1' may be several of the options"),  # the number of 2, or the text of C
        (None, "B", "no options, and the answer is a letter"),
        (["one"], "A", "1 options with 1 labels: at least 2 of each are needed, at most 26"),
        (list(map(str, range(27))), "A", "27 options with 26 labels: at least 2"),
        ({"label": ["A"], "text": ["x", "y"]}, "A", "2 options with 1 labels: at least 2"),
        ("Mars or Venus", "A", "options of type str: a list, or letter -> text, is needed"),
        (7, "A", "options of type int: a list, or letter -> text, is needed"),
        (PLANETS, None, "answer 'None' is none of the options|no answer"),
    ],
)
def test_a_row_whose_answer_is_no_option_is_left_out_for_its_reason(mirror, options, answer, reason):
    good = {"problem": "Which one?", "answer": "A", "choices": PLANETS}
    bad = {"problem": "Which planet?", "answer": answer, "choices": options}
    found, report = cleaned(mirror, [good, bad], {"options": ["choices"]})
    assert len(found) == 1 and report.notes[0].row == 1 and report.notes[0].what == "left out"
    assert any(report.notes[0].reason.startswith(one) for one in reason.split("|"))


def test_options_in_a_csvs_cell_are_json(mirror):
    text = io.StringIO()
    csv.writer(text).writerows([["problem", "answer", "choices"], ["Which?", "B", json.dumps(PLANETS)]])
    (found,), _ = cleaned(mirror, text.getvalue(), {"options": ["choices"]})
    assert found["answers"] == ["B", "Venus"] and found["problem"].endswith("D. Earth")


def test_a_number_in_a_csvs_cell_is_the_options_number(mirror):
    text = io.StringIO()
    csv.writer(text).writerows([["problem", "answer", "choices"], ["Which?", "1", json.dumps(PLANETS)]])
    (found,), _ = cleaned(mirror, text.getvalue(), {"options": ["choices"]})
    assert found["answers"] == ["B", "Venus"]


def test_a_number_in_a_csvs_cell_is_no_options_number_where_options_are_numbers(mirror):
    text = io.StringIO()
    rows = [["Which?", "1", '["2", "3", "x"]'], ["And which?", "2", '["2", "3", "x"]']]
    csv.writer(text).writerows([["problem", "answer", "choices"], *rows])
    (found,), report = cleaned(mirror, text.getvalue(), {"options": ["choices"]})
    assert found["answers"] == ["A", "2"], "the option's text, not the third option"
    assert report.notes[0].reason == "answer '1' is none of the options"


def test_a_row_without_options_among_others_is_an_open_problem(mirror):
    rows = [
        {"problem": "Which?", "answer": "B", "choices": PLANETS},
        {"problem": "How many?", "answer": "8", "choices": None},
    ]
    found, _ = cleaned(mirror, rows, {"options": ["choices"]})
    assert [row["answers"] for row in found] == [["B", "Venus"], ["8"]]


def test_a_named_column_that_is_not_there_is_an_error(mirror):
    rows = [{"problem": "p", "answer": "1", "level": 3}]
    with pytest.raises(SourceError, match=r"columns.options: .* has no column choices; .*answer, level"):
        cleaned(mirror, rows, {"options": ["choices"]})
    with pytest.raises(SourceError, match=r"columns.row: .* has no column topic; .*answer, level"):
        cleaned(mirror, rows, {"row": ["level", "topic"]})


# As judged


def test_the_letter_and_the_options_text_are_judged_right(mirror):
    rows = [{"problem": "Which planet?", "answer": "B", "choices": PLANETS}]
    (problem,) = problems_of(mirror, rows, {"options": ["choices"]})
    right = ["B", "(B)", r"\text{B}", r"\text{(B)}", r"\textbf{B}", "Venus", r"\text{Venus}", "b"]
    assert boxed(problem, *right) == [True] * len(right)
    wrong = ["A", "C", "(A)", r"\text{D}", "Mars", "", "AB", "A, B", "A or B", "Venus or Mars"]
    assert boxed(problem, *wrong) == [False] * len(wrong)
    assert verdicts(problem, "B", "The answer is (B)") == [False, False], "without a box"


def test_an_option_that_is_a_number_is_judged_by_letter_and_by_value(mirror):
    rows = [{"problem": "1+3", "answer": 1, "choices": ["3", "4", "1/4", "0.4"]}]
    (problem,) = problems_of(mirror, rows, {"options": ["choices"]})
    assert boxed(problem, "B", "4", "4.0", "8/2") == [True] * 4
    assert boxed(problem, "A", "C", "3", "1/4", "0.4") == [False] * 5


def test_yes_and_no(mirror):
    yes, no = problems_of(mirror, "problem,answer\nIs 7 prime?,Yes\nIs 9 prime?,no\n")
    assert boxed(yes, "yes", "Yes", "YES", r"\text{yes}", "no") == [True, True, True, True, False]
    assert boxed(no, "No", r"\text{No}", "NO", "yes", "0") == [True, True, True, False, False]


def test_a_tolerance_is_an_absolute_difference(mirror):
    content = "problem,answer,tolerance\nHow heavy?,9.81,0.05\nHow many?,10,\n"
    heavy, many = problems_of(mirror, content)
    assert boxed(heavy, "9.8", "9.86", "9.76", "9.87", "9.75") == [True, True, True, False, False]
    assert boxed(many, "10", "10.0", "10.05") == [True, True, False]


@pytest.mark.parametrize(
    ("several", "given", "expected"),
    [
        ("any", ["2", "-2", "2, -2", "-2, 2", "3", "2, 3"], [True, True, True, True, False, False]),
        ("all", ["2", "-2", "2, -2", "-2, 2", "3", "2, 3"], [False, False, True, True, False, False]),
    ],
)
def test_several_answers(mirror, several, given, expected):
    rows = [{"problem": "x^2 = 4", "answer": ["2", "-2"]}]
    (problem,) = problems_of(mirror, rows, several_answers=several)
    assert boxed(problem, *given) == expected


# Further columns


def test_further_columns_reach_the_problem(mirror):
    rows = [
        {"problem": "p", "answer": "1", "level": 3, "tags": ["x", "y"], "note": None, "other": "not named"},
        {"problem": "q", "answer": "2", "level": 4.5, "tags": [], "note": "ä \U0001f600", "other": "no"},
    ]
    first, second = problems_of(mirror, rows, {"row": ["level", "tags", "note"]})
    assert first.row == {"level": 3, "tags": ["x", "y"], "note": None}
    assert second.row == {"level": 4.5, "tags": [], "note": "ä \U0001f600"}
    assert first.question.startswith("p ") and second.gold.answers == ("2",)


def test_a_dataset_with_further_columns_goes_beside_one_without(mirror):
    (mirror / "a.json").write_text(json.dumps([{"problem": "p", "answer": "1", "level": 3}]))
    (mirror / "b.json").write_text(json.dumps([{"problem": "q", "answer": "2"}]))
    tables = {
        "a": clean_dataset("a", entry("a.json", {"row": ["level"]}))[0],
        "b": clean_dataset("b", entry("b.json"))[0],
    }
    for name, table in tables.items():
        write_table(table, mirror / f"{name}.parquet")
    section = DatasetProblems(source="datasets", datasets=["a", "b"])
    read = {name: read_dataset(mirror / f"{name}.parquet") for name in tables}
    write_problems(make_problem_set("set", section, "train", read, {}).frame, mirror / "set.parquet")
    found = [Problem.of(row) for row in read_problems(mirror / "set.parquet").to_dict("records")]
    assert [dict(problem.row) for problem in found] == [{"level": 3}, {}]


def test_an_empty_number_is_nothing_and_bytes_leave_the_row_out(mirror):
    pq.write_table(
        pa.table({"problem": ["p", "q"], "answer": ["1", "2"], "size": [float("nan"), 1.0]}),
        mirror / "a.parquet",
    )
    table, _ = clean_dataset("own", entry("a.parquet", {"row": ["size"]}))
    assert [json.loads(row)["size"] for row in table["further"].to_pylist()] == [None, 1.0]
    pq.write_table(
        pa.table({"problem": ["p", "q"], "answer": ["1", "2"], "image": [b"x", None]}), mirror / "b.parquet"
    )
    table, report = clean_dataset("own", entry("b.parquet", {"row": ["image"]}))
    assert table["problem"].to_pylist() == ["q"]
    assert report.notes[0].reason.startswith("a further column is no plain value")


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        (["the", "an", "a"], "a", "C"),  # the text as it stands, not the letter A
        ([3, 4, 5, 6], "3", "A"),
        ([3, 4, 5, 6], 0, "A"),
        ({"1": "x", "2": "y"}, 1, "1"),
        ({"A": "x", "B": "y", "C": None}, "B", "B"),
    ],
)
def test_what_an_answer_may_mean_is_one_option(mirror, options, answer, right):
    rows = [{"problem": "Which?", "answer": answer, "choices": options}]
    (found,), _ = cleaned(mirror, rows, {"options": ["choices"]})
    assert found["answers"][0] == right and "None" not in found["problem"]


def test_a_text_that_is_another_options_letter_is_not_judged_by_its_text(mirror):
    rows = [{"problem": "Which?", "answer": 1, "choices": ["x", "a", "y"]}]
    (problem,) = problems_of(mirror, rows, {"options": ["choices"]})
    assert boxed(problem, "B", "b", "a", "A") == [True, True, False, False]


def test_a_set_without_such_columns_is_the_file_that_it_was(mirror):
    cleaned(mirror, [{"problem": "p", "answer": "1", "level": 3}])
    table, _ = clean_dataset("own", entry("a.json"))
    assert table.schema == TABLE and "grader" not in table.column_names
    section = DatasetProblems(source="datasets", datasets=["own"])
    frame = make_problem_set("set", section, "train", {"own": pd.DataFrame(table.to_pylist())}, {}).frame
    write_problems(frame, mirror / "now.parquet")
    assert pq.read_schema(mirror / "now.parquet") == ARROW
    # Written by hand in the schema of before: the very same bytes.
    row = {
        "data_source": "set",
        "prompt": [{"role": "user", "content": rf"p {section.suffix}"}],
        "ability": "math",
        "reward_model": {
            "style": "rule",
            "ground_truth": ["1"],
            "several": "any",
            "answer_type": "integer",
            "tolerance": None,
            "unit": None,
        },
        "extra_info": {
            "id": table["id"][0].as_py(),
            "index": 0,
            "split": "train",
            "family": "own",
            "fingerprint": table["fingerprint"][0].as_py(),
        },
    }
    write_table(pa.Table.from_pylist([row], schema=ARROW), mirror / "before.parquet")
    assert (mirror / "now.parquet").read_bytes() == (mirror / "before.parquet").read_bytes()


def test_another_grader_is_a_field_of_its_own(mirror):
    problems = problems_of(mirror, [{"problem": "p", "answer": "1"}], grader="math")
    assert problems[0].grader == "math"
    names = [field.name for field in pq.read_schema(mirror / "set.parquet").field("reward_model").type]
    assert names[-1] == "grader"
