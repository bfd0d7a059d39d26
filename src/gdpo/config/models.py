"""The models section: what training starts from, and what runs of that model differ in."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from gdpo.config.base import Section, is_folder, later
from gdpo.config.memory import ModelShape
from gdpo.config.packaged_model import PackagedModel
from gdpo.config.program_starting_model import ProgramStartingModel
from gdpo.config.starting_model import StartingModel
from gdpo.config.tool_starting_model import ToolStartingModel

NO_PICKLES = (
    "weights as pickles (.bin, .pt, .pth) run code when they are loaded and are not taken: convert them with "
    "transformers' save_pretrained where you trust them, or choose a model with safetensors"
)
"""What an error says of a model without safetensors."""


class HubModel(Section):
    """A model of the Hugging Face hub; HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured."""

    source: Literal["hub"]
    """Where the model comes from."""
    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository, e.g. deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B."""
    revision: str = "main"
    """Branch, tag or commit; the commit that was found is written to the model's manifest."""


class FolderModel(Section):
    """A model in a local Hugging Face folder with safetensors weights."""

    source: Literal["folder"]
    """Where the model comes from."""
    path: str
    """The folder; relative to where Snakemake runs."""

    def problem(self) -> str | None:
        """What is wrong with the folder, in one sentence, or None."""
        folder = Path(self.path)
        if not is_folder(folder):
            return f"{folder} is not a folder"
        for pattern in ("config.json", "*.safetensors", "tokenizer*"):
            if not any(folder.glob(pattern)):
                hint = f"; {NO_PICKLES}" if pattern == "*.safetensors" else ""
                return f"{folder} has no {pattern}{hint}"
        return None


Weights = Annotated[
    StartingModel | ToolStartingModel | ProgramStartingModel | PackagedModel | FolderModel | HubModel,
    Field(discriminator="source"),
]


class ModelRecipe(Section):
    """One model to train."""

    weights: Weights
    """Where its weights come from."""
    shape: ModelShape | None = None
    """Size of its parts, for the estimate of GPU memory; not part of any result; none: no estimate."""
    size: str | None = None
    """Entry of sizes whose values its runs take; none: no such entry."""
    training: dict[str, Any] = {}
    """Training values that differ for this model."""
    hardware: dict[str, Any] = {}
    """Hardware values that differ for this model."""
    verl: dict[str, Any] = later({})
    """Keys of veRL that differ for this model."""


class SizeRecipe(Section):
    """What models of one size need on one kind of machine."""

    training: dict[str, Any] = {}
    """Training values that differ from the shared ones."""
    hardware: dict[str, Any] = {}
    """Hardware values that differ from the shared ones."""
    verl: dict[str, Any] = later({})
    """Keys of veRL that differ from the shared ones."""
    resources: dict[str, Any] = {}
    """Resources that differ from the shared ones."""
