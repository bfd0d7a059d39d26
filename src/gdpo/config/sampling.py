"""How responses are sampled for an evaluation."""

import json
import math
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gdpo.config.base import Section, later
from gdpo.config.vllm_keys import PARALLEL, check_vllm

_CHUNK_BATCHES = 8


class Sampling(Section):
    """Samples a problem, decoding, and the backend that draws them; by default as in the GDPO paper."""

    n: int = Field(default=16, ge=1, le=4096)
    """Samples a problem."""

    temperature: float = Field(default=0.6, ge=0, le=5)
    """What the logits are divided by; 0 takes the likeliest token."""

    top_p: float = Field(default=0.95, gt=0, le=1)
    """Probability mass of the likeliest tokens to draw from; 1 draws from all."""

    max_tokens: int = Field(default=32_768, ge=1, le=131_072)
    """Longest response, in tokens, the end token included."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Base seed; each sample's own seed follows from it, the problem's id and the sample's index."""

    backend: Literal["transformers", "vllm"] = "transformers"
    """Who decodes: transformers on a CPU, vLLM on a GPU."""

    batch_size: int = Field(default=256, ge=1, le=65_536)
    """Most sequences decoded at once."""

    vllm: dict[str, Any] = later({})
    """Keywords of vLLM's engine (vllm.LLM) that no key here sets, e.g. {gpu_memory_utilization: 0.8};
    with backend vllm alone."""

    @field_validator("vllm")
    @classmethod
    def _vllm_knows_it(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if value and info.data.get("backend") == "transformers":
            raise ValueError(f"without effect with backend transformers; given: {value!r:.80}")
        check_vllm(value)
        return json.loads(json.dumps(value))

    def gpus(self) -> int:
        """GPUs that one engine takes, with backend vllm."""
        return math.prod(self.vllm.get(key, 1) for key in PARALLEL)

    def chunk_size(self) -> int:
        """Samples handed to a backend at once, and kept at once: whole problems, which share their prefill.

        Of several batches: enough to keep a backend full, few enough to show progress.
        """
        return max(1, self.batch_size * _CHUNK_BATCHES // self.n) * self.n
