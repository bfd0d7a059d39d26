"""The hash of what a plug-in's function does: another body is another hash, a comment is not."""

import sys
import textwrap

import pytest

from gdpo.plugins import REWARDS
from gdpo.plugins.loading import code_of, load

FILE = """
import math
from helpers import scale
from gdpo.plugins import reward

WORDS = {"a": 1}
WORDS["b"] = 2
OTHER = 3


def inner(x):
    return x * scale(2)


@reward(range=(0, 9))
def mine(response):
    '''What it does.'''
    # A comment.
    return math.sqrt(inner(WORDS["a"]))


@reward
def another(response):
    return OTHER
"""
HELPERS = """
FACTOR = 2
UNUSED = 5


def scale(x):
    return FACTOR * x


def other(x):
    return UNUSED
"""


def code(folder, file: str = FILE, helpers: str = HELPERS, name: str = "mine") -> str:
    """The hash of a reward of a file with that text, beside another one."""
    folder.mkdir(exist_ok=True)
    (folder / "plugin.py").write_text(textwrap.dedent(file))
    (folder / "helpers.py").write_text(textwrap.dedent(helpers))
    load([])
    load([str(folder / "plugin.py")])
    return code_of(REWARDS, [name])[f"reward {name}"]


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    load([])
    assert str(tmp_path) not in sys.path


SAME = {
    "a comment": ("# A comment.", "# Another one,\n    # on two lines."),
    "a docstring": ("'''What it does.'''", "'''What it does now.'''"),
    "blank lines": ("OTHER = 3", "\n\nOTHER = 3"),
    "spelling": ('WORDS = {"a": 1}', "WORDS = {'a':    1}"),
    "the range it declares": ("range=(0, 9)", "range=(0, 8)"),
    "another function": ("return OTHER", "return OTHER + 1"),
    "a name that another function uses": ("OTHER = 3", "OTHER = 4"),
    "a new function": ("OTHER = 3", "OTHER = 3\n\n\ndef new():\n    return mine"),
    "an import of another's": ("import math", "import math\nimport json"),
}
DIFFERENT = {
    "its body": ("math.sqrt(", "math.cbrt("),
    "an argument": ("def mine(response)", "def mine(response, *, limit: int = 3)"),
    "a function that it calls": ("return x * scale(2)", "return x * scale(3)"),
    "a constant that it uses": ('{"a": 1}', '{"a": 2}'),
    "what is done to a constant": ('WORDS["b"] = 2', 'WORDS["a"] = 2'),
    "where a name is from": ("import math", "import cmath as math"),
}


@pytest.mark.parametrize("change", SAME)
def test_what_changes_nothing_has_the_same_hash(folder, change):
    old, new = SAME[change]
    assert old in FILE
    assert code(folder, FILE.replace(old, new)) == code(folder)


@pytest.mark.parametrize("change", DIFFERENT)
def test_another_code_is_another_hash(folder, change):
    old, new = DIFFERENT[change]
    assert old in FILE
    assert code(folder, FILE.replace(old, new)) != code(folder)


def test_files_beside_it_count_as_far_as_they_are_used(folder):
    before = code(folder)
    assert code(folder, helpers=HELPERS.replace("FACTOR = 2", "FACTOR = 3")) != before
    assert code(folder, helpers=HELPERS.replace("FACTOR * x", "FACTOR + x")) != before
    assert code(folder, helpers=HELPERS.replace("UNUSED = 5", "UNUSED = 6")) == before
    whole = FILE.replace("from helpers import scale", "import helpers").replace(
        "scale(2)", "helpers.scale(2)"
    )
    before = code(folder, whole)
    assert code(folder, whole, helpers=HELPERS.replace("UNUSED = 5", "UNUSED = 6")) != before


def test_an_import_within_a_function_counts_too(folder):
    inside = FILE.replace("from helpers import scale\n", "").replace(
        "return x * scale(2)", "from helpers import scale\n    return x * scale(2)"
    )
    before = code(folder, inside)
    assert code(folder, inside, helpers=HELPERS.replace("FACTOR = 2", "FACTOR = 3")) != before


def test_an_import_of_everything_counts_all_of_it(folder):
    stars = FILE.replace("from helpers import scale", "from helpers import *")
    before = code(folder, stars)
    assert code(folder, stars, helpers=HELPERS.replace("UNUSED = 5", "UNUSED = 6")) != before


def test_of_an_import_only_the_name_that_is_used_counts(folder):
    both = FILE.replace("from helpers import scale", "from helpers import other, scale")
    before = code(folder, both)
    assert before == code(folder)
    assert code(folder, both, helpers=HELPERS.replace("return UNUSED", "return UNUSED + 1")) == before


def test_what_a_file_beside_it_imports_counts_as_well(folder):
    (folder / "deeper.py").write_text("FACTOR = 2\n")
    helpers = HELPERS.replace("FACTOR = 2", "from deeper import FACTOR")
    before = code(folder, helpers=helpers)
    (folder / "deeper.py").write_text("FACTOR = 3\n")
    assert code(folder, helpers=helpers) != before


def test_of_a_function_without_a_name_in_its_file_all_counts(folder):
    made = """
    from gdpo.plugins import reward

    def make(level):
        made = lambda response: level
        made.__name__ = "mine"
        return made

    reward(make(1))
    """
    before = code(folder, made)
    assert code(folder, made.replace("make(1)", "make(2)")) != before
    alone = made.replace("made = lambda response: level", "made = eval('lambda response: 1')")
    assert code(folder, alone) != code(folder, alone + "\n    OTHER = 2\n")


R = "from gdpo.plugins import reward\n@reward\ndef mine(response):\n    return "
WHATEVER = {
    "a function that sets a global": "K = 1\ndef set():\n    global K\n    K = 11\nset()\n" + R + "K",
    "a decorator that registers": "T = {}\ndef reg(f):\n    T[f.__name__] = f\n    return f\n"
    "@reg\ndef a():\n    return 11\n" + R + "T['a']()",
    "a call that registers": "T = {}\ndef add(k, v):\n    T[k] = v\nadd('a', 11)\n" + R + "T['a']",
    "a class that tells its base": "class B:\n    all = []\n    def __init_subclass__(cls):\n        B.all.append(cls)\n"
    "class C(B):\n    v = 11\n" + R + "B.all[0].v",
    "a name by eval": "K = 11\n" + R + "eval('K')",
    "a docstring that is used": "from gdpo.plugins import reward\n@reward\ndef mine(response):\n    'ask 11'\n"
    "    return len(mine.__doc__)",
    "a value that a call puts in": "L = [1]\nx = L.append(11)\n" + R + "L[-1]",
    "a decorator of one's own": "def own(f):\n    def w(response):\n        return f(response) * 11\n"
    "    w.__name__ = f.__name__\n    return w\nfrom gdpo.plugins import reward\n@reward\n@own\ndef mine(response):\n    return 1",
    "a decorator of one's own called reward": "import functools\nfrom gdpo.plugins import reward as g\ndef reward(f):\n"
    "    @functools.wraps(f)\n    def w(response):\n        return f(response) * 11\n    return g(w)\n"
    "@reward\ndef mine(response):\n    return 1",
    "another module's value": "import helpers\nhelpers.FACTOR = 11\nfrom helpers import scale\n"
    + R
    + "scale(1)",
}


@pytest.mark.parametrize("case", WHATEVER)
def test_whatever_it_stands_for_counts(folder, case):
    before = code(folder, WHATEVER[case])
    assert code(folder, WHATEVER[case].replace("11", "22")) != before


def test_a_local_name_is_none_of_the_files(folder):
    text = R.replace("    return ", "    words = 3\n    return words") + "\n\ndef words():\n    return 1\n"
    assert code(folder, text) == code(folder, text.replace("return 1", "return 2"))


def test_the_order_of_functions_is_not_what_they_do(folder):
    one, two = "def one():\n    return 1\n", "def two():\n    return 2\n"
    assert code(folder, one + two + R + "one() + two()") == code(folder, two + one + R + "one() + two()")


def test_what_an_import_does_counts(folder):
    (folder / "patch.py").write_text("import helpers\nhelpers.FACTOR = 11\n")
    text = "import helpers\nimport patch\n" + R + "helpers.scale(1)"
    before = code(folder, text)
    (folder / "patch.py").write_text("import helpers\nhelpers.FACTOR = 22\n")
    assert code(folder, text) != before


def test_a_file_that_was_moved_or_renamed_does_the_same(folder):
    before = code(folder)
    (folder / "plugin.py").rename(folder / "renamed.py")
    load([str(folder / "renamed.py")])
    assert code_of(REWARDS, ["mine"])["reward mine"] == before
    assert code(folder / "elsewhere") == before


def test_a_methods_settings_and_state_are_part_of_it(tmp_path):
    from gdpo.plugins import METHODS

    text = """
    from dataclasses import dataclass
    from gdpo.advantage import RewardConfig, Step
    from gdpo.plugins import method

    @dataclass(frozen=True, kw_only=True)
    class Config(RewardConfig):
        strength: float = 1.0

    @dataclass
    class State:
        steps: int

        def next(self):
            return State(self.steps + 1)

    @method(config=Config, state=State, label="mine")
    def mine(batch, config, state):
        return Step(batch.deviations, batch.deviations.sum(0))
    """

    def code(text):
        (tmp_path / "m.py").write_text(textwrap.dedent(text))
        load([])
        load([str(tmp_path / "m.py")])
        return code_of(METHODS, ["mine"])

    before = code(text)
    assert list(before) == ["method mine"]
    assert code(text.replace("strength: float = 1.0", "strength: float = 2.0")) != before
    assert code(text.replace("self.steps + 1", "self.steps + 2")) != before
    assert code(text.replace('label="mine"', 'label="Mine"')) == before
    load([])


def test_the_packages_own_have_none():
    load([])
    assert code_of(REWARDS, list(REWARDS)) == {}
