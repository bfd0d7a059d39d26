"""A checkpoint's weights as a Hugging Face folder, in the precision they were trained in."""

import json
import shutil
from pathlib import Path

from safetensors import safe_open

from gdpo.checkpoints import CheckpointError, damage
from gdpo.manifest import MANIFEST
from gdpo.model_folder import write_model_folder
from gdpo.verl_plugin.lora import has_adapters, merge_adapters


def export_checkpoint(checkpoint: Path, out_dir: Path) -> None:
    """Copy the Hugging Face files that veRL wrote into ``checkpoint`` to ``out_dir``, with a manifest.

    veRL's own ``model_merger`` writes bf16; the ``hf_model`` part of a checkpoint keeps fp32. LoRA adapters
    are added to the weights.

    Args:
        checkpoint: a ``global_step_<n>`` folder.
        out_dir: folder to make.

    Raises:
        FileNotFoundError: the checkpoint has no complete Hugging Face part.
        CheckpointError: one of its files is missing or damaged.
    """
    # Of a checkpoint from before there were manifests only the missing files can be seen.
    if (checkpoint / MANIFEST).exists() and (problem := damage(checkpoint)):
        raise CheckpointError(
            f"{checkpoint}: {problem}. Remove the run's summary.json and run again: the steps after the "
            "newest whole checkpoint are trained again"
        )
    source = checkpoint / "actor" / "huggingface"
    if not any(source.glob("*.safetensors")):
        raise FileNotFoundError(f"{source}: no *.safetensors; the checkpoint is gone or was not saved whole")
    dtype = _stored_dtype(next(source.glob("*.safetensors")))

    def fill(folder: Path) -> None:
        for path in source.iterdir():
            shutil.copy2(path, folder / path.name)
        if has_adapters(checkpoint):
            merge_adapters(checkpoint, folder)
        # veRL writes the rollout's dtype and attention into the config; transformers would cast to it.
        config = json.loads((folder / "config.json").read_text()) | {"dtype": dtype}
        config.pop("attn_implementation", None)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    write_model_folder(out_dir, fill, {"checkpoint": checkpoint.name, "dtype": dtype})


def _stored_dtype(path: Path) -> str:
    """Name of the dtype of a safetensors file's first tensor, e.g. ``float32``."""
    with safe_open(path, framework="pt") as tensors:
        return str(tensors.get_tensor(next(iter(tensors.keys()))).dtype).removeprefix("torch.")
