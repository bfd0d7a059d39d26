"""Letters of options as models write them."""

import pytest

from gdpo.tasks import Gold, Problem, judge_all
from gdpo.tasks.math.grader import shared_grader

VENUS = Problem("p", [], Gold(("B", "Venus")), {}, "choice")
RIGHT = [
    "B",
    "b",
    "(B)",
    "B.",
    "B)",
    "(B).",
    "B:",
    r"\text{B}",
    r"\textbf{(B)}",
    "$B$",
    "Venus",
    r"\text{Venus}",
]
RIGHT += [
    "B. Venus",
    "(B) Venus",
    "B) Venus",
    "B: Venus",
    "B, Venus",
    r"\text{B. Venus}",
    "(B)Venus",
    "B - Venus",
]
WRONG = ["A", "(A)", "C. Venus", "Mars", "A. Mars", "AB", "Bronze", "B bright", "", "A bird", "BC", "A, B"]


@pytest.fixture(autouse=True, scope="module")
def no_process_stays():
    yield
    shared_grader().close()


@pytest.mark.parametrize(("answers", "verdict"), [(RIGHT, "correct"), (WRONG, "wrong")])
def test_the_boxed_letter_counts_however_it_is_written(answers, verdict):
    found = judge_all([rf"<think>a</think>\boxed{{{answer}}}" for answer in answers], [VENUS] * len(answers))
    assert {answer: one.verdict for answer, one in zip(answers, found, strict=True)} == dict.fromkeys(
        answers, verdict
    )


def test_without_a_box_there_is_no_answer():
    assert judge_all(["B", r"<think>\boxed{B}"], [VENUS] * 2)[0].verdict == "wrong"


def test_digits_as_labels_are_no_beginnings_of_numbers():
    third = Problem("p", [], Gold(("3", "seven")), {}, "choice")
    given = {
        "3": "correct",
        "3. seven": "correct",
        "seven": "correct",
        "3.5": "wrong",
        "2": "wrong",
        "35": "wrong",
    }
    found = judge_all([rf"\boxed{{{answer}}}" for answer in given], [third] * len(given))
    assert [one.verdict for one in found] == list(given.values())
