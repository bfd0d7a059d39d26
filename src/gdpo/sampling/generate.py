"""Sample a model's responses to a problem set and store every one of them."""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from gdpo.config.sampling import Sampling
from gdpo.data.parquet import read_problems
from gdpo.sampling.backend import Backend, Completion, Decoding
from gdpo.sampling.samples import SCHEMA, sample_seed, write_samples

log = logging.getLogger(__name__)

# Sequences handed to a backend at once, in batches: enough to keep it full, few enough to show progress.
_CHUNK_BATCHES = 8
_LOG_SECONDS = 10.0


def generate_samples(
    model_dir: Path | str,
    problems: Path | str,
    section: Sampling,
    out: Path | str,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Sample `section.n` responses to each problem and write them atomically to `out`.

    Args:
        model_dir: Hugging Face folder with weights, tokenizer and chat template.
        problems: a problem set in veRL's parquet layout.
        section: samples a problem, decoding, seed, backend.
        out: the parquet file of samples; see `samples.SCHEMA`.
        progress: called with the samples done and the samples wanted.

    Raises:
        FileNotFoundError: no model folder or no problem set.
        ValueError: no chat template or end token, or prompts that leave too little of the context.
    """
    from transformers import AutoTokenizer

    model_dir = Path(model_dir)
    if not (model_dir / "config.json").is_file():
        raise FileNotFoundError(f"{model_dir}: no model folder (no config.json in it)")
    frame = read_problems(problems)
    ids = [info["id"] for info in frame["extra_info"]]
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    texts = render_prompts(tokenizer, list(frame["prompt"]), model_dir)
    prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
    _check_context(model_dir, ids, prompts, section.max_tokens)
    wanted = [(row, index) for row in range(len(ids)) for index in range(section.n)]
    seeds = [sample_seed(section.seed, ids[row], index) for row, index in wanted]
    backend = open_backend(section, model_dir)
    completions = _in_chunks(backend, [prompts[row] for row, _ in wanted], seeds, section, progress)
    answers = tokenizer.batch_decode([c.token_ids for c in completions], skip_special_tokens=True)
    table = pa.table(
        {
            "problem_id": [ids[row] for row, _ in wanted],
            "sample_index": [index for _, index in wanted],
            "seed": seeds,
            "prompt": [texts[row] for row, _ in wanted],
            "text": answers,
            "token_ids": [c.token_ids for c in completions],
            "n_tokens": [len(c.token_ids) for c in completions],
            "stop_reason": [c.stop_reason for c in completions],
            "backend": [backend.name] * len(wanted),
            "model_sha256": [model_sha256(model_dir)] * len(wanted),
        }
    )
    write_samples(table.cast(SCHEMA), out, ids, section.n)


def open_backend(section: Sampling, model_dir: Path | str) -> Backend:
    """Load the model with the backend that the section names."""
    if section.backend == "vllm":
        from gdpo.sampling.vllm_backend import VllmBackend

        return VllmBackend(model_dir, section.batch_size)
    from gdpo.sampling.transformers_backend import TransformersBackend

    return TransformersBackend.from_folder(model_dir, section.batch_size)


def render_prompts(tokenizer, conversations: list[list[dict]], model_dir: Path | str) -> list[str]:
    """Render conversations with the tokenizer's chat template, ready for the assistant's answer.

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            f"{model_dir}: the tokenizer has no chat template; add chat_template.jinja to the folder"
        )
    return [
        tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in conversations
    ]


def model_sha256(model_dir: Path | str) -> str:
    """Return one hash over the names and contents of a folder's safetensors files.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    files = sorted(Path(model_dir).glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{model_dir}: no safetensors files in the model folder")
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            whole.update(f"{file.name}:{hashlib.file_digest(stream, 'sha256').hexdigest()};".encode())
    return whole.hexdigest()


def _check_context(model_dir: Path, ids: list[str], prompts: list[list[int]], max_tokens: int) -> None:
    from transformers import AutoConfig

    context = AutoConfig.from_pretrained(model_dir).get_text_config(decoder=True).max_position_embeddings
    longest = max(range(len(ids)), key=lambda row: len(prompts[row]))
    if len(prompts[longest]) + max_tokens > context:
        raise ValueError(
            f"problem {ids[longest]} has a prompt of {len(prompts[longest])} tokens, which with max_tokens "
            f"{max_tokens} exceeds the model's context of {context}; lower sampling.max_tokens"
        )


def _in_chunks(
    backend: Backend, prompts: list[list[int]], seeds: list[int], section: Sampling, progress
) -> list[Completion]:
    decoding = Decoding(section.max_tokens, section.temperature, section.top_p)
    report = _Progress(len(prompts), progress)
    completions: list[Completion] = []
    # Whole problems a chunk, so that the samples of one share their prefill.
    size = max(1, section.batch_size * _CHUNK_BATCHES // section.n) * section.n
    for start in range(0, len(prompts), size):
        part = slice(start, start + size)
        completions += backend.generate(prompts[part], seeds[part], decoding, report.add)
    return completions


class _Progress:
    """Counts finished samples, tells a caller at once and the log every few seconds."""

    def __init__(self, wanted: int, tell: Callable[[int, int], None] | None):
        self.wanted, self.tell, self.done = wanted, tell, 0
        self.started = self.logged = time.monotonic()

    def add(self, count: int) -> None:
        self.done += count
        if self.tell:
            self.tell(self.done, self.wanted)
        now = time.monotonic()
        if now - self.logged >= _LOG_SECONDS or self.done == self.wanted:
            self.logged = now
            left = (now - self.started) / self.done * (self.wanted - self.done)
            log.info("samples: %d of %d, %.0f s to go", self.done, self.wanted, left)
