"""The estimate of GPU memory: published sizes, sums by hand, and what it refuses."""

from pathlib import Path

import pytest

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment
from gdpo.config.memory import GB, ModelShape, estimate_memory
from gdpo.config.training import HardwareConfig, TrainingConfig

CONFIG = Path(__file__).parents[2] / "config"
SMALL = ModelShape(
    layers=2, hidden_size=8, feed_forward_size=16, heads=2, key_value_heads=1, head_size=4, vocabulary=100
)
HARDWARE = HardwareConfig(platform="cuda", gpus_per_node=4, rollout="vllm", gradient_checkpointing=True)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load an experiment without its data, with changes."""
    for name in ("train_math", "test_aime", "test_amc", "test_math"):
        (tmp_path / f"{name}.json").write_text("[]")
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    return lambda name, changes=None: load_experiment(CONFIG / f"{name}.yaml", changes)


@pytest.fixture(params=["paper", "paper-b200"])
def paper(request, load):
    return load(request.param)


def test_parameters_are_the_published_ones(paper):
    """As the model cards of the R1 distillations and of Qwen3 count them, in billions."""
    published = {"r1-distill-qwen-1.5b": 1.78, "r1-distill-qwen-7b": 7.62, "qwen3-4b-instruct": 4.02}
    counted = {name: model.shape.parameters / 1e9 for name, model in paper.config.models.items()}
    assert counted == pytest.approx(published, rel=2e-3)


def test_the_published_settings_fit(paper):
    for run in paper.runs.values():
        estimate = paper.memory(run)
        assert estimate.problem() is None
        assert 0 < estimate.update < estimate.capacity and estimate.sequences > 1


def test_with_lora_the_state_is_the_weights_and_few_more():
    """By hand: for each rank a layer's seven matrices have 2*(8+8) + 2*(8+4) + 3*(8+16) = 128 parameters."""
    assert SMALL.adapter_parameters(4) == 2 * 4 * 128
    whole, adapters = (
        estimate_memory(SMALL, TrainingConfig(steps=1, lora_rank=rank), HARDWARE, 1, 80) for rank in (0, 4)
    )
    assert whole.state == 16 * 2752 / 4 and adapters.state == (4 * 2752 + 16 * 1024) / 4
    assert adapters._replace(state=0, kept=0) == whole._replace(state=0, kept=0)


def test_the_sums_of_a_small_model():
    """By hand: a layer has 2*8*4*(2+1) + 3*8*16 = 576 parameters, the embeddings 2*800."""
    assert (SMALL.layer_parameters, SMALL.parameters) == (576, 2752)
    training = TrainingConfig(steps=1, max_prompt_length=10, max_response_length=30, max_tokens_per_gpu=100)
    estimate = estimate_memory(SMALL, training, HARDWARE, micro_batch=1, gpu_gb=10)
    assert estimate.state == 2752 * 16 / 4
    assert estimate.gathered == 2 * (1600 + 2 * 576)
    assert estimate.activations == 100 * 8 * 34 + 2 * 100 * 8 * 2
    assert estimate.logits == 100 * 100 * 10
    # Keys and values in bf16: 2 * 2 bytes * 2 layers * 1 head * 4 dimensions a token, 40 tokens a sequence.
    assert estimate.sequences == pytest.approx((5 * GB - 2 * 2752 - 2 * GB) / (32 * 40))


def test_offload_reference_and_parallel_change_what_they_should():
    plain = TrainingConfig(steps=1)

    def of(training=plain, **changes):
        hardware = HARDWARE.model_copy(update=changes)
        return estimate_memory(SMALL, training, hardware, micro_batch=4, gpu_gb=80)

    assert of(offload=True).kept == 0 < of().kept == of().state
    assert of(nodes=2).state == of().state / 2
    assert of(plain.model_copy(update={"kl_loss_coef": 0.1})).state == of().state  # kept in host memory
    assert of(tensor_parallel=2).weights == of().weights / 2
    assert of(gradient_checkpointing=False).activations > of().activations


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"training.max_tokens_per_gpu": 60_000},
            r"models.r1-distill-qwen-7b: the update takes about \d+ GB of a GPU of 80 GB .*lower "
            "training.max_tokens_per_gpu",
        ),
        (
            {"sizes.4b.hardware.gpu_memory_utilization": 0.9},
            "models.qwen3-4b-instruct: sampling takes about 88 GB .*set hardware.offload, or lower "
            "hardware.gpu_memory_utilization to at most 0.80",
        ),
        (
            {"sizes.7b.hardware.gpu_memory_utilization": 0.1},
            "models.r1-distill-qwen-7b: vLLM's share of 8 GB holds the weights .*raise",
        ),
    ],
)
def test_what_cannot_fit_is_refused_with_the_change_that_helps(load, changes, words):
    with pytest.raises(ConfigError, match=words):
        load("paper", changes)


def test_a_cpu_or_an_unknown_shape_has_no_estimate(load):
    experiment = load("demo")
    assert all(experiment.memory(run) is None for run in experiment.runs.values())
