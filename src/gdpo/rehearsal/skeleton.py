"""What a real model is made of but its weights: configuration and tokenizer, and what is wrong with them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gdpo.config.memory import ModelShape
from gdpo.config.models import FolderModel, HubModel, Weights
from gdpo.config.packaged_model import PackagedModel
from gdpo.starting_model.existing import FILES, check_no_code, hub_problem

SMALL_FILES = tuple(pattern for pattern in FILES if pattern != "*.safetensors")
"""Everything of a model's folder but its weights."""
_SHAPE = {
    "layers": "num_hidden_layers",
    "hidden_size": "hidden_size",
    "feed_forward_size": "intermediate_size",
    "heads": "num_attention_heads",
    "key_value_heads": "num_key_value_heads",
    "vocabulary": "vocab_size",
    "tied_embeddings": "tie_word_embeddings",
}
"""What a recipe says of a model's shape -> what its configuration calls it."""


class Skeleton(NamedTuple):
    """A real model without its weights."""

    folder: Path
    """Configuration and tokenizer."""
    origin: str
    """Where they come from, with the commit."""
    weights_gb: float | None
    """Size of its weight files in GB (10^9 bytes); None where it has none of its own."""
    problems: list[str]
    """What would stop the real run, a sentence each."""


@contextmanager
def skeleton(section: Weights) -> Iterator[Skeleton]:
    """Get it from where the real run gets the model; its folder is there as long as this lasts.

    Raises:
        ValueError: the hub or the folder has no such model; the message says what to do.
    """
    if isinstance(section, HubModel):
        yield _from_hub(section)
    elif isinstance(section, FolderModel):
        if problem := section.problem():
            raise ValueError(problem)
        folder = Path(section.path)
        files = {path.name: path.stat().st_size for path in folder.glob("*.safetensors")}
        yield Skeleton(folder, str(folder), sum(files.values()) / 1e9, _code_problems(folder, files))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            yield Skeleton(folder, _made(section, folder), None, [])


def _made(section: Weights, folder: Path) -> str:
    """A model that the DAG makes itself: converted, or trained for one step."""
    if isinstance(section, PackagedModel):
        from gdpo.starting_model.packaged import convert_packaged_model

        convert_packaged_model(section, folder)
        return f"{section.file} of the package {section.package}"
    from gdpo.starting_model.pretrain import make_starting_model

    least = {"steps": 1, "pool_size": 64, "held_out_problems": 1, "held_out_samples": 1}
    make_starting_model(section.model_copy(update=least), folder)
    return "pretrained here, one step of it"


def _from_hub(section: HubModel) -> Skeleton:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        info = HfApi().model_info(section.repo, revision=section.revision, files_metadata=True)
        folder = Path(snapshot_download(section.repo, revision=info.sha, allow_patterns=list(SMALL_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ValueError(hub_problem(section, error)) from error
    files = {
        file.rfilename: file.size or 0 for file in info.siblings if file.rfilename.endswith(".safetensors")
    }
    origin = f"{section.repo} (commit {info.sha[:12]})"
    return Skeleton(folder, origin, sum(files.values()) / 1e9, _code_problems(folder, files))


def _code_problems(folder: Path, weights: dict[str, int]) -> list[str]:
    try:
        check_no_code(folder, folder.name, set(weights))
    except ValueError as error:
        return [str(error)]
    return []


def shape_problems(config: Any, shape: ModelShape | None) -> list[str]:
    """Where a recipe's ``shape``, from which GPU memory is estimated, is not the model's.

    Args:
        config: transformers' configuration of the model.
        shape: the recipe's; None: no estimate.
    """
    if shape is None:
        return []
    found = {ours: getattr(config, theirs, None) for ours, theirs in _SHAPE.items()}
    found["head_size"] = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return [
        f"shape.{name} is {getattr(shape, name)}, and the model's configuration has {value}: GPU memory is "
        "estimated for another model"
        for name, value in found.items()
        if value is not None and value != getattr(shape, name)
    ]


def tokenizer_problems(tokenizer: Any, end_tokens: list[int]) -> list[str]:
    """What of a tokenizer and its chat template would stop or spoil a run.

    Args:
        tokenizer: transformers' tokenizer of the model.
        end_tokens: ids at which generation ends.
    """
    if not tokenizer.chat_template:
        return ["the tokenizer has no chat template; add chat_template.jinja to the model's folder"]
    if not end_tokens:
        return ["no end token: generation_config.json or config.json must name eos_token_id"]
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A1B2"}]
    rendered = tokenizer.apply_chat_template(turns, tokenize=False)
    end = tokenizer(rendered.rpartition("A1B2")[2], add_special_tokens=False)["input_ids"][:1]
    if end and end[0] not in end_tokens:
        closed, ends = tokenizer.decode(end), ", ".join(map(tokenizer.decode, end_tokens))
        return [
            f"the chat template ends a turn with {closed!r}, and generation ends at {ends}: none would end"
        ]
    return []
