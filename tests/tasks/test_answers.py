"""Finding the answer in a response."""

import pytest

from gdpo.tasks.math import extract_answer, normalize_answer
from gdpo.tasks.math.answers import boxed_spans, reasoning_and_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"<think>1+1=2</think>\boxed{2}", "2"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"<think>\boxed{3}</think> I do not know", None),
        (r"\boxed{unclosed", None),
        (r"\boxed{}", None),
        (r"<think>cut off in the middle \boxed{3}", None),
        (r"\fbox{4}", "4"),
        (r"\boxed {5}", "5"),
        ("no box", None),
        ("", None),
    ],
)
def test_the_last_closed_box_after_the_reasoning_is_the_answer(text, answer):
    assert extract_answer(text) == answer


def test_time_is_linear_in_unclosed_boxes():
    # A scan that restarts at each opening would take minutes here.
    assert boxed_spans(r"\boxed{" * 200_000) == []


@pytest.mark.parametrize(
    ("given", "same"),
    [("025", "25"), ("142.0", "142"), ("-0", "0"), (" $1,234$. ", "1234"), ("+7", "7"), ("-3.00", "-3")],
)
def test_spellings_of_a_number_are_one(given, same):
    assert normalize_answer(given) == same


@pytest.mark.parametrize("kept", ["1.5", r"\frac{1}{2}", "1,23", "x+1", "0.50"])
def test_what_is_not_a_plain_integer_stays(kept):
    assert normalize_answer(kept) == kept


def test_reasoning_is_what_comes_before_the_answer():
    assert reasoning_and_answer(r"<think>a</think>\boxed{1}") == ("<think>a", r"\boxed{1}")
    assert reasoning_and_answer(r"because a, \boxed{1}") == ("because a, ", r"\boxed{1}")
    assert reasoning_and_answer("no answer") == ("no answer", "")
