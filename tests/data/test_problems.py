"""Problem sets: right answers, stable ids, disjoint splits, named violations, whole files."""

import collections
import re

import pandas as pd
import pytest
from pydantic import ValidationError

from gdpo import parquet
from gdpo.config.problems import ArithmeticProblems, ChainSum, SimpleEquations
from gdpo.data.arithmetic import Problem, make_problems, problem_frame, split_of
from gdpo.data.problem_files import OverlapError, check_disjoint, read_problems, write_problems
from gdpo.data.schema import SchemaError, check_problems

FAMILIES = {
    "sum": ChainSum(weight=2, max_terms=3, max_digits=2),
    "equation": SimpleEquations(weight=1, max_value=30),
    "two-step": SimpleEquations(weight=1, coefficient=True, max_value=9),
}


def section(**changes) -> ArithmeticProblems:
    return ArithmeticProblems(**{"size": 120, "families": FAMILIES} | changes)


def frame(**changes) -> pd.DataFrame:
    wanted = section(**changes)
    return problem_frame("set", make_problems(wanted), wanted.split)


@pytest.fixture(scope="module")
def problems():
    return make_problems(section())


def test_answers_are_right_by_pythons_own_arithmetic(problems):
    for problem in problems:
        assert re.fullmatch(r"-?\d+", problem.answer)
        left, _, right = problem.text.replace("x", f"({problem.answer})").partition("=")
        assert eval(left) == int(right or problem.answer), problem


def test_mix_size_and_difficulty_are_as_asked(problems):
    assert collections.Counter(p.family for p in problems) == {"sum": 60, "equation": 30, "two-step": 30}
    assert len({p.id for p in problems}) == 120
    for p in problems:
        numbers = [int(n) for n in re.findall(r"\d+", p.text.partition("=")[0])]
        assert max(numbers) <= {"sum": 99, "equation": 30, "two-step": 9}[p.family]
        assert p.ability == ("arithmetic" if p.family == "sum" else "algebra")


def test_seeds_decide(problems):
    assert make_problems(section()) == problems
    other = {p.id for p in make_problems(section(seed=1))}
    assert len(other & {p.id for p in problems}) < 60


def test_a_family_does_not_change_when_another_is_added(problems):
    alone = make_problems(section(size=60, families={"sum": FAMILIES["sum"]}))
    assert {p.id for p in alone} == {p.id for p in problems if p.family == "sum"}


def test_ids_are_fixed_for_good():
    assert Problem("12 + 30 - 4", "38", "any", "any").id == "214c831a1ff9d0a0"
    assert Problem("12+30 -4", "38", "other", "any").id == "214c831a1ff9d0a0"


def test_splits_are_disjoint_whatever_the_seeds(problems):
    benchmark = [p for seed in range(3) for p in make_problems(section(split="benchmark", seed=seed))]
    assert {split_of(p.text) for p in problems} == {"train"}
    assert {split_of(p.text) for p in benchmark} == {"benchmark"}
    assert not {p.id for p in problems} & {p.id for p in benchmark}
    share = sum(split_of(f"{a} + {b}") == "train" for a in range(60) for b in range(60)) / 3600
    assert 0.77 < share < 0.83


def test_check_disjoint_names_what_is_shared():
    training, benchmark = frame(), frame(split="benchmark")
    check_disjoint(training, {"arithmetic": benchmark})
    mixed = pd.concat([benchmark, training.iloc[[5]]])
    shared = training["extra_info"][5]["id"]
    with pytest.raises(OverlapError, match=f"shares 1 .*'hard'.*{shared}"):
        check_disjoint(training, {"arithmetic": benchmark, "hard": mixed})


def test_a_family_that_is_too_small_is_named():
    small = {"tiny": ChainSum(min_terms=2, max_terms=2)}
    with pytest.raises(ValueError, match="families.tiny: 500 different problems wanted, about 1"):
        make_problems(section(size=500, families=small))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "size"),
        ({"families": {}}, "families"),
        ({"split": "test"}, "'train' or 'benchmark'"),
        ({"colour": 1}, "colour"),
        (
            {"families": {"a": {"task": "chain_sum", "min_terms": 4, "max_terms": 2}}},
            "min_terms is 4 and max_terms",
        ),
        ({"families": {"a": {"task": "chain_product"}}}, "chain_product.*'chain_sum', 'simple_equations'"),
    ],
)
def test_bad_sections_are_refused(change, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        section(**change)


def test_files_come_back_whole(tmp_path):
    written, path = frame(), tmp_path / "new" / "train.parquet"
    write_problems(written, path)
    pd.testing.assert_frame_equal(read_problems(path), written)
    assert [p.name for p in path.parent.iterdir()] == ["train.parquet"]
    assert written.iloc[3].to_dict().keys() == {
        "data_source",
        "prompt",
        "ability",
        "reward_model",
        "extra_info",
    }


def test_the_same_section_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_problems(frame(size=20), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "train.parquet"
    write_problems(frame(size=20), path)
    before = path.read_bytes()

    whole = parquet.pq.ParquetWriter.write_table

    def half(writer, table):
        whole(writer, table.slice(0, 10))
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet.pq.ParquetWriter, "write_table", half)
    with pytest.raises(KeyboardInterrupt):
        write_problems(frame(size=30), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def set_cell(data, row, column, value):
    data.at[row, column] = value
    return data


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda d: set_cell(d, 4, "data_source", ""),
            "f.parquet: row 4, column data_source: '' is not a non-empty",
        ),
        (
            lambda d: set_cell(d, 2, "prompt", [{"role": "user"}]),
            r"row 2, column prompt: \[\{'role': 'user'\}\]",
        ),
        (
            lambda d: set_cell(
                d, 7, "reward_model", {"style": "rule", "ground_truth": "3", "several": "any"}
            ),
            "row 7, column reward_model",
        ),
        (
            lambda d: set_cell(d, 0, "extra_info", d.at[0, "extra_info"] | {"index": "0"}),
            "row 0, column extra_info",
        ),
        (lambda d: set_cell(d, 9, "extra_info", d.at[3, "extra_info"]), "row 9, .*already in row 3"),
        (lambda d: d.drop(columns="ability"), "missing or unknown columns: ability"),
        (lambda d: d.assign(colour=1), "missing or unknown columns: colour"),
    ],
)
def test_violations_name_file_row_column_and_value(spoil, message):
    with pytest.raises(SchemaError, match=message):
        check_problems(spoil(frame(size=12)), "f.parquet")


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.parquet: no such problem set"):
        read_problems(tmp_path / "none.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and not much more")
    with pytest.raises(SchemaError, match="cut.parquet: not a readable parquet file"):
        read_problems(tmp_path / "cut.parquet")
