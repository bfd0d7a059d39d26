"""DGDO as published against plain Python arithmetic, its defects, and the corrected variant's promises."""

import json
import math
import statistics

import pytest
import torch

from gdpo.advantage import DGDOConfig, DGDOState, dgdo, estimate

NAMES = ("correctness", "length")


def stream(steps, seed=0, prompts=6, responses=4):
    """Batches of two binary rewards: (rewards, groups, lengths)."""
    generator = torch.Generator().manual_seed(seed)
    groups = [f"p{i % prompts}" for i in range(prompts * responses)]
    for _ in range(steps):
        draws = torch.rand(2, len(groups), generator=generator)
        rewards = {"correctness": (draws[0] < 0.5).float(), "length": (draws[1] < 0.8).float()}
        yield rewards, groups, torch.randint(1, 50, (len(groups),), generator=generator)


def published_by_hand(batches, *, beta, beta_start, beta_steps, warmup, floor, priors, invert):
    """The reference's steps 1 to 8 as sums over Python floats; yields weights used and advantages."""
    w = [0.5, 0.5]
    for t, (rewards, groups, lengths) in enumerate(batches, start=1):
        members = {g: [i for i, other in enumerate(groups) if other == g] for g in groups}
        scores = []
        for name in NAMES:
            r, a = rewards[name].tolist(), [0.0] * len(groups)
            for rows in members.values():
                mean, std = statistics.mean(r[i] for i in rows), statistics.stdev(r[i] for i in rows)
                for i in rows:
                    a[i] = (r[i] - mean) / (std + 1e-6)
            scores.append(a)
        if t > warmup:
            instability = []
            for a in scores:
                m = [statistics.fmean(a[i] for i in rows) for rows in members.values()]
                v = [statistics.pvariance([a[i] for i in rows]) for rows in members.values()]
                sigma = math.sqrt(statistics.fmean(v) + statistics.pvariance(m) + 1e-8)
                instability.append(sigma / (abs(statistics.fmean(m)) + 1e-6))
            signed = [-x if invert else x for x in instability]
            target = [math.exp(x - max(signed)) * prior for x, prior in zip(signed, priors, strict=True)]
            target = [x / sum(target) for x in target]
            b = beta_start + (beta - beta_start) * min(1.0, (t - warmup) / beta_steps)
            w = [b * old + (1 - b) * new for old, new in zip(w, target, strict=True)]
        used = [max(x, floor) for x in w]
        used = [x / sum(used) for x in used]
        s = [sum(weight * a[i] for weight, a in zip(used, scores, strict=True)) for i in range(len(groups))]
        tokens = [x for x, length in zip(s, lengths.tolist(), strict=True) for _ in range(length)]
        mean, variance = statistics.fmean(tokens), statistics.variance(tokens)
        yield used, [(x - mean) / math.sqrt(variance + 1e-8) for x in s]


@pytest.mark.parametrize("invert", [False, True])
def test_published_matches_a_hand_computation(invert):
    priors = {"length": 1.0, "correctness": 2.0}
    config = DGDOConfig(
        variant="published",
        beta_start=0.5,
        beta_warmup_steps=4,
        warmup_steps=2,
        importance_priors=priors,
        invert=invert,
    )
    batches = list(stream(12))
    by_hand = published_by_hand(
        batches,
        beta=0.9,
        beta_start=0.5,
        beta_steps=4,
        warmup=2,
        floor=0.15,
        priors=(2.0, 1.0),
        invert=invert,
    )
    state = None
    for (rewards, groups, lengths), (weights, expected) in zip(batches, by_hand, strict=True):
        result = estimate("dgdo", rewards, groups, config=config, state=state, lengths=lengths)
        state = result.state
        used = [result.metrics[f"dgdo/reward_{name}/weight"] for name in NAMES]
        assert used == pytest.approx(weights, abs=1e-6)
        torch.testing.assert_close(result.advantages, torch.tensor(expected), atol=1e-5, rtol=0)


def test_published_weights_saturate_on_the_reward_with_fewer_dead_groups():
    # correctness varies in 1 group of 3, length in all: target (0, 1) at every step, whatever their spread.
    rewards = {
        "correctness": torch.tensor([1.0, 0, 1, 1, 0, 0]),
        "length": torch.tensor([0.5, 0.4, 0.5, 0.4, 0.5, 0.4]),
    }
    config = DGDOConfig(variant="published", warmup_steps=0)
    state = None
    for t in range(1, 61):
        result = estimate(
            "dgdo", rewards, list("aabbcc"), config=config, state=state, lengths=torch.ones(6).long()
        )
        state = result.state
        assert state["weights"]["correctness"] == pytest.approx(0.5 * 0.9**t)
    assert result.metrics["dgdo/reward_length/instability"] > 5e5
    # Defect 2: clamped to (0.15, 1) and divided by 1.15, so the floor of 0.15 is not kept.
    assert result.metrics["dgdo/reward_correctness/weight"] == pytest.approx(0.130, abs=1e-3)
    assert result.metrics["dgdo/reward_length/weight"] == pytest.approx(0.870, abs=1e-3)


@pytest.mark.parametrize(
    ("floor", "expected"), [("clamp", (0.15 / 1.15, 1 / 1.15)), ("affine", (0.15, 0.85))]
)
def test_floor_at_a_one_hot_weight(floor, expected):
    rewards = {"correctness": [1.0, 0.0], "length": [1.0, 0.0]}
    state = {"step": 3, "weights": {"correctness": 0.0, "length": 1.0}}
    result = estimate("dgdo", rewards, [0, 0], config=DGDOConfig(floor=floor), state=state)
    used = [result.metrics[f"dgdo/reward_{name}/weight"] for name in NAMES]
    assert used == pytest.approx(expected, abs=1e-12)


def test_corrected_target_is_the_softmax_of_the_raw_coefficients_of_variation():
    rewards = {
        "correctness": torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 1]),
        "length": torch.tensor([1.0] * 6 + [0.0] * 2),
    }
    config = DGDOConfig(warmup_steps=0, beta=0.0)
    result = estimate("dgdo", rewards, [0, 0, 0, 0, 1, 1, 1, 1], config=config)
    # Population std over mean: sqrt(3/8 * 5/8) / (3/8) and sqrt(3/4 * 1/4) / (3/4).
    cv = [math.sqrt(5 / 3), math.sqrt(1 / 3)]
    target = [math.exp(x) / sum(map(math.exp, cv)) for x in cv]
    assert list(result.state["weights"].values()) == pytest.approx(target, abs=1e-5)
    assert result.metrics["dgdo/reward_length/mu_batch"] == pytest.approx(0.75)
    assert result.metrics["dgdo/reward_length/sigma_batch"] == pytest.approx(math.sqrt(3 / 16))


@pytest.mark.parametrize("values", [[1.0, 0, 0, 0] + [0.0] * 12, [1.0, -1, 1, -1] * 4, [1e-5, -1e-5] * 8])
def test_corrected_instability_is_bounded_where_the_mean_is_near_zero(values):
    rewards = {"correctness": values, "length": [1.0, 0.0] * 8}
    config = DGDOConfig(warmup_steps=0, beta=0.0)
    result = estimate("dgdo", rewards, [i // 4 for i in range(16)], config=config)
    assert result.metrics["dgdo/reward_correctness/instability"] == 3.0
    # e^3 against e^1 (length: half ones, coefficient of variation 1).
    assert result.state["weights"]["correctness"] == pytest.approx(1 / (1 + math.exp(-2)), abs=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.0])
def test_a_reward_that_never_varies_keeps_its_place(constant):
    rewards = {"correctness": torch.full((4,), constant), "length": torch.tensor([1.0, 0, 1, 0])}
    for variant in ("corrected", "published"):
        config = DGDOConfig(variant=variant, warmup_steps=0)
        advantages, state = dgdo(rewards, [0, 0, 1, 1], None, config, torch.tensor([1, 2, 3, 4]))
        assert set(state.weights) == set(NAMES)
        assert math.fsum(state.weights.values()) == pytest.approx(1)
        assert advantages.isfinite().all()
    result = estimate("dgdo", rewards, [0, 0, 1, 1], config=DGDOConfig())
    assert result.metrics["dgdo/reward_correctness/instability"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("variant", ["corrected", "published"])
def test_a_resumed_run_equals_the_uninterrupted_one(variant):
    config = DGDOConfig(variant=variant, warmup_steps=3, beta_start=0.5, beta_warmup_steps=5)
    batches = list(stream(10, seed=4))

    def run(part, state):
        for rewards, groups, lengths in part:
            result = estimate("dgdo", rewards, groups, config=config, state=state, lengths=lengths)
            state = result.state
        return result

    whole = run(batches, None)
    saved = json.dumps(run(batches[:6], None).state)
    resumed = run(batches[6:], json.loads(saved))
    assert resumed.state == whole.state
    assert resumed.metrics == whole.metrics
    assert torch.equal(resumed.advantages, whole.advantages)


def test_warm_up_and_beta_schedule():
    config = DGDOConfig(warmup_steps=2, beta=0.9, beta_start=0.5, beta_warmup_steps=4)
    state, seen = None, []
    for rewards, groups, _ in stream(8):
        result = estimate("dgdo", rewards, groups, config=config, state=state)
        state, metrics = result.state, result.metrics
        seen.append(
            [metrics[f"dgdo/{key}"] for key in ("step", "in_warmup", "warmup_progress", "effective_beta")]
        )
        if metrics["dgdo/in_warmup"]:
            assert state["weights"] == {"correctness": 0.5, "length": 0.5}
            assert metrics["dgdo/weight_entropy"] == pytest.approx(math.log(2))
    expected = [
        [1, 1, 0.5, 0.5],
        [2, 1, 1, 0.5],
        [3, 0, 1, 0.6],
        [4, 0, 1, 0.7],
        [5, 0, 1, 0.8],
        [6, 0, 1, 0.9],
    ]
    expected += [[7, 0, 1, 0.9], [8, 0, 1, 0.9]]
    assert seen == [pytest.approx(row) for row in expected]


def test_one_choice_of_the_variant_can_be_replaced():
    assert DGDOConfig().choices == ("raw_cv", "affine", "responses")
    assert DGDOConfig(variant="published").choices == ("normalized_cv", "clamp", "tokens")
    assert DGDOConfig(variant="published", floor="affine").choices == ("normalized_cv", "affine", "tokens")


def test_fixed_weights_multiply_the_moving_ones():
    rewards, groups, _ = next(stream(1))
    base = DGDOConfig(batch_statistics="none")
    tripled = DGDOConfig(batch_statistics="none", weights={"length": 3.0, "correctness": 3.0})
    one, _ = dgdo(rewards, groups, None, base)
    three, _ = dgdo(rewards, groups, None, tripled)
    torch.testing.assert_close(three, 3 * one)


def test_the_state_survives_json_bit_for_bit():
    state = DGDOState(7, {"a": 1 / 3, "b": 1 - 1 / 3})
    assert DGDOState.from_json(json.loads(json.dumps(state.to_json()))) == state
