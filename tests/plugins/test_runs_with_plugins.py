"""Runs of plug-ins: what they are named by, and what is refused before and after they are planned."""

import json
import textwrap
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment
from gdpo.config.run import load_run_config
from gdpo.plugins.loading import load
from gdpo.rewards import RewardError, Scorer
from gdpo.tasks import Gold, Problem

ROOT = Path(__file__).parents[2]
PLUGIN = """
from dataclasses import dataclass
from gdpo.advantage import RewardConfig, Step
from gdpo.plugins import grader, method, reward, source

@reward
def shouts(response, *, loud: int = 1):
    return float(response.text.isupper())

@reward(reads=("correctness",))
def unused(response):
    return 0.0

@dataclass(frozen=True, kw_only=True)
class Config(RewardConfig):
    strength: float = 1.0

@method(config=Config)
def mine(batch, config):
    return Step(batch.deviations, batch.deviations.sum(0))

@grader
def exact(response, problem):
    return response in problem.gold.answers

@source
def echoes(*, size: int):
    return [{"problem": str(i), "answer": str(i)} for i in range(size)]
"""
EXPERIMENT = {
    "inherits": ["recipes/laptop"],
    "plugins": ["mine.py"],
    "rewards": {"shouts": {}},
    "runs": {
        "ours": {"method": "gdpo", "rewards": {"shouts": None}},
        "gdpo": {"method": "gdpo"},
        "mine": {"method": "mine"},
    },
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Loads an experiment with these changes, of a plug-in with that text."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)

    def make(values: dict | None = None, plugin: str = PLUGIN):
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        if not (folder / "recipes").exists():
            (folder / "recipes").symlink_to(ROOT / "config" / "recipes")
        (tmp_path / "mine.py").write_text(textwrap.dedent(plugin))
        (folder / "mine.yaml").write_text(yaml.safe_dump(EXPERIMENT | (values or {})))
        return load_experiment(folder / "mine.yaml")

    yield make
    load([])


def ids(experiment) -> dict[str, str]:
    return {run.arm: run.id for run in experiment.runs.values()}


def test_runs_are_named_by_the_code_that_they_use(study):
    before = ids(study())
    changed = {
        arm
        for arm, id in ids(study(plugin=PLUGIN.replace("isupper", "islower"))).items()
        if id != before[arm]
    }
    assert changed == {"gdpo", "mine"}
    assert ids(study(plugin=PLUGIN.replace("return 0.0", "return 1.0"))) == before
    assert ids(study(plugin=PLUGIN.replace("@reward\ndef shouts", "# mine\n@reward\ndef shouts"))) == before
    method = ids(study(plugin=PLUGIN.replace("batch.deviations.sum(0)", "2 * batch.deviations.sum(0)")))
    assert {arm for arm in before if method[arm] != before[arm]} == {"mine"}


def test_a_run_without_any_is_named_as_before(study):
    experiment = study()
    assert "plugins" not in experiment.run("ours").resolved
    assert list(experiment.run("gdpo").resolved["plugins"]) == ["reward shouts"]
    assert list(experiment.run("mine").resolved["plugins"]) == ["reward shouts", "method mine"]


def test_a_grader_and_a_source_of_the_training_set_are_part_of_its_runs(study):
    made = {"licence": "mine", "made": {"source": "echoes", "options": {"size": 8}}, "grader": "exact"}
    data = {
        "datasets": {"echoed": made},
        "problems": {"train": {"source": "datasets", "datasets": ["echoed"]}},
    }
    run = study(data).run("ours")
    assert list(run.resolved["plugins"]) == ["source echoes", "grader exact"]
    other = study(data, PLUGIN.replace("response in", "response not in")).run("ours")
    assert other.id != run.id


def test_settings_of_a_method_are_checked_by_their_types(study):
    assert study({"methods": {"mine": {"strength": 2}}}).run("mine").resolved["algorithm"]["strength"] == 2
    with pytest.raises(
        ConfigError, match="methods.mine.strength: Input should be a valid number.*given: 'much'"
    ):
        study({"methods": {"mine": {"strength": "much"}}})
    with pytest.raises(ConfigError, match="strenght: not a setting of mine; allowed: .*strength"):
        study({"methods": {"mine": {"strenght": 2}}})


MADE = {"source": "echoes", "options": {"size": 1}}


def dataset(**values) -> dict:
    return {"datasets": {"d": {"licence": "mine", "made": MADE} | values}}


BAD = [
    ({"plugins": "mine.py"}, "plugins: must be a list of files; given: 'mine.py'"),
    ({"plugins": ["gone.py"]}, "mine.yaml: plugins: plug-in gone.py: no file .*/gone.py"),
    ({"rewards": {"shout": {}}}, "rewards.shout: no reward function 'shout'; known: .*; did you mean shouts"),
    (
        {"rewards": {"shouts": {"options": {"loud": "very"}}}},
        r"rewards.shouts.options.loud: .*integer.*'very'",
    ),
    ({"rewards": {"shouts": {"options": {"lout": 1}}}}, r"rewards.shouts.options.lout: .*did you mean loud"),
    ({"rewards": {"unused": {}, "correctness": None}}, "rewards.unused: needs the reward 'correctness'"),
    ({"rewards": {"shouts": {"conditioned_on": {"reward": "right"}}}}, "on.reward: needs the reward 'right'"),
    (
        {"rewards": {"shouts": {"conditioned_on": {"reward": "shouts"}}}},
        "rewards.shouts: needs itself: shouts",
    ),
    ({"runs": {"a": {"method": "mime"}}}, "runs.a.method: no method 'mime'; did you mean mine"),
    ({"figures": ["curves"]}, "figures: no entry 'curves'"),
    ({"evaluation": {"metrics": ["accuracy"]}}, "evaluation.metrics: every table has accuracy; take it away"),
    ({"evaluation": {"metrics": ["loudness"]}}, "evaluation.metrics: no entry 'loudness'"),
    (dataset(made={"source": "echo"}), "datasets.d.made: source: no source 'echo'; there are: bfcl, echoes"),
    (dataset(made=MADE | {"options": {"sise": 1}}), "sise: unknown key; did you mean size"),
    (dataset(grader="exakt"), "grader: no grader 'exakt'; did you mean exact"),
]


@pytest.mark.parametrize(("values", "words"), BAD)
def test_what_does_not_fit_is_named_before_anything_runs(study, values, words):
    with pytest.raises(ConfigError, match=words):
        study(values)


def test_code_that_changed_since_a_run_was_planned_is_refused(study, tmp_path):
    run = study().run("gdpo")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(run.resolved))
    assert load_run_config(config).plugins == run.config.plugins
    (tmp_path / "mine.py").write_text(PLUGIN.replace("isupper", "islower"))
    load(["mine.py"])
    with pytest.raises(ValueError, match="the code of reward shouts was changed since this run was planned"):
        load_run_config(config)
    load([])
    with pytest.raises(
        ValueError, match="no plug-in that is loaded has the reward shouts; name its file in GDPO_PLUGINS"
    ):
        load_run_config(config)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"answer": ["golden"]},
            r"has no column golden \(answer\); it has problem, gold, level; did you mean gold",
        ),
        ({"answer": ["gold"], "row": ["levl"]}, r"has no column levl \(row: levl\);.*did you mean level"),
        ({"answer": ["gold"], "options": ["choices"]}, r"has no column choices \(options\); it has"),
    ],
)
def test_a_column_that_a_file_lacks_is_named_before_anything_runs(study, tmp_path, kind, columns, words):
    frame = pd.DataFrame({"problem": ["p"], "gold": ["1"], "level": [2]})
    (frame.to_csv if kind == "csv" else frame.to_parquet)(tmp_path / f"own.{kind}", index=False)
    own = {"licence": "mine", "file": {"path": f"own.{kind}"}, "columns": columns}
    values = {
        "datasets": {"own": own},
        "problems": {"train": {"source": "datasets", "datasets": ["own"]}},
    }
    with pytest.raises(ConfigError, match=rf"datasets.own.file: own.{kind} {words}"):
        study(values)


def test_a_mended_function_that_gives_the_same_keeps_its_runs(study, tmp_path, monkeypatch):
    mended = PLUGIN.replace("return float(", "return 1.0 * float(")
    old, new = (study(plugin=text).run("gdpo") for text in (PLUGIN, mended))
    codes = [run.config.plugins["reward shouts"] for run in (old, new)]
    assert old.id != new.id
    same = [" -> ".join(codes)]
    run = study({"same_code": same}, mended).run("gdpo")
    assert (run.id, run.resolved) == (old.id, old.resolved)
    # A job takes the new code for the old one, and no other.
    config = tmp_path / "config.json"
    config.write_text(json.dumps(run.resolved))
    monkeypatch.setenv("GDPO_SAME_CODE", ",".join(same))
    assert load_run_config(config).plugins == old.config.plugins
    assert load_run_config(config, same).plugins == old.config.plugins
    with pytest.raises(ValueError, match="the code of reward shouts was changed"):
        load_run_config(config, [])
    further = mended.replace("1.0 *", "2.0 *")
    assert study({"same_code": same}, further).run("gdpo").id not in (old.id, new.id)
    with pytest.raises(ValueError, match="the code of reward shouts was changed"):
        load_run_config(config)
    # Mended twice.
    latest = study(plugin=further).run("gdpo").config.plugins["reward shouts"]
    both = [*same, f"{codes[1]} -> {latest}"]
    assert study({"same_code": both}, further).run("gdpo").id == old.id


@pytest.mark.parametrize("said", ["31ee26a6", "31ee26a6->", "reward shouts", "31ee26a6 => d19f0e38"])
def test_what_is_the_same_are_two_hashes(study, said):
    with pytest.raises(ConfigError, match="same_code: .*write the hash of the old code and of the new"):
        study({"same_code": [said]})


def test_what_a_reward_declares_is_asked_with_all_of_its_options(study):
    """Defaults too, and values of the types that the function declares."""
    plugin = (
        PLUGIN
        + """
from dataclasses import dataclass as plain
from gdpo.rewards import Response

@plain
class Scale:
    highest: float

@reward(range=lambda *, scale, power: (0, scale.highest**power), constant=lambda n, *, scale, power: None)
def scaled(response: Response, *, scale: Scale, power: int = 2):
    return 8.0
"""
    )
    run = study({"rewards": {"shouts": {}, "scaled": {"options": {"scale": {"highest": 3}}}}}, plugin).run(
        "gdpo"
    )
    assert run.resolved["rewards"]["scaled"]["options"] == {"scale": {"highest": 3}}
    problem = Problem("p", [{"role": "user", "content": "q"}], Gold(("1",)), {})
    specs = {"scaled": run.config.specs()["scaled"]}
    assert Scorer(specs)(["x"], [[1]], [problem]) == [{"scaled": 8.0}]
    low = study({"rewards": {"shouts": {}, "scaled": {"options": {"scale": {"highest": 2}}}}}, plugin).run(
        "gdpo"
    )
    with pytest.raises(RewardError, match="gave 8.0, outside of its range 0 to 4"):
        Scorer({"scaled": low.config.specs()["scaled"]})(["x"], [[1]], [problem])


TASK = """
from gdpo.plugins import grader, task
from gdpo.tasks import Asked

@task(grader="exact")
def words(row):
    return Asked(row.problem, [row.answer], "text")

@grader
def exact(response, problem):
    return response in problem.gold.answers

@grader
def loose(response, problem):
    return response.lower() in problem.gold.answers
"""


def _of_a_task(study, plugin: str = TASK, **values):
    """What a run and the making of its dataset are told apart by."""
    Path("words.csv").write_text("problem,answer\nIs it?,yes\n")
    data = {
        "datasets": {"words": {"licence": "mine", "file": {"path": "words.csv"}, "task": "words", **values}},
        "problems": {"train": {"source": "datasets", "datasets": ["words"]}},
        "rewards": {},
        "runs": {"gdpo": {"method": "gdpo"}},
    }
    experiment = study(data, plugin)
    return experiment.run("gdpo").id, experiment.config.datasets["words"].content()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('grader="exact"', 'grader="loose"'),
        ('grader="exact"', 'grader="math"'),
        ("response in", "response not in"),
        # Its rows may name it: Asked(..., grader="loose").
        ("response.lower()", "response.upper()"),
    ],
)
def test_who_judges_a_plug_ins_task_names_its_runs_and_its_data(study, old, new):
    before, after = _of_a_task(study), _of_a_task(study, TASK.replace(old, new))
    assert before[0] != after[0] and before[1] != after[1]


def test_a_shipped_grader_of_a_task_of_ones_own_is_told_from_another(study):
    math = _of_a_task(study, TASK.replace('grader="exact"', 'grader="math"'))
    calls = _of_a_task(study, TASK.replace('grader="exact"', 'grader="tool_calls"'))
    assert math[0] != calls[0] and math[1] != calls[1]


def test_where_a_dataset_names_its_grader_no_other_counts(study):
    before = _of_a_task(study, grader="exact")
    assert _of_a_task(study, TASK.replace("response.lower()", "response.upper()"), grader="exact") == before
    changed = _of_a_task(study, TASK.replace("response in", "response not in"), grader="exact")
    assert changed[0] != before[0] and changed[1] != before[1]


def test_a_planned_run_of_a_task_of_ones_own_is_read_until_its_grader_changes(study, tmp_path):
    _of_a_task(study)
    experiment = load_experiment(Path("study/mine.yaml"))
    (tmp_path / "run.json").write_text(json.dumps(experiment.run("gdpo").resolved))
    assert load_run_config(tmp_path / "run.json").plugins
    _of_a_task(study, TASK.replace("response.lower()", "response.upper()"))
    with pytest.raises(ValueError, match="the code of grader loose was changed"):
        load_run_config(tmp_path / "run.json")
