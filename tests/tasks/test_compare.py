"""Whether two answers are the same, by pairs that a person has judged."""

import pytest

from gdpo.tasks import Gold
from gdpo.tasks.math import Grader


@pytest.fixture(scope="module")
def grader():
    grader = Grader(workers=1)
    yield grader
    grader.close()


SAME = [
    ("025", "25"),
    ("142", "142.0"),
    (r"\textbf{(051) }", "51"),
    (r"\frac{2}{4}", r"\frac12"),
    (r"0.5", r"\dfrac{1}{2}"),
    (r"2\frac{1}{2}", "2.5"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    ("0.333333", "1/3"),
    ("1,234", r"1{,}234"),
    (r"4,\!989,\!600", "4989600"),
    (r"1.6\times 10^{-19}", "1.6e-19"),
    (r"50\%", "50"),
    (r"50\%", "0.5"),
    ("x = 5", "5"),
    ("5", "x=5"),
    (r"90^\circ", "90"),
    (r"\$50", "50"),
    (r"21", r"21\text{ dogs}"),
    (r"5 \mathrm{~cm}^2", "5"),
    ("C", r"\text{(C)}"),
    (r"\text{evelyn}", "Evelyn"),
    (r"\sqrt{3}/2", r"\frac{\sqrt{3}}{2}"),
    ("(5-3y)^2", "(3y - 5)^2"),
    ("2x+3=y", "y=2x+3"),
    (r"2\sec(x)", r"2 \sec x"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)"),
    ("2, 1", "1,2"),
    (r"\{1,2\}", "2, 1"),
    (r"1\pm\sqrt{2}", r"1-\sqrt2, 1+\sqrt2"),
    (r"5 \text{ or } 6", "5,6"),
    (r"(1,\infty) \cup (-\infty, 1)", r"(-\infty,1)\cup(1,\infty)"),
    (r"x \in [-2,7]", "[-2,7]"),
    ("x<5", r"(-\infty,5)"),
    (r"-2 < x \le 3", "(-2,3]"),
    (r"\begin{bmatrix}2/4\\2\end{bmatrix}", r"\begin{pmatrix} 1/2 \\ 2 \end{pmatrix}"),
    ("1010_{2}", "1010_2"),
    ("1010", "1010_2"),
]
DIFFERENT = [
    ("26", "025"),
    ("-5", "5"),
    ("0.33", "1/3"),
    ("1.7e-19", "1.6e-19"),
    ("5", r"50\%"),
    ("5,6", "5"),
    ("(2, 1)", "(1,2)"),
    ("[1,2)", "(1,2)"),
    (r"x \geq 3", r"(3,\infty)"),
    ("seat", "east"),
    ("B", r"\text{(C)}"),
    ("1010_3", "1010_2"),
    ("12_5", "12"),
    (r"\frac{1}{3}", r"\frac{1}{2}"),
    ("1,2,3", "1,2"),
    ("1,1,2", "1,2,2"),
    (r"\text{none}", "0"),
]


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_the_same_answer_in_another_spelling(grader, answer, gold):
    assert grader.grade(rf"\boxed{{{answer}}}", Gold((gold,))).verdict == "correct"


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_another_answer(grader, answer, gold):
    assert grader.grade(rf"\boxed{{{answer}}}", Gold((gold,))).verdict == "wrong"


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("3", Gold(("5", "3")), True),
        ("3, 5", Gold(("5", "3")), True),
        ("4", Gold(("5", "3")), False),
        ("3", Gold(("5", "3"), "all"), False),
        ("3, 5", Gold(("5", "3"), "all"), True),
        ("3, 5, 7", Gold(("5", "3"), "all"), False),
        ("(1,2), (2,1)", Gold(("(2,1)", "(1,2)"), "all"), True),
        ("x=1,y=2; x=2,y=1", Gold(("x=1,y=2", "x=2,y=1"), "all"), True),
        ("3 or 5", Gold(("3, 5",), "all"), True),
        ("3.05", Gold(("3",), tolerance=0.1), True),
        ("3.15", Gold(("3",), tolerance=0.1), False),
        (r"\frac{\sqrt{2}}{2}", Gold(("0.7",), tolerance=0.01), True),
        (r"\frac{\sqrt{2}}{2}", Gold(("0.7",), tolerance=0.001), False),
        (r"5\mathrm{~km}/\mathrm{h}", Gold(("5",), unit=r"$\mathrm{km}/\mathrm{h}$"), True),
        ("5", Gold(("5",), unit="km"), True),
    ],
)
def test_several_golds_tolerances_and_units(grader, answer, gold, right):
    assert grader.grade(rf"\boxed{{{answer}}}", gold).verdict == ("correct" if right else "wrong")
