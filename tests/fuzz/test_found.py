"""What the fuzzing found, one case each: inputs that crashed, hung or were taken for what they are not."""

import time
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from gdpo.config.datasets import FileSource
from gdpo.config.errors import ConfigError
from gdpo.config.recipe import parse_changes, read_recipe
from gdpo.config.rewards import RewardsConfig
from gdpo.config.sweep import Sweep
from gdpo.parquet import ParquetError, read_rows, read_table, write_table
from gdpo.sampling.samples import SamplesError, check_complete
from gdpo.tasks import Gold
from gdpo.tasks.math.golds import GoldError, normalise_gold
from gdpo.tasks.math.normal import clean, normalize_answer
from gdpo.tasks.math.without_parser import verdict_without_parser


def test_parents_named_twice_are_read_once(tmp_path):
    """Forty files, each with two ways to the next, are 2^40 ways."""
    (tmp_path / "0.yaml").write_text("x: 1\n")
    for n in range(1, 40):
        (tmp_path / f"{n}.yaml").write_text(f"inherits: ['{n - 1}', '{n - 1}']\n")
    assert read_recipe(tmp_path / "39.yaml").values == {"x": 1}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 500 + "]" * 500, r"more than \d+ levels"),
        (f"0x{'f' * 20}", "a number of 80 bits"),
        ("!!int one", "a value that its type does not have"),
        ("{[1]: 2}", "not valid YAML"),
        ("{a: 1, a: 2}", "'a' is given twice"),
    ],
)
def test_values_that_no_recipe_can_hold_are_named(value, words):
    with pytest.raises(ConfigError, match=rf"^x: .*{words}"):
        parse_changes([f"x={value}"])


def test_a_recipe_that_is_a_folder_or_out_of_reach_is_an_error(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"a.yaml: cannot be read: Is a directory"):
        read_recipe(tmp_path / "a.yaml")


def test_a_sweep_of_millions_is_refused_before_it_is_listed():
    values = list(range(1, 201))
    grid = {"training.steps": values, "training.seed": values, "training.batch_size": values}
    with pytest.raises(ValueError, match="has 8000000 points, more than 1000"):
        Sweep(grid=grid)


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(?P<a>x)(?P<a>y)"])
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(ValueError, match="not a regular expression"):
        FileSource(path="a.json", keep={"q": pattern})


def test_reward_options_are_not_converted():
    """A validated "24" that reached the function as text would fail in the first step."""
    with pytest.raises(ValueError, match="limit"):
        RewardsConfig(function="length", options={"limit": "24"})


@pytest.mark.parametrize(
    "answer", [[["1"]], "['1', ['2']]", [{"a": "1"}], "9" * 6000, float("nan"), float("inf")]
)
def test_golds_that_are_no_answers_are_refused(answer):
    with pytest.raises(GoldError):
        normalise_gold(answer)


@pytest.mark.parametrize(
    "piece", ["0", "^{ ", "(,", "[a,", "1 ", "\\text{", "\\frac", "{,}", "(", "\\left(", "-", "1,"]
)
def test_no_pattern_takes_long_on_the_longest_answer(piece):
    answer = (piece * 5000)[:5000]
    start = time.process_time()
    normalize_answer(answer)
    verdict_without_parser(rf"\boxed{{{answer}}}", Gold(("1",)))
    normalise_gold(answer)
    assert time.process_time() - start < 5


def test_the_longest_answer_is_left_as_it_is():
    assert clean("\\dfrac" * 1000) == "\\dfrac" * 1000


def test_tuples_in_tuples_end_in_a_verdict():
    deep = "(1," * 1200 + "1" + ")" * 1200
    assert verdict_without_parser(rf"\boxed{{{deep}}}", Gold((deep,))) is not None


def test_values_that_python_has_no_type_for_are_named(tmp_path):
    write_table(pa.table({"d": pa.array([10**9], pa.date32())}), tmp_path / "d.parquet")
    with pytest.raises(ParquetError, match="holds values that Python cannot"):
        read_rows(tmp_path / "d.parquet")
    write_table(pa.table({"d": pa.array([Decimal("1.5")])}), tmp_path / "e.parquet")
    assert read_rows(tmp_path / "e.parquet") == [{"d": Decimal("1.5")}]


def test_texts_that_are_not_utf8_are_found_when_they_are_read(tmp_path):
    raw = pa.StringArray.from_buffers(
        1, pa.py_buffer(pa.array([0, 2], pa.int32()).buffers()[1]), pa.py_buffer(b"\xff\xfe")
    )
    write_table(pa.table({"t": raw}), tmp_path / "t.parquet")
    with pytest.raises(ParquetError, match="not a readable parquet file"):
        read_table(tmp_path / "t.parquet")


def test_an_index_that_promises_billions_of_samples_costs_nothing():
    table = pa.Table.from_pandas(pd.DataFrame({"problem_id": ["a"], "sample_index": [0]}))
    with pytest.raises(
        SamplesError, match=r"problem a, sample 1 is missing \(2147483647 of 2147483648 are\)"
    ):
        check_complete(table, ["a"], 2**31, "f")
