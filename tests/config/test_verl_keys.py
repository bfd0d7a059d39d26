"""The verl section: each mistake is named as it was written, and what is right is part of the run."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gdpo.config import verl_keys
from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment
from gdpo.config.recipe import read_recipe

ROOT = Path(__file__).parents[2]
DEMO = read_recipe(ROOT / "config" / "demo.yaml").values
ACTOR = "actor_rollout_ref.actor"


@pytest.fixture
def load(tmp_path):
    """Load the demo with a verl section of dotted keys, shared or elsewhere."""

    def loaded(changes, where=""):
        values = copy.deepcopy(DEMO)
        for dotted, value in changes.items():
            *parents, last = [*filter(None, where.split(".")), "verl", *dotted.split(".")]
            section = values
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return load_experiment(path)

    return loaded


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (f"{ACTOR}.ppo_epoch", 2, rf"unknown key; did you mean {ACTOR}.ppo_epochs\?"),
        ("actor_rollout_ref.actr.ppo_epochs", 2, rf"unknown key; did you mean {ACTOR}.ppo_epochs\?"),
        ("hydra.run.dir", "x", "unknown key; allowed: any key of veRL's"),
        (
            f"{ACTOR}.entropy_coef",
            0.1,
            rf"unknown key; {ACTOR}.entropy_coeff is set .* training.entropy_coeff",
        ),
        (f"{ACTOR}.optim.lr", 1e-5, "is set by this project: training.lr$"),
        ("trainer.logger", ["console"], "is set by this project: monitoring.wandb$"),
        ("algorithm.adv_estimator", "gae", "is set by this project: runs.<name>.method$"),
        ("algorithm.gamma", 0.9, "without effect: advantages are this project's own"),
        ("critic.optim.lr", 0.1, "without effect: no method here has a critic"),
        (f"{ACTOR}.ppo_epochs", "2", "must be a number, as veRL's default 1; given: '2'"),
        (f"{ACTOR}.ppo_epochs", True, "must be a number"),
        (f"{ACTOR}.shuffle", 1, "must be true or false, as veRL's default False; given: 1"),
        (f"{ACTOR}.shuffle", "true", "must be true or false"),
        ("data.truncation", 3, "must be a text, as veRL's default 'error'; given: 3"),
        (f"{ACTOR}.optim.betas", 0.9, "must be a list"),
        ("algorithm.filter_groups", 3, "algorithm.filter_groups.enable is set by this project"),
        ("global_profiler.global_tool_config", 3, "must be a mapping"),
        (f"{ACTOR}._target_", "os.system", "no key can be called '_target_'"),
        ("actor_rollout_ref.model.override_config.a b", 3, "no key can be called 'a b'"),
        ("data.tokenizer", "${oc.env:HOME}", "write the value itself"),
    ],
)
def test_a_mistake_is_named(load, key, value, message):
    with pytest.raises(ConfigError, match=rf"study.yaml: verl.{key}: {message}"):
        load({key: value})


@pytest.mark.parametrize("where", ["models.toy", "runs.gdpo", "sizes.big"])
def test_a_mistake_is_named_where_it_was_written(load, where):
    with pytest.raises(ConfigError, match=rf"^\S*study.yaml: {where}.verl.{ACTOR}.ppo_epoch: unknown key"):
        load({f"{ACTOR}.ppo_epoch": 2}, where)


def test_a_scalar_has_nothing_below_it(load):
    with pytest.raises(ConfigError, match=rf"verl.{ACTOR}.ppo_epochs.often: must be a number"):
        load({f"{ACTOR}.ppo_epochs.often": 2})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{ACTOR}.optim.min_lr_ratio", 1),  # a whole number for a number
        ("actor_rollout_ref.rollout.over_sample_rate", 0.1),  # veRL's default is 0
        ("data.tokenizer", "x"),  # veRL's default is null
        ("actor_rollout_ref.rollout.engine_kwargs.vllm.any_keyword", [1, {"a": None}]),
        ("actor_rollout_ref.model.target_modules", ["q_proj", "v_proj"]),
    ],
)
def test_what_veRL_takes_is_part_of_the_run(load, key, value):
    plain, changed = load({}), load({key: value})
    assert not set(plain.runs) & set(changed.runs)
    for run in changed.runs.values():
        found = run.resolved["verl"]
        for part in key.split("."):
            found = found[part]
        assert found == value


def test_a_section_in_which_nothing_is_left_changes_no_run(load):
    assert list(load({"algorithm": {}}).runs) == list(load({}).runs)


def test_a_run_and_a_model_add_to_what_is_shared(load, tmp_path):
    values = copy.deepcopy(DEMO)
    values["verl"] = {"actor_rollout_ref": {"actor": {"ppo_epochs": 2, "shuffle": True}}}
    values["models"]["toy"]["verl"] = {"actor_rollout_ref": {"actor": {"ppo_epochs": 3}}}
    values["runs"]["gdpo"]["verl"] = {"actor_rollout_ref": None}
    values["runs"]["dgdo"]["sweep"] = {"grid": {f"verl.{ACTOR}.ppo_epochs": [4, 5]}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    runs = {run.name: run.config.verl for run in load_experiment(tmp_path / "study.yaml").runs.values()}
    assert runs["grpo-seed1"] == {"actor_rollout_ref": {"actor": {"ppo_epochs": 3, "shuffle": True}}}
    assert runs["gdpo-seed1"] == {}
    swept = [runs[f"dgdo-ppo_epochs{n}-seed1"]["actor_rollout_ref"]["actor"]["ppo_epochs"] for n in (4, 5)]
    assert swept == [4, 5]


def test_without_verl_it_says_so_in_a_sentence(load, monkeypatch):
    monkeypatch.setattr(verl_keys, "find_spec", lambda name: None)
    verl_keys._verl_config.cache_clear()
    with pytest.raises(ConfigError, match="verl: its keys cannot be checked, since veRL is not installed"):
        load({f"{ACTOR}.ppo_epochs": 2})


def test_neither_verl_nor_torch_is_imported():
    code = (
        "import sys; from gdpo.config.verl_keys import check_verl;"
        "check_verl({'trainer': {'balance_batch': True}});"
        "sys.exit(bool({'verl', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


DRO = "actor_rollout_ref.actor.policy_loss.dro_beta"


@pytest.mark.parametrize(
    ("training", "hardware", "message"),
    [
        ({"policy_loss": "bypass_mode"}, {}, "training.policy_loss: Input should be 'vanilla', 'gspo'"),
        ({"policy_loss": "dro"}, {}, f"training.policy_loss: dro needs verl.{DRO} above 0"),
        ({"entropy_coeff": -1}, {}, "training.entropy_coeff: .*greater than or equal to 0; given: -1"),
        ({"lora_alpha": 8}, {}, "lora_alpha: without effect where lora_rank is 0"),
        ({"rollout_is_threshold": 2}, {}, "rollout_is_threshold: without effect where rollout_is is none"),
        ({"rollout_is": "token"}, {}, "training.rollout_is: token is without effect with rollout transf"),
        ({"rollout_is": "tokens"}, {}, "training.rollout_is: Input should be 'none', 'token' or 'sequence'"),
        (
            {"filter_groups": "brevity"},
            {},
            "given: 'brevity'; allowed: false, true, any, all, sum, correctness",
        ),
        ({"rollout_is": "token", "rollout_is_threshold": 2}, {"rollout": "vllm"}, None),
        ({"rollout_is": "sequence"}, {"platform": "cuda"}, None),
        ({"lora_rank": 8, "lora_alpha": 8}, {}, None),
        ({"filter_groups": "length"}, {}, None),
        ({"filter_groups": "sum"}, {}, None),
    ],
)
def test_training_keys_of_verl(tmp_path, training, hardware, message):
    values = copy.deepcopy(DEMO)
    values["training"] |= training
    values["hardware"] = values.get("hardware", {}) | hardware
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    if message is None:
        assert load_experiment(tmp_path / "study.yaml").runs
        return
    with pytest.raises(ConfigError, match=message):
        load_experiment(tmp_path / "study.yaml")


def test_any_is_true_and_names_the_same_runs(tmp_path):
    def ids(rule):
        values = copy.deepcopy(DEMO)
        values["training"]["filter_groups"] = rule
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        return list(load_experiment(tmp_path / "study.yaml").runs)

    assert ids("any") == ids(True) != ids("all")
