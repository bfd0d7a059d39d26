"""How the demo's starting model is made: its size, its lessons and its schedule."""

from typing import Literal

from pydantic import Field, model_validator

from gdpo.config.base import Mix, Section
from gdpo.config.problems import TRAINING_FAMILIES, Family


class Architecture(Section):
    """A Llama-type decoder with tied embeddings, in fp32."""

    hidden_size: int = Field(default=128, ge=16, le=1024)
    """Width of the model."""

    layers: int = Field(default=2, ge=1, le=24)
    """Number of decoder layers."""

    heads: int = Field(default=4, ge=1, le=32)
    """Attention heads; each has hidden_size / heads dimensions."""

    key_value_heads: int = Field(default=2, ge=1, le=32)
    """Heads that keys and values are stored for."""

    feed_forward_size: int = Field(default=384, ge=16, le=8192)
    """Width of the gated feed-forward part."""

    rope_base: float = Field(default=300, gt=1)
    """Base of the rotary positions; a small one tells near positions of short texts apart."""

    initial_spread: float = Field(default=0.06, gt=0, le=1)
    """Standard deviation of the initial weights; the usual 0.02 starts a narrow model slowly."""

    context: int = Field(default=256, ge=64, le=4096)
    """Longest prompt and response together, in tokens."""

    @model_validator(mode="after")
    def _divides(self) -> "Architecture":
        # Rotary positions turn pairs of dimensions, so a head needs an even number of them.
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size is {self.hidden_size} and heads {self.heads}: "
                "hidden_size must be a multiple of 2 * heads"
            )
        if self.heads % self.key_value_heads:
            raise ValueError(
                f"heads is {self.heads} and key_value_heads {self.key_value_heads}: "
                "heads must be a multiple of key_value_heads"
            )
        return self


class StyleMix(Mix):
    """Shares of the worked-solution styles, relative to each other."""

    brief: float = Field(default=0.15, ge=0)
    """The results of the steps alone: the shortest reasoning."""

    direct: float = Field(default=0.2, ge=0)
    """One line of equalities."""

    steps: float = Field(default=0.2, ge=0)
    """A line a step."""

    checked: float = Field(default=0.3, ge=0)
    """A line a step, then a line that checks each of them: the longest reasoning."""

    detailed: float = Field(default=0.15, ge=0)
    """The problem said again, then a line a step, with tens and ones apart."""


class Pretraining(Section):
    """What every model that is pre-trained here has: its size, its schedule and its measurement."""

    source: str
    """Where the model comes from."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the weights, of the lessons and of their order."""

    architecture: Architecture = Architecture()
    """Size of the model."""

    pool_size: int = Field(default=24_000, ge=64, le=1_000_000)
    """Number of lesson problems; each is seen in many styles."""

    steps: int = Field(default=3400, ge=1, le=100_000)
    """Optimizer steps; the work is fixed by steps, never by time."""

    batch_size: int = Field(default=16, ge=1, le=4096)
    """Solutions a step, of similar length."""

    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    """Peak learning rate, after the warm-up and before the cosine decay to a tenth."""

    warmup_steps: int = Field(default=50, ge=0)
    """Steps over which the learning rate rises."""

    threads: int = Field(default=1, ge=1, le=64)
    """Torch threads; 2 on 2 busy cores are slower than 1."""

    held_out_problems: int = Field(default=200, ge=1, le=10_000)
    """Benchmark-split problems of the same kinds that the finished model is measured on."""

    held_out_samples: int = Field(default=4, ge=1, le=64)
    """Samples a held-out problem and temperature."""

    max_tokens: int = Field(default=64, ge=8, le=1024)
    """Longest response in the held-out measurement, in tokens."""


class StartingModel(Pretraining):
    """The demo's stand-in for a distilled reasoning model, pre-trained on worked solutions."""

    source: Literal["pretrained-here"] = "pretrained-here"
    """Where the model comes from."""

    families: dict[str, Family] = Field(default=TRAINING_FAMILIES, min_length=1)
    """Task mix of the lessons, drawn from the train split only."""

    styles: StyleMix = StyleMix()
    """How verbose the worked solutions are."""
