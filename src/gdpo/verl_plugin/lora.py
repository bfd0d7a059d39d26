"""LoRA where stock veRL leaves something to do: adapters from the run's seed, and whole weights to export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

META = "lora_train_meta.json"
"""What veRL writes beside a checkpoint's weights where they have adapters: their rank and alpha."""
INDEX = "model.safetensors.index.json"
_ADAPTER = re.compile(r"\.lora_[AB]\.default\.weight$")
_PREFIX, _BASE = "base_model.model.", ".base_layer."


def seed_adapters() -> None:
    """Make veRL's FSDP engine draw new adapters from the engine's seed, which is the run's.

    veRL seeds its workers only together with all of PyTorch's determinism, so that adapters would be the same
    for every seed.
    """
    from verl.workers.engine.fsdp.transformer_impl import FSDPEngine

    build = FSDPEngine._build_lora_module

    def seeded(self: FSDPEngine, module: torch.nn.Module) -> torch.nn.Module:
        torch.manual_seed(self.engine_config.seed)
        return build(self, module)

    FSDPEngine._build_lora_module = seeded


def has_adapters(checkpoint: Path) -> bool:
    """Whether the weights in a ``global_step_<n>`` folder are a base with LoRA adapters beside it."""
    return (checkpoint / "actor" / META).exists()


def merge_adapters(checkpoint: Path, out_dir: Path) -> None:
    """Write the weights of a checkpoint with its adapters added: ``W + B A alpha / r`` (arXiv 2106.09685).

    veRL's ``hf_model`` part keeps base and adapters apart, under PEFT's names, which no model loads.

    Args:
        checkpoint: a ``global_step_<n>`` folder.
        out_dir: folder that gets the safetensors files, of the same names, types and division.
    """
    meta = json.loads((checkpoint / "actor" / META).read_text())
    scale = meta["lora_alpha"] / meta["r"]
    source = checkpoint / "actor" / "huggingface"
    files = sorted(source.glob("*.safetensors"))
    places = {name: file for file in files for name in _names(file)}
    weight_map, size = {}, 0
    for file in files:
        merged = dict(_merged(file, places, scale))
        weight_map |= dict.fromkeys(merged, file.name)
        size += sum(tensor.nbytes for tensor in merged.values())
        save_file(merged, out_dir / file.name, metadata={"format": "pt"})
    if (source / INDEX).exists():
        index = {"metadata": {"total_size": size}, "weight_map": weight_map}
        (out_dir / INDEX).write_text(json.dumps(index, indent=2) + "\n")


def _names(file: Path) -> list[str]:
    with safe_open(file, framework="pt") as tensors:
        return list(tensors.keys())


def _merged(file: Path, places: dict[str, Path], scale: float) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of one file under the model's own names; a layer's adapters may lie in other files."""
    for name in _names(file):
        if _ADAPTER.search(name):
            continue
        tensor = _tensor(name, places)
        layer = name.removesuffix(f"{_BASE}weight")
        a, b = (f"{layer}.lora_{part}.default.weight" for part in "AB")
        if a in places:
            added = _tensor(b, places).float() @ _tensor(a, places).float() * scale
            tensor = (tensor.float() + added).to(tensor.dtype)
        yield name.removeprefix(_PREFIX).replace(_BASE, "."), tensor.contiguous()


def _tensor(name: str, places: dict[str, Path]) -> torch.Tensor:
    with safe_open(places[name], framework="pt") as tensors:
        return tensors.get_tensor(name)
