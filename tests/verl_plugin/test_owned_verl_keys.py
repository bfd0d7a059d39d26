"""The keys of veRL that a config may not give are those that the overrides set, no more and no fewer."""

import itertools
import json
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from gdpo.config.reference import SECTIONS
from gdpo.config.run import RunConfig
from gdpo.config.verl_keys import OWNED, UNUSED, _verl_config
from gdpo.verl_plugin.overrides import RunPaths, _literal, verl_overrides
from gdpo.verl_plugin.wandb_run import Tracking

PATHS = RunPaths(*map(Path, ("/run.json", "/model", "/t.parquet", "/v.parquet", "/c")))
CHOICES = {
    "platform": ("cpu", "cuda"),
    "rollout": ("transformers", "vllm"),
    "max_tokens_per_gpu": (None, 8192),
    "filter_groups": (False, True, "all"),
    "lora": (False, True),
    "rollout_is": ("none", "token"),
    "kl_loss_coef": (0.0, 0.1),
    "validate_every": (0, 5),
    "step": (0, 3),
    "wandb": ("disabled", "offline"),
}


def runs():
    """Every combination of what overrides depend on, but those that a config refuses."""
    for values in itertools.product(*CHOICES.values()):
        choice = dict(zip(CHOICES, values, strict=True))
        hardware = {key: choice.pop(key) for key in ("platform", "rollout")}
        if choice["rollout_is"] != "none" and set(hardware.values()) == {"cpu", "transformers"}:
            continue
        step, wandb = choice.pop("step"), choice.pop("wandb")
        if choice.pop("lora"):
            choice |= {"lora_rank": 4, "lora_alpha": 8}
        if choice["rollout_is"] != "none":
            choice["rollout_is_threshold"] = 3
        run = {"method": "gdpo", "rewards": {"length": {"options": {"limit": 9}}}, "hardware": hardware}
        run["training"] = {"steps": 4, **choice}
        yield RunConfig.model_validate(run), step, Tracking(wandb, "project", "name", "")


def test_the_table_is_what_overrides_set():
    found = {
        override.split("=")[0].lstrip("+")
        for run, step, tracking in runs()
        for override in verl_overrides(run, PATHS, step, tracking)
    }
    assert found == set(OWNED)


def test_keys_that_the_table_names_exist():
    for ours in OWNED.values():
        for name in ours.split(" and "):
            section, dot, key = name.partition(".")
            if section in ("training", "hardware", "monitoring") and dot:
                assert key in SECTIONS[section].model_fields, ours


def test_keys_without_effect_are_verls():
    for key in UNUSED:
        found = _verl_config()
        for part in key.split("."):
            assert part in found, key
            found = found[part]


KEYS = st.from_regex(r"[a-z_][a-z0-9_-]{0,5}", fullmatch=True).filter(
    lambda key: key not in ("null", "true", "false", "inf", "nan")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    SCALARS | TEXTS.filter(lambda text: "${" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_comes_back_from_hydras_own_parser(value):
    override = OverridesParser.create().parse_override(f"key={_literal(value)}")
    found = override.value()
    assert json.dumps(found) == json.dumps(value)


def test_a_quoted_text_is_no_reference():
    with pytest.raises(ValueError, match="write the value itself"):
        run = {"method": "gdpo", "rewards": {"correctness": {}}, "training": {"steps": 1}}
        RunConfig.model_validate(run | {"verl": {"data": {"tokenizer": "a${b}"}}})
