"""Everything that is refused, by the words that the researcher reads."""

import pytest
import torch

from gdpo.advantage import (
    METHODS,
    AdvantageError,
    DGDOConfig,
    DGDOState,
    GDPOConfig,
    GRPOConfig,
    dgdo,
    estimate,
    gdpo,
    grpo,
)

NAN = float("nan")
REWARDS = {"correctness": torch.tensor([1.0, 0.0, 1.0, 1.0]), "length": torch.tensor([0.0, 1.0, 1.0, 0.0])}
GROUPS = ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: GRPOConfig(epsilon=0), "GRPOConfig.epsilon is 0; allowed: a number above 0"),
        (
            lambda: GRPOConfig(normalize_by_std="false"),
            "GRPOConfig.normalize_by_std is 'false'; allowed: true or",
        ),
        (lambda: GDPOConfig(epsilon="1e-4"), "GDPOConfig.epsilon is '1e-4'"),
        (lambda: GDPOConfig(normalize_by_std=1), "GDPOConfig.normalize_by_std is 1"),
        (lambda: GDPOConfig(batch_statistics="token"), "'token'; allowed: 'responses', 'tokens', 'none'"),
        (
            lambda: GDPOConfig(weights={"length": NAN}),
            r"GDPOConfig.weights\['length'\] is nan; allowed: finite",
        ),
        (lambda: GDPOConfig(weights={"length": True}), r"GDPOConfig.weights\['length'\] is True"),
        (lambda: GDPOConfig(weights=[1.0, 2.0]), "a map from reward name to number"),
        (
            lambda: GDPOConfig(max_nonfinite_share=1.0),
            "GDPOConfig.max_nonfinite_share is 1.0; allowed: a share",
        ),
        (
            lambda: DGDOConfig(variant="fixed"),
            "DGDOConfig.variant is 'fixed'; allowed: 'corrected', 'published'",
        ),
        (
            lambda: DGDOConfig(instability="cv"),
            "DGDOConfig.instability is 'cv'; allowed: None, 'raw_cv', 'norm",
        ),
        (lambda: DGDOConfig(floor="min"), "DGDOConfig.floor is 'min'; allowed: None, 'affine', 'clamp'"),
        (lambda: DGDOConfig(batch_statistics="all"), "DGDOConfig.batch_statistics is 'all'"),
        (lambda: DGDOConfig(beta=1.5), "DGDOConfig.beta is 1.5; allowed: a number from 0 to 1"),
        (lambda: DGDOConfig(beta=None), "DGDOConfig.beta is None"),
        (lambda: DGDOConfig(beta_start=-0.1), "DGDOConfig.beta_start is -0.1"),
        (lambda: DGDOConfig(min_weight=2), "DGDOConfig.min_weight is 2"),
        (lambda: DGDOConfig(warmup_steps=1.5), "DGDOConfig.warmup_steps is 1.5; allowed: a whole number"),
        (lambda: DGDOConfig(beta_warmup_steps=-1), "DGDOConfig.beta_warmup_steps is -1"),
        (lambda: DGDOConfig(instability_bound=0), "DGDOConfig.instability_bound is 0"),
        (lambda: DGDOConfig(epsilon=-1e-6), "DGDOConfig.epsilon is -1e-06"),
        (lambda: DGDOConfig(invert="no"), "DGDOConfig.invert is 'no'"),
        (
            lambda: DGDOConfig(importance_priors={"length": 0}),
            r"importance_priors\['length'\] is 0; .* above 0",
        ),
        (lambda: DGDOState(-1, {"a": 1.0}), "DGDOState.step is -1"),
        (lambda: DGDOState(0, {"a": 0.5, "b": 0.6}), "DGDOState.weights .* sum 1"),
        (lambda: DGDOState(0, {"a": NAN, "b": 1.0}), r"DGDOState.weights\['a'\] is nan"),
        (lambda: DGDOState(0, {}), "DGDOState.weights is {}"),
        (lambda: DGDOState.from_json([1]), "map of step and weights"),
        (lambda: DGDOState.from_json({"step": 1}), "'weights' is missing or unknown"),
        (
            lambda: DGDOState.from_json({"step": 1, "weights": {"a": 1}, "beta": 1}),
            "'beta' is missing or unknown",
        ),
    ],
)
def test_a_config_or_state_names_the_key_the_value_and_what_is_allowed(build, words):
    with pytest.raises(AdvantageError, match=words):
        build()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"correctness": 1, "lenght": 1}, "weights names 'lenght', .* did you mean 'length'"),
        (
            {"correctness": 1, "length": 1, "zzz": 1},
            r"weights names 'zzz', which is not a reward \(rewards: corr",
        ),
        ({"correctness": 1}, "weights lacks the reward 'length'"),
    ],
)
def test_weights_must_name_the_rewards(method, weights, words):
    config = METHODS[method].config_cls(weights=weights)
    with pytest.raises(AdvantageError, match=words):
        config.check_rewards(["correctness", "length"])
    with pytest.raises(AdvantageError, match=words):
        estimate(method, REWARDS, GROUPS, config=config)


def test_the_functions_check_names_too():
    wrong = {"weights": {"correctness": 1}}
    with pytest.raises(AdvantageError, match="lacks"):
        grpo(REWARDS, GROUPS, GRPOConfig(**wrong))
    with pytest.raises(AdvantageError, match="lacks"):
        gdpo(REWARDS, GROUPS, GDPOConfig(**wrong))
    with pytest.raises(AdvantageError, match="lacks"):
        dgdo(REWARDS, GROUPS, None, DGDOConfig(**wrong))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            DGDOConfig(importance_priors={"correctness": 1, "lengths": 1}),
            "importance_priors .* mean 'length'",
        ),
        (DGDOConfig(min_weight=0.6), "min_weight is 0.6; allowed for 2 rewards: at most 0.5"),
    ],
)
def test_dgdo_settings_must_fit_the_rewards(config, words):
    with pytest.raises(AdvantageError, match=words):
        config.check_rewards(REWARDS)


@pytest.mark.parametrize("weights", [{"correctness": 1.0}, {"correctness": 0.5, "integer": 0.5}])
def test_a_state_of_other_rewards_is_refused(weights):
    with pytest.raises(AdvantageError, match="the DGDO state"):
        estimate("dgdo", REWARDS, GROUPS, state={"step": 2, "weights": weights})


@pytest.mark.parametrize(
    ("rewards", "groups", "words"),
    [
        ({}, [], "at least one reward"),
        ([1.0, 0.0], [0, 0], "map at least one reward"),
        ({"a": torch.zeros(4), "b": torch.zeros(3)}, GROUPS, r"reward 'b' has shape \(3,\); .* shape \(4,\)"),
        ({"a": torch.zeros(2, 2)}, [0, 0], r"reward 'a' has shape \(2, 2\)"),
        ({"a": torch.zeros(0)}, [], r"reward 'a' has shape \(0,\)"),
        (REWARDS, ["a", "a"], "groups has 2 ids for 4 responses"),
        (REWARDS, torch.tensor(3), "groups has the single value 3"),
        (REWARDS, [[1], [1], [2], [2]], "hashable"),
        (
            REWARDS,
            ["a", "a", "a", "prompt-7"],
            r"group 'prompt-7' has 1 response; .* at least 2 \(1 of 2 groups",
        ),
        (
            {**REWARDS, "length": [NAN, 0.0, 1.0, 1.0]},
            GROUPS,
            "'length' is not finite in 25.0% .* allows 10.0%",
        ),
    ],
)
def test_a_batch_that_has_no_advantages_is_refused(rewards, groups, words):
    with pytest.raises(AdvantageError, match=words):
        estimate("gdpo", rewards, groups)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (None, "needs lengths"),
        (torch.ones(3).long(), r"lengths has shape \(3,\); allowed: \(4,\)"),
        (torch.ones(4), "whole numbers of tokens"),
        (torch.tensor([1, 2, 3, -4]), "0 or more"),
        (torch.tensor([0, 0, 0, 1]), "needs at least 2 tokens, got 1"),
    ],
)
def test_token_statistics_need_token_counts(lengths, words):
    with pytest.raises(AdvantageError, match=words):
        estimate("gdpo", REWARDS, GROUPS, config=GDPOConfig(batch_statistics="tokens"), lengths=lengths)


def test_estimate_takes_the_method_and_its_own_config_and_state():
    with pytest.raises(AdvantageError, match="method is 'ppo'; allowed: 'gdpo', 'dgdo', 'grpo'"):
        estimate("ppo", REWARDS, GROUPS)
    with pytest.raises(AdvantageError, match="'grpo' takes a GRPOConfig, not GDPOConfig"):
        estimate("grpo", REWARDS, GROUPS, config=GDPOConfig())
    with pytest.raises(AdvantageError, match="'gdpo' keeps no state"):
        estimate("gdpo", REWARDS, GROUPS, state={"step": 1, "weights": {}})


def test_every_group_id_kind_is_taken():
    numbers = estimate("gdpo", REWARDS, torch.tensor([5, 5, 2, 2])).advantages
    assert torch.equal(estimate("gdpo", REWARDS, GROUPS).advantages, numbers)
    assert torch.equal(
        estimate("gdpo", REWARDS, [("a", 1), ("a", 1), ("b", 1), ("b", 1)]).advantages, numbers
    )
