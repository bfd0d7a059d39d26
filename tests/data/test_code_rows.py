"""Rows of programming problems: the forms that files have tests in, prompts, what is left out and why."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from code_repositories import PRIMES_END, write_code

from gdpo.config.datasets import Columns, Dataset, DatasetProblems, FileSource
from gdpo.data.datasets import clean_dataset, read_dataset
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.data.problem_sets import make_problem_set
from gdpo.data.sources import SourceError
from gdpo.parquet import write_table
from gdpo.plugins import TASKS
from gdpo.plugins.loading import load
from gdpo.tasks import Problem, Row, judge_all
from gdpo.tasks.code.formats import LARGEST, LARGEST_CHECK, MOST
from gdpo.tasks.code.rows import PRIMES_REQUEST, SUFFIX, code

PAIRS = [["1 2\n", "3\n"], ["5 5\n", "10\n"]]
CALLS = [[[1, 2], 3], [[[], None], None]]
STDIN = {"stdin": PAIRS}
ADD = {"function": "add", "calls": [[[1, 2], 3], [[5, 5], 10]]}
ASSERTS = ["assert add(1, 2) == 3", "assert add(5, 5) == 10"]


@pytest.fixture(autouse=True)
def mirror(tmp_path, monkeypatch):
    load([])
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    return tmp_path


def read_tests(answer):
    asked = code(Row("Add them.", answer))
    return asked.answer_type, json.loads(asked.answers[0]), asked.changes


def cleaned(mirror, rows, columns=None, **values):
    (mirror / "a.json").write_text(json.dumps(rows))
    dataset = Dataset(
        licence="own",
        task="code",
        file=FileSource(path="a.json"),
        columns=Columns(**(columns or {})),
        **values,
    )
    return clean_dataset("own", dataset)


def problems(mirror, rows, columns=None, section=None) -> list[Problem]:
    """The whole way: cleaned, stored, made into a set, stored, read."""
    write_table(cleaned(mirror, rows, columns)[0], mirror / "own.parquet")
    section = DatasetProblems(source="datasets", datasets=["own"], **(section or {}))
    made = make_problem_set("set", section, "train", {"own": read_dataset(mirror / "own.parquet")}, {})
    write_problems(made.frame, mirror / "set.parquet")
    return [Problem.of(row) for row in read_problems(mirror / "set.parquet").to_dict("records")]


@pytest.mark.parametrize("written", [lambda tests: tests, json.dumps])
@pytest.mark.parametrize(
    "answer",
    [
        STDIN,
        {"inputs": [a for a, _ in PAIRS], "outputs": [b for _, b in PAIRS]},
        {"inputs": [["1 2", ""], ["5 5", ""]], "outputs": [["3", ""], ["10", ""]]},  # APPS: lists of lines
        {"inputs": [a for a, _ in PAIRS], "outputs": [b for _, b in PAIRS], "fn_name": None},
        [{"input": a, "output": b} for a, b in PAIRS],
        [{"input": a, "output": b, "fn_name": None, "testtype": "stdin"} for a, b in PAIRS],
        {
            "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
            "private_tests": {"input": [], "output": []},
            "generated_tests": {"input": ["5 5\n"], "output": ["10\n"]},
        },
    ],
)
def test_inputs_and_outputs_become_pairs_of_texts(answer, written):
    assert read_tests(written(answer)) == ("stdin", STDIN, [])


@pytest.mark.parametrize(
    "answer",
    [
        ADD,
        {"inputs": ["1\n2", "5\n5"], "outputs": ["3", "10"], "fn_name": "add"},  # PRIME: a line an argument
        {"inputs": [[1, 2], [5, 5]], "outputs": [3, 10], "fn_name": "add"},  # APPS, TACO
        [
            {"input": "1\n2", "output": "3", "fn_name": "add"},
            {"input": [5, 5], "output": 10, "fn_name": "add"},
        ],
    ],
)
def test_arguments_and_values_become_calls(answer):
    assert read_tests(json.dumps(answer)) == ("calls", ADD, [])


@pytest.mark.parametrize("outputs", [["[3]", "[10]"], [[3], [10]]])
def test_values_that_all_stand_in_lists_of_one_are_taken_out(outputs):
    inputs = ["1\n2", "5\n5"] if isinstance(outputs[0], str) else [[1, 2], [5, 5]]
    kind, gold, changes = read_tests({"inputs": inputs, "outputs": outputs, "fn_name": "add"})
    assert (kind, gold, changes) == ("calls", ADD, ["returned values taken out of lists of one"])
    kept = read_tests({"inputs": ["1", "2"], "outputs": ["[1]", "[1, 2]"], "fn_name": "upto"})[1]
    assert kept["calls"] == [[[1], [1]], [[2], [1, 2]]]


def test_null_in_arguments_is_meant():
    assert read_tests({"function": "f", "calls": CALLS})[1]["calls"] == CALLS


@pytest.mark.parametrize("answer", [ASSERTS, json.dumps(ASSERTS), "\n".join(ASSERTS)])
def test_assertions_tell_the_function_they_call(answer):
    assert read_tests(answer) == ("check", {"function": "add", "check": "\n".join(ASSERTS)}, [])


def test_neither_python_s_functions_nor_those_of_the_setup_are_the_tested_one():
    row = {
        "test_setup_code": "class Pair:\n    def __init__(self, a, b): pass",
        "test_imports": ["import math"],
        "test_list": [
            "assert set(longest(Pair(1, 2))) == set((1,))",
            "assert math.isclose(longest(3), len([]))",
        ],
    }
    asked = code(Row("Find it.", row))
    gold = json.loads(asked.answers[0])
    assert gold["function"] == "longest" and gold["setup"].startswith("import math\nclass Pair")
    assert asked.text == "Find it.\n\nYour code should pass these tests:\n\n" + "\n".join(row["test_list"])


def test_rows_of_humaneval_plus_and_mbpp_plus_are_whole_answers(mirror):
    half = 'import math\n\n\ndef half(x):\n    """Half."""\n    return x / 2\n'
    stub = f'{half}\n\ndef add(a, b):\n    """The sum."""\n'
    test = "def check(candidate):\n    assert candidate(half(2), 2) == 3\n"
    row = {
        "task_id": "HumanEval/1",
        "prompt": stub,
        "entry_point": "add",
        "test": test,
        "canonical_solution": "",
    }
    (problem,) = problems(mirror, [row], {"problem": ["prompt"], "answer": ["*"]})
    gold = json.loads(problem.gold.answers[0])
    assert gold["function"] == "add" and gold["setup"].endswith("return x / 2") and "add" not in gold["setup"]
    assert f"```python\n{stub.strip()}\n```" in problem.question
    good = "```python\ndef add(a, b):\n    return a + b\n```"
    assert [v.verdict for v in judge_all([good, good.replace("+", "-")], [problem] * 2)] == [
        "correct",
        "wrong",
    ]
    plus = {
        "prompt": "Add.",
        "test": "import math\nassert add(1, 2) == 3",
        "test_list": ASSERTS,
        "test_imports": [],
    }
    (problem,) = problems(mirror, [plus], {"problem": ["prompt"], "answer": ["*"]})
    assert json.loads(problem.gold.answers[0]) == {"function": "add", "check": plus["test"]}
    assert ASSERTS[1] in problem.question and "math" not in problem.question


def test_code_contests_columns_are_merged(mirror):
    row = {"description": "Add.", "difficulty": 7}
    row |= {
        f"{kind}_tests": {"input": [a], "output": [b]}
        for kind, (a, b) in zip(["public", "private"], PAIRS, strict=True)
    }
    row["generated_tests"] = {"input": [], "output": []}
    pd.DataFrame([row]).to_parquet(mirror / "a.parquet")
    columns = Columns(problem=["description"], answer=["*"])
    dataset = Dataset(licence="own", task="code", file=FileSource(path="a.parquet"), columns=columns)
    (made,) = clean_dataset("own", dataset)[0].to_pylist()
    assert json.loads(made["answers"][0]) == STDIN


def test_a_gold_of_ours_keeps_what_the_grader_reads():
    limits = {"seconds": 2.5, "megabytes": 256, "tolerance": 1e-6, "checker": "print(1)"}
    assert read_tests(STDIN | limits)[1] == STDIN | limits
    check = {"function": "add", "check": "\n".join(ASSERTS), "setup": "import math"}
    assert read_tests(check | {"seconds": 1})[1] == check | {"seconds": 1}


def test_doubles_and_what_is_too_much_are_left_out_and_said():
    pairs = [[str(n), str(n)] for n in range(MOST + 5)]
    kind, gold, changes = read_tests({"stdin": [pairs[0], *pairs]})
    assert gold["stdin"] == pairs[:MOST]
    assert changes == ["doubled tests removed", f"tests beyond {MOST} left out"]
    long = ["1" * LARGEST, "1"]
    kind, gold, changes = read_tests({"stdin": [pairs[0], long, pairs[1]]})
    assert gold["stdin"] == pairs[:2] and changes == ["tests left out that make more than 50,000 characters"]
    kind, gold, changes = read_tests([*ASSERTS, ASSERTS[0]])
    assert gold["check"] == "\n".join(ASSERTS) and changes == ["doubled tests removed"]


def deep(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "no tests"),
        ("", "no tests"),
        ([], "no tests"),
        (float("nan"), "no tests"),
        (7, "tests are of type int"),
        ({"inputs": [], "outputs": []}, "no tests"),
        ({"stdin": []}, "no tests"),
        ({"inputs": ["1"], "outputs": []}, "another number of inputs than of outputs"),
        ({"inputs": "1", "outputs": "2"}, "inputs or outputs that are no list"),
        ({"inputs": [None], "outputs": ["1"]}, "of type NoneType"),
        ({"inputs": ["1"], "outputs": ["1"], "fn_name": "not a name"}, "a function whose name is none"),
        (
            {"inputs": ["x"], "outputs": ["1"], "fn_name": "f"},
            "an argument or a returned value that is no JSON",
        ),
        ({"inputs": [deep(150)], "outputs": ["1"], "fn_name": "f"}, "nested too deep"),
        ({"inputs": [deep(5000)], "outputs": ["1"], "fn_name": "f"}, "nested too deep"),
        ({"inputs": ['{"1": 2}'], "outputs": ["1"], "fn_name": "f"}, "numbers as keys"),
        ({"inputs": ["1" * 5000], "outputs": ["1"], "fn_name": "f"}, "no JSON"),
        ({"stdin": [["1"]]}, "no list of pairs"),
        ({"stdin": PAIRS, "calls": CALLS}, "a key that it has not"),
        ({"calls": CALLS}, "calls without a function"),
        ({"function": "f", "calls": [[1, 2]]}, "without a list of arguments"),
        ({"function": "f"}, "tests in none of the known forms"),
        ({"stdin": PAIRS, "seconds": -1}, "seconds of tests that is no number above 0"),
        ({"stdin": PAIRS, "seconds": "2"}, "seconds of tests that is no number above 0"),
        ({"stdin": PAIRS, "checker": "print("}, "a checker that is no Python"),
        ({"stdin": [["1" * (LARGEST + 1), "1"]]}, f"tests longer than {LARGEST:,} characters"),
        ([{"input": "1"}], "tests in none of the known forms"),
        ([{"input": "1", "output": "1", "fn_name": n} for n in "ab"], "tests of several functions"),
        (["add(1, 2) == 3"], "a test program without an assertion"),
        (["assert add(1"], "neither JSON nor Python"),
        (["assert 1 == 1"], "does not tell the function it tests"),
        ("def check(candidate):\n    assert candidate(1)", "does not tell the function it tests"),
        ("It adds.", "neither JSON nor Python"),
        ("{broken", "neither JSON nor Python"),
        ("(" * 5000, "neither JSON nor Python"),
        ("assert f(1)\n" + "#" * LARGEST_CHECK, "a test program longer than 1,000,000 characters"),
        ("import numpy as np\nassert f(1) == np.float64(1)", "a test program that imports a package, numpy"),
        ({"test": 5}, "a test program without an assertion"),
        ({"test_list": "x"}, "assertions that are no list of texts"),
    ],
)
def test_a_row_without_usable_tests_is_left_out_with_its_reason(mirror, answer, reason):
    rows = [{"problem": "Add.", "answer": STDIN}, {"problem": "Other.", "answer": answer}]
    table, report = cleaned(mirror, rows)
    assert table.num_rows == 1
    (note,) = report.notes
    assert note.row == 1 and reason in note.reason


def test_a_source_may_give_arrays():
    array = np.array([{"input": a, "output": b} for a, b in PAIRS], dtype=object)
    assert read_tests(array)[1] == STDIN


@pytest.mark.parametrize(("section", "suffix"), [({}, SUFFIX), ({"suffix": "In Python."}, "In Python.")])
def test_a_text_is_asked_with_the_suffix_of_the_set_or_else_of_the_task(mirror, section, suffix):
    rows = [{"problem": "[1] Add them.", "context": "A story.", "answer": STDIN}]
    (problem,) = problems(mirror, rows, section=section)
    assert problem.prompt == [{"role": "user", "content": f"A story.\n\n[1] Add them. {suffix}"}]
    assert problem.grader == "unit_tests"


def test_messages_are_the_whole_prompt():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Add.{PRIMES_END}"}]
    for written in (messages, json.dumps(messages)):
        asked = code(Row(written, STDIN, context="A story."))
        assert (
            asked.messages == [{"role": "system", "content": "A story."}, *messages] and asked.text == "Add."
        )


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (None, "no problem text"),
        (7, "problem is no text but of type int"),
        ([], "without a message of the user"),
        ([{"role": "system", "content": "x"}], "without a message of the user"),
        ([{"role": "oracle", "content": "x"}], "without one of the roles"),
        ([{"role": "user", "content": " "}], "a message without content"),
    ],
)
def test_a_row_without_a_prompt_is_left_out(mirror, problem, reason):
    table, report = cleaned(
        mirror, [{"problem": "a", "answer": STDIN}, {"problem": problem, "answer": STDIN}]
    )
    assert table.num_rows == 1 and reason in report.notes[0].reason


def test_primes_request_is_neither_doubled_nor_compared(mirror):
    rows = [
        {"problem": f"Add.{PRIMES_END}", "answer": STDIN},
        {"problem": f"Sum.{PRIMES_END}", "answer": ADD},
    ]
    one, other = problems(mirror, rows)
    assert one.question == f"Add.{PRIMES_END}" and PRIMES_END.strip() == PRIMES_REQUEST
    assert other.question == f"Sum.\n\nThe function is called `add`.{PRIMES_END}"
    assert [row["problem"] for row in cleaned(mirror, rows)[0].to_pylist()][0] == "Add."


@pytest.mark.parametrize("kind", ["options", "unit", "tolerance", "tools", "answer_type"])
def test_what_has_no_effect_on_programs_is_refused(kind):
    values = {"licence": "own", "file": {"path": "a.json"}, "task": "code", "columns": {kind: ["x"]}}
    with pytest.raises(ValueError, match=rf"columns\.{kind}: without effect on the task code"):
        Dataset.model_validate(values)


def test_another_grader_reads_any_gold():
    asked = code(Row("Add.", "3", grader="mine"))
    assert (asked.answers, asked.answer_type) == (["3"], "text")


@pytest.mark.parametrize("answer", [STDIN, ADD, {"stdin": [*PAIRS, ["x" * 300, "y" * 300]]}])
def test_a_rehearsal_s_right_program_passes(mirror, answer):
    (problem,) = problems(mirror, [{"problem": "Add.", "answer": answer}])
    before, after = TASKS["code"].right(problem.gold)
    (verdict,) = judge_all([f"{before}<think> so </think>{after}"], [problem])
    whole = answer is STDIN or answer is ADD
    assert verdict.measured == {"pass_rate": 1.0 if whole else pytest.approx(2 / 3), "runs": 1.0}
    (problem,) = problems(mirror, [{"problem": "Add.", "answer": ASSERTS}])
    assert TASKS["code"].right(problem.gold) is None


def test_a_place_within_a_column_may_be_of_a_list(mirror):
    row = {
        "prompt": [{"role": "system", "content": "x"}, {"role": "user", "content": "Add."}],
        "answer": STDIN,
    }
    for name in ("prompt.-1.content", "prompt.1.content"):
        assert cleaned(mirror, [row], {"problem": [name]})[0].to_pylist()[0]["problem"] == "Add."
    with pytest.raises(SourceError, match="no problem text"):
        cleaned(mirror, [row], {"problem": ["prompt.5.content"]})


def test_prime_s_rows_of_code_are_kept_and_all_usable(mirror):
    write_code(mirror, ["red", "green", "blue", *"abcdefghijklmnop"])
    name = "PRIME-RL/Eurus-2-RL-Data/train.parquet"
    assert pq.ParquetFile(mirror / name).num_row_groups > 1
    dataset = Dataset(
        licence="own",
        task="code",
        file=FileSource(path=name, keep={"ability": "^code$", "data_source": "^(apps|taco)$"}, rows=200),
        columns=Columns(problem=["prompt.-1.content"], answer=["reward_model.ground_truth"]),
    )
    table, report = clean_dataset("own", dataset)
    assert (report.read, report.kept) == (800, 200)
    assert {note.reason for note in report.notes} == {
        "not among the rows to keep",
        "doubled tests removed",
        "returned values taken out of lists of one",
    }
    rows = table.to_pylist()
    assert {row["answer_type"] for row in rows} == {"stdin", "calls"}
    assert rows[0]["row"] >= 400 and all("[ASSESS]" not in row["problem"] for row in rows)
