"""A plug-in tried on stored samples: the numbers that are shown, and every failure by file and line."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from cli_in_process import Done, gdpo

from gdpo.data.problem_files import write_problems
from gdpo.sampling.samples import SCHEMA, write_samples

GOLDS = {"a": "2", "b": "4", "c": "6"}
# Right or wrong, and tokens, of the two samples of each problem.
DRAWN = {"a": [("2", 3), ("3", 9)], "b": [("4", 3), ("4", 5)], "c": [("7", 3), ("8", 3)]}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of a study with an evaluation: three problems, two samples each."""
    folder = tmp_path_factory.mktemp("results")
    rows = [
        {
            "data_source": "easy",
            "prompt": [{"role": "user", "content": f"problem {id}"}],
            "ability": "math",
            "reward_model": {
                "style": "rule",
                "ground_truth": [gold],
                "several": "any",
                "answer_type": "integer",
                "tolerance": None,
                "unit": None,
            },
            "extra_info": {
                "id": id,
                "index": index,
                "split": "benchmark",
                "family": "own",
                "fingerprint": id * 8,
            },
        }
        for index, (id, gold) in enumerate(GOLDS.items())
    ]
    write_problems(pd.DataFrame(rows), folder / "study" / "problems" / "easy.parquet")
    samples = [
        {
            "problem_id": id,
            "sample_index": index,
            "seed": index,
            "prompt": f"problem {id}",
            "text": rf"<think>so</think>\boxed{{{answer}}}",
            "token_ids": list(range(n)),
            "n_tokens": n,
            "stop_reason": "stop",
            "backend": "test",
            "engine_version": "0",
            "model_sha256": "0",
        }
        for id, drawn in DRAWN.items()
        for index, (answer, n) in enumerate(drawn)
    ]
    table = pa.Table.from_pylist(
        samples,
        schema=pa.schema([f.with_type(pa.string()) if f.name == "stop_reason" else f for f in SCHEMA]),
    )
    path = folder / "study" / "evaluation" / "model" / "easy" / "samples.parquet"
    path.parent.mkdir(parents=True)
    write_samples([table], path, GOLDS, 2)
    return folder


def check(folder: Path, code: str, *arguments: str | Path) -> Done:
    """``gdpo check-plugin`` of a file with this code."""
    (folder / "mine.py").write_text(code)
    return gdpo("check-plugin", "mine.py", *arguments, folder=folder)


def row(output: str, name: str) -> list[str]:
    """The cells of a name's last row: its numbers."""
    rows = [line for line in output.splitlines() if re.match(rf"│ {name} ", line)]
    return [cell.strip() for cell in rows[-1].strip("│").split("│")]


GOOD = '''
from gdpo.plugins import grader, metric, reward

@reward(range=(0, 10))
def tokens(response):
    return response.n_tokens

@reward(range=(0, 1), group=True)
def first(responses):
    return [1.0] + [0.0] * (len(responses) - 1)

@reward(optional=True, range=(0, 1))
async def short(response, *, limit: int):
    return None if response.n_tokens == 9 else float(response.n_tokens <= limit)

@reward(reads=("right",))
def twice(response):
    return 2 * response.rewards["right"]

@grader
def even(response, problem):
    return response.rstrip("}")[-1] in "02468"

@metric(unit="tokens")
def length(response):
    """the length"""
    return response.n_tokens

@metric
def over(samples, limit):
    """too long"""
    return samples["n_tokens"] > limit
'''


@pytest.fixture(scope="module")
def good(tmp_path_factory, results):
    arguments = ["--options", "short={limit: 3}", "--reward", "right=correctness", "--limit", "4"]
    done = check(tmp_path_factory.mktemp("good"), GOOD, "--results", results, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        # min, mean, max, share of distinct, no value, range, share of dead groups
        ("tokens", ["3", "4.333", "9", "50.0%", "0%", "0 to 10 kept", "33%"]),  # 3 9 | 3 5 | 3 3
        ("first", ["0", "0.5", "1", "33.3%", "0%", "0 to 1 kept", "0%"]),
        ("short", ["0", "0.8", "1", "40.0%", "17%", "0 to 1 kept", "67%"]),  # 1 - | 1 0 | 1 1
        ("twice", ["0", "1", "2", "33.3%", "0%", "-", "67%"]),  # 2 0 | 2 2 | 0 0
        ("even", ["0", "0.6667", "1", "33.3%", "0%", "0 to 1 kept", "33%"]),  # 1 0 | 1 1 | 0 1
        ("length", ["3", "4.333", "9", "50.0%", "0%", "-", "33%"]),
        ("over", ["0", "0.3333", "1", "33.3%", "0%", "-", "33%"]),  # 0 1 | 0 1 | 0 0
    ],
)
def test_the_numbers_are_those_of_the_samples(good, name, numbers):
    assert row(good, name)[1:8] == numbers
    assert all(re.fullmatch(r"\d+\.\d+ (µs|ms|s)", cell) for cell in row(good, name)[8:])


def test_everything_that_is_registered_is_listed_with_its_place(good):
    line = GOOD.splitlines().index("def over(samples, limit):")  # the decorator's line, counted from 1
    assert f"mine.py, line {line}" in good and "7 registered" in good and "Nothing failed." in good
    assert "agrees with the samples' own grader on 83%" in good  # but for the wrong 8, which is even
    assert "on 6 responses to 3 problems" in good


def test_only_whole_problems_are_taken_of_many_samples(tmp_path, results):
    code = "from gdpo.plugins import reward\n@reward\ndef n(response):\n    return response.n_tokens\n"
    done = check(tmp_path, code, "--results", results, "--most", "5")
    assert "on 4 responses to 2 problems" in done.stdout
    assert "on 2 responses to 1 problem," in check(tmp_path, code, "--results", results, "--most", "1").stdout


def broken(kind: str, body: str, arguments: str = "response", options: str = "") -> str:
    return f"from gdpo.plugins import {kind}\n\n@{kind}{options}\ndef mine({arguments}):\n    {body}\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (broken("reward", "return 1 / 0"), r"reward mine: raised ZeroDivisionError .*mend mine.py, line 5"),
        (broken("reward", "return 'x'"), r"reward mine: gave 'x' .*mend mine.py, line 3"),
        (broken("reward", "import time; time.sleep(60)"), "reward mine: took longer than 2 s"),
        (
            broken("reward", "return response.n_tokens", options="(range=(0, 4))"),
            "2 of 6 values are outside of its range 0 to 4, the first 9; mend mine.py, line 3",
        ),
        (
            broken("reward", "return 0.0", "response, *, limit: int"),
            r"option limit: missing; give its options with --options 'mine={limit: \.\.\.}'",
        ),
        (
            broken("reward", "return 0.0", options="(reads=('right',))"),
            "reads 'right', and there is no such function; say which it is with --reward right=FUNCTION",
        ),
        (
            broken("reward", "return 0.0", options="(constant=lambda max_tokens: 1 / 0)"),
            r"what it declares \(range, constant\) raised ZeroDivisionError",
        ),
        (
            broken("grader", "return 1", "response, problem"),
            "grader mine: gave 1 .*no True, False or Verdict",
        ),
        (
            broken("grader", "return 1 / 0", "responses, problems", "(batched=True)"),
            r"grader mine: raised ZeroDivisionError .*mend mine.py, line 5",
        ),
        (
            broken("grader", "return [True]", "responses, problems", "(batched=True)"),
            "grader mine: gave 1 verdicts for 6 responses; mend mine.py, line 3",
        ),
        (broken("metric", "return float('nan')"), "metric mine: gave nan, not a finite number"),
        (broken("metric", "return samples['no']", "samples"), "metric mine: raised KeyError .*line 5"),
        (broken("metric", "return [1.0]", "samples"), r"metric mine: gave float64 of shape \(1,\)"),
        (
            broken("source", "yield 1", ""),
            "source mine: gave a int as a row, not a dict; mend mine.py, line 3",
        ),
        (broken("source", "return []", ""), "source mine: gave no row"),
        (
            broken("source", "yield {'a': 1 / 0}", ""),
            "source mine: raised ZeroDivisionError .*mend mine.py, line 5",
        ),
    ],
)
def test_what_fails_is_named_with_file_and_line(tmp_path, results, code, words):
    done = check(tmp_path, code, "--results", results)
    assert done.returncode == 1 and "1 of 1 failed." in done.stdout, done.stdout + done.stderr
    assert re.search(words, done.stdout), done.stdout
    assert "Traceback" not in done.stderr


OF_A_ROW = """
from gdpo.plugins import task
from gdpo.tasks import Asked, RowError

@task(grader="math")
def mine(row):
    {}
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "return Asked('So: ' + row.problem, [row.answer], 'text')",
            "it asks: So: What is 2+2?; gold: 4; judged by math",
        ),
        (
            "return Asked('x', ['5'], 'text', grader='choice', messages=[{'role': 'user', 'content': 'Ad'}])",
            "it asks: user: Ad; gold: 5; judged by choice",
        ),
        (
            "raise RowError('no')",
            "leaves a made-up row out (problem 'What is 2+2?', answer '4'): no",
        ),
    ],
)
def test_a_task_shows_what_it_asks(tmp_path, body, words):
    done = check(tmp_path, OF_A_ROW.format(body))
    text = " ".join(re.sub("[│┃]", " ", done.stdout).split())
    assert done.returncode == 0 and words in text and "not run" not in text, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            OF_A_ROW.format("return row.tools[0]"),
            "task mine: raised TypeError .* on a made-up row .*mine.py, line 7",
        ),
        (OF_A_ROW.format("return None"), "task mine: gave None, no Asked.*mend mine.py, line 5"),
        (
            OF_A_ROW.format("pass").replace('"math"', '"meth"'),
            "task mine: has grader='meth', and there is no",
        ),
        (OF_A_ROW.format("while True: pass"), "task mine: took longer than 2 s"),
    ],
)
def test_a_task_that_fails_is_named_with_file_and_line(tmp_path, code, words):
    done = check(tmp_path, code)
    assert done.returncode == 1 and re.search(words, done.stdout), done.stdout + done.stderr


METHOD = '''
from dataclasses import dataclass
from gdpo.advantage import RewardConfig, Step
from gdpo.plugins import method

@dataclass(frozen=True, kw_only=True)
class Config(RewardConfig):
    """Nothing of its own."""

@dataclass
class State:
    steps: int

CALLS = []

@method(config=Config{state})
def mine(batch, config{takes}):
    CALLS.append(1)
    terms = batch.deviations
    {body}
'''


def of_method(body: str, state: bool = False) -> str:
    parts = {"state": ", state=State", "takes": ", state"} if state else {"state": "", "takes": ""}
    return METHOD.format(body=body, **parts)


@pytest.mark.parametrize("samples", [True, False])
def test_a_method_makes_two_steps(tmp_path, results, samples):
    body = "return Step(terms, terms.sum(0), State(state.steps + 1 if state else 1))"
    done = check(tmp_path, of_method(body, True), "--results", results if samples else tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join(re.sub("[│┃]", " ", done.stdout).split())
    origin = "correctness, format and length of 6 samples: 10" if samples else "three random 0/1 rewards: 68"
    assert f"on {origin} finite advantages" in text
    assert 'its state survives JSON and a second step ({"steps": 1})' in text


@pytest.mark.parametrize(
    ("body", "state", "words"),
    [
        (
            "return Step(terms, terms.sum(0) + 1)",
            False,
            "gave 1 where all responses of a group have the same",
        ),
        ("return Step(terms, terms.sum(0) / 0)", False, "gave advantages that are not finite"),
        ("return Step(terms, terms)", False, r"gave advantages of shape \(3, 68\)"),
        ("return Step(terms, terms.sum(0) * len(CALLS))", False, "what it keeps must be in its state"),
        ("return 1 / 0", False, r"raised ZeroDivisionError .*mend mine.py, line 20"),
        (
            "return Step(terms, terms.sum(0), State({1: 2}))",
            True,
            "its state is another one after a checkpoint",
        ),
        ("return Step(terms, terms.sum(0), State(terms))", True, "its state cannot be kept in a checkpoint"),
        ("return Step(terms, terms.sum(0))", True, "declares a state, and its step gave none"),
    ],
)
def test_a_method_that_breaks_a_training_is_named(tmp_path, body, state, words):
    done = check(tmp_path, of_method(body, state), "--results", tmp_path)
    assert done.returncode == 1 and re.search(words, done.stdout), done.stdout + done.stderr


def test_a_reward_that_varies_in_no_group_is_said_to_teach_nothing(tmp_path, results):
    # 3 9 | 3 5 | 3 3: the shortest of a group has three tokens in all of them.
    code = broken("reward", "return [min(r.n_tokens for r in response)] * 2", options="(group=True)")
    done = check(tmp_path, code, "--results", results)
    assert done.returncode == 0 and "varies in no group, so that it teaches nothing" in done.stdout
    assert (
        "teaches nothing"
        not in check(tmp_path, broken("reward", "return response.n_tokens"), "--results", results).stdout
    )


def test_without_samples_it_says_how_to_give_them(tmp_path):
    done = check(tmp_path, GOOD)
    assert done.returncode == 0 and done.stdout.count("not run") == 7
    assert (
        "No samples: none in results/*/evaluation/*/*/samples.parquet. Give some with --samples"
        in done.stdout
    )


def test_samples_and_problems_may_lie_anywhere(tmp_path, results):
    code = broken("reward", "return response.n_tokens")
    samples = tmp_path / "samples.parquet"
    samples.write_bytes((results / "study/evaluation/model/easy/samples.parquet").read_bytes())
    problems = results / "study" / "problems" / "easy.parquet"
    done = check(tmp_path, code, "--samples", samples, "--problems", problems)
    assert done.returncode == 0 and row(done.stdout, "mine")[1:4] == ["3", "4.333", "9"]
    alone = check(tmp_path, code, "--samples", samples)
    assert alone.returncode == 1 and "give the problem set of these samples with --problems" in alone.stderr
    missing = check(tmp_path, code, "--samples", tmp_path / "none.parquet")
    assert missing.returncode == 1 and "none.parquet: no such samples; correct the path" in missing.stderr
    other = check(tmp_path, code, "--problems", problems)
    assert other.returncode == 1 and "give the samples of these problems too" in other.stderr


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        ("x = 1 / 0", [], "plug-in mine.py, line 1: ZeroDivisionError: division by zero"),
        ("def f(:", [], "plug-in mine.py, line 1: SyntaxError"),
        ("x = 1", [], "plug-in mine.py: registers nothing; put @reward"),
        (broken("reward", "return 0", "a, b"), [], "reward 'mine' takes a, b; it must take a response"),
        (GOOD, ["--options", "tokens"], "tokens: give KEY=VALUE"),
        (GOOD, ["--options", "tokens=3"], "--options tokens=3: give NAME={KEY: VALUE}"),
        (GOOD, ["--options", "shrot={limit: 3}"], "--options shrot: no reward or source; there are: .*short"),
        (GOOD, ["--reward", "right"], "--reward right: give NAME=FUNCTION"),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence(tmp_path, code, arguments, words):
    done = check(tmp_path, code, *arguments)
    assert done.returncode == 1 and re.search(words, done.stderr), done.stdout + done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_an_option_that_does_not_fit_is_named(tmp_path, results):
    done = check(tmp_path, GOOD, "--results", results, "--options", "short={limit: '3', most: 4}")
    assert done.returncode == 1
    assert re.search(r"reward short: option limit: .*given: '3', option most: unknown key", done.stdout)


def test_a_source_is_asked_for_its_first_rows_only(tmp_path):
    code = broken(
        "source", "yield from ({'problem': str(i), 'answer': n} for i in range(10**12))", "*, n: int"
    )
    done = check(tmp_path, code, "--options", "mine={n: 2}")
    assert done.returncode == 0 and "20 or more rows with problem, answer" in done.stdout
    without = check(tmp_path, code)
    assert without.returncode == 0 and "give its options with --options 'mine={n: ...}'" in without.stdout
    wrong = check(tmp_path, code, "--options", "mine={n: x}")
    assert wrong.returncode == 1 and "option n: Input should be a valid integer; given: 'x'" in wrong.stdout
