"""Worked solutions, every line of them, against Python's own arithmetic and the generator's answers."""

import itertools
import re

import pytest

from gdpo.config.problems import ChainSum, SimpleEquations
from gdpo.data.arithmetic import Problem, stream
from gdpo.starting_model.solutions import worked_solution
from gdpo.starting_model.tokenizer import check_encodable, make_tokenizer

STYLES = ["brief", "direct", "steps", "checked", "detailed"]
FAMILIES = {
    "sums": ChainSum(max_terms=4, max_digits=3),
    "one-step": SimpleEquations(max_value=40),
    "two-step": SimpleEquations(coefficient=True, max_value=12),
}


@pytest.fixture(scope="module")
def problems():
    return [
        problem
        for (name, family), seed in itertools.product(FAMILIES.items(), (1, 2))
        for problem in itertools.islice(stream(name, family, "train", seed), 150)
    ]


@pytest.mark.parametrize("style", STYLES)
def test_the_box_holds_the_generators_answer_and_every_line_is_true(problems, style):
    tokenizer = make_tokenizer(256)
    for problem in problems:
        text = worked_solution(problem, style)
        reasoning, answer = re.fullmatch(r"<think>(.+)</think>\\boxed\{(-?\d+)\}", text, re.DOTALL).groups()
        assert answer == problem.answer
        for line in reasoning.split("\n") if style != "brief" else ():
            values = {eval(side.replace("x", f"({answer})")) for side in line.split("=")}
            assert len(values) == 1, f"{line!r} in the {style} solution of {problem.text!r}"
        check_encodable(tokenizer, [text])


def test_the_brief_style_gives_the_running_totals(problems):
    for problem in problems:
        if "x" not in problem.text:
            terms = re.findall(r"[+-]?\d+", problem.text.replace(" ", ""))
            totals = itertools.accumulate(map(int, terms))
            expected = " ".join(str(total) for total in list(totals)[1:])
            assert worked_solution(problem, "brief").startswith(f"<think>{expected}</think>")


def test_styles_differ_in_length(problems):
    mean = {s: sum(len(worked_solution(p, s)) for p in problems) / len(problems) for s in STYLES}
    assert mean["brief"] < mean["direct"] < mean["steps"] < mean["checked"]
    assert mean["detailed"] > 1.4 * mean["direct"]


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("12 + 30 - 4", "brief", "<think>42 38</think>\\boxed{38}"),
        ("x + 7 = 15", "brief", "<think>15-7</think>\\boxed{8}"),
        ("12 + 30 - 4", "direct", "<think>12+30-4=42-4=38</think>\\boxed{38}"),
        ("47 + 38", "detailed", "<think>47+38\n47+30=77\n77+8=85</think>\\boxed{85}"),
        ("x + 7 = 15", "steps", "<think>x=15-7\n15-7=8</think>\\boxed{8}"),
        ("5 - 3*x = -4", "checked", "<think>3*x=5+4\n5+4=9\n3*x=9\nx=3\n9-4=5</think>\\boxed{3}"),
    ],
)
def test_form(text, style, expected):
    answer = re.search(r"\{(-?\d+)\}", expected)[1]
    assert worked_solution(Problem(text, answer, "f", "a"), style) == expected


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="stated answer is 4"):
        worked_solution(Problem("1 + 2", "4", "f", "a"), "steps")
    with pytest.raises(ValueError, match="'terse' does not exist; the styles are brief"):
        worked_solution(Problem("1 + 2", "3", "f", "a"), "terse")
    with pytest.raises(ValueError, match="neither a sum"):
        worked_solution(Problem("2 * 3", "6", "f", "a"), "steps")
