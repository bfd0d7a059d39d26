"""veRL's FSDP2 engine for device "cpu" (veRL registers it for cuda and npu only)."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from tensordict import TensorDict
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel
from verl.utils import tensordict_utils as tu
from verl.utils.fsdp_utils import merged_lora_context, normalize_peft_param_name
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead

from gdpo.verl_plugin.cpu.fused_norm import use_fused_norm
from gdpo.verl_plugin.cpu.packed_attention import Packing, places, use_packed_attention


@EngineRegistry.register(model_type="language_model", backend=["fsdp2"], device="cpu")
class CPUFSDPEngineWithLMHead(FSDPEngineWithLMHead):
    """The stock engine on packed sequences, which computes logits for the tokens of responses alone.

    veRL's own needs flash-attn to pack; without it, it pads, and loops over every token row in Python.
    """

    def _build_module(self) -> PreTrainedModel:
        module = super()._build_module()
        use_packed_attention(module)
        use_fused_norm(module)
        return module

    def _build_fsdp_module(self, module: torch.nn.Module) -> torch.nn.Module:
        # A reference model's offload pins memory, which needs an accelerator.
        config = self.engine_config
        self.engine_config = dataclasses.replace(config, forward_only=False, offload_policy=False)
        try:
            return super()._build_fsdp_module(module)
        finally:
            self.engine_config = config

    def _merged_lora_per_tensor_param(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Weights with their LoRA adapters for the rollout, in fp32; the stock method rounds them to bf16.

        The rollout's log-probabilities are the old policy's here, so they must be of the same weights.
        """
        with merged_lora_context(self.module, backup_adapters=True):
            for name, value in normalize_peft_param_name(self.module.state_dict()).items():
                whole = value.full_tensor() if isinstance(value, DTensor) else value
                yield name, whole.detach().clone()  # else the base weights, once they are put back

    def prepare_model_inputs(self, micro_batch: TensorDict) -> tuple[dict[str, Any], dict[str, Any]]:
        """The stock packed inputs without what is there already, with those whose logits are needed."""
        inputs, arguments = super().prepare_model_inputs(micro_batch)
        bounds, prompts = micro_batch["input_ids"].offsets(), micro_batch["prompts"]
        lengths = prompts.offsets().diff()
        temperatures = arguments["temperature_rmpad"]
        begins = zip(prompts.unbind(), temperatures[bounds[:-1]].tolist(), strict=True)
        alike = [(tuple(prompt.tolist()), temperature) for prompt, temperature in begins]
        packing = inputs["packing"] = Packing.of(bounds, lengths, alike)
        for name in ("input_ids", "position_ids"):
            inputs[name] = inputs[name][..., packing.computed]
        scored = arguments["scored"] = _before_responses(bounds, lengths)
        # The first tokens of a group's responses follow one token, whose logits are computed once.
        kept, arguments["logits_of"] = packing.like[scored].unique(return_inverse=True)
        arguments["temperature_rmpad"] = temperatures[packing.computed[kept], None]
        inputs["logits_to_keep"] = kept
        return inputs, arguments

    def prepare_model_outputs(
        self, output: Any, output_args: dict[str, Any], micro_batch: TensorDict, logits_processor_func: Any
    ) -> dict[str, torch.Tensor]:
        """Log-probabilities, and entropies where they are asked for, of one softmax; 0 within prompts."""
        scored, bounds = output_args["scored"], micro_batch["input_ids"].offsets()
        rows = output_args["logits_of"]
        logits = output.logits[0].float() / output_args["temperature_rmpad"]
        log_probs = logits.log_softmax(-1)
        labels = output_args["input_ids_rmpad_rolled"][scored]
        # Of a flat tensor's index_select, gradients add up in order; those of other indexing do in any.
        found = {"log_probs": log_probs.flatten().index_select(0, rows * log_probs.shape[1] + labels)}
        if tu.get_non_tensor_data(data=micro_batch, key="calculate_entropy", default=False):
            found["entropy"] = -(log_probs.exp() * log_probs).sum(-1).index_select(0, rows)
        whole = torch.zeros(int(bounds[-1]))
        return {
            name: torch.nested.nested_tensor_from_jagged(whole.index_copy(0, scored, values), bounds)
            for name, values in found.items()
        }


def _before_responses(bounds: torch.Tensor, prompt_lengths: torch.Tensor) -> torch.Tensor:
    """Indices of the packed tokens that a response token follows.

    Args:
        bounds: first token of each sequence and the number of tokens, shape (sequences + 1,).
        prompt_lengths: tokens of each sequence's prompt, shape (sequences,).
    """
    sequence, place = places(bounds)
    follows = (place >= prompt_lengths[sequence] - 1) & (place < bounds.diff()[sequence] - 1)
    return follows.nonzero()[:, 0]
