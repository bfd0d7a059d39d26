"""What judges a response: any text has an answer or none, in a time that its length bounds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.tasks.math import Grader, is_well_formed, normalize_answer
from gdpo.tasks.math.answers import boxed_spans, extract_answer, has_box, reasoning_and_answer
from gdpo.tasks.math.golds import GoldError, normalise_gold
from gdpo.tasks.math.lines import grade_file

from .conftest import budget, in_time
from .mutations import ANY_CHARACTER, VALUES, damaged, mutated

PIECES = [
    "\\boxed{", "\\boxed {", "\\fbox{", "{", "}", "\\{", "\\}", "<think>", "</think>", "\\frac", "\\dfrac{1}{2}", "\\sqrt",
    "\\text{", "\\left(", "\\right)", "\\,", "\\ ", "\\\\", "$", "^", "_", "%", ",", ".", "-", "+", "=", "/", "*", "(", ")",
    "[", "]", "1", "0", "9", "x", " ", "\n", "e", "E", "inf", "nan", "\\infty", "\\pi", "i", "\\degree", "^\\circ", "and",
    "or", "\\cup", "\\begin{pmatrix}", "&", "\\end{pmatrix}", "\u0661", "\u00bd", "\u2212", "\u200b", "\U0001d7d8", "\0",
]  # fmt: skip
ANSWERS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(ANY_CHARACTER, max_size=30)
RESPONSES = st.lists(st.sampled_from(PIECES) | ANSWERS, max_size=12).map("".join)


def read_answer(text: str) -> None:
    """Everything that is asked of a response without a parser, and what must hold of it."""
    spans = boxed_spans(text)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    answer = extract_answer(text)
    assert answer is None or (answer and answer in text)
    assert answer is None or has_box(text)
    reasoning, rest = reasoning_and_answer(text)
    assert len(reasoning) + len(rest) <= len(text)
    assert isinstance(is_well_formed(text), bool)
    if answer is not None:
        assert isinstance(normalize_answer(answer), str)


@budget(400)
@given(RESPONSES)
def test_any_response_has_an_answer_or_none(text):
    with in_time(2):
        read_answer(text)


@budget(250)
@given(ANSWERS)
def test_any_answer_has_a_normal_form(text):
    with in_time(2):
        assert isinstance(normalize_answer(text), str)


@budget(60)
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=3), box=st.booleans())
def test_time_is_bounded_by_length(pieces, box):
    """100,000 characters of a repeated piece, as a model that loops writes them."""
    text = "".join(pieces)
    text *= 100_000 // len(text)
    with in_time(5):
        read_answer(f"\\boxed{{{text}}}" if box else text)


@budget(250)
@given(answer=VALUES | ANSWERS | st.lists(ANSWERS, max_size=3), unit=VALUES, tolerance=VALUES, kind=VALUES)
def test_any_gold_is_normal_or_an_error(answer, unit, tolerance, kind):
    with in_time(2):
        try:
            gold = normalise_gold(answer, unit, tolerance, kind)
        except GoldError as error:
            assert str(error)
        else:
            assert gold.answers and all(isinstance(text, str) and text for text in gold.answers)
            assert gold.tolerance is None or gold.tolerance > 0


LINES = [
    {"id": "a", "response": "<think>x</think>\\boxed{2}", "gold": "2"},
    {"id": "b", "response": "\\boxed{3.14}", "gold": 3.1, "tolerance": 0.1},
    {"id": "c", "response": "no box", "gold": ["1", "2"], "several": "all", "unit": "cm"},
]


@pytest.fixture(scope="module")
def grader():
    """One real grader with one worker and little time."""
    grader = Grader(workers=1, seconds=2)
    yield grader
    grader.close()


@budget(60)
@given(st.data())
def test_any_line_is_graded_or_counted_as_bad(tmp_path, grader, data):
    rows = data.draw(mutated(LINES))
    rows = rows if isinstance(rows, list) else [rows]
    content = b"\n".join(json.dumps(row).encode() for row in rows)
    if data.draw(st.booleans()):
        content = data.draw(damaged(content))
    (tmp_path / "in.jsonl").write_bytes(content)
    with in_time(30):
        counts = grade_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", grader, unboxed=False)
    graded = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sum(counts.values()) - counts["bad lines"] == len(graded)
    lines = sum(bool(line.strip()) for line in content.split(b"\n"))
    assert sum(counts.values()) == lines
    assert all({"verdict", "extracted"} <= set(row) for row in graded)
