"""A pretrained model from a Python package's GGUF file, as a Hugging Face folder in fp32."""

import importlib.util
import logging
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from gdpo.config.packaged_model import PackagedModel
from gdpo.model_folder import write_model_folder

log = logging.getLogger(__name__)


def convert_packaged_model(section: PackagedModel, out_dir: Path) -> None:
    """Write the model, its tokenizer and ``manifest.json`` to ``out_dir``, which appears whole or not at all.

    Raises:
        FileNotFoundError: the package or the file in it is missing.
        ValueError: the end token is not in the vocabulary.
    """
    folder = package_folder(section)
    log.info("loading %s (about 20 s)", section.file)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=section.file, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=section.file, dtype=torch.float32, trust_remote_code=False
    )
    eos = tokenizer.convert_tokens_to_ids(section.eos_token)
    if eos is None or eos == tokenizer.unk_token_id:
        raise ValueError(f"starting_model.eos_token: {section.eos_token!r} is not a token of {section.file}")
    # A GGUF file's own end token is not always the one that its chat template ends a turn with.
    tokenizer.eos_token = tokenizer.pad_token = section.eos_token
    for config in (model.config, model.generation_config):
        config.eos_token_id = config.pad_token_id = eos

    def fill(folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    facts = {"parameters": model.num_parameters(), "section": section.model_dump(mode="json")}
    write_model_folder(out_dir, fill, facts)


def package_folder(section: PackagedModel) -> Path:
    """Folder of the installed package.

    Raises:
        FileNotFoundError: the package, or the file in it, is missing; the message says what to install.
    """
    spec = importlib.util.find_spec(section.package)
    if spec is None or spec.origin is None:
        name = section.package.replace("_", "-")
        raise FileNotFoundError(
            f"starting_model.package: {section.package} is not installed; pip install {name}"
        )
    folder = Path(spec.origin).parent
    if not (folder / section.file).is_file():
        raise FileNotFoundError(f"starting_model.file: {folder} has no {section.file}")
    return folder
