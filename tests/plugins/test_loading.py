"""Plug-ins that load, and those that do not: one sentence with file and line, and nothing of them stays."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gdpo.plugins import GRADERS, METHODS, METRICS, REWARDS, SOURCES, PluginError, loading
from gdpo.plugins.loading import file_of, load, load_from_environment, variable
from gdpo.plugins.registry import ALL

GOOD = """
from gdpo.plugins import grader, metric, reward, source

@reward
def shouts(response):
    return float(response.text.isupper())

@grader
def exact(response, problem):
    return response in problem.gold.answers

@metric
def loud(response):
    '''share of loud samples'''
    return 1.0

@source
def echoes(*, size: int):
    return [{"problem": str(i), "answer": str(i)} for i in range(size)]
"""


@pytest.fixture(autouse=True)
def nothing_stays():
    before = {kind: set(registry) for kind, registry in ALL.items()}
    load([])
    before = {kind: set(registry) | before[kind] for kind, registry in ALL.items()}
    yield
    load([])
    assert {kind: set(registry) for kind, registry in ALL.items()} == before


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a plug-in and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(text))
        return name

    return write


def test_a_file_registers_and_is_forgotten(written):
    load([written(GOOD)])
    assert "shouts" in REWARDS and "exact" in GRADERS and "loud" in METRICS and "echoes" in SOURCES
    assert file_of(REWARDS, "shouts") == "mine.py" and file_of(REWARDS, "length") is None
    load([])
    assert "shouts" not in REWARDS and "exact" not in GRADERS and "length" in REWARDS


def test_a_changed_file_is_loaded_again(written):
    load([written(GOOD)])
    first = REWARDS["shouts"].function
    load(["mine.py"])
    assert REWARDS["shouts"].function is first
    load([written(GOOD.replace("isupper", "islower"))])
    assert REWARDS["shouts"].function is not first


def test_jobs_find_it_from_another_folder(written, monkeypatch, tmp_path):
    names = variable([written(GOOD), "some-package"])
    assert names == f"{tmp_path}/mine.py:some-package"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv(loading.VARIABLE, names.partition(":")[0])
    load_from_environment()
    assert "shouts" in REWARDS


def test_an_installed_package_is_named_by_its_entry_point(tmp_path, monkeypatch):
    package, info = tmp_path / "loudness", tmp_path / "loudness-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text("from loudness.rewards import shouts")
    (package / "rewards.py").write_text(GOOD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loudness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gdpo.plugins]\nloud-rewards = loudness\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load(["loud-rewards"])
    assert file_of(REWARDS, "shouts") == "loud-rewards"
    assert list(loading.code_of(REWARDS, ["shouts"])) == ["reward shouts"]
    with pytest.raises(
        PluginError, match="plug-in quiet: no installed package has this entry point .* loud-rewards"
    ):
        load(["quiet"])


BAD = {
    "syntax": ("def (", r"plug-in mine.py, line 1: SyntaxError: invalid syntax"),
    "import": (
        "\nimport no_such_module",
        r"mine.py, line 2: ModuleNotFoundError: No module named 'no_such",
    ),
    "exception": ("x = 1\ny = x / 0", r"plug-in mine.py, line 2: ZeroDivisionError: division by zero"),
    "exit": ("raise SystemExit(3)", r"plug-in mine.py, line 1: SystemExit: 3"),
    "hang": ("while True: pass", r"plug-in mine.py: took longer than 0.3 s to load"),
    "name taken by ours": (
        "from gdpo.plugins import reward\n@reward\ndef length(response): return 1",
        r"mine.py, line 2: reward 'length': the name is taken, by .*functions.py, line \d+; choose",
    ),
    "name taken by itself": (
        "from gdpo.plugins import reward\n@reward\ndef a(response): return 1\n"
        "@reward\ndef a(response): return 2",
        r"mine.py, line 4: reward 'a': the name is taken, by mine.py, line 2; choose another",
    ),
    "two arguments": (
        "from gdpo.plugins import reward\n@reward\ndef a(response, limit): return 1",
        r"mine.py, line 2: reward 'a' takes response, limit; it must take a response, and options after a \*",
    ),
    "any options": (
        "from gdpo.plugins import reward\n@reward\ndef a(response, **options): return 1",
        r"mine.py, line 2: reward 'a' takes any number of arguments; name each option",
    ),
    "an option without a type": (
        "from gdpo.plugins import reward\n@reward\ndef a(response, *, limit): return 1",
        r"mine.py, line 2: reward 'a' option limit has no type; write limit: int, say",
    ),
    "reads a text": (
        "from gdpo.plugins import reward\n@reward(reads='correctness')\ndef a(response): return 1",
        r"mine.py, line 2: reward 'a' reads 'correctness': write reads=\('correctness',\)",
    ),
    "a grader's arguments": (
        "from gdpo.plugins import grader\n@grader\ndef a(text): return True",
        r"mine.py, line 2: grader 'a' takes text; it must take response and problem",
    ),
    "a metric's arguments": (
        "from gdpo.plugins import metric\n@metric\ndef a(text): return True",
        r"mine.py, line 2: metric 'a' takes text; it must take response, or samples",
    ),
    "a source's arguments": (
        "from gdpo.plugins import source\n@source\ndef a(size: int): return []",
        r"mine.py, line 2: source 'a' takes size; it must take options only, after a \*",
    ),
    "a figure's arguments": (
        "from gdpo.plugins import figure\n@figure\ndef a(tables): return None",
        r"mine.py, line 2: figure 'a' takes tables; it may take arms, models, paired, training, scores",
    ),
    "a method's arguments": (
        "from gdpo.advantage import RewardConfig\nfrom gdpo.plugins import method\n"
        "@method(config=RewardConfig)\ndef a(batch): return None",
        r"mine.py, line 3: method 'a' takes batch; it must take batch and config, .*\(config\)",
    ),
    "a method's state": (
        "from gdpo.advantage import RewardConfig\nfrom gdpo.plugins import method\n"
        "@method(config=RewardConfig)\ndef a(batch, config, state): return None",
        r"mine.py, line 3: method 'a' takes .* state needs @method\(state=...\)",
    ),
    "a config that is none": (
        "from gdpo.plugins import method\n@method(config=dict)\ndef a(batch, config): return None",
        r"mine.py, line 2: method 'a' has a config that is no dataclass: <class 'dict'>",
    ),
    **{
        f"a task: {case}": (
            f"from gdpo.plugins import task\n@task({arguments})\n{function}",
            rf"mine.py, line 2: task 'a' {words}",
        )
        for case, arguments, function, words in [
            ("async", "grader='math'", "async def a(row): return 1", "is async or a generator"),
            ("generator", "grader='math'", "def a(row): yield 1", "is async or a generator"),
            ("right", "grader='math', right=3", "def a(row): return 1", "has right=3: give a function"),
            ("tokens", "grader='math', tokens=0", "def a(row): return 1", "has tokens=0: give a whole"),
            ("no tokens", "grader='math', tokens=True", "def a(row): return 1", "has tokens=True: give"),
            ("grader", "grader=None", "def a(row): return 1", "has grader=None: give the name"),
        ]
    },
}


@pytest.mark.parametrize("fault", BAD)
def test_a_file_that_does_not_load_is_one_sentence(written, fault, monkeypatch, capfd):
    text, words = BAD[fault]
    monkeypatch.setattr(loading, "SECONDS", 0.3)
    good = "from gdpo.plugins import reward\n@reward\ndef whole(response): return 1\n"
    with pytest.raises(PluginError, match=words) as error:
        load([written(good, "first.py"), written(text)])
    assert "\n" not in str(error.value)
    assert not any("mine" in name for name in sys.modules if name.startswith("gdpo_plugin"))


def test_a_file_that_is_not_there(written, tmp_path):
    with pytest.raises(PluginError, match=f"plug-in my/rewards.py: no file {tmp_path}/my/rewards.py"):
        load(["my/rewards.py"])


NAMESAKES = {
    "a file": ("helpers.py", "from helpers import value"),
    "a package": ("helpers/__init__.py", "from helpers import value"),
    "a file that is imported within a function": ("helpers.py", ""),
}


@pytest.mark.parametrize("case", NAMESAKES)
def test_two_files_beside_of_one_name(written, tmp_path, case):
    place, line = NAMESAKES[case]
    text = "{}\nfrom gdpo.plugins import reward\n@reward\ndef {}(response):\n    import helpers\n    return helpers.value"
    for folder in ("one", "two"):
        (tmp_path / folder / place).parent.mkdir(parents=True)
        written("value = 1", f"{folder}/{place}")
        written(text.format(line, folder), f"{folder}/mine.py")
    with pytest.raises(
        PluginError, match="two/mine.py: it imports helpers, and gets .*/one/helpers.* and not"
    ):
        load(["one/mine.py", "two/mine.py"])


def test_a_file_named_as_a_module_of_pythons_is_refused_where_it_would_not_be_found(written):
    written("value = 1", "colorsys.py")
    text = "from gdpo.plugins import reward\n@reward\ndef a(response):\n    import colorsys\n    return 1"
    with pytest.raises(
        PluginError, match="it imports colorsys, and gets .*lib/python3.* and not .*; rename yours"
    ):
        load([written(text)])


def test_what_another_file_registers_is_no_part_of_a_plug_in(written, tmp_path):
    (tmp_path / "in").mkdir()
    written("from gdpo.plugins import reward\n@reward\ndef far(response): return 1", "outside.py")
    inside = written(f"import sys\nsys.path.append({str(tmp_path)!r})\nimport outside", "in/mine.py")
    with pytest.raises(
        PluginError, match="outside.py, line 2: reward 'far' is none of its own files'; name that"
    ):
        load([inside])
    sys.path.remove(str(tmp_path))


def test_a_file_that_changed_within_a_second_is_what_it_is(written, tmp_path):
    """Python takes byte code for a file's by its second and size."""
    code = "from gdpo.plugins import reward\n@reward\ndef a(response): return {}"
    for value in ("0.5", "0.7"):
        written(code.format(value))
        os.utime(tmp_path / "mine.py", (0, 0))
        program = (
            "from gdpo.plugins.loading import load; from gdpo.plugins import REWARDS; load(['mine.py']); "
        )
        program += "print(REWARDS['a'].function(0))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == value


def test_an_edited_file_beside_it_is_loaded_again(written):
    written("value = 1", "beside.py")
    text = "from beside import value\nfrom gdpo.plugins import reward\n@reward\ndef a(response): return value"
    load([written(text)])
    written("value = 22", "beside.py")
    load(["mine.py"])
    assert REWARDS["a"].function(0) == 22


def test_a_plug_in_that_moves_the_process_moves_nothing(written, tmp_path):
    load([written("import os\nos.chdir('/')"), written(GOOD, "second.py")])
    assert Path.cwd() == tmp_path and "shouts" in REWARDS


@pytest.mark.parametrize("name", ["a:b.py", "a$HOME.py", "a{b}.py", "it's.py"])
def test_a_path_that_would_not_reach_a_job_is_refused(written, name):
    with pytest.raises(PluginError, match="in its path .* does not reach"):
        load([written(GOOD, name)])


def test_types_of_options_that_cannot_be_read(written):
    text = (
        "from __future__ import annotations\nfrom gdpo.plugins import reward\n"
        "@reward\ndef a(response, *, x: Nope = 1): return 1"
    )
    with pytest.raises(PluginError, match="line 3: reward 'a': its options' types cannot be read .*'Nope'"):
        load([written(text)])


def test_method_with_everything(written):
    text = """
    from dataclasses import dataclass
    from gdpo.advantage import RewardConfig, Step
    from gdpo.plugins import method

    @dataclass
    class Kept:
        steps: int

    @method(config=RewardConfig, state=Kept, label="Mine")
    def counts(batch, config, lengths, state):
        return Step(batch.deviations, batch.deviations.sum(0), Kept(state.steps + 1 if state else 1))
    """
    import torch

    from gdpo.advantage import estimate

    load([written(text)])
    assert METHODS["counts"].takes == {"state", "lengths"} and METHODS["counts"].label == "Mine"
    rewards, groups = {"r": torch.tensor([0.0, 1.0])}, ["g", "g"]
    first = estimate("counts", rewards, groups)
    second = estimate("counts", rewards, groups, state=first.state)
    assert (first.state, second.state) == ({"steps": 1}, {"steps": 2})
    assert first.advantages.tolist() == [-0.5, 0.5]
