"""The experiment file: what it gives, and that each mistake is named before anything runs."""

import copy
from pathlib import Path

import pytest
import yaml

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment
from gdpo.config.recipe import read_recipe

ROOT = Path(__file__).parents[2]
DEMO = read_recipe(ROOT / "config" / "demo.yaml").values


@pytest.fixture
def changed(tmp_path):
    """Load the demo experiment with changes: dotted key -> value."""

    def load(changes):
        values = copy.deepcopy(DEMO)
        for key, value in changes.items():
            *parents, last = key.split(".")
            section = values
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return load_experiment(path)

    return load


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"trainig": {}}, ["study.yaml: trainig: unknown key", "did you mean training?"]),
        ({"training.step": 3}, ["study.yaml: training.step: unknown key", "did you mean steps?"]),
        ({"runs.gdpo.training": {"step": 3}}, ["study.yaml: runs.gdpo.training.step: unknown key"]),
        ({"training.steps": 0}, ["training.steps", "greater than 0", "given: 0"]),
        ({"training.grad_clip": "no"}, ["training.grad_clip", "valid number", "'no'"]),
        ({"models.toy.training.lr": "fast"}, ["study.yaml: models.toy.training.lr", "'fast'"]),
        ({"training.ppo_mini_batch_size": 5}, ["ppo_mini_batch_size 5 must divide train_batch_size 16"]),
        ({"training.micro_batch_size_per_gpu": 48}, ["micro_batch_size_per_gpu: 48", "128 responses"]),
        (
            {"runs.grpo.method": "gpro"},
            ["runs.grpo.method", "did you mean grpo? allowed: dgdo, gdpo, grpo", "'gpro'"],
        ),
        ({"rewards.length.options.limit": -3}, ["limit", "greater than 0", "-3"]),
        ({"rewards.length.options.limits": 3}, ["limits"]),
        ({"rewards.brevity": {}}, ["rewards.brevity: no reward function 'brevity'", "correctness"]),
        ({"rewards.lenght": {}}, ["no reward function 'lenght'", "did you mean length?"]),
        ({"rewards.length.weight": float("nan")}, ["weight", "finite"]),
        ({"runs.dgdo.algorithm.betta": 1}, ["runs.dgdo", "algorithm.betta", "beta"]),
        ({"runs.dgdo.algorithm.beta": 2}, ["runs.dgdo", "beta", "2"]),
        ({"runs.dgdo.algorithm.min_weight": 0.6}, ["runs.dgdo", "min_weight is 0.6", "at most 0.5"]),
        (
            {"runs.dgdo.algorithm.importance_priors": {"lenght": 2.0}},
            ["importance_priors", "lenght", "length"],
        ),
        ({"runs.dgdo.model": "tony"}, ["study.yaml: runs.dgdo.model: no entry 'tony'; did you mean toy?"]),
        (
            {"runs.dgdo.sweep": {"grid": {"algorithm.betta": [1]}}},
            ["runs.dgdo.sweep.algorithm.betta", "beta"],
        ),
        ({"runs.dgdo.sweep": {"grid": {"algorithm.beta": [0.5, 7]}}}, ["runs.dgdo.sweep.algorithm", "7"]),
        ({"runs.dgdo.sweep": {"grid": {"beta": [0.5]}}}, ["runs.dgdo.sweep.grid.beta"]),
        ({"runs.dgdo.sweep": {"grid": {"model": ["tony"]}}}, ["runs.dgdo.sweep.model: no entry 'tony'"]),
        ({"runs.x": {}}, ["study.yaml: runs.x.method: missing"]),
        # Values that are overridden for every run, or belong to a size that no model has.
        ({"training.lr": "fast"}, ["study.yaml: training.lr", "'fast'"]),
        (
            {"sizes": {"7b": {"hardware": {"ofload": True}}}},
            ["sizes.7b.hardware.ofload: unknown", "offload?"],
        ),
        ({"runs.dgdo.sweep": {}}, ["runs.dgdo.sweep: names no values"]),
        ({"runs.dgdo.training": {"steps": 100}}, ["runs.dgdo.training.steps: 100", "inherits already"]),
        (
            {"runs.gdpo.sweep": {"points": {"x": {}}}, "runs.gdpo-x": {"method": "gdpo"}},
            ["runs.gdpo-x: a second model would be called gdpo-x-seed1"],
        ),
        ({"models.toy.size": "7b"}, ["models.toy.size: no entry '7b'", "allowed: none"]),
        (
            {"models.toy.weights": {"source": "folder", "path": "/no"}},
            ["models.toy.weights.path: /no is not"],
        ),
        ({"runs.a/b": {"method": "grpo"}}, ["a/b"]),
        ({"problems.benchmarks.arithmetic.split": "train"}, ["problems.benchmarks.arithmetic.split"]),
        ({"hardware.platform": "tpu"}, ["hardware.platform", "'cpu' or 'cuda'", "'tpu'"]),
        ({"hardware": {"nodes": 2}}, ["hardware", "platform cpu trains on one device"]),
        ({"hardware": {"platform": "cuda", "nodes": 2}}, ["hardware", "use rollout vllm"]),
        ({"evaluation.sampling.n": 0}, ["evaluation.sampling.n", "given: 0"]),
    ],
)
def test_a_mistake_is_named(changed, changes, parts):
    with pytest.raises(ConfigError) as error:
        changed(changes)
    for part in parts:
        assert part in str(error.value)


def test_a_missing_data_file_is_named(changed, monkeypatch, tmp_path):
    problems = {
        "datasets.mine": {"licence": "MIT", "file": {"path": "mine.json"}},
        "problems.train": {"source": "datasets", "datasets": ["mine"]},
    }
    monkeypatch.delenv("GDPO_DATA_MIRROR", raising=False)
    with pytest.raises(
        ConfigError, match="datasets.mine.file: .*set the environment variable GDPO_DATA_MIRROR"
    ):
        changed(problems)
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    with pytest.raises(ConfigError, match="mine.json does not exist; put mine.json there"):
        changed(problems)
    (tmp_path / "mine.json").write_text("[]")
    assert changed(problems).config.problems.train.datasets == ["mine"]


MINE = {"source": "datasets", "datasets": ["mine"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problems.train": MINE | {"datasets": ["mime"]}}, "no entry 'mime'; did you mean mine"),
        ({"datasets.mine.file.path": "mine.xls"}, r"datasets.mine.file.path: must end in .json, .jsonl"),
        ({"datasets.mine": {"licence": "MIT"}}, "datasets.mine: needs a file, a hub or a made section"),
        ({"datasets.mine.colums": {}}, "did you mean columns"),
        (
            {"problems.benchmarks.b": MINE | {"decontaminate": {"against": ["mine"]}}},
            "problems.benchmarks.b.decontaminate: only problems.train",
        ),
        (
            {"problems.train": MINE | {"decontaminate": {"against": ["mine"], "threshold": 0.4}}},
            "must not fall in this order",
        ),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(changed, changes, message):
    entry = {"datasets.mine": {"licence": "MIT", "file": {"path": "mine.json"}}}
    with pytest.raises(ConfigError, match=message):
        changed(entry | changes)


def test_a_dataset_is_known_by_its_content_not_its_place(changed, monkeypatch, tmp_path):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))

    def ids(path, sha256, licence="MIT"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("[]")
        entry = {"licence": licence, "file": {"path": path, "sha256": sha256}}
        train = MINE
        return set(changed({"datasets.mine": entry, "problems.train": train}).runs)

    assert ids("a.json", "0" * 64) == ids("b/c.json", "0" * 64, "Apache-2.0")
    assert ids("a.json", "0" * 64).isdisjoint(ids("a.json", "1" * 64))


def test_an_unknown_experiment_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"no such experiment file; .*config has: .*demo"):
        load_experiment(ROOT / "config" / "demmo.yaml")


def by_name(experiment):
    return {run.name: run.config for run in experiment.runs.values()}


def test_a_run_holds_what_is_shared_and_what_it_changes(changed):
    runs = by_name(
        changed(
            {
                "seeds": [1, 2],
                "runs.gdpo": {
                    "method": "gdpo",
                    "training": {"lr": 1e-5},
                    "rewards": {"length": {"weight": 0.5}},
                },
                "runs.dgdo.seeds": [7],
            }
        )
    )
    assert set(runs) == {"grpo-seed1", "grpo-seed2", "gdpo-seed1", "gdpo-seed2", "dgdo-seed7"}
    gdpo, grpo = runs["gdpo-seed1"], runs["grpo-seed1"]
    assert (gdpo.training.lr, grpo.training.lr) == (1e-5, 5e-4)
    assert gdpo.rewards["length"].weight == 0.5
    assert gdpo.rewards["length"].options == DEMO["rewards"]["length"]["options"]
    assert grpo.rewards["length"].weight == 1.0


def test_every_model_is_trained_with_its_own_and_its_size_s_values(changed):
    other = {"weights": {"source": "pretrained-here", "seed": 5}, "size": "big", "training": {"lr": 1e-3}}
    experiment = changed(
        {
            "models.other": other,
            "sizes": {"big": {"training": {"lr": 1e-2, "steps": 7}, "resources": {"training_mem_mb": 9}}},
        }
    )
    runs = by_name(experiment)
    assert set(runs) == {f"{m}-{s}-seed1" for m in ("grpo", "gdpo", "dgdo") for s in ("toy", "other")}
    assert (runs["gdpo-other-seed1"].training.lr, runs["gdpo-other-seed1"].training.steps) == (1e-3, 7)
    assert runs["gdpo-toy-seed1"].training.steps == 100
    mem = {run.model: experiment.resources(run).training_mem_mb for run in experiment.runs.values()}
    assert mem["other"] == 9 and mem["toy"] > 9


def test_equal_runs_have_equal_ids_and_a_changed_value_changes_one(changed):
    def ids(**changes):
        return set(changed(changes).runs)

    base = ids()
    assert base == ids()
    assert len(base - ids(**{"methods.dgdo.beta": 0.8})) == 1
    assert len(base - ids(**{"problems.train.seed": 3})) == 3
    assert len(base - ids(**{"models.toy.weights.seed": 3})) == 3
    for same in (
        {"seeds": [1, 2]},
        {"problems.benchmarks.arithmetic.size": 3},
        {"evaluation.sampling.n": 8},
        {"resources": {"training_mem_mb": 1, "seconds_per_step": 3}},
        {"monitoring": {"wandb": "disabled"}},
    ):
        assert base <= ids(**same), same


def test_the_resolved_run_writes_every_default_and_reads_back(changed):
    from gdpo.config.run import RunConfig

    run = by_name(changed({}))["dgdo-seed1"]
    resolved = run.resolved()
    assert resolved["algorithm"]["beta"] == 0.9
    assert {"warmup_steps", "min_weight", "invert"} <= set(resolved["algorithm"])
    assert resolved["training"]["clip_ratio_high"] == 0.28
    assert RunConfig.model_validate(resolved).resolved() == resolved


def test_the_length_limit_is_the_rewards(changed):
    assert changed({}).length_limit() == DEMO["rewards"]["length"]["options"]["limit"]
    assert changed({"evaluation.length_limit": 9}).length_limit() == 9


EXPERIMENTS = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    for name in ("train_math", "test_aime", "test_amc", "test_math"):
        (tmp_path / f"{name}.json").write_text("[]")
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_shipped_experiment_is_valid(name, mirror):
    assert load_experiment(ROOT / "config" / f"{name}.yaml").name == name


def test_the_studies_are_shipped():
    studies = {"demo", "paper", "paper-b200", "paper-laptop", "ablation-dgdo", "ablation-gdpo", "rewards-3"}
    studies |= {"paper-conditioned", "fork", "fork-b200"}
    assert studies <= set(EXPERIMENTS)


@pytest.mark.parametrize(
    ("experiment", "model", "batch", "mini_batch", "memory", "lr", "tensor_parallel"),
    [
        ("fork", "r1-distill-qwen-1.5b", 512, 64, 0.65, 1e-6, 1),
        ("fork", "qwen3-4b", 384, 48, 0.55, 1e-6, 1),
        ("fork", "r1-distill-qwen-7b", 256, 32, 0.50, 5e-7, 2),
        ("fork-b200", "r1-distill-qwen-1.5b", 1024, 128, 0.85, 1e-6, 1),
        ("fork-b200", "qwen3-4b", 768, 96, 0.80, 1e-6, 1),
        ("fork-b200", "r1-distill-qwen-7b", 512, 64, 0.75, 5e-7, 2),
    ],
)
def test_the_fork_s_runs_have_the_settings_of_its_scripts(
    experiment, model, batch, mini_batch, memory, lr, tensor_parallel, mirror
):
    runs = load_experiment(ROOT / "config" / f"{experiment}.yaml").runs.values()
    assert len(runs) == 27
    run = next(run.config for run in runs if run.name == f"dgdo-{model}-seed1")
    training, hardware = run.training, run.hardware
    assert (training.train_batch_size, training.ppo_mini_batch_size, training.lr) == (batch, mini_batch, lr)
    assert (hardware.gpus_per_node, hardware.gpu_memory_utilization) == (4, memory)
    assert (hardware.tensor_parallel, hardware.offload) == (tensor_parallel, tensor_parallel == 2)
    assert (training.responses_per_prompt, training.max_prompt_length, training.max_response_length) == (
        16,
        1024,
        4000,
    )
    assert (training.kl_loss_coef, training.kl_loss_type, training.filter_groups) == (5e-4, "mse", True)
    assert (training.clip_ratio_low, training.clip_ratio_high, training.temperature) == (0.2, 0.28, 1.0)
    assert run.rewards["length"].options == {"limit": 4000} and run.rewards["length"].constant
    algorithm = run.resolved()["algorithm"]
    published = {"beta": 0.9, "beta_start": 0.5, "beta_warmup_steps": 200, "warmup_steps": 30}
    assert published | {"min_weight": 0.15} == {k: algorithm[k] for k in [*published, "min_weight"]}


@pytest.mark.parametrize("name", ["paper", "paper-b200"])
def test_the_paper_s_runs_have_the_paper_s_settings(name, mirror):
    # Section 4.2: 500 steps, 512 prompts x 16 responses of at most 8000 tokens; length reward 1 up to 4000.
    experiment = load_experiment(ROOT / "config" / f"{name}.yaml")
    repos = {model.weights.repo for model in experiment.config.models.values()}
    assert repos == {
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "Qwen/Qwen3-4B-Instruct-2507",
    }
    assert len(experiment.runs) == 27 and experiment.length_limit() == 4000
    for run in experiment.runs.values():
        training, length = run.config.training, run.config.rewards["length"]
        batch = (training.steps, training.train_batch_size, training.responses_per_prompt)
        assert batch == (500, 512, 16) and training.filter_groups
        assert (training.max_response_length, length.options["limit"], length.constant) == (8000, 4000, False)
    assert {"aime24", "amc", "math500", "minerva", "olympiadbench"} <= set(
        experiment.config.problems.benchmarks
    )


def test_the_conditioned_study_has_table_4_and_the_sweep_of_figure_6(mirror):
    runs = load_experiment(ROOT / "config" / "paper-conditioned.yaml").runs.values()
    lengths = [(r.config.method, r.seed, r.config.specs()["length"]) for r in runs]
    table = [(method, seed) for method, seed, spec in lengths if spec[:2] == ("conditioned_length", 1.0)]
    assert sorted(table) == [(m, s) for m in ("dgdo", "gdpo", "grpo") for s in (1, 2, 3)]
    sweep = {(method, *spec[:2]) for method, seed, spec in lengths if seed == 1}
    functions, weights = ("length", "conditioned_length"), (1.0, 0.75, 0.5, 0.25)
    assert {(m, f, w) for m in ("grpo", "gdpo") for f in functions for w in weights} <= sweep


@pytest.mark.parametrize("function", ["length", "conditioned_length"])
@pytest.mark.parametrize(("limit", "most", "refused"), [(64, 64, True), (65, 64, True), (63, 64, False)])
def test_a_limit_that_no_response_can_exceed_is_refused(changed, function, limit, most, refused):
    values = {"rewards.length": {"function": function, "options": {"limit": limit}}}
    values["training.max_response_length"] = most
    if not refused:
        assert changed(values).runs
        return
    sentence = (
        rf"rewards.length: cannot teach: no response can exceed a limit of {limit} tokens where .* {most} "
    )
    with pytest.raises(ConfigError, match=sentence) as error:
        changed(values)
    assert len(str(error.value).splitlines()) == 1
    values["rewards.length"]["constant"] = True
    assert changed(values).runs


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"start": "tony"}, "evaluation.outputs.theirs.start: no entry 'tony'; did you mean toy"),
        (
            {"generations": {"arithmetic": "g.jsonl"}},
            "generations: must have exactly .* differs in arithmetic-hard",
        ),
        (
            {"generations": {"arithmetic": "no", "arithmetic-hard": "no"}},
            "generations.arithmetic: no file no",
        ),
    ],
)
def test_a_mistake_in_another_tools_outputs_is_named(changed, outputs, message):
    whole = {"start": "toy", "generations": {"arithmetic": "g.jsonl", "arithmetic-hard": "g.jsonl"}}
    with pytest.raises(ConfigError, match=message):
        changed({"evaluation.outputs": {"theirs": whole | outputs}})


def test_another_tools_outputs_change_no_run(changed, tmp_path):
    (tmp_path / "g.jsonl").write_text("")
    files = dict.fromkeys(("arithmetic", "arithmetic-hard"), str(tmp_path / "g.jsonl"))
    outputs = {"theirs": {"start": "toy", "generations": files}}
    assert list(changed({"evaluation.outputs": outputs}).runs) == list(changed({}).runs)
