"""GPU memory of a training, estimated before anything is submitted (docs/memory.md has the formulas)."""

from typing import NamedTuple

from pydantic import PositiveInt

from gdpo.config.base import Section
from gdpo.config.training import HardwareConfig, TrainingConfig

GB = 1e9
VLLM_OVERHEAD = 2 * GB
"""What vLLM's engine takes beside weights and KV cache: its own activations and CUDA graphs."""


class ModelShape(Section):
    """Size of a decoder with grouped-query attention and a gated feed-forward part (Llama, Qwen)."""

    layers: PositiveInt
    """Decoder layers."""
    hidden_size: PositiveInt
    """Width."""
    feed_forward_size: PositiveInt
    """Width of the gated feed-forward part."""
    heads: PositiveInt
    """Attention heads."""
    key_value_heads: PositiveInt
    """Heads that keys and values are stored for."""
    head_size: PositiveInt
    """Dimensions of a head."""
    vocabulary: PositiveInt
    """Rows of the embedding."""
    tied_embeddings: bool = False
    """Whether input and output embeddings are one."""

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer: attention's four matrices and the feed-forward part's three."""
        attention = 2 * self.hidden_size * self.head_size * (self.heads + self.key_value_heads)
        return attention + 3 * self.hidden_size * self.feed_forward_size

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embeddings."""
        return self.vocabulary * self.hidden_size * (1 if self.tied_embeddings else 2)

    @property
    def parameters(self) -> int:
        """Parameters in all, but norms and biases (under a thousandth)."""
        return self.embedding_parameters + self.layers * self.layer_parameters

    def adapter_parameters(self, rank: int) -> int:
        """Parameters of LoRA adapters on all linear layers but the output: rank x (inputs + outputs) each."""
        queries, keys = self.head_size * self.heads, self.head_size * self.key_value_heads
        attention = 2 * (self.hidden_size + queries) + 2 * (self.hidden_size + keys)
        return self.layers * rank * (attention + 3 * (self.hidden_size + self.feed_forward_size))


class MemoryEstimate(NamedTuple):
    """Bytes on each GPU."""

    state: float
    """Sharded: fp32 parameters, gradients and Adam's two moments, 16 bytes a parameter; with LoRA 4, and 16
    a parameter of the adapters. A KL loss's reference model is in host memory then; with LoRA it is the model
    without them."""
    gathered: float
    """What FSDP has whole at a time, in bf16: the embeddings and two layers."""
    activations: float
    """Of one micro batch: 34 bytes x tokens x width a layer (arXiv 2205.05198); recomputed: one layer's, and
    2 bytes x tokens x width for every layer."""
    logits: float
    """Of one micro batch: bf16, their fp32 copy and its gradient, 10 bytes x tokens x vocabulary."""
    engine: float
    """vLLM's share while it samples: gpu_memory_utilization of the GPU."""
    weights: float
    """Of that, the model in bf16."""
    kept: float
    """Training state that stays on the GPU while it samples: none with offload."""
    sequences: float
    """Prompts with responses of full length whose keys and values fit into the rest of vLLM's share."""
    capacity: float
    """The GPU's memory."""

    @property
    def update(self) -> float:
        """Peak of the update."""
        return self.state + self.gathered + self.activations + self.logits

    @property
    def rollout(self) -> float:
        """Peak of sampling."""
        return self.engine + self.kept

    def problem(self) -> str | None:
        """Why it cannot fit, and what to change; None where it can."""
        whole = f"a GPU of {self.capacity / GB:.0f} GB"
        if self.update > self.capacity:
            return (
                f"the update takes about {self.update / GB:.0f} GB of {whole} (state {self.state / GB:.0f}, "
                f"activations {self.activations / GB:.0f}, logits {self.logits / GB:.0f}): lower "
                "training.max_tokens_per_gpu (or micro_batch_size_per_gpu), set "
                "hardware.gradient_checkpointing, or raise hardware.gpus_per_node or nodes"
            )
        if self.rollout > self.capacity:
            most = max(0.0, (self.capacity - self.kept) / self.capacity)
            return (
                f"sampling takes about {self.rollout / GB:.0f} GB of {whole} (vLLM {self.engine / GB:.0f}, "
                f"training state {self.kept / GB:.0f}): set hardware.offload, or lower "
                f"hardware.gpu_memory_utilization to at most {most:.2f}"
            )
        if self.sequences < 1:
            return (
                f"vLLM's share of {self.engine / GB:.0f} GB holds the weights ({self.weights / GB:.0f} GB) "
                f"and keys and values of {max(0.0, self.sequences):.1f} sequences of full length: raise "
                "hardware.gpu_memory_utilization or hardware.tensor_parallel"
            )
        return None


def estimate_memory(
    shape: ModelShape, training: TrainingConfig, hardware: HardwareConfig, micro_batch: int, gpu_gb: float
) -> MemoryEstimate:
    """Memory of one GPU under FSDP2 (full sharding) and vLLM.

    Args:
        shape: size of the model.
        training: batch and lengths.
        hardware: devices and how they are used.
        micro_batch: responses a forward and backward pass on one device, where the batch size is not dynamic.
        gpu_gb: memory of one GPU in GB.
    """
    devices = hardware.nodes * hardware.gpus_per_node
    length = training.max_prompt_length + training.max_response_length
    tokens = training.max_tokens_per_gpu or micro_batch * length
    layers = 1 if hardware.gradient_checkpointing else shape.layers
    kept_inputs = 2 * shape.layers if hardware.gradient_checkpointing else 0
    trained = shape.adapter_parameters(training.lora_rank) if training.lora_rank else shape.parameters
    frozen = shape.parameters if training.lora_rank else 0
    state = (16 * trained + 4 * frozen) / devices
    engine, weights = (
        hardware.gpu_memory_utilization * gpu_gb * GB,
        2 * shape.parameters / hardware.tensor_parallel,
    )
    token_cache = 4 * shape.layers * shape.key_value_heads * shape.head_size / hardware.tensor_parallel
    return MemoryEstimate(
        state=state,
        gathered=2 * (shape.embedding_parameters + 2 * shape.layer_parameters),
        activations=tokens * shape.hidden_size * (34 * layers + kept_inputs),
        logits=10 * tokens * shape.vocabulary,
        engine=engine,
        weights=weights,
        kept=0 if hardware.offload else state,
        sequences=(engine - weights - VLLM_OVERHEAD) / (token_cache * length),
        capacity=gpu_gb * GB,
    )
