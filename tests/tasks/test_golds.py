"""Gold answers as real files have them."""

import pytest

from gdpo.tasks.math.golds import GoldError, normalise_gold


@pytest.mark.parametrize(
    ("answer", "answers", "kind", "change"),
    [
        ("025", ["25"], "integer", "leading zeros"),
        ("000", ["0"], "integer", "leading zeros"),
        ("142.0", ["142"], "integer", "float"),
        (142.0, ["142"], "integer", "float"),
        (0.0, ["0"], "integer", "float"),
        (0, ["0"], "integer", None),
        ("['9.6\\n']", ["9.6"], "number", "Python list"),
        ("['1/2', '0.5\\n']", ["1/2", "0.5"], "number", "Python list"),
        ("[\"a 'b'\"]", ["a 'b'"], "expression", "Python list"),
        (["$3$", "$5$"], ["3", "5"], "integer", "dollar"),
        (["2", "", "2"], ["2"], "integer", "empty or doubled"),
        ("[0, 1)", ["[0, 1)"], "interval", None),
        ("[1, 2]", ["[1, 2]"], "interval", None),
        ("(3, 4)", ["(3, 4)"], "tuple", None),
        ("3, 4", ["3, 4"], "list", None),
        (" 7\n", ["7"], "integer", "white space"),
        ("$x + 1$", ["x + 1"], "expression", "dollar"),
        (r"\text{Evelyn}", [r"\text{Evelyn}"], "text", None),
        (r"\frac{1}{2}", [r"\frac{1}{2}"], "number", None),
        ("['unclosed", ["['unclosed"], "expression", None),
        (True, ["yes", "true"], "text", "true or false taken for yes or no"),
        (False, ["no", "false"], "text", "true or false taken for yes or no"),
    ],
)
def test_each_kind_comes_out_right(answer, answers, kind, change):
    gold = normalise_gold(answer)
    assert (gold.answers, gold.answer_type) == (answers, kind)
    assert any(change in made for made in gold.changes) if change else not gold.changes


@pytest.mark.parametrize("answer", [None, "", "  \n", float("nan"), [], [None, ""], "['']"])
def test_nothing_is_no_answer(answer):
    with pytest.raises(GoldError, match="no answer"):
        normalise_gold(answer)


@pytest.mark.parametrize(
    ("given", "tolerance"),
    [
        ("1e-1", 0.1),
        (0.01, 0.01),
        ("1e-1,1e-2", 0.1),
        (None, None),
        ("", None),
        (float("nan"), None),
        (0, None),
    ],
)
def test_tolerances(given, tolerance):
    assert normalise_gold("3", tolerance=given).tolerance == tolerance


def test_an_unreadable_tolerance_is_counted():
    gold = normalise_gold("3", unit="$\\mathrm{km}$", tolerance="about 1")
    assert gold.tolerance is None and "unreadable tolerance 'about 1'" in gold.changes[0]
    assert gold.unit == "\\mathrm{km}"
